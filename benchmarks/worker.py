"""One job in a process of its own: `python -m benchmarks.worker` with a job on its input.

Lines on its output are JSON: `{"done": i, "total": n}` while it works, then
`{"result": …}`. Every engine is measured in a fresh process, on one core, with Python's
garbage collector off while the clock runs.
"""

from __future__ import annotations

import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from indexer.model import Story

from . import corpus
from .engines import Searcher, load_engine
from .queries import Query, QueryLog
from .works import WORK, Answer, Work

#: Stories of which the titles are kept to draw queries from.
_SAMPLE = 2000
#: The share of the time for a work that may go into running everything once before.
_WARM_UP = 0.25
#: Stories between two reports of progress.
_REPORT_EVERY = 100

_T = TypeVar("_T")


class Build(msgspec.Struct, tag=True):
    """Write an index of the first `stories` of a source."""

    engine: str
    source: corpus.Source
    stories: int
    folder: str


class Draw(msgspec.Struct, tag=True):
    """Draw a query log of so many queries of each kind into a file."""

    source: corpus.Source
    stories: int
    queries: int
    path: str


class Measure(msgspec.Struct, tag=True):
    """Run the queries of a log, each `runs` times, for at most `budget` seconds a work."""

    engine: str
    folder: str
    log: str
    works: list[str]
    runs: int
    budget: float


class Open(msgspec.Struct, tag=True):
    """Open an index and run one query, in a process that has just imported the engine."""

    engine: str
    folder: str
    query: Query


Job = Build | Draw | Measure | Open


class Timing(msgspec.Struct):
    """One work of one engine: milliseconds and answers by query; `runs` of each query."""

    runs: int
    times: dict[str, float]
    answers: dict[str, Answer]


class Measured(msgspec.Struct):
    """What a `Measure` job returns. Memory is in bytes: resident, and of that not mapped."""

    works: dict[str, Timing]
    memory: dict[str, int]
    facts: dict[str, int]
    version: str


class Opened(msgspec.Struct):
    """Milliseconds to open and answer: the first time in a process, and the second."""

    first: float
    again: float


def _send(message: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def read_log(path: str) -> list[Query]:
    """The queries of a log file."""
    return msgspec.json.decode(Path(path).read_bytes(), type=list[Query])


def _stories(source: corpus.Source, stories: int) -> Iterator[Story]:
    for number, story in enumerate(source.stories(stories)):
        if number % _REPORT_EVERY == 0:
            _send({"done": number, "total": stories})
        yield story


def build(job: Build) -> float:
    """Returns seconds."""
    engine = load_engine(job.engine)
    started = time.monotonic()
    engine.build(_stories(job.source, job.stories), Path(job.folder))
    return time.monotonic() - started


def draw(job: Draw) -> int:
    """Returns the number of queries."""
    stories, seed = _stories(job.source, job.stories), job.source.seed
    census = corpus.take_census(stories, job.stories, _SAMPLE, seed)
    log = QueryLog(census, seed).draw(job.queries)
    Path(job.path).write_bytes(msgspec.json.encode(log))
    return len(log)


def measure(job: Measure) -> Measured:
    """Time every work over its queries."""
    _pin()
    engine = load_engine(job.engine)
    memory = {"imported": _resident()[0]}
    searcher = engine.open_searcher(Path(job.folder))
    log = read_log(job.log)
    works = {}
    for number, name in enumerate(job.works):
        _send({"done": number, "total": len(job.works)})
        work = WORK[name]
        queries = [query for query in log if query.kind == work.kind]
        works[name] = _time(searcher, work, queries, job)
    memory["resident"], memory["private"] = _resident()
    return Measured(works, memory, searcher.facts(), engine.version())


def _time(searcher: Searcher, work: Work, queries: list[Query], job: Measure) -> Timing:
    """Run every query once, then `runs` times, in rounds; less often when time is short.

    Where time is up in the first round, its queries are a sample: a log has no order.
    """
    runs = {query.id: searcher.prepare(work, query) for query in queries}
    for run in _within(runs.values(), _WARM_UP * job.budget):
        run()
    times: dict[str, list[float]] = {key: [] for key in runs}
    answers: dict[str, Answer] = {}
    rounds = [item for _ in range(job.runs) for item in runs.items()]
    gc.collect()
    gc.disable()
    for key, run in _within(rounds, job.budget):
        began = time.perf_counter()
        found = run()
        times[key].append((time.perf_counter() - began) * 1000)
        if key not in answers:
            answers[key] = searcher.answer(work, found)
    gc.enable()
    done = {key: statistics.median(values) for key, values in times.items() if values}
    return Timing(min(len(times[key]) for key in done), done, answers)


def _within(items: Iterable[_T], seconds: float) -> Iterator[_T]:
    """The items, until time is up; one at least."""
    started = time.monotonic()
    for item in items:
        yield item
        if time.monotonic() - started > seconds:
            return


def open_first(job: Open) -> Opened:
    """Open twice; the second time nothing is loaded into the process any more."""
    _pin()
    engine = load_engine(job.engine)
    took = []
    for _ in range(2):
        gc.collect()
        began = time.perf_counter()
        searcher = engine.open_searcher(Path(job.folder))
        searcher.prepare(WORK["any"], job.query)()
        took.append((time.perf_counter() - began) * 1000)
        del searcher
    return Opened(*took)


def _pin() -> None:
    """Stay on one core, the last: the first has most of the machine's own work to do."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _resident() -> tuple[int, int]:
    """Bytes of memory in use, and how many of them are not of mapped files.

    From Linux's /proc/self/statm, in pages; zeros elsewhere.
    """
    try:
        _, resident, shared, *_ = Path("/proc/self/statm").read_text("ascii").split()
    except OSError:
        return 0, 0
    page = os.sysconf("SC_PAGE_SIZE")
    return int(resident) * page, (int(resident) - int(shared)) * page


_ACTIONS: dict[type, Callable[[Any], Any]] = {
    Build: build, Draw: draw, Measure: measure, Open: open_first,
}  # fmt: skip


def main() -> None:
    """Read a job, do it, send its result."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    _send({"result": _ACTIONS[type(job)](job)})


if __name__ == "__main__":
    main()
