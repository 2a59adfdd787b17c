"""The commands: each translates its options, calls once and shows the answer."""

from __future__ import annotations

import signal
import threading
from datetime import date, datetime
from math import isnan
from typing import TYPE_CHECKING, Any

import click

from ..cluster.places import open_index, read_problems
from ..cluster.places import rebuild as build_once
from ..cluster.places import verify as verify_index
from ..cluster.places import watch as build_on_change
from ..dates import parse_day
from ..demo import write_demo
from ..errors import IndexCorrupt, QueryError, StorydexError
from ..model import SORTS
from ..wire import page_to_json, record_to_json
from .output import neutral, write_note, write_out

if TYPE_CHECKING:
    from ..model import BuildReport

SOME_REJECTED = 3
#: Seconds; a day.
_LONGEST_POLL = 86_400


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("seeds", default="seeds")
@click.option("--full", is_flag=True, help="Read all files again, not only what changed.")
@click.option("--published-only", is_flag=True, help="Leave out stories with published: false.")
@click.option(
    "--strict",
    is_flag=True,
    help="Publish nothing if a file that is read is rejected or loses a field.",
)
@click.option(
    "--prune", is_flag=True, help="Remove stories even if that is more than half of 20 or more."
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes that read files.  [default: one a core]",
)
@click.option(
    "--warnings",
    is_flag=True,
    help="List again what was wrong with the files that the index is made of; read none.",
)
@click.option("--watch", is_flag=True, help="Go on, rebuilding after each change.")
@click.option(
    "--poll",
    type=click.FloatRange(0.1, _LONGEST_POLL),
    metavar="SECONDS",
    help="With --watch: look through the folder so often, for network mounts.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@json_option
@click.pass_context
def rebuild(
    context: click.Context,
    /,
    seeds: str,
    warnings: bool,
    watch: bool,
    poll: float | None,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Make the index match a folder of story files.

    Reads the new and changed files of SEEDS (default: seeds) and forgets removed ones.
    Files that cannot be read are named on standard error, as PATH:LINE: REASON, and all
    others are indexed; the exit status is then 3. Searches are answered from the old
    index until the new one is complete. Where more than half of 20 or more stories are
    gone, nothing is published: a disk may not be mounted.

    \b
    Examples:
      storydex rebuild
      storydex rebuild archive/2022 --dry-run
      storydex rebuild --warnings
      storydex --index /srv/news rebuild /srv/stories --watch
    """
    from .progress import Meter

    if warnings:
        others = {"--watch": watch, "--poll": poll, "--dry-run": dry_run}
        others |= {f"--{name.replace('_', '-')}": value for name, value in options.items()}
        if given := [name for name, value in others.items() if value]:
            raise click.UsageError(f"--warnings reads no files: leave out {', '.join(given)}")
        _list_problems(context, as_json)
        return
    if poll is not None and isnan(poll):  # which is in any range
        raise click.BadParameter("nan is no number", param_hint="--poll")
    if poll is not None and not watch:
        raise click.UsageError("--poll is of use with --watch only")
    if watch and dry_run:
        raise click.UsageError("--watch and --dry-run exclude each other")
    with Meter() as meter:
        if watch:
            stop = _stopped_by_sigterm()
            for report in build_on_change(
                seeds, context.obj, poll=poll, stop=stop, progress=meter.build,
                failed=lambda error: write_note(f"storydex: {error} (still watching)"), **options,
            ):  # fmt: skip
                meter.clear()
                _show_report(report, as_json)
            return
        report = build_once(seeds, context.obj, dry_run=dry_run, progress=meter.build, **options)
    _show_report(report, as_json)
    if report.rejected:
        context.exit(SOME_REJECTED)


def _list_problems(context: click.Context, as_json: bool) -> None:
    """Print what was wrong at the last rebuild; the status is that of the rebuild."""
    problems = read_problems(context.obj)
    if as_json:
        write_out(record_to_json(problems) + b"\n")
    else:
        lines = [*map(str, problems.rejected), *map(str, problems.warnings)]
        write_out("".join(f"{neutral(line)}\n" for line in lines))
    if problems.left_out:
        write_note(f"storydex: {problems.left_out:,} more are not kept: rebuild --full names them")
    if problems.rejected:
        context.exit(SOME_REJECTED)


def _stopped_by_sigterm() -> threading.Event:
    """An event that SIGTERM sets, so that a rebuild under way is finished first."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return stop


def _show_report(report: BuildReport, as_json: bool) -> None:
    from .problems import note_lines, problem_lines
    from .show import report_line

    for line in (*problem_lines(report), *note_lines(report)):
        write_note(line)
    try:
        write_out(record_to_json(report) + b"\n" if as_json else report_line(report) + "\n")
    except OSError as error:
        done = "nothing was written" if report.dry_run else f"generation {report.generation} serves"
        raise StorydexError(
            f"standard output cannot be written ({error.strerror}), but {done}"
        ) from error


def _day(
    context: click.Context, option: click.Parameter, text: str | None
) -> date | datetime | None:
    """The value of --since or --until; a year or a month covers all its days."""
    if text is None:
        return None
    try:
        return parse_day(text, str(option.name), end=option.name == "until")
    except QueryError as error:
        raise click.BadParameter(error.reason, context, option) from error


class _QueryCommand(click.Command):
    """A command whose arguments may begin with a minus sign, after `--`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options; names the remedy where a word of the query was taken for one."""
        typed = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            word = next((arg for arg in typed if arg.startswith(error.option_name)), "-word")
            raise click.UsageError(
                f"{error.format_message()} To search for it, put -- before the query: "
                f"storydex search -- {word}",
                ctx,
            ) from None


@click.command(cls=_QueryCommand)
@click.argument("words", nargs=-1, required=True, metavar="QUERY")
@click.option("--provider", multiple=True, metavar="D", help="Only stories that D ran; repeatable.")
@click.option("--topic", multiple=True, metavar="T", help="Only stories on topic T; repeatable.")
@click.option("--since", metavar="DATE", callback=_day, help="Published on DATE or later.")
@click.option("--until", metavar="DATE", callback=_day, help="Published on DATE or earlier.")
@click.option(
    "--sort", type=click.Choice(SORTS), default="relevance", show_default=True,
    help="The order of stories.",
)  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(min=0), default=10, show_default=True, metavar="N",
    help="How many stories to print.",
)  # fmt: skip
@click.option(
    "--offset", type=click.IntRange(min=0), default=0, metavar="N", help="Stories to skip."
)
@click.option("--no-collapse", is_flag=True, help="List every story, even with another's lead.")
@click.option("--explain", is_flag=True, help="Say what each score is made of.")
@json_option
@click.pass_obj
def search(
    location: str,
    /,
    words: tuple[str, ...],
    provider: tuple[str, ...],
    topic: tuple[str, ...],
    no_collapse: bool,
    explain: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Print the stories that match, best first.

    Under each story stand the related articles that match, under all of them how many
    stories each provider ran.

    Words must all occur. Also: "a phrase", OR, NOT or -word, parentheses, wor*, w?rd,
    azur~, word^2, title:word, topic:word, date:2022-05, quality:>80, site:zdnet.com, an
    address. Put the query in single quotes, and -- before one that starts with a minus sign.
    D is a provider's domain, DATE a day, month or year, yesterday or 7d.

    \b
    Examples:
      storydex search microsoft azure
      storydex search '"strategic cloud provider"' --sort newest
      storydex search 'azure -windows' --provider zdnet.com --since 2022-05
      storydex search 'topic:ai' --limit 100 --json
    """
    filters = {"provider": provider, "topic": topic}
    with open_index(location, compiled=False) as engine:
        page = engine.search(
            " ".join(words),
            filters={facet: values for facet, values in filters.items() if values},
            collapse=not no_collapse,
            **options,
        )
        why = engine.explain_page(page) if explain else {}
        if as_json:
            write_out(page_to_json(page, explained=why) + b"\n")
            return
        from .show import show_page

        show_page(page, why)


@click.command()
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    envvar="STORYDEX_HOST",
    show_envvar=True,
    help="The address to listen on.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="PORT", default=8000, show_default=True,
    envvar="STORYDEX_PORT", show_envvar=True,
    help="The port to listen on; 0 takes a free one.",
)  # fmt: skip
@click.option(
    "--published-only", is_flag=True, envvar="STORYDEX_PUBLISHED_ONLY", show_envvar=True,
    help="Leave out stories with published: false.",
)  # fmt: skip
@click.option(
    "--settings", type=click.Path(dir_okay=False), metavar="FILE", envvar="STORYDEX_SETTINGS",
    show_envvar=True, help="Settings of the server as TOML; see docs/deploy.md.",
)  # fmt: skip
@click.pass_obj
def serve(location: str, host: str, port: int, published_only: bool, settings: str | None) -> None:
    """Serve the web front end and the HTTP API.

    There is no log-in: put a proxy that asks for one before it, or keep the default
    address, which only this machine can reach.

    \b
    Examples:
      storydex serve
      storydex --index /srv/news serve --host 0.0.0.0 --port 8080
    """
    import web

    # The front end would wait for an index to appear; a person should be told.
    open_index(location).close()
    web.serve(location, host, port, published_only=published_only, settings=settings)


@click.command()
@click.pass_obj
def verify(location: str) -> None:
    """Read every byte of the index for damage.

    Says which file is damaged, with exit status 4, or that none is. Where the system does
    not let one be read, the exit status is 1.
    """
    from .show import damage_line, intact_line

    report = verify_index(location)
    for damaged in report.damaged:
        write_out(damage_line(damaged) + "\n")
    if report.damaged:
        first = report.damaged[0]
        raise IndexCorrupt(location, first.file, first.reason)
    if report.unread:
        for file in report.unread:
            write_out(f"cannot be read: {damage_line(file)}\n")
        raise StorydexError(f"{location}: not all of it could be read, and none is known damaged")
    write_out(intact_line(report) + "\n")


@click.command()
@json_option
@click.pass_obj
def info(location: str, as_json: bool) -> None:
    """Describe the index.

    Stories, articles, terms, bytes, generation, when and from what it was built.
    """
    with open_index(location, compiled=False) as engine:
        description = engine.info()
    if as_json:
        write_out(record_to_json(description) + b"\n")
        return
    from .show import info_lines

    write_out(info_lines(description))


@click.command()
@click.argument("folder")
@click.option(
    "--stories", type=click.IntRange(min=1), required=True, metavar="N", help="How many to write."
)
@click.option(
    "--seed", type=int, default=0, show_default=True, metavar="S",
    help="The same N and S give the same stories.",
)  # fmt: skip
def demo(folder: str, stories: int, seed: int) -> None:
    """Write invented stories to explore with.

    N plausible ones, in files in FOLDER.

    \b
    Example:
      storydex demo /tmp/stories --stories 1000
      storydex --index /tmp/index rebuild /tmp/stories
    """
    from .progress import Meter

    with Meter() as meter:
        written = write_demo(
            folder, stories, seed, lambda done: meter.update("writing", done, stories)
        )
    write_out(f"{written:,} stories written to {folder}\n")
