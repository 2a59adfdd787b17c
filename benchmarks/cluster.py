"""An index on a cluster beside one in a folder: size, loading, the query log, and what it finds.

    python -m benchmarks.cluster --data DATA --stories 2000 --location opensearch://127.0.0.1:9200/bench

Stories are real ones (`DATA/stories`, with make_stories.py). The index named is built, and what
else is made on the cluster is removed. Loading is timed beside `opensearchpy.helpers.parallel_bulk`
over the same prepared documents, in turns.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click
import msgspec

import indexer
from indexer.cluster.client import Cluster
from indexer.cluster.documents import Counts, Writer
from indexer.cluster.groups import grouped
from indexer.cluster.load import index_action, loading
from indexer.cluster.location import read_location
from indexer.cluster.mapping import stories_index
from indexer.cluster.names import document_id
from indexer.cluster.state import read_state
from indexer.languages import ENGLISH

from .corpus import Source, take_census
from .queries import KINDS, Query, QueryLog
from .real_stories import MAKER
from .record import machine, versions, write_dated

RECORDS = Path(__file__).parent / "records"
TURNS, ENGINES = 3, ("folder", "cluster")
#: Stories that are loaded in turns, at most, and those from whose titles queries are drawn.
_LOADED, _SAMPLE = 1_000, 400
#: Stories of which documents are prepared at a time.
_AT_ONCE = 32


class Record(msgspec.Struct):
    """One run.

    preparing_seconds: of one core, for `loaded_stories`; loading_seconds: of each turn
    searches: milliseconds are those of full pages
    """

    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    stories: int
    articles: int
    rebuild_seconds: dict[str, float]
    bytes: dict[str, int]
    sent_bytes: int
    preparing_seconds: float
    loaded_stories: int
    loading_seconds: dict[str, list[float]]
    loading_ratio: float
    searches: dict[str, Any]


def timed(work: Callable[[], object]) -> float:
    """Seconds that something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def load_in_turns(cluster: Cluster, documents: list[tuple[str, bytes]]) -> dict[str, list[float]]:
    """Seconds of loading the same documents by each of two ways."""
    from opensearchpy.helpers import parallel_bulk

    name, client = f"{cluster.location.name}-loading", cluster.client

    def ours() -> None:
        with loading(cluster, name) as loader:
            for story_id, data in documents:
                loader.add(index_action(story_id, document_id(story_id), data))

    def theirs() -> None:
        # Prepared as text already, as ours are.
        for done, info in parallel_bulk(
            client, (data.decode() for _, data in documents), index=name,
            thread_count=4, chunk_size=1_000, max_chunk_bytes=4 << 20,
        ):  # fmt: skip
            assert done, info

    seconds: dict[str, list[float]] = {"storydex": [], "parallel_bulk": []}
    for turn in range(TURNS):
        ways = [("storydex", ours), ("parallel_bulk", theirs)]
        for way, work in ways if turn % 2 else ways[::-1]:
            client.indices.delete(index=name, ignore_unavailable=True)
            client.indices.create(index=name, body=stories_index(1, 0))
            seconds[way].append(timed(work))
            client.indices.refresh(index=name)
            assert client.count(index=name)["count"] == len(documents)
    client.indices.delete(index=name)
    return seconds


def ask(engines: dict[str, indexer.Engine], queries: list[Query]) -> dict[str, Any]:
    """Milliseconds of full pages by kind, and how much of the first ten both have."""
    times: dict[str, dict[str, list[float]]] = {kind: {e: [] for e in ENGINES} for kind in KINDS}
    shown: list[Any] = []
    overlap, totals = [], 0
    for again in (False, True):
        for query in queries:
            pages: dict[str, indexer.ResultPage] = {}
            for name, engine in engines.items():
                filters = {"provider": [query.provider]} if query.provider else {}

                def search(name: str = name, engine: indexer.Engine = engine) -> None:
                    page = engine.search(query.text, filters=filters)  # noqa: B023, called at once
                    for hit in page.hits:
                        shown.append(hit.highlights)
                        shown.extend(article.highlights for article in hit.related)
                    pages[name] = page  # noqa: B023

                seconds = timed(search)
                if again:
                    times[query.kind][name].append(1000 * seconds)
            if again:
                here, there = ({hit.story.id for hit in pages[name].hits} for name in ENGINES)
                totals += pages["folder"].total != pages["cluster"].total
                overlap += [len(here & there) / len(here)] if here else []
        shown.clear()
    every = {name: [ms for kind in KINDS for ms in times[kind][name]] for name in ENGINES}
    return {
        "queries": len(queries),
        "median_ms": {
            kind: {name: statistics.median(some) for name, some in found.items()}
            for kind, found in (*times.items(), ("all kinds", every))
        },
        "p90_ms": {name: sorted(some)[int(0.9 * len(some))] for name, some in every.items()},
        "other_totals": totals,
        "overlap_of_the_first_ten": statistics.mean(overlap),
    }


def measure(data: Path, count: int, location: str, queries: int, seed: int) -> Record:
    """All of it."""
    stories = list(Source(seed, str(data)).stories(count))
    log = QueryLog(take_census(stories, count, _SAMPLE, seed), seed).draw(queries)
    with tempfile.TemporaryDirectory() as work:
        seeds = f"{work}/seeds"
        maker = [sys.executable, data / MAKER, seeds, "--stories", str(count), "--seed", str(seed)]
        subprocess.run(maker, check=True, stdout=subprocess.DEVNULL)
        built = {
            "folder": indexer.rebuild(seeds, f"{work}/index", full=True).seconds,
            "cluster": indexer.rebuild(seeds, location, full=True, prune=True).seconds,
        }
        engines = {
            "folder": indexer.open_index(f"{work}/index"),
            "cluster": indexer.open_index(location),
        }
        cluster = Cluster(read_location(location))
        writer, counts = Writer(read_state(cluster).meta.averages, ENGLISH), Counts()
        prepared: list[tuple[str, bytes]] = []

        def prepare() -> None:
            for at in range(0, min(count, _LOADED), _AT_ONCE):
                some = stories[at : at + _AT_ONCE]
                documents = writer.documents(some, counts)
                prepared.extend(
                    (one.id, grouped(one.id, document, {}))
                    for one, document in zip(some, documents, strict=True)
                )

        started = time.process_time()
        prepare()
        preparing = time.process_time() - started
        for engine in engines.values():
            engine.warm_up()
        searches = ask(engines, log)
        cluster.client.indices.flush(index=f"{cluster.location.name}-*")
        size = {name: engine.info().bytes for name, engine in engines.items()}
        loaded = load_in_turns(cluster, prepared)
        best = {way: min(seconds) for way, seconds in loaded.items()}
        return Record(
            date=datetime.now(timezone.utc).strftime("%Y-%m-%d"),
            machine=machine(),
            versions=versions(),
            stories=engines["folder"].info().stories,
            articles=engines["folder"].info().articles,
            rebuild_seconds=built,
            bytes=size,
            sent_bytes=sum(len(data) for _, data in prepared),
            preparing_seconds=preparing,
            loaded_stories=len(prepared),
            loading_seconds=loaded,
            loading_ratio=best["parallel_bulk"] / best["storydex"],
            searches=searches,
        )


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--stories", default=2_000, show_default=True)
@click.option("--location", required=True, help="Where an index on a cluster may be made.")
@click.option("--queries", default=40, show_default=True, help="Of each kind of the query log.")
@click.option("--seed", default=1, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=RECORDS)
def main(data: Path, stories: int, location: str, queries: int, seed: int, out: Path) -> None:
    """Measure, and write a record."""
    record = measure(data, stories, location, queries, seed)
    path = write_dated(record, record.date, out, "cluster-")
    click.echo(path.read_text("utf-8"))


if __name__ == "__main__":
    main()
