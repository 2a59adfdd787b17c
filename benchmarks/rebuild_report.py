"""What a run of `benchmarks.rebuild` measured, as Markdown, and what it was to reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from .rebuild_jobs import Measured

#: From so many stories on, and below: how many times longer the reference should take.
_MANY = 10_000
_WANTED_MANY, _WANTED_FEW = 3.0, 2.5


class RebuildRecord(msgspec.Struct):
    """One run; `jobs` maps names to what each run of the job measured.

    `command`, `events` and `reference` are followed by the notation and the number of
    stories, `reading` by the notation.
    """

    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    parameters: dict[str, int]
    jobs: dict[str, list[Measured]]

    def fastest(self, job: str) -> float:
        """Seconds of the fastest run of a job."""
        return min(run["seconds"] for run in self.jobs[job])

    def compared(self) -> Iterator[tuple[str, int]]:
        """Notations and sizes that were compared with the peers."""
        for name in self.jobs:
            job, *more = name.split()
            if job == "command":
                yield more[0], int(more[1])


class Goal(NamedTuple):
    """A ratio, and what it should be: at most or at least `wanted`."""

    title: str
    measured: float
    wanted: float
    most: bool

    @property
    def reached(self) -> bool:
        """Whether the ratio is as wanted or better."""
        return self.measured <= self.wanted if self.most else self.measured >= self.wanted


def goals_of(result: RebuildRecord) -> Iterator[Goal]:
    """Every goal, judged by the fastest run of each job."""
    for notation, stories in result.compared():
        ours = result.fastest(f"command {notation} {stories}")
        title = f"{stories:,} stories, {notation}"
        yield Goal(
            f"{title}: CSafeLoader and tantivy-py take longer",
            result.fastest(f"reference {notation} {stories}") / ours,
            _WANTED_MANY if stories >= _MANY else _WANTED_FEW,
            False,
        )
        events = result.fastest(f"events {notation} {stories}")
        yield Goal(f"{title}: takes longer than the bare events", ours / events, 1.2, True)
    for notation, read in _readings(result):
        faster = read["loader_ms"] / read["ours_ms"]
        yield Goal(f"a file, {notation}: CSafeLoader takes longer", faster, 8.0, False)
    yield Goal(
        "first rebuild of a new installation: takes longer than the second",
        result.fastest("first") / result.fastest("second"),
        1.5,
        True,
    )
    for changes in result.jobs.get("incremental", []):
        yield Goal(
            f"{changes['files']:,.0f} files, nothing changed: takes longer than `scandir` and"
            " `stat`",
            changes["nothing"] / changes["walk"],
            2.0,
            True,
        )
        yield Goal(
            f"{changes['changed']:.0f} of {changes['files']:,.0f} files changed: a full rebuild"
            " takes longer",
            result.fastest("archive") / changes["few"],
            200.0,
            False,
        )


def _readings(result: RebuildRecord) -> Iterator[tuple[str, Measured]]:
    for name, runs in result.jobs.items():
        if name.startswith("reading "):
            yield name.removeprefix("reading "), runs[0]


def markdown(result: RebuildRecord) -> str:
    """The report."""
    machine = ", ".join(f"{key} {value}" for key, value in result.machine.items())
    versions = ", ".join(f"{key} {value}" for key, value in result.versions.items())
    parameters = ", ".join(f"{key} {value:,}" for key, value in result.parameters.items())
    blocks = [
        f"Run of {result.date}. {machine}. {versions}. {parameters}.",
        _table(
            ["work", "fastest s", "all s", "processors' s", "largest process MB"], _times(result)
        ),
        _table(
            ["reading a file, median", "storydex ms", "CSafeLoader ms", "ratio", "left to events"],
            _reading_rows(result),
        ),
        _table(["stage, one process", "seconds", "share"], _stages(result)),
        _table(["goal", "wanted", "measured", ""], map(_goal_row, goals_of(result))),
    ]
    return "\n\n".join(blocks) + "\n"


def _times(result: RebuildRecord) -> Iterator[list[str]]:
    titles = {
        "command": "storydex",
        "events": "bare YAML events",
        "reference": "CSafeLoader and tantivy-py",
        "first": "storydex, nothing compiled",
        "second": "the same once more",
        "archive": "storydex, the archive",
    }
    for name, runs in result.jobs.items():
        job, *more = name.split()
        if job not in titles:
            continue
        seconds = [run["seconds"] for run in runs]
        cpu, peak = (min(run[key] for run in runs) for key in ("cpu_seconds", "peak_bytes"))
        about = f": {int(more[1]):,} stories, {more[0]}" if more else ""
        every = ", ".join(f"{one:.2f}" for one in seconds)
        yield [
            f"{titles[job]}{about}",
            f"{min(seconds):.2f}",
            every,
            f"{cpu:.2f}",
            f"{peak / 1e6:,.0f}",
        ]
    for changes in result.jobs.get("incremental", []):
        for name, title in (
            ("walk", "walk of the folder"),
            ("nothing", "nothing changed"),
            ("few", f"{changes['changed']:.0f} files changed"),
        ):
            yield [f"the archive: {title}", f"{changes[name]:.3f}", "", "", ""]


def _reading_rows(result: RebuildRecord) -> Iterator[list[str]]:
    for notation, read in _readings(result):
        share = f"{read['events_share']:.1%}" if "events_share" in read else "–"
        ours, loader = read["ours_ms"], read["loader_ms"]
        yield [notation, f"{ours:.2f}", f"{loader:.2f}", f"{loader / ours:.1f} ×", share]


def _stages(result: RebuildRecord) -> Iterator[list[str]]:
    for run in result.jobs.get("stages", []):
        spent = {
            stage: seconds
            for stage, seconds in run.items()
            if stage not in ("seconds", "cpu_seconds", "peak_bytes")
        }
        for stage, seconds in spent.items():
            yield [stage, f"{seconds:.2f}", f"{seconds / sum(spent.values()):.0%}"]


def _goal_row(goal: Goal) -> list[str]:
    bound = "≤" if goal.most else "≥"
    return [
        goal.title,
        f"{bound} {goal.wanted:g} ×",
        f"{goal.measured:.3g} ×",
        "reached" if goal.reached else "**missed**",
    ]


def _table(header: list[str], rows: Iterable[list[str]]) -> str:
    marks = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, marks, *rows])
