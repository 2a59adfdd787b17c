"""Times by query → medians, ratios and disagreements: what a record keeps.

Engines are compared over the queries that both ran. storydex counts as the reference
for answers too; which of two engines is wrong, a disagreement does not say.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isclose
from statistics import fmean, median

import msgspec

from .run import Size, middle
from .worker import Measured, Timing
from .works import BARE, WORKS, Answer

REFERENCE = "storydex"
#: Engines whose scores are by the same formula as the reference's.
_SAME_SCORES = ("storydex", "whoosh")
#: Engines add up floats in different orders.
_TOLERANCE = 1e-4


class WorkSummary(msgspec.Struct):
    """One work of one engine; milliseconds over the queries of the log.

    hits: the totals added up, of the queries that ran; bands: medians by band of words;
    ratio: how many times as long as the reference it took, medians over the queries both
    ran; mean_ratio: the same of means; differing: queries whose answer is another.
    """

    queries: int
    runs: int
    median: float
    p99: float
    mean: float
    hits: int | None
    bands: dict[str, float]
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


class Growth(msgspec.Struct):
    """What ten times the stories cost: ratios of means over the log of the smaller corpus."""

    times: dict[str, float]
    postings: float
    open_first: float
    open_again: float


class SizeSummary(msgspec.Struct):
    """Everything kept of one number of stories.

    page: for each engine the median time of a full page of the reference over that of the
    engine's bare search (ranked, total, providers) for the same queries.
    """

    stories: int
    engines: dict[str, EngineSummary]
    growth: Growth | None
    page: dict[str, float]


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def summarise(size: Size) -> SizeSummary:
    """Reduce what was measured at one number of stories."""
    engines = {name: _engine(size, name) for name in size.measured}
    growth = _growth(size) if size.grown else None
    return SizeSummary(size.stories, engines, growth, _page(size))


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
        bands=_by_band(times, size.bands),
    )
    reference = size.measured.get(REFERENCE)
    if reference is not None and engine != REFERENCE and name in reference.works:
        other = reference.works[name]
        _compare_times(summary, timing, other)
        _compare_answers(summary, timing, other, scores=engine in _SAME_SCORES)
    if engine == REFERENCE:
        _compare_answers(summary, timing, _full_answers(name, size.measured[engine]), scores=True)
    return summary


def _by_band(times: dict[str, float], bands: dict[str, str]) -> dict[str, float]:
    sorted_in: dict[str, list[float]] = {}
    for key, time in times.items():
        if bands[key]:
            sorted_in.setdefault(bands[key], []).append(time)
    return {band: median(values) for band, values in sorted_in.items()}


def _compare_times(summary: WorkSummary, timing: Timing, reference: Timing) -> None:
    common = timing.times.keys() & reference.times.keys()
    own = [timing.times[key] for key in common]
    other = [reference.times[key] for key in common]
    summary.ratio = median(own) / median(other)
    summary.mean_ratio = fmean(own) / fmean(other)


def _compare_answers(
    summary: WorkSummary, timing: Timing, reference: Timing, *, scores: bool
) -> None:
    common = timing.answers.keys() & reference.answers.keys()
    summary.compared = len(common)
    summary.differing = sum(
        _differ(timing.answers[key], reference.answers[key], scores) for key in common
    )


def _differ(one: Answer, other: Answer, scores: bool) -> bool:
    """Whether two answers cannot both be right; what either leaves out is not compared."""
    pairs = ((one.hits, other.hits), (one.total, other.total), (one.counted, other.counted))
    if any(a is not None and b is not None and a != b for a, b in pairs):
        return True
    return scores and not all(
        isclose(a, b, rel_tol=_TOLERANCE) for a, b in zip(one.scores, other.scores, strict=True)
    )


def _full_answers(name: str, measured: Measured) -> Timing:
    """What an engine found for the same queries in the work that ranks all matches.

    So the shortcut of "top 10 only" is compared with the full ranking.
    """
    full = BARE if name in ("top_any", "top_all", "search", "page", "stories") else ()
    merged = Timing(0, {}, {})
    for work in full:
        merged.times |= measured.works[work].times
        merged.answers |= measured.works[work].answers
    return merged


def _page(size: Size) -> dict[str, float]:
    if REFERENCE not in size.measured:
        return {}
    pages = size.measured[REFERENCE].works["page"].times
    shares = {}
    for name, measured in size.measured.items():
        bare = _full_answers("page", measured).times
        common = pages.keys() & bare.keys()
        if common:
            own = median(pages[key] for key in common)
            shares[name] = own / median(bare[key] for key in common)
    return shares


def _growth(size: Size) -> Growth:
    small, large = size.grown
    few, many = size.postings
    tenth, whole = middle(size.opened["tenth"]), middle(size.opened[REFERENCE])
    return Growth(
        times={
            name: fmean(large.works[name].times.values()) / fmean(small.works[name].times.values())
            for name in BARE
        },
        postings=sum(many.values()) / sum(few.values()),
        open_first=whole.first / tenth.first,
        open_again=whole.again / tenth.again,
    )
