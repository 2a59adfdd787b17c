"""The jobs of one run, in order, each in a process of its own; layer above `worker`.

Indexes and logs are kept in a working folder and used again by the next run:

    WORK/<source>-<digest>/<stories>/log-<queries>-<schema>.json
    WORK/<source>-<digest>/<stories>/<engine>-<layout>-<schema>/     and .json beside it when done
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeVar

import msgspec

from indexer.schema import SCHEMA_VERSION

from . import corpus, worker
from .engines import ENGINES, READERS, WHOLE, WHOLE_STORIES, load_engine
from .works import WORKS, Answer

_OPENINGS = 5
#: Engines take turns: a machine is not equally fast all the time.
_ROUNDS = 3
_ONE_THREAD = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_T = TypeVar("_T")

#: Told what is being done and how far it is, from 0 to 1.
Progress = Callable[[str, float], None]


class Options(NamedTuple):
    """What to run."""

    sources: tuple[corpus.Source, ...]
    stories: tuple[int, ...]
    engines: tuple[str, ...]
    queries: int
    runs: int
    budget: float
    work: Path
    limits: bool = True
    rebuild: frozenset[str] = frozenset()


class Size(msgspec.Struct):
    """Everything measured at one number of stories; results by engine. Milliseconds."""

    source: str
    stories: int
    measured: dict[str, worker.Measured]
    bytes: dict[str, dict[str, int]]
    built: dict[str, float]
    opened: dict[str, list[worker.Opened]]


class _Turn(NamedTuple):
    """A log to run on the index of an engine."""

    engine: str
    folder: Path
    log: Path
    works: list[str]


class Failed(Exception):
    """A job ended without a result."""


class Runner:
    """Runs jobs and keeps what they build."""

    def __init__(self, options: Options, progress: Progress) -> None:
        self._options = options
        self._progress = progress
        self._rebuilt: set[Path] = set()

    def size(self, source: corpus.Source, stories: int) -> Size:
        """Measure everything at one number of stories of a source."""
        log = self.log(source, stories)
        size = Size(source.name, stories, {}, {}, {}, {})
        limits = self._options.limits
        turns: list[_Turn] = []
        for name in self._options.engines:
            if limits and stories > load_engine(name).MOST_STORIES:
                continue
            folder, seconds = self.index(name, source, stories)
            size.built[name] = seconds
            size.bytes[name] = bytes_by_kind(folder)
            if name in WHOLE:
                whole, _ = self.index(WHOLE[name], source, stories)
                size.bytes[name][WHOLE_STORIES] = bytes_by_kind(whole)["total"]
            turns.append(_Turn(name, folder, log, works_of(name)))
        measured = self._measure(turns)
        for turn, found in zip(turns, measured, strict=True):
            size.measured[turn.engine] = found
            size.opened[turn.engine] = self._openings(turn.engine, turn.folder, log)
        return size

    def _folder(self, source: corpus.Source, stories: int) -> Path:
        return self._options.work / f"{source.name}-{source.digest()}" / str(stories)

    def log(self, source: corpus.Source, stories: int) -> Path:
        """The query log for a number of stories, drawn if need be."""
        options = self._options
        name = f"log-{options.queries}-{SCHEMA_VERSION}.json"
        path = self._folder(source, stories) / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".new")
            job = worker.Draw(source, stories, options.queries, str(unfinished))
            self._run(f"{stories:,} {source.name}: query log", job, int)
            unfinished.rename(path)
        return path

    def index(self, name: str, source: corpus.Source, stories: int) -> tuple[Path, float]:
        """The index of an engine, built if need be, and the seconds that took."""
        # All engines have the words that this version cuts texts into.
        layout = f"{load_engine(name).layout()}-{SCHEMA_VERSION}"
        folder = self._folder(source, stories) / f"{name}-{layout}"
        done = folder.with_name(folder.name + ".json")
        if name in self._options.rebuild and folder not in self._rebuilt:
            done.unlink(missing_ok=True)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            job = worker.Build(name, source, stories, str(folder))
            seconds = self._run(f"{stories:,} {source.name}: build {name}", job, float)
            done.write_text(json.dumps({"seconds": seconds}), "utf-8")
        self._rebuilt.add(folder)
        return folder, float(json.loads(done.read_text("utf-8"))["seconds"])

    def _measure(self, turns: list[_Turn]) -> list[worker.Measured]:
        """Run logs in turns, several rounds of them, in the time and number of runs of one."""
        options = self._options
        runs, budget = -(-options.runs // _ROUNDS), options.budget / _ROUNDS
        rounds: list[list[worker.Measured]] = [[] for _ in turns]
        for _ in range(_ROUNDS):
            for (name, folder, log, works), found in zip(turns, rounds, strict=True):
                job = worker.Measure(name, str(folder), str(log), works, runs, budget)
                title = f"{folder.parent.name}: measure {name}"
                found.append(self._run(title, job, worker.Measured))
        return list(map(joined, rounds))

    def _openings(self, name: str, folder: Path, log: Path) -> list[worker.Opened]:
        """Fresh processes, one after the other; the disk cache is warm from measuring."""
        query = next(query for query in worker.read_log(str(log)) if query.kind == "any")
        job = worker.Open(name, str(folder), query)
        title = f"{folder.parent.name}: open {name}"
        return [self._run(title, job, worker.Opened) for _ in range(_OPENINGS)]

    def _run(self, title: str, job: worker.Job, kind: type[_T]) -> _T:
        environment = os.environ | dict.fromkeys(_ONE_THREAD, "1")
        command = [sys.executable, "-m", f"{__package__}.worker"]
        root = Path(__file__).parent.parent
        with subprocess.Popen(
            command, cwd=root, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            self._progress(title, 0)
            process.stdin.write(msgspec.json.encode(job))
            process.stdin.close()
            for line in process.stdout:
                message = msgspec.json.decode(line)
                if "result" in message:
                    self._progress(title, 1)
                    return msgspec.convert(message["result"], kind)
                self._progress(title, message["done"] / message["total"])
        raise Failed(f"{title}: ended with status {process.returncode}")


def works_of(engine: str) -> list[str]:
    """What an engine is measured at."""
    bare = (work for work in WORKS if engine in READERS or not (work.newest or work.reads))
    return [work.name for work in bare]


def bytes_by_kind(folder: Path) -> dict[str, int]:
    """Bytes of the files of a folder by suffix, and altogether."""
    sizes: dict[str, int] = {"total": 0}
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            sizes["total"] += path.stat().st_size
            sizes[path.suffix] = sizes.get(path.suffix, 0) + path.stat().st_size
    return sizes


def joined(rounds: list[worker.Measured]) -> worker.Measured:
    """Several rounds as one: of each query the median of the times of its rounds."""
    works = {}
    for name in rounds[0].works:
        timings = [measured.works[name] for measured in rounds]
        times: dict[str, list[float]] = {}
        answers: dict[str, Answer] = {}
        for timing in timings:
            answers |= timing.answers
            for key, milliseconds in timing.times.items():
                times.setdefault(key, []).append(milliseconds)
        runs = sum(timing.runs for timing in timings)
        works[name] = worker.Timing(
            runs, {key: median(each) for key, each in times.items()}, answers
        )
    return msgspec.structs.replace(rounds[-1], works=works)


def middle(openings: list[worker.Opened]) -> worker.Opened:
    """The median of several processes."""
    return worker.Opened(
        median(opened.first for opened in openings), median(opened.again for opened in openings)
    )


def check_engines(names: tuple[str, ...]) -> None:
    """Raise `ImportError` early for an engine whose library is not installed."""
    for name in names:
        assert name in ENGINES
        load_engine(name)
