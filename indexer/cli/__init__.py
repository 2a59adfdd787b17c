"""The `storydex` command: options of all commands, errors as exit statuses.

Commands raise what the engine raises. `StorydexCommand` turns that into a message on
standard error and an exit status, once, for all of them:

    0 done, a search without hits too      4 no index there, or a damaged one
    1 failed, the old index still serves   5 another writer holds the index
    2 usage                              130 interrupted
    3 done, but some files were rejected
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

import click

from ..cluster.places import checked
from ..errors import (
    IndexCorrupt,
    IndexLocked,
    IndexMissing,
    IndexOutdated,
    QueryError,
    StorydexError,
)
from .commands import demo, info, rebuild, search, serve, verify
from .output import write_note

FAILED = 1
INTERRUPTED = 130
#: Every other error means `FAILED`.
STATUS: dict[type[StorydexError], int] = {
    QueryError: 2,
    IndexMissing: 4,
    IndexCorrupt: 4,
    IndexOutdated: 4,
    IndexLocked: 5,
}


class StorydexCommand(click.Group):
    """The group of all commands; the one place where errors become exit statuses."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", UserWarning)
                warnings.showwarning = _shown_by(warnings.showwarning)
                return super().invoke(ctx)
        except StorydexError as error:
            _fail(ctx, str(error), STATUS.get(type(error), FAILED))
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except OSError as error:  # a full disk, a port in use, a folder of someone else
            place = f"{os.fsdecode(error.filename)}: " if error.filename else ""
            _fail(ctx, f"{place}{error.strerror or error}", FAILED)
        except MemoryError:
            _fail(ctx, "out of memory: free some and try again", FAILED)


def _shown_by(others: Callable[..., None]) -> Callable[..., None]:
    def show(message: Warning | str, *place: Any) -> None:
        if isinstance(message, UserWarning):
            write_note(f"storydex: {message}")
        else:
            others(message, *place)

    return show


def _fail(context: click.Context, message: str, status: int) -> NoReturn:
    write_note(f"storydex: {message}")
    context.exit(status)


@click.group(cls=StorydexCommand, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--index",
    "location",
    metavar="LOCATION",
    default="index",
    envvar="STORYDEX_INDEX",
    show_default=True,
    show_envvar=True,
    help="The folder of the index.",
)
@click.version_option(package_name="storydex", prog_name="storydex")
@click.pass_context
def main(context: click.Context, location: str) -> None:
    """Search archives of news stories kept as YAML files.

    \b
    Examples:
      storydex rebuild                       index the stories in ./seeds
      storydex search 'microsoft azure'      find stories
      storydex serve                         open http://127.0.0.1:8000/

    \b
    Exit status: 0 done, 1 failed (the old index still serves), 2 usage,
    3 done but some files were rejected, 4 no index or a damaged one,
    5 another writer holds the index, 130 interrupted.
    """
    context.obj = checked(location)
    for stream in (sys.stdout, sys.stderr):
        # A story may hold characters that the terminal's encoding has not.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


for command in (rebuild, search, serve, verify, info, demo):
    main.add_command(command)
