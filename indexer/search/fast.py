"""Plans run by compiled loops: the same answers as `plain`, but for the rounding of sums."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from threading import local
from typing import Any

import numpy as np

from ..codec.codes import ONE_FORM
from ..codec.format import CHUNK_SIZE, F32, I64, U8, U64, Mask
from ..codec.positions_fast import PositionsTable
from ..codec.read import SegmentArrays
from ..kernels.tables import Table
from . import loops, pattern_loops, phrase_loops, tables
from .answer import Best, FacetWish, Failed, Ordering
from .expand import Budget
from .plain import scoring_leaves
from .plan import ALL, ALSO, EITHER, LEAF, WITHOUT, Leaf, Plan, Step
from .tally import FacetCounter
from .words import FIELD_BITS, NO_LIGHT, NO_ROWS, Rows, SetLeaf, Term, TermList

_NO_DOCS = np.zeros(0, np.uint8)
_NO_EXTRA_ROWS = np.zeros(0, np.uint16)
_NO_SETS = np.zeros((0, 0), np.uint8)
#: Shapes of plans that are remembered as compiled loops read them.
_SHAPES = 256
#: Postings of patterns that are read in the time that plain arithmetic takes for one.
_AS_PLAIN = 5
#: So many of the best are kept in order while documents are visited; for more, all are sorted.
MOST_HELD = 256


class FastSegment:
    """Runs plans over one segment; safe to share between threads."""

    def __init__(self, segment: SegmentArrays, number: int) -> None:
        self._segment = segment
        self._number = number
        dead = _NO_DOCS
        if len(segment.deleted):
            dead = np.zeros(segment.doc_count, np.uint8)
            dead[segment.deleted] = 1
        places = np.arange(segment.doc_count, dtype=np.int64)
        sizes = np.diff(segment.chunk_docs)
        places -= np.repeat(segment.chunk_docs[:-1], sizes)
        self._table = tables.SegmentTable.fill(
            docs=segment.docs, weights=segment.weights, codes=segment.codes,
            row_docs=places.astype(np.uint16)[segment.docs_of_rows], first_rows=segment.first_rows,
            chunk_docs=segment.chunk_docs, chunk_rows=segment.chunk_rows, dead=dead,
        )  # fmt: skip
        self._most_docs = max(1, int(sizes.max(initial=1)))
        self._words = (segment.doc_count + 63) >> 6
        self._counters: dict[str, FacetCounter] = {}
        self._local = local()
        self._positions: Table | None = None
        self._forms: Table | None = None

    def run(self, plan: Plan, base: int, ordering: Ordering, best: Best) -> Matched:
        """Add what a plan finds to `best`; returns what matches, for counting facets."""
        encoded, group = self._encoded(plan)
        bits = np.zeros(self._words, np.uint64)
        span = slice(base, base + self._segment.doc_count)
        answer = tables.AnswerTable.of(
            best.state, bits, best.docs, best.keys, best.breadths, best.groups[span],
            best.group_docs, best.group_keys, best.group_breadths, best.group_whole,
        )  # fmt: skip
        counted = -1 if plan.counted is None else plan.counted
        options = np.array((base, group, counted, ordering.first, best.everything), np.int64)
        failed = ordering.failed[self._number]
        before = int(best.state[tables.MATCHED])
        ranks = ordering.ranks
        if len(ranks):
            ranks = ranks[span]
        loops.run(
            self._table, encoded, self._room(len(plan.steps)), answer, failed, ranks, options,
            np.array((ordering.bonus, plan.lead, plan.least), np.float32),
        )  # fmt: skip
        return Matched(self, bits, failed, int(best.state[tables.MATCHED]) - before)

    def counter(self, facet: str) -> FacetCounter | None:
        """What counts the values of a facet; None where the segment has none."""
        segment = self._segment
        if facet not in self._counters and segment.has_facet(facet):
            lists = segment.facet(facet)  # which sees that the field is there
            self._counters[facet] = FacetCounter(*lists, segment.fields[facet].terms)
        return self._counters.get(facet)

    def phrase_rows(
        self,
        lists: list[TermList],
        stems: list[float],
        allowed: U8,
        reach: tuple[int, int],
    ) -> Rows:
        """The rows that have words near each other; see `phrase_loops.phrase_rows`.

        allowed: uint8[words, 256], 1 for the forms of each word that count
        """
        bounds = _bounds_of(lists)
        phrase = tables.PhraseTable.of(
            bounds, np.array([found.codes for found in lists], np.int64), allowed,
            np.array(stems, np.float32), np.array([found.light for found in lists], np.float32),
        )  # fmt: skip
        most = int(np.diff(bounds).min(0).sum())
        rows, scores = np.empty(most, np.int64), np.empty(most, np.float32)
        found = phrase_loops.phrase_rows(
            self._table, self._places(), phrase, np.array(reach, np.int64), rows, scores
        )
        return Rows(rows[:found].copy(), scores[:found].copy())

    def rows_of_forms(self, forms: I64, field: str | None, budget: Budget) -> I64 | None:
        """As `patterns.rows_of_forms`; None where something is out of order."""
        segment = self._segment
        if self._forms is None:
            self._forms = pattern_loops.FormsTable.fill(
                starts=segment.starts, code_starts=segment.code_starts,
                form_starts=segment.form_starts, first_chunks=segment.first_chunks,
                run_starts=segment.run_starts, run_chunks=segment.run_chunks, bits=segment.bits,
            )  # fmt: skip
        forms = np.sort(forms)  # from the order of their letters to that of their terms
        terms = np.unique(segment.form_terms(forms))
        sizes = segment.starts[terms + 1].astype(np.int64) - segment.starts[terms]
        if sizes.min(initial=0) < 0:
            return None
        budget.read(int(sizes.sum()) // _AS_PLAIN)
        bits, lead = (0, False) if field is None else FIELD_BITS[field]
        rows = np.empty(min(int(sizes.sum()), segment.row_count), np.int64)
        found = pattern_loops.rows_of_forms(
            self._table, self._forms, terms, forms, np.array((bits, lead), np.int64), rows
        )
        return rows[:found] if found >= 0 else None

    def most_near(self, lists: list[TermList], reach: int, docs: I64) -> list[float]:
        """In each of some documents, how many neighbours among words stand near each other.

        That is in the row in which most do.
        """
        most = np.zeros(len(docs), np.float32)
        bounds = _bounds_of(lists)
        phrase_loops.most_near(self._table, self._places(), bounds, reach, docs, most)
        found: list[float] = most.tolist()
        return found

    def _places(self) -> Table:
        if self._positions is None:
            segment = self._segment
            self._positions = PositionsTable.fill(
                bits=segment.bits, words=segment.position_bits, blocks=segment.position_blocks,
                widths=segment.position_widths, long_postings=segment.long_postings,
                long_counts=segment.long_counts,
            )  # fmt: skip
        return self._positions

    def score_rows(self, plan: Plan, docs: I64) -> list[F32]:
        """float32[its rows] for each of some documents; see `plain.score_rows`."""
        encoded, _ = self._encoded(plan)
        leaves = np.array(scoring_leaves(plan), np.int64)
        first_rows = self._segment.first_rows
        ends = np.cumsum(first_rows[docs + 1] - first_rows[docs], dtype=np.int64)
        scores = np.zeros(int(ends[-1]), np.float32)
        loops.score_rows(self._table, encoded, self._room(1), leaves, docs, ends, scores)
        return [scores[begin:end] for begin, end in pairwise([0, *ends.tolist()])]

    def _encoded(self, plan: Plan) -> tuple[Table, int]:
        """As `encode`; a plan that is run is asked for the rows of what it finds, too."""
        last: tuple[Plan, tuple[Table, int]] | None = getattr(self._local, "encoded", None)
        if last is None or last[0] is not plan:
            last = plan, encode(self._segment, self._number, plan)
            self._local.encoded = last
        return last[1]

    def _room(self, steps: int) -> Table:
        """Room for one chunk, all zero where loops expect it; of this thread alone."""
        room = getattr(self._local, "room", None)
        if room is None or room[0] < steps:
            width = self._most_docs
            room = steps, tables.WorkTable.fill(
                totals=np.zeros(CHUNK_SIZE, np.float32), scored=np.zeros(CHUNK_SIZE + 1, np.uint16),
                best=np.zeros(width, np.float32),
                selected=np.zeros((steps, width), np.uint8), seen=np.zeros(width, np.uint64),
                places=np.zeros(width + 1, np.int64), touched=np.zeros(width + 1, np.int64),
                order=np.zeros(steps, np.int64), counts=np.zeros(3, np.int64),
            )  # fmt: skip
            self._local.room = room
        table: Table = room[1]
        return table


def _bounds_of(lists: list[TermList]) -> I64:
    """int64[words, chunks + 1]: where the postings of words begin in each chunk."""
    return np.concatenate([found.bounds for found in lists]).reshape(len(lists), -1)


class Matched:
    """The documents of a segment that match, as bits."""

    def __init__(self, segment: FastSegment, bits: U64, failed: Failed, matched: int) -> None:
        self._segment = segment
        self._bits = bits
        self._failed = failed
        self._matched = matched

    def has(self, docs: I64) -> Mask:
        """bool[n]: which of some documents match."""
        marks = self._bits[docs >> 6] >> (docs & 63).astype(np.uint64)
        found: Mask = (marks & np.uint64(1)) > 0
        return found

    def passing(self) -> I64:
        """int64[n]: the documents that match and pass the filters."""
        docs = np.flatnonzero(np.unpackbits(self._bits.view(np.uint8), bitorder="little"))
        return docs[self._failed[docs] == 0] if len(self._failed) else docs

    def count(self, wish: FacetWish) -> I64 | None:
        """int64[V]: the counts of a facet by the segment's own ordinals; None for no values."""
        counter = self._segment.counter(wish.facet)
        if counter is None:
            return None
        return counter.count(self._bits, self._failed, wish.own, self._matched)


def encode(segment: SegmentArrays, number: int, plan: Plan) -> tuple[Table, int]:
    """A plan as compiled loops read it, and the step they may match as a group, or -1."""
    leaves = len(plan.leaves)
    kinds, codes_at = [tables.SINGLE] * leaves, [0] * leaves
    bounds: list[Any] = [np.zeros(len(segment.chunk_rows), np.int64)] * leaves
    stems, lights = [0.0] * leaves, [NO_LIGHT] * leaves
    extra_rows: list[Any] = []
    extra_scores: list[Any] = []
    sets: list[Any] = []
    extra = 0
    for place, leaf in enumerate(plan.leaves):
        if isinstance(leaf, SetLeaf):
            kinds[place], codes_at[place] = tables.SET, len(sets)
            sets.append(leaf.parts[number].view(np.uint8))
        elif isinstance(leaf, Term):
            found = leaf.lists[number]
            if found is not None:
                kinds[place] = tables.SINGLE if found.codes == ONE_FORM else tables.FORMS
                codes_at[place] = found.codes
                bounds[place] = found.bounds
                stems[place], lights[place] = leaf.stem, found.light
        else:
            rows = leaf.parts[number]
            begins = np.searchsorted(rows.rows, segment.chunk_rows)
            kinds[place], bounds[place] = tables.ROWS, extra + begins
            # Numbers wrap round, and a place in a chunk is below that.
            firsts = np.repeat(segment.chunk_rows[:-1].astype(np.uint16), np.diff(begins))
            extra_rows.append(rows.rows.astype(np.uint16) - firsts)
            extra_scores.append(rows.scores)
            extra += len(rows.rows)
    steps, parts, group = _encoded_steps(tuple(plan.steps), plan.sets)
    table = tables.PlanTable.of(
        steps, parts, np.array(kinds, np.int64),
        np.array(bounds, np.int64).reshape(leaves, len(segment.chunk_rows)),
        np.array(codes_at, np.int64), np.array(stems, np.float32),
        np.array(lights, np.float32).reshape(leaves, 256),
        _joined(extra_rows, _NO_EXTRA_ROWS), _joined(extra_scores, NO_ROWS.scores),
        np.array(sets, np.uint8).reshape(len(sets), segment.doc_count) if sets else _NO_SETS,
        np.array([leaf.weight for leaf in plan.leaves], np.float32),
        np.array([_size_of(leaf) for leaf in plan.leaves], np.int64),
    )  # fmt: skip
    return table, group


def _size_of(leaf: Leaf) -> int:
    """How many postings or rows a leaf has in all segments."""
    if isinstance(leaf, Term):
        return sum(found.entry.end - found.entry.start for found in leaf.lists if found)
    return 0 if isinstance(leaf, SetLeaf) else sum(len(part.rows) for part in leaf.parts)


@lru_cache(maxsize=_SHAPES)
def _encoded_steps(steps: tuple[Step, ...], sets: frozenset[int]) -> tuple[I64, I64, int]:
    """Steps as compiled loops read them, their parts, and the step to match as a group, or -1.

    sets: the leaves that score nothing
    """
    group, fused = _group_of(steps, sets)
    rows = []
    parts: list[int] = []
    for place, step in enumerate(steps):
        first = step.parts[0] if step.kind == LEAF else len(parts)
        rows.append((step.kind, first, len(step.parts), place in fused))
        parts += step.parts
    return np.array(rows, np.int64), np.array(parts, np.int64), group


def _joined(parts: list[Any], otherwise: Any) -> Any:
    return np.concatenate(parts) if parts else otherwise


def _group_of(steps: tuple[Step, ...], sets: frozenset[int]) -> tuple[int, set[int]]:
    """The step that may be matched as a group, or -1, and the steps that it does away with.

    It has all leaves that score as its parts, and what it selects is what they count in.
    """
    at = len(steps) - 1
    also: set[int] = set()
    if steps[at].kind == ALSO:
        also = set(steps[at].parts[1:])
        at = steps[at].parts[0]
    while True:
        step = steps[at]
        if (
            step.kind in (ALL, EITHER)
            and step.parts
            and all(_scores(steps, sets, part) and steps[part].kind == LEAF for part in step.parts)
        ):
            return at, {*step.parts, *also}
        inner = [part for part in step.parts if _scores(steps, sets, part)]
        if step.kind == WITHOUT:
            inner = [part for part in step.parts[:1] if _scores(steps, sets, part)]
        elif step.kind != ALL:
            return -1, set()
        if len(inner) != 1:
            return -1, set()
        at = inner[0]


def _scores(steps: tuple[Step, ...], sets: frozenset[int], number: int) -> bool:
    step = steps[number]
    if step.kind == LEAF:
        return step.parts[0] not in sets
    parts: Sequence[int] = step.parts[:1] if step.kind == WITHOUT else step.parts
    return any(_scores(steps, sets, part) for part in parts)
