"""Times by query → medians, ratios and disagreements: what a record keeps.

Engines are compared over the queries that both ran. storydex counts as the reference
for answers too; which of two engines is wrong, a disagreement does not say.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean, median

import msgspec

from .run import Size, middle
from .worker import Timing
from .works import WORKS, Answer

REFERENCE = "storydex"
#: Works whose answers may differ: storydex takes these as written, peers as stems.
_OTHER_ANSWERS = ("phrase", "prefix")


class WorkSummary(msgspec.Struct):
    """One work of one engine; milliseconds over the queries of the log.

    hits: the totals added up, of the queries that ran; ratio: how many times as long as the
    reference it took, the median of the ratios of the queries that both ran; mean_ratio: the
    ratio of the means; differing: queries whose answer is another.
    """

    queries: int
    runs: int
    median: float
    p99: float
    mean: float
    hits: int | None
    ratio: float | None = None
    mean_ratio: float | None = None
    compared: int = 0
    differing: int = 0


class EngineSummary(msgspec.Struct):
    """One engine at one number of stories. Bytes, and milliseconds to open and answer."""

    version: str
    works: dict[str, WorkSummary]
    bytes: dict[str, int]
    memory: dict[str, int]
    facts: dict[str, int]
    build_seconds: float
    open_first: float
    open_again: float


class SizeSummary(msgspec.Struct):
    """Everything kept of one number of stories, demo or real ones."""

    source: str
    stories: int
    engines: dict[str, EngineSummary]


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def summarise(size: Size) -> SizeSummary:
    """Reduce what was measured at one number of stories."""
    engines = {name: _engine(size, name) for name in size.measured}
    return SizeSummary(size.source, size.stories, engines)


def _engine(size: Size, name: str) -> EngineSummary:
    measured = size.measured[name]
    opened = middle(size.opened[name])
    works = {
        work.name: _work(size, name, measured.works[work.name], work.name)
        for work in WORKS
        if work.name in measured.works
    }
    return EngineSummary(
        measured.version, works, size.bytes[name], measured.memory, measured.facts,
        size.built[name], opened.first, opened.again,
    )  # fmt: skip


def _work(size: Size, engine: str, timing: Timing, name: str) -> WorkSummary:
    times = timing.times
    totals = [answer.total for answer in timing.answers.values() if answer.total is not None]
    summary = WorkSummary(
        queries=len(times),
        runs=timing.runs,
        median=median(times.values()),
        p99=percentile(times.values(), 0.99),
        mean=fmean(times.values()),
        hits=sum(totals) if totals else None,
    )
    reference = size.measured.get(REFERENCE)
    if reference is not None and engine != REFERENCE and name in reference.works:
        other = reference.works[name]
        _compare_times(summary, timing, other)
        if name not in _OTHER_ANSWERS:
            _compare_answers(summary, timing, other)
    return summary


def _compare_times(summary: WorkSummary, timing: Timing, reference: Timing) -> None:
    common = timing.times.keys() & reference.times.keys()
    pairs = [(timing.times[key], reference.times[key]) for key in common]
    summary.ratio = median(own / other for own, other in pairs)
    summary.mean_ratio = sum(own for own, _ in pairs) / sum(other for _, other in pairs)


def _compare_answers(summary: WorkSummary, timing: Timing, reference: Timing) -> None:
    common = timing.answers.keys() & reference.answers.keys()
    summary.compared = len(common)
    summary.differing = sum(_differ(timing.answers[key], reference.answers[key]) for key in common)


def _differ(one: Answer, other: Answer) -> bool:
    """Whether two answers cannot both be right; what either leaves out is not compared."""
    pairs = ((one.hits, other.hits), (one.total, other.total), (one.counted, other.counted))
    return any(a is not None and b is not None and a != b for a, b in pairs)
