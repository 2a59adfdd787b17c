"""An index on a cluster beside one in a folder: size, loading, queries, and what they find.

    python -m benchmarks.cluster --seeds STORIES --location opensearch://127.0.0.1:9200/bench

The index named is built, and what else is made on the cluster is removed. Loading is timed beside
`opensearchpy.helpers.parallel_bulk` over the same prepared documents, in turns.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import indexer
from indexer.analysis import iter_words
from indexer.cluster.client import Cluster
from indexer.cluster.documents import document_id, document_of
from indexer.cluster.load import index_action, loading
from indexer.cluster.location import read_location
from indexer.cluster.mapping import stories_index
from indexer.cluster.state import read_state

RECORDS = Path(__file__).parent / "records"
TURNS, QUERIES, ENGINES = 3, 60, ("folder", "cluster")


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


def queries_of(stories: list[indexer.Story], seed: int) -> list[str]:
    """One to four words of titles, a phrase, or any of two words."""
    chance = random.Random(seed)
    found = []
    while len(found) < QUERIES:
        words = [word.text for word in iter_words(chance.choice(stories).title)]
        if len(words) >= 4:
            some = chance.sample(words, len(found) % 4 + 1)
            kinds = (" ".join(some), f'"{words[0]} {words[1]}"', " OR ".join(some[:2]))
            found.append(kinds[len(found) % 3])
    return found


def ask(engines: dict[str, indexer.Engine], queries: list[str]) -> dict[str, Any]:
    """Milliseconds of full pages, and how much of the first ten both have."""
    times: dict[str, list[float]] = {name: [] for name in ENGINES}
    shown: list[Any] = []
    overlap, totals = [], 0
    for engine in engines.values():
        engine.warm_up()
        for query in queries:
            engine.search(query)
    for query in queries:
        pages = {}
        for name in ENGINES:

            def search(name: str = name) -> None:
                page = engines[name].search(query, spelling=False)  # noqa: B023, called at once
                for hit in page.hits:
                    shown.append(hit.highlights)
                    shown.extend(article.highlights for article in hit.related)
                pages[name] = page  # noqa: B023

            times[name].append(1000 * timed(search))
        here, there = ({hit.story.id for hit in pages[name].hits} for name in ENGINES)
        totals += pages["folder"].total != pages["cluster"].total
        if here:
            overlap.append(len(here & there) / len(here))
    return {
        "queries": len(queries),
        "median_ms": {name: statistics.median(times[name]) for name in ENGINES},
        "p90_ms": {name: sorted(times[name])[int(0.9 * len(queries))] for name in ENGINES},
        "other_totals": totals,
        "overlap_of_the_first_ten": statistics.mean(overlap),
    }


def measure(seeds: Path, location: str, seed: int) -> dict[str, Any]:
    """All of it, as a record."""
    with tempfile.TemporaryDirectory() as work:
        built = {
            "folder": indexer.rebuild(seeds, f"{work}/index", full=True).seconds,
            "cluster": indexer.rebuild(seeds, location, full=True).seconds,
        }
        engines = {
            "folder": indexer.open_index(f"{work}/index"),
            "cluster": indexer.open_index(location),
        }
        stories = [hit.story for hit in engines["folder"].export(indexer.SearchRequest())]
        cluster = Cluster(read_location(location))
        averages = read_state(cluster).meta.averages
        prepared: list[tuple[str, bytes]] = []

        def prepare() -> None:
            prepared.extend((story.id, document_of(story, averages).data) for story in stories)

        preparing = timed(prepare)
        cluster.client.indices.flush(index=f"{cluster.location.name}-*")
        loaded = load_in_turns(cluster, prepared)
        best = {way: min(seconds) for way, seconds in loaded.items()}
        return {
            "stories": len(stories),
            "articles": engines["folder"].info().articles,
            "rebuild_seconds": built,
            "bytes": {name: engine.info().bytes for name, engine in engines.items()},
            "sent_bytes": sum(len(data) for _, data in prepared),
            "preparing_seconds": preparing,
            "loading_seconds": loaded,
            "loading_ratio": best["parallel_bulk"] / best["storydex"],
            "searches": ask(engines, queries_of(stories, seed)),
        }


def main() -> None:
    """Measure, print, and write a record."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.cluster")
    parser.add_argument("--seeds", type=Path, required=True)
    parser.add_argument("--location", required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    record = measure(options.seeds, options.location, options.seed)
    text = json.dumps(record, indent=1) + "\n"
    name = f"cluster-{date.today()}.json"
    (RECORDS / name).write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
