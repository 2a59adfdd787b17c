"""Writes the documents that are made from code: `docs/cli.md`.

python docs/generate.py            write them
python docs/generate.py --check    only say whether they are up to date
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from indexer.cli import main

FOLDER = Path(__file__).parent


def cli_reference() -> str:
    """The reference of the command line, from the help texts of its commands."""
    lines = [
        "# Command line",
        "",
        "Made from the help texts by `python docs/generate.py`; a test compares the two.",
        "",
        *_section("storydex [OPTIONS] COMMAND", main),
    ]
    for name, command in main.commands.items():
        arguments = "".join(f" {_argument(p)}" for p in command.params if _is_argument(p))
        lines += [f"## {name}", "", *_section(f"storydex {name} [OPTIONS]{arguments}", command)]
    return "\n".join(lines).rstrip() + "\n"


def _section(usage: str, command: click.Command) -> Iterator[str]:
    yield from ("```text", usage, "```", "")
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        yield from _paragraph(paragraph)
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    if options:
        yield from ("| option | |", "| --- | --- |")
        yield from (f"| {_option(option)} | {_effect(option)} |" for option in options)
        yield ""


def _paragraph(text: str) -> Iterator[str]:
    """Plain text as it is; examples, which click must not wrap, as a block."""
    if not text.startswith("\b"):
        yield from (text, "")
        return
    first, *rest = text.splitlines()[1:]
    if not first.startswith("Example"):
        yield from (first, *rest, "")
        return
    yield from (first, "", "```text", *(line.strip() for line in rest), "```", "")


def _is_argument(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Argument)


def _argument(parameter: click.Parameter) -> str:
    name = parameter.metavar or (parameter.name or "").upper()
    return name if parameter.required else f"[{name}]"


def _option(option: click.Option) -> str:
    names = ", ".join(option.opts)
    if option.is_flag:
        return f"`{names}`"
    if isinstance(option.type, click.Choice):
        # A bar within code still ends a cell of a Markdown table.
        return f"`{names}` " + " \\| ".join(f"`{choice}`" for choice in option.type.choices)
    return f"`{names} {option.metavar or option.type.name.split()[0].upper()}`"


def _effect(option: click.Option) -> str:
    parts = [" ".join((option.help or "").split())]
    if option.show_default and not option.is_flag:
        parts.append(f"Default: `{option.default}`.")
    if isinstance(option.envvar, str):
        parts.append(f"Environment: `{option.envvar}`.")
    return " ".join(part for part in parts if part)


DOCUMENTS = {"cli.md": cli_reference}


def run(arguments: list[str]) -> int:
    """Write every document, or with `--check` name the stale ones; returns an exit status."""
    stale = 0
    for name, make in DOCUMENTS.items():
        path = FOLDER / name
        if arguments == ["--check"]:
            if not path.exists() or path.read_text("utf-8") != make():
                stale = 1
                print(f"docs/{name} is out of date: run `python docs/generate.py`")
        else:
            path.write_text(make(), "utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
