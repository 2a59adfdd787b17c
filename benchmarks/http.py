"""`python -m benchmarks.http`: what a page and an answer of the API cost, over HTTP.

The server is the one that `storydex serve` runs, and beside it, in the same run, the same
server with a Flask view that answers nothing: the cost of HTTP, Flask and the machine itself.
Every query is asked once of each work in turn, so that none is measured while the machine was
quicker; `again` is the same address once more. One client, one connection that is kept, on
loopback. With `--peers`, the same stories are served by Datasette or OpenSearch, too, and the
requests a second of all are compared (`http_rates`).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from urllib.parse import urlencode, urlsplit

import click
import msgspec
from flask import Flask

import indexer
from indexer.analysis import iter_words
from indexer.languages.english import FUNCTION_WORDS

from .http_peers import PEERS, Site, peer_version
from .http_rates import QUERIES, Rate, draw_rates, measure_rates, report_rates
from .record import machine, write_dated

#: How many times the empty view a work may take, by what it asks for.
GOALS = {"page": 5.0, "api": 3.0}
#: Numbers of chosen providers that are measured; with any of them at most twice the time.
CHOSEN = (1, 3, 60)
#: Bytes of the first page.
MOST_BYTES, MOST_COMPRESSED = 60_000, 14_000


class Work(msgspec.Struct):
    """What one address costs: milliseconds, and bytes as they came."""

    name: str
    median_ms: float
    p90_ms: float
    times_empty: float
    bytes: int


class HttpRecord(msgspec.Struct):
    """One run; `versions` are those of the peers that took part."""

    date: str
    machine: dict[str, str]
    stories: int
    queries: int
    works: list[Work]
    first_page_bytes: int
    first_page_compressed: dict[str, int]
    versions: dict[str, str]
    rates: list[Rate]


@contextmanager
def running(*command: str) -> Iterator[str]:
    """A server that says on standard error where it listens; gives its address."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if "Serving on " in line:
                yield line.split("Serving on ")[1].strip()
                break
    finally:
        process.terminate()
        process.wait(20)


def draw_queries(engine: indexer.Engine, count: int, seed: int) -> list[str]:
    """One to three words of titles, as somebody would type who remembers them."""
    random = Random(seed)
    stories = engine.info().stories
    queries: list[str] = []
    while len(queries) < count:
        page = engine.search("", offset=random.randrange(min(stories, 10_000)), limit=1)
        title = page.hits[0].story.title
        words = [word.text for word in iter_words(title) if word.text not in FUNCTION_WORDS]
        queries.append(" ".join(random.sample(words, min(len(words), random.choice((1, 2, 2, 3))))))
    return queries


def works_of(providers: list[str]) -> dict[str, Callable[[str], str]]:
    """The address of each work for a query."""

    def address(path: str, chosen: int) -> Callable[[str], str]:
        filters = [("provider", name) for name in providers[:chosen]]
        return lambda query: f"{path}?{urlencode([('q', query), *filters])}"

    works: dict[str, Callable[[str], str]] = {"empty": lambda query: "/"}
    for name, path in (("page", "/"), ("api", "/api/v1/search")):
        works[name] = address(path, 0)
        for chosen in CHOSEN:
            works[f"{name}, {chosen} providers"] = address(path, chosen)
        works[f"{name}, again"] = works[name]
    return works


def get(connection: HTTPConnection, path: str, coding: str = "identity") -> bytes:
    """The body of an answer as it came; anything but 200 is an error."""
    connection.request("GET", path, headers={"Accept-Encoding": coding})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    return body


def measure(index: Path, queries: int, seed: int, peers: tuple[str, ...] = ()) -> HttpRecord:
    """Run all works, then the rates if there are peers; none of both has the other's queries."""
    with ExitStack() as stack:
        engine = stack.enter_context(indexer.open_index(index))
        engine.warm_up()
        texts = draw_queries(engine, queries + (queries * QUERIES // 200 if peers else 0), seed)
        stories = engine.info().stories
        rows = engine.search("", facet_limit=max(CHOSEN)).facets["provider"]
        serve = ("-m", "indexer", "--index", str(index), "serve", "--port", "0")
        site = stack.enter_context(running(sys.executable, *serve))
        nothing = stack.enter_context(running(sys.executable, "-m", "benchmarks.http", "--empty"))
        works, first = time_works(
            works_of([row.value for row in rows]), site, nothing, texts[:queries]
        )
        rates = []
        if peers:
            address = urlsplit(site).netloc
            sites = {
                "storydex, page": Site(address, lambda query: f"/?{urlencode({'q': query})}"),
                "storydex, API": Site(
                    address, lambda query: f"/api/v1/search?{urlencode({'q': query})}", _complete
                ),
            }
            for peer in peers:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                sites |= stack.enter_context(PEERS[peer](engine, folder))
            rates = measure_rates(sites, texts[queries:])
    return HttpRecord(
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        machine=machine(),
        stories=stories,
        queries=queries,
        works=works,
        first_page_bytes=first["identity"],
        first_page_compressed={"gzip": first["gzip"], "br": first["br"]},
        versions={peer: peer_version(peer) for peer in peers},
        rates=rates,
    )


def _complete(body: bytes) -> int:
    """Stories with all the words."""
    return int(msgspec.json.decode(body)["complete"])


def time_works(
    works: dict[str, Callable[[str], str]], site: str, nothing: str, texts: list[str]
) -> tuple[list[Work], dict[str, int]]:
    """All works, and the bytes of the first page by coding.

    The first tenth of the queries, at least one, warms up.
    """
    connections = {
        name: HTTPConnection(urlsplit(nothing if name == "empty" else site).netloc, timeout=60)
        for name in works
    }
    get(connections["page"], "/readyz")
    times: dict[str, list[float]] = {name: [] for name in works}
    sizes: dict[str, list[int]] = {name: [] for name in works}
    for number, text in enumerate(texts):
        for name, address in works.items():
            started = perf_counter()
            body = get(connections[name], address(text))
            if number >= max(1, len(texts) // 10):
                times[name].append((perf_counter() - started) * 1000)
                sizes[name].append(len(body))
    first = {c: len(get(connections["page"], "/", c)) for c in ("identity", "gzip", "br")}
    empty = median(times["empty"])
    return [
        Work(
            name, median(times[name]), sorted(times[name])[len(times[name]) * 9 // 10],
            median(times[name]) / empty, int(median(sizes[name])),
        )
        for name in works
    ], first  # fmt: skip


def report(record: HttpRecord) -> str:
    """The record as a table in Markdown, with what was wished for."""
    lines = [
        f"{record.stories:,} stories, {record.queries} queries.",
        "",
        "| | ms | 9 of 10 under | times the empty view | at most | KB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for work in record.works:
        kind, _, filtered = work.name.partition(",")
        most = GOALS.get(kind, 1.0) * (2 if "providers" in filtered else 1)
        lines.append(
            f"| {work.name} | {work.median_ms:.2f} | {work.p90_ms:.2f} | {work.times_empty:.1f} "
            f"| {most:.0f} | {work.bytes / 1000:.1f} |"
        )
    sizes = ", ".join(f"{size:,} as {name}" for name, size in record.first_page_compressed.items())
    lines += [
        "",
        f"The first page: {record.first_page_bytes:,} bytes (at most {MOST_BYTES:,}), "
        f"{sizes} (at most {MOST_COMPRESSED:,}).",
    ]
    if record.rates:
        beside = ", ".join(f"{name} {number}" for name, number in record.versions.items())
        lines += ["", f"Beside {beside}:", "", report_rates(record.rates)]
    return "\n".join(lines)


def _names(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(filter(None, value.split(",")))
    if unknown := set(names) - set(PEERS):
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: none of {', '.join(PEERS)}")
    return names


@click.command()
@click.option("--index", type=click.Path(path_type=Path, exists=True), help="What to search.")
@click.option("--queries", default=200, show_default=True, help="Queries, each asked of each work.")
@click.option("--seed", default=1, show_default=True, help="Of the queries.")
@click.option(
    "--peers", default="", callback=_names, help=f"To compare with: some of {', '.join(PEERS)}."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the dated record.")
@click.option("--chart", type=click.Path(path_type=Path), help="SVG of the peers to write.")
@click.option(
    "--record",
    type=click.Path(path_type=Path, exists=True),
    help="Run nothing: report on this record.",
)
@click.option("--empty", is_flag=True, help="Only serve the view that answers nothing.")
def main(
    index: Path | None, queries: int, seed: int, peers: tuple[str, ...], out: Path | None,
    chart: Path | None, record: Path | None, empty: bool,
) -> None:  # fmt: skip
    """Measure pages and API of the shipped server next to an empty Flask view on it."""
    if empty:
        serve_nothing()
        return
    if record:
        result = msgspec.json.decode(record.read_bytes(), type=HttpRecord)
    elif index is None:
        raise click.UsageError("name an index with --index")
    else:
        result = measure(index, queries, seed, peers)
        if out:
            click.echo(f"record: {write_dated(result, result.date, out, 'http-')}", err=True)
    if chart and result.rates:
        chart.write_text(draw_rates(result.rates), "utf-8")
    click.echo(report(result))


def serve_nothing() -> None:
    """Serve a view that answers nothing, as `storydex serve` serves its own."""
    from web.server import run_app

    app = Flask("empty")
    app.add_url_rule("/", "empty", lambda: "")
    run_app(app, "127.0.0.1", 0, lambda line: print(line, file=sys.stderr, flush=True))


if __name__ == "__main__":
    main()
