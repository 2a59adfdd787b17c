"""The interpreter of plans, compiled: one chunk of rows of a segment after the other.

`match_loops` finds what matches and adds up scores by row; here each document that matches
is visited: its best row decides.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201

from __future__ import annotations

import numba as nb
import numpy as np

from ..kernels.jit import compiled, inner, lowest_one, readonly
from .answer import FIRST
from .match_loops import match, probe
from .tables import (
    COMPLETE,
    F32,
    HELD,
    I64,
    MATCHED,
    PASSED,
    SCORED,
    TOUCHED,
    UNSCORED,
    AnswerTable,
    PlanTable,
    SegmentTable,
    WorkTable,
)  # fmt: skip

_TABLES = (SegmentTable.type, PlanTable.type, WorkTable.type)


@inner(nb.void(AnswerTable.type, nb.int64, nb.float64, nb.float64, nb.bool_))
def hold(answer, doc, key, breadth, everything):
    """Take a document, which comes after all others, among the best if it is one."""
    docs, keys, breadths, state = answer.docs, answer.keys, answer.breadths, answer.state
    k = len(docs)
    at = state[HELD]
    if at < k:
        state[HELD] += 1
    elif k == 0 or key <= keys[k - 1]:
        return
    else:
        at = k - 1
    if not everything:
        while at > 0 and keys[at - 1] < key:
            keys[at] = keys[at - 1]
            docs[at] = docs[at - 1]
            breadths[at] = breadths[at - 1]
            at -= 1
    keys[at] = key
    docs[at] = doc
    breadths[at] = breadth


@inner(nb.void(SegmentTable.type, WorkTable.type, nb.int64, nb.float32))
def settle(segment, work, chunk, lead):
    """Give each document of a chunk the score of its best row."""
    totals, scored, best = work.totals, work.scored, work.best
    first, base = segment.chunk_rows[chunk], segment.chunk_docs[chunk]
    owners = segment.row_docs[first : segment.chunk_rows[chunk + 1]]
    first_rows = segment.first_rows
    for i in range(work.counts[SCORED]):
        row = np.int64(scored[i])
        owner = np.int64(owners[row])
        score = totals[row]
        if np.int64(first_rows[base + owner]) == first + row:
            score *= lead
        best[owner] = max(best[owner], score)


@inner(nb.float64(F32, nb.float32))
def breadth_of(totals, best):
    """What the rows of a document score beside its best; see `answer.Answer`."""
    if best == 0 or len(totals) == 0:
        return 0.0
    summed = 0.0
    for row in range(len(totals)):
        summed += np.float64(totals[row])
    return summed / np.float64(best)


@inner(nb.float32(PlanTable.type, nb.int64, nb.uint64))
def worth_of(plan, counted, seen):
    """What the parts of a step that a document has weigh, by their bits in `seen`."""
    begin, held = plan.steps[counted, 1], np.float32(0)
    while seen:
        part = plan.parts[begin + np.int64(lowest_one(seen))]
        held += plan.worth[plan.steps[part, 1]]
        seen &= seen - np.uint64(1)
    return held


@inner(nb.void(WorkTable.type, nb.int64, nb.bool_))
def clear(work, size, grouped):
    """Make room for the next chunk. Of a group, documents that were touched alone have scores."""
    seen, best, touched = work.seen, work.best, work.touched
    for i in range(work.counts[SCORED]):
        work.totals[np.int64(work.scored[i])] = 0
    work.counts[SCORED] = 0
    for i in range(work.counts[TOUCHED] if grouped else size):
        place = touched[i] if grouped else i
        seen[place] = 0
        best[place] = 0
    work.counts[TOUCHED] = 0


@compiled(
    nb.void(
        SegmentTable.type, PlanTable.type, WorkTable.type, AnswerTable.type, nb.uint8[::1],
        readonly(nb.int32), nb.int64[::1], nb.float32[::1],
    )
)  # fmt: skip
def run(segment, plan, work, answer, failed, ranks, options, weights):
    """Run a plan over a segment.

    answer: state int64[4] and the best so far, docs int64[k], keys and breadths float64[k], are
        added to; bits uint64[W], the documents of the segment that match, are filled in; groups
        int32[N] or int32[0] and the best of each so far, see `answer.Best`
    failed: uint8[N] or uint8[0], not 0 for documents that filters reject
    ranks: int32[N] or int32[0]: the lower, the earlier, in place of scores
    options: the number of the first document; the step to match as a group, or -1; the step
        whose parts a complete document has all of, or -1; whether these come first; whether
        `docs` has room for all, in order of number
    weights: what the scores of complete documents are multiplied by; what those of leads are;
        what the parts that a document has must be worth
    """
    bonus, lead, least = weights[0], weights[1], weights[2]
    base, group, counted = options[0], options[1], options[2]
    first, everything = options[3] != 0, options[4] != 0
    need = plan.steps[counted, 2] if counted >= 0 else 0
    whole = (np.uint64(2) << np.uint64(max(need, 1) - 1)) - np.uint64(1)  # a bit for each part
    state, bits, keys, dead = answer.state, answer.bits, answer.keys, segment.dead
    k = len(keys)
    groups, totals, first_rows = answer.groups, work.totals, segment.first_rows
    work.counts[UNSCORED] = len(ranks) > 0
    for chunk in range(len(segment.chunk_docs) - 1):
        doc0, row0 = segment.chunk_docs[chunk], segment.chunk_rows[chunk]
        size = segment.chunk_docs[chunk + 1] - doc0
        left = match(segment, plan, work, chunk, size, group, counted)
        settle(segment, work, chunk, lead)
        for i in range(left):
            place = work.places[i]
            doc = doc0 + place
            if len(dead) and dead[doc]:
                continue
            if counted >= 0 and worth_of(plan, counted, work.seen[place]) < least:
                continue
            bits[doc >> 6] |= np.uint64(1) << np.uint64(doc & 63)
            state[MATCHED] += 1
            if len(failed) and failed[doc]:
                continue
            complete = need > 0 and work.seen[place] == whole
            best = work.best[place]
            key = np.float64(best * bonus if complete else best)
            if len(ranks):
                key = -np.float64(ranks[doc])
            elif complete and first:
                key += FIRST
            rival = np.int64(groups[doc]) if len(groups) else -1
            if rival >= 0:
                if answer.group_docs[rival] < 0 or key >= answer.group_keys[rival]:
                    answer.group_docs[rival] = base + doc
                    answer.group_keys[rival] = key
                    rows = totals[first_rows[doc] - row0 : first_rows[doc + 1] - row0]
                    answer.group_breadths[rival] = breadth_of(rows, best)
                    answer.group_whole[rival] = complete
                continue
            state[PASSED] += 1
            state[COMPLETE] += complete
            if everything or state[HELD] < k or (k > 0 and key > keys[k - 1]):
                rows = totals[first_rows[doc] - row0 : first_rows[doc + 1] - row0]
                hold(answer, base + doc, key, breadth_of(rows, best), everything)
        clear(work, size, group >= 0)


@compiled(nb.void(*_TABLES, I64, I64, I64, F32))
def score_rows(segment, plan, work, leaves, docs, ends, scores):
    """Add up what the rows of some documents score by some leaves.

    ends: where in scores, float32[rows of all], those of each document end
    """
    begin = 0
    work.counts[UNSCORED] = 0
    for n in range(len(docs)):
        doc, chunk = docs[n], 0
        while segment.chunk_docs[chunk + 1] <= doc:
            chunk += 1
        work.places[0] = doc - segment.chunk_docs[chunk]
        first = np.int64(segment.first_rows[doc]) - segment.chunk_rows[chunk]
        for i in range(len(leaves)):
            probe(segment, plan, work, leaves[i], chunk, 1, 0)
        for place in range(begin, ends[n]):
            row = first + place - begin
            scores[place] = work.totals[row]
            work.totals[row] = 0
        work.counts[SCORED] = 0
        begin = ends[n]
