"""What the score of a story is made of."""

from __future__ import annotations

from math import prod

import numpy as np

from ..codec.read import SegmentArrays
from ..model import Explanation, ScorePart
from ..query.write import write_query
from ..schema import ROW_FIELDS
from .find import Found
from .plain import contributions
from .plan import Plan
from .words import Term


def explain(found: Found, doc_id: int, story_id: str) -> Explanation:
    """The score of a story for what was searched; 0 for one that does not match.

    Looks at every posting of the query, as a search without compiled code does.
    """
    snapshot = found.searcher.executor.snapshot
    number = snapshot.segment_of(doc_id)
    segment, doc = snapshot.segments[number], doc_id - snapshot.bases[number]
    rows, complete = contributions(segment, number, found.plan, doc)
    if rows is None:
        return Explanation(story_id, 0.0, None, (), ())
    totals = np.zeros(int(segment.first_rows[doc + 1]) - int(segment.first_rows[doc]), np.float32)
    for scores in rows.values():
        totals += scores
    weighed = totals.copy()
    weighed[0] *= np.float32(found.plan.lead)
    best = int(np.argmax(weighed))
    row = int(segment.first_rows[doc]) + best
    plan = found.plan
    parts = tuple(
        ScorePart(
            write_query(plan.nodes[leaf]),
            float(scores[best]),
            _fields(segment, number, plan, leaf, row),
        )
        for leaf, scores in rows.items()
        if scores[best] > 0
    )
    bonus = found.bonus if complete else 1.0
    return explanation(story_id, best, parts, plan.lead, bonus, found.weights.of(doc_id))


def explanation(
    story_id: str,
    best: int,
    parts: tuple[ScorePart, ...],
    lead: float,
    bonus: float,
    weights: dict[str, float],
) -> Explanation:
    """What the score of a story is made of, given what its best row scores by its parts.

    best: the number of that row, 0 for the lead
    lead, bonus, weights: what scores of leads are multiplied by, and that of this story
    """
    named = {"lead": 1.0 if best else lead, "all words": bonus} | weights
    factors = tuple((name, factor) for name, factor in named.items() if factor != 1)
    score = prod((factor for _, factor in factors), start=sum(part.score for part in parts))
    return Explanation(story_id, score, best - 1 if best else None, parts, factors)


def _fields(
    segment: SegmentArrays, number: int, plan: Plan, leaf: int, row: int
) -> tuple[str, ...]:
    """The fields of a row in which a term stands; none for what is no single word."""
    term = plan.leaves[leaf]
    found = term.lists[number] if isinstance(term, Term) else None
    if found is None:
        return ()
    there = segment.row_ids(found.entry) == row
    bits = int(np.bitwise_or.reduce(segment.bits[found.entry.start : found.entry.end][there]))
    return tuple(name for place, name in enumerate(ROW_FIELDS) if bits >> place & 1)
