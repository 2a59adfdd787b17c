"""Writes the documents that are made from code: `docs/cli.md` and `docs/http-api.md`.

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
from web.openapi import Schema, describe_api

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


HTTP_INTRODUCTION = """\
# HTTP API

Made from the OpenAPI description by `python docs/generate.py`; a test compares the two. The
description itself, OpenAPI 3.1, is at `/openapi.json` of every server.

```console
$ curl 'http://127.0.0.1:8000/api/v1/search?q=azure&provider=zdnet.com&limit=5'
$ curl 'http://127.0.0.1:8000/api/v1/export?q=azure&format=csv'
```

- Every request is a GET. Answers are JSON in UTF-8 unless said otherwise, and compressed where
  the client takes that. What comes from the archive has an `ETag`: a request that sends it back
  in `If-None-Match` is answered with 304 while the answer is the same.
- Under `/api/`, a parameter that cannot be read, or that an address does not have, is answered
  with 400, and every error is a problem document (RFC 9457, `application/problem+json`): a
  [Problem](#problem). Pages tell the same as HTML.
- A query is never an error. What could not be taken as it looks is in `notices`; where nothing
  is found and something else was surely meant, that is searched and named in `corrected`.
  Facets, dates, exports and feeds are of the corrected query, too, unless `spelling=0`.
- Filters of one facet are alternatives; filters of different facets must all hold. A facet
  counts what a click on a value would give.
- A page of hits ends at 100, and begins at 10,000 at most. `/api/v1/export` streams everything
  that was found; four exports run at a time, and a fifth is answered with 503 and `Retry-After`.
- An entry of a feed is known by its story and the archive, which is its title and folder. So
  readers do not show it again after a rebuild.
"""
_WANTED = "Which stories"


def http_reference() -> str:
    """The reference of the HTTP API, from its OpenAPI description."""
    description = describe_api("")
    paths = {path: methods["get"] for path, methods in description["paths"].items()}
    shared = paths["/feed.atom"]["parameters"]
    lines = [HTTP_INTRODUCTION, f"## {_WANTED}", ""]
    lines += ["Every address that searches takes these.", "", *_parameters(shared)]
    for path, operation in paths.items():
        if path.startswith("/static/") or path == "/favicon.ico":
            continue
        parameters = operation.get("parameters", [])
        own = [parameter for parameter in parameters if parameter not in shared]
        lines += [f"## {path}", "", operation["summary"], ""]
        if len(own) < len(parameters):
            lines += [f"Takes [which stories](#{_WANTED.lower().replace(' ', '-')}).", ""]
        lines += _parameters(own)
        lines += [f"Answers {_content(operation['responses']['200'])}.", ""]
    lines += ["## Records", ""]
    for name, schema in description["components"]["schemas"].items():
        lines += [f"### {name}", "", schema["description"], ""]
        lines += ["| field | | |", "| --- | --- | --- |"]
        for field, kind in schema["properties"].items():
            means = kind.get("description", "").replace("<", "&lt;")
            lines.append(f"| `{field}` | {_kind(kind)} | {means} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _parameters(parameters: list[Schema]) -> list[str]:
    if not parameters:
        return []
    rows = []
    for parameter in parameters:
        schema = parameter["schema"]
        kind, default = _kind(schema), schema.get("default")
        default = "" if default is None else f" Default: `{default}`."
        rows.append(f"| `{parameter['name']}` | {kind} | {parameter['description']}{default} |")
    return ["| parameter | | |", "| --- | --- | --- |", *rows, ""]


def _kind(schema: Schema) -> str:
    """What a value may be, in a cell of a table."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_kind(kind) for kind in schema["anyOf"])
    if "enum" in schema:
        return " ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}" if schema.get("items") else "list"
    if "additionalProperties" in schema:
        return f"by name: {_kind(schema['additionalProperties'])}"
    kind = schema.get("format") or schema.get("type", "anything")
    if "maximum" in schema:
        kind += f" {schema['minimum']} to {schema['maximum']:,}"
    return str(kind)


def _content(answer: Schema) -> str:
    kinds = []
    for media_type, content in answer["content"].items():
        schema = content["schema"]
        shown = f"{_kind(schema)} as " if "$ref" in schema else ""
        kinds.append(f"{shown}`{media_type}`")
    return ", ".join(kinds)


DOCUMENTS = {"cli.md": cli_reference, "http-api.md": http_reference}


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
