"""How good storydex's ranking is, beside bm25s and tantivy-py in the same run.

    python -m benchmarks.relevance --data FOLDER

The folder has test collections (`ir/`), clusters of headlines (`news/`) and real stories
(`stories/`, with make_stories.py); `judged` says what is asked of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import click
import msgspec

from indexer.model import Story

from .judged import MEAN_GOAL, TEST_COLLECTIONS, Collection, load_collections
from .rankers import RANKERS, rank_cluster
from .record import machine, versions

RECORDS = Path(__file__).parent / "records"
_MEAN = "mean of " + ", ".join(TEST_COLLECTIONS)


#: Stories, queries and an empty folder → the ids that are ranked first for each query.
Ranker = Callable[[Sequence[Story], Sequence[str], Path], list[list[str]]]


class Score(msgspec.Struct):
    """The means of a measure over a query set, by engine; a goal of 0 is none."""

    name: str
    measure: str
    queries: int
    goal: float
    means: dict[str, float]


class Record(msgspec.Struct):
    """One run."""

    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    parameters: dict[str, str]
    scores: list[Score]


def judge(collection: Collection, rankers: Mapping[str, Ranker]) -> Iterator[Score]:
    """Ask each engine all queries of a collection."""
    sets = collection.query_sets
    texts = [query.text for queries in sets for query in queries.queries]
    ranked = {}
    for engine, rank in rankers.items():
        with tempfile.TemporaryDirectory(prefix="storydex-relevance-") as folder:
            ranked[engine] = iter(rank(collection.stories, texts, Path(folder)))
    for name, measure, queries, goal in sets:
        means = {
            engine: sum(measure(next(found), query.relevant) for query in queries) / len(queries)
            for engine, found in ranked.items()
        }
        title = "nDCG@10" if measure.__name__.startswith("ndcg") else "first is right"
        yield Score(name, title, len(queries), goal, means)


def with_mean(scores: list[Score]) -> list[Score]:
    """The scores, and the mean of the test collections after them."""
    judged = [score for score in scores if score.name in TEST_COLLECTIONS]
    means = {
        engine: sum(score.means[engine] for score in judged) / len(judged)
        for engine in judged[0].means
    }
    mean = Score(_MEAN, "nDCG@10", sum(s.queries for s in judged), MEAN_GOAL, means)
    return [*judged, mean, *(score for score in scores if score not in judged)]


def markdown(record: Record) -> str:
    """The run as a table."""
    engines = list(record.scores[0].means)
    rows = [["queries", "measure", "number", *engines, "goal", ""]]
    rows.append(["---", "---", *["---:"] * (len(engines) + 2), "---"])
    for score in record.scores:
        own = round(score.means["storydex"], 3)
        verdict = ("reached" if own >= score.goal else "**missed**") if score.goal else ""
        goal = f"≥ {score.goal:.3f}" if score.goal else ""
        means = [f"{mean:.3f}" for mean in score.means.values()]
        rows.append([score.name, score.measure, str(score.queries), *means, goal, verdict])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def write_record(record: Record, folder: Path, kind: str = "relevance") -> Path:
    """Write `relevance-YYYY-MM-DD-<n>.json`, or of another kind, with the next free number."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (path := folder / f"{kind}-{record.date}-{number}.json").exists():
        number += 1
    path.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
    return path


@click.command()
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with ir/, news/ and stories/.",
)
@click.option("--queries", default=3000, show_default=True, help="Known items of each kind.")
@click.option("--seed", default=1, show_default=True, help="Of known items and clusters.")
@click.option("--peers/--no-peers", default=True, show_default=True, help="bm25s, tantivy-py.")
@click.option("--cluster", help="Where an index on a cluster may be made, to be judged beside.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=RECORDS,
    help="Folder for the dated record; by default benchmarks/records.",
)
def main(data: Path, queries: int, seed: int, peers: bool, cluster: str | None, out: Path) -> None:
    """Judge the ranking of storydex, and that of other engines beside it."""
    rankers: dict[str, Ranker] = dict(RANKERS) if peers else {"storydex": RANKERS["storydex"]}
    if cluster:
        rankers["on a cluster"] = partial(rank_cluster, cluster)
    scores: list[Score] = []
    for collection in load_collections(data, queries, seed):
        click.echo(f"{collection.name}: {len(collection.stories):,} stories", err=True)
        scores += judge(collection, rankers)
    record = Record(
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        machine=machine(),
        versions=versions(),
        parameters={"queries": str(queries), "seed": str(seed)},
        scores=with_mean(scores),
    )
    kind = "cluster-relevance" if cluster else "relevance"
    click.echo(f"record: {write_record(record, out, kind)}", err=True)
    click.echo(markdown(record))


if __name__ == "__main__":
    main()
