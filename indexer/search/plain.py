"""A plan over one segment, by plain array arithmetic: the specification of execution.

The compiled executor must give the same, to the last bit. Scores are float32, added leaf
by leaf in the order of the plan.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..codec.format import F32, F64, I64, Mask
from ..codec.read import SegmentArrays
from .plan import ALL, ALSO, EITHER, EVERY, LEAF, WITHOUT, Leaf, Plan
from .words import NO_ROWS, Rows, SetLeaf, Term, term_rows


class Matches(NamedTuple):
    """What a plan finds in a segment.

    matched: bool[N], what matches; scores: float32[N], of what matches, else 0
    breadths: float64[N], see `answer.Answer`
    words: int64[N], how many of the words it counts each document has
    """

    matched: Mask
    scores: F32
    breadths: F64
    words: I64


def evaluate(segment: SegmentArrays, number: int, plan: Plan) -> Matches:
    """Run a plan over segment `number` of the snapshot; deleted documents do not match."""
    rows = [_rows_of(segment, number, leaf) for leaf in plan.leaves]
    matched = _match(segment, number, plan, rows)
    words = np.zeros(segment.doc_count, np.int64)
    held = np.zeros(segment.doc_count, np.float32)
    if plan.counted is not None:
        for part in plan.steps[plan.counted].parts:
            words += matched[part]
            held[matched[part]] += np.float32(plan.leaves[plan.steps[part].parts[0]].weight)
    matched[-1][segment.deleted] = False
    matched[-1][held < np.float32(plan.least)] = False
    counts = _count(plan, matched)
    totals = np.zeros(segment.row_count, np.float32)
    for leaf, counting in counts.items():
        kept = counting[segment.docs_of_rows[rows[leaf].rows]]
        totals[rows[leaf].rows[kept]] += rows[leaf].scores[kept]
    leads = segment.first_rows[:-1]
    summed = np.bincount(segment.docs_of_rows, totals, segment.doc_count)
    totals[leads] *= np.float32(plan.lead)
    best = np.maximum.reduceat(totals, leads) if len(leads) else totals
    scores = np.where(matched[-1], best, np.float32(0))
    breadths = np.divide(summed, scores, out=np.zeros(len(leads)), where=scores > 0)
    return Matches(matched[-1], scores, breadths, words)


def contributions(
    segment: SegmentArrays, number: int, plan: Plan, doc: int
) -> tuple[dict[int, F32] | None, bool]:
    """What each leaf that counts adds to each row of a document, in the order of leaves.

    Leaf → float32[its rows]; None if the document does not match. And whether it has all the
    words that the plan counts.
    """
    matches = evaluate(segment, number, plan)
    if not matches.matched[doc]:
        return None, False
    rows = [_rows_of(segment, number, leaf) for leaf in plan.leaves]
    matched = _match(segment, number, plan, rows)
    begin, end = map(int, segment.first_rows[doc : doc + 2])
    found = {}
    for leaf, counting in _count(plan, matched).items():
        if counting[doc] and not isinstance(plan.leaves[leaf], SetLeaf):
            low, high = np.searchsorted(rows[leaf].rows, (begin, end))
            scores = np.zeros(end - begin, np.float32)
            scores[rows[leaf].rows[low:high] - begin] = rows[leaf].scores[low:high]
            found[leaf] = scores
    return found, plan.wide and bool(matches.words[doc] == plan.required)


def score_rows(segment: SegmentArrays, number: int, plan: Plan, docs: I64) -> list[F32]:
    """float32[its rows] for each of some documents: what each scores, by all leaves that score.

    The lead's weight is left out.
    """
    leaves = [_rows_of(segment, number, plan.leaves[leaf]) for leaf in scoring_leaves(plan)]
    begins, ends = segment.first_rows[docs], segment.first_rows[docs + 1]
    scores = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        totals = np.zeros(end - begin, np.float32)
        for found in leaves:
            low, high = np.searchsorted(found.rows, (begin, end))
            totals[found.rows[low:high] - begin] += found.scores[low:high]
        scores.append(totals)
    return scores


def scoring_leaves(plan: Plan) -> list[int]:
    """The leaves whose scores may count, in order."""
    parts = {len(plan.steps) - 1}
    for number in range(len(plan.steps) - 1, -1, -1):
        step = plan.steps[number]
        if number in parts and step.kind != LEAF:
            parts |= set(step.parts[:1] if step.kind == WITHOUT else step.parts)
    return [
        plan.steps[number].parts[0]
        for number in sorted(parts)
        if plan.steps[number].kind == LEAF
        and not isinstance(plan.leaves[plan.steps[number].parts[0]], SetLeaf)
    ]


def _rows_of(segment: SegmentArrays, number: int, leaf: Leaf) -> Rows:
    if isinstance(leaf, SetLeaf):
        return NO_ROWS
    if isinstance(leaf, Term):
        found = leaf.lists[number]
        return NO_ROWS if found is None else term_rows(segment, found, leaf.stem)
    return leaf.parts[number]


def _match(segment: SegmentArrays, number: int, plan: Plan, rows: list[Rows]) -> list[Mask]:
    """bool[N] for each step: the documents that it selects."""
    matched: list[Mask] = []
    for step in plan.steps:
        mask = np.zeros(segment.doc_count, np.bool_)
        if step.kind == LEAF:
            leaf = plan.leaves[step.parts[0]]
            if isinstance(leaf, SetLeaf):
                mask |= leaf.parts[number]
            else:
                mask[segment.docs_of_rows[rows[step.parts[0]].rows]] = True
        elif step.kind in (ALL, EVERY):
            mask[:] = True
            for part in step.parts:
                mask &= matched[part]
        elif step.kind == EITHER:
            for part in step.parts:
                mask |= matched[part]
        elif step.kind == WITHOUT:
            mask |= matched[step.parts[0]] & ~matched[step.parts[1]]
        else:
            mask |= matched[step.parts[0]]
        matched.append(mask)
    return matched


def _count(plan: Plan, matched: list[Mask]) -> dict[int, Mask]:
    """For each leaf that scores, in order, the documents in which it counts."""
    counting = {len(plan.steps) - 1: matched[-1]}
    for number in range(len(plan.steps) - 1, -1, -1):
        step = plan.steps[number]
        if number not in counting or step.kind == LEAF:
            continue
        for place, part in enumerate(step.parts):
            above = counting[number]
            if step.kind == EITHER or (step.kind == ALSO and place):
                counting[part] = above & matched[part]
            elif step.kind != WITHOUT or not place:
                counting[part] = above
    return {
        plan.steps[number].parts[0]: counting[number]
        for number in sorted(counting)
        if plan.steps[number].kind == LEAF
    }
