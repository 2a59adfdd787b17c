"""Matching, compiled: what a plan selects in a chunk of rows, and what these rows score.

A step selects documents; each has a byte in the step's row of `selected`. First, from the
leaves up, it is found out what matches; then scores are added up row by row.

Where all leaves that score are parts of one step and must not be weighed against each other
in the rest of the plan (the group), a posting is read once: scores are added as it is matched.

No address is taken from a file unchecked: damaged files give wrong answers here, never
accesses out of bounds. The bounds of postings were checked when the plan was made.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201

from __future__ import annotations

import numba as nb
import numpy as np

from ..codec.codes_fast import code_of
from ..kernels.galloping import gallop
from ..kernels.jit import inner
from ..ranking import WEIGHTS
from .plan import ALL, ALSO, EITHER, EVERY, LEAF, WITHOUT
from .tables import (
    F32,
    FORMS,
    ROWS,
    SCORED,
    SET,
    SINGLE,
    TOUCHED,
    UNSCORED,
    K,
    PlanTable,
    SegmentTable,
    WorkTable,
)  # fmt: skip

#: A leaf that is so many times longer than the documents left is searched for each of them.
_SEARCHED = 8
_WEIGHTS = WEIGHTS
_SATURATED = (WEIGHTS / (WEIGHTS + K)).astype(np.float32)
_TABLES = (SegmentTable.type, PlanTable.type, WorkTable.type)


@inner(nb.float32(SegmentTable.type, nb.int64, nb.int64, nb.int64, nb.float32, F32))
def score_of_forms(segment, codes_at, begin, end, stem, light):
    """The score of a row in which a term has the postings from `begin` to `end`, several."""
    weights, codes = segment.weights, segment.codes
    whole = np.float32(0)
    alike = np.float32(0)
    most = np.float32(0)
    for i in range(begin, end):
        t = _WEIGHTS[weights[i]]
        part = light[code_of(codes, codes_at, i)]
        whole += t
        if part > 0:
            alike += t
        most = max(most, part)
    return stem * (whole / (whole + K)) + most * (alike / (alike + K))


@inner(nb.void(*_TABLES, nb.int64, nb.int64, nb.int64))
def mark(segment, plan, work, leaf, chunk, step):
    """Mark the documents of a leaf in a chunk in row `step` of `selected`."""
    docs = plan.extra_rows if plan.kinds[leaf] == ROWS else segment.docs
    first = segment.chunk_rows[chunk]
    owners = segment.row_docs[first : segment.chunk_rows[chunk + 1]]
    marks = work.selected[step]
    for i in range(plan.bounds[leaf, chunk], plan.bounds[leaf, chunk + 1]):
        row = np.int64(docs[i])
        if row < len(owners):
            marks[np.int64(owners[row])] = 1


@inner(nb.void(*_TABLES, nb.int64, nb.int64, nb.int64, nb.int64))
def scan(segment, plan, work, leaf, chunk, mode, number):
    """Add the scores of the postings of a leaf in a chunk, unless scores are of no use.

    mode 1: add bit `number` to `seen` of the documents
    mode 2: only of documents for which `seen` is `number` or one less, and make it `number`
    mode 3: only of documents that row `number` of `selected` has
    """
    kind, codes_at = plan.kinds[leaf], plan.codes_at[leaf]
    low, high = plan.bounds[leaf, chunk], plan.bounds[leaf, chunk + 1]
    docs = (plan.extra_rows if kind == ROWS else segment.docs)[low:high]
    weights = segment.weights[low:high]
    codes = segment.codes
    extra_scores = plan.extra_scores[low:high]
    first = segment.chunk_rows[chunk]
    owners = segment.row_docs[first : segment.chunk_rows[chunk + 1]]
    totals, scored = work.totals, work.scored
    seen, used, unscored = work.seen, work.counts[SCORED], work.counts[UNSCORED] != 0
    stem, light = plan.stems[leaf], plan.lights[leaf]
    single = light[0] + stem
    bit, stage = np.uint64(1) << np.uint64(number & 63), np.uint64(number)
    marks = work.selected[number if mode == 3 else 0]
    i = 0
    while i < len(docs):
        row = np.int64(docs[i])
        at = i
        i += 1
        if row >= len(owners):
            continue
        owner = np.int64(owners[row])
        if mode == 1:
            seen[owner] |= bit
        elif mode == 2:
            if seen[owner] != stage:
                if seen[owner] != stage - 1:
                    continue
                seen[owner] = stage
        elif marks[owner] == 0:
            continue
        if unscored:
            continue
        if kind == SINGLE:
            score = single * _SATURATED[weights[at]]
        elif kind == ROWS:
            score = extra_scores[at]
        elif i == len(docs) or docs[i] != row:
            score = (light[code_of(codes, codes_at, low + at)] + stem) * _SATURATED[weights[at]]
        else:
            while i < len(docs) and docs[i] == row:
                i += 1
            score = score_of_forms(segment, codes_at, low + at, low + i, stem, light)
        if score > 0:
            scored[used] = row
            used += totals[row] == 0
            totals[row] += score
    work.counts[SCORED] = used


@inner(nb.int64(*_TABLES, nb.int64, nb.int64, nb.int64, nb.int64))
def probe(segment, plan, work, leaf, chunk, count, number):
    """Search a leaf for the first `count` documents of `places`, which rise.

    Adds the scores; for documents that have the leaf `seen` becomes `number`, and they are
    kept in `places`. Returns how many they are. With `number` 0 both stay as they are.
    """
    kind = plan.kinds[leaf]
    low, high = plan.bounds[leaf, chunk], plan.bounds[leaf, chunk + 1]
    docs = plan.extra_rows if kind == ROWS else segment.docs
    weights, codes, codes_at = segment.weights, segment.codes, plan.codes_at[leaf]
    first, base = segment.chunk_rows[chunk], segment.chunk_docs[chunk]
    first_rows, totals, scored = segment.first_rows, work.totals, work.scored
    seen, places = work.seen, work.places
    stem, light = plan.stems[leaf], plan.lights[leaf]
    single = light[0] + stem
    used, unscored = work.counts[SCORED], work.counts[UNSCORED] != 0
    kept = 0
    at = low
    for n in range(count):
        place = places[n]
        begin = np.int64(first_rows[base + place]) - first
        end = np.int64(first_rows[base + place + 1]) - first
        at = gallop(docs, at, high, begin)
        found = False
        while at < high and docs[at] < end:
            row = np.int64(docs[at])
            following = at + 1
            while kind == FORMS and following < high and docs[following] == row:
                following += 1
            if row >= begin:  # unless the list is damaged, and falls
                found = True
                if unscored:
                    break
                if kind == SINGLE:
                    score = single * _SATURATED[weights[at]]
                elif kind == ROWS:
                    score = plan.extra_scores[at]
                elif following == at + 1:
                    part = light[code_of(codes, codes_at, at)]
                    score = (part + stem) * _SATURATED[weights[at]]
                else:
                    score = score_of_forms(segment, codes_at, at, following, stem, light)
                if score > 0:
                    scored[used] = row
                    used += totals[row] == 0
                    totals[row] += score
            at = following
        if found and number:
            seen[place] = np.uint64(number)
            places[kept] = place
            kept += 1
    work.counts[SCORED] = used
    return kept


@inner(nb.int64(WorkTable.type, nb.int64))
def touch(work, size):
    """Put the documents that were seen into `places` and `touched`; returns how many."""
    seen, places, touched, count = work.seen, work.places, work.touched, 0
    for place in range(size):
        places[count] = place
        touched[count] = place
        count += seen[place] != 0
    work.counts[TOUCHED] = count
    return count


@inner(nb.int64(*_TABLES, nb.int64, nb.int64, nb.int64))
def match_group(segment, plan, work, step, chunk, size):
    """Match a step whose parts are leaves that score, and add their scores as they match.

    Returns how many documents it selects; they are in `places`, rising.
    """
    kind, begin, count = plan.steps[step, 0], plan.steps[step, 1], plan.steps[step, 2]
    if kind == EITHER:
        postings = 0
        for n in range(count):
            leaf = plan.steps[plan.parts[begin + n], 1]
            postings += plan.bounds[leaf, chunk + 1] - plan.bounds[leaf, chunk]
            scan(segment, plan, work, leaf, chunk, 1, n)
        return touch(work, size if postings else 0)
    seen, places, order, left = work.seen, work.places, work.order, 0
    # The shortest first, in all chunks and segments alike: sums depend on the order.
    for n in range(count):
        leaf = plan.steps[plan.parts[begin + n], 1]
        at = n
        while at > 0:
            before = plan.steps[plan.parts[begin + order[at - 1]], 1]
            if plan.sizes[before] <= plan.sizes[leaf]:
                break
            order[at] = order[at - 1]
            at -= 1
        order[at] = n
    for n in range(count):
        leaf = plan.steps[plan.parts[begin + order[n]], 1]
        length = plan.bounds[leaf, chunk + 1] - plan.bounds[leaf, chunk]
        if n == 0:
            scan(segment, plan, work, leaf, chunk, 1, 0)
            left = touch(work, size if length else 0)
        elif length > _SEARCHED * left:
            left = probe(segment, plan, work, leaf, chunk, left, n + 1)
        else:
            scan(segment, plan, work, leaf, chunk, 2, n + 1)
            kept = 0
            for i in range(left):
                place = places[i]
                places[kept] = place
                kept += seen[place] == np.uint64(n + 1)
            left = kept
        if left == 0:
            break
    return left


@inner(nb.void(*_TABLES, nb.int64, nb.int64, nb.int64, nb.int64))
def match_step(segment, plan, work, step, chunk, size, base):
    """Fill in what a step selects in a chunk, after those it needs."""
    kind, begin, count = plan.steps[step, 0], plan.steps[step, 1], plan.steps[step, 2]
    chosen = work.selected[step]
    if kind == LEAF:
        leaf = begin
        if plan.kinds[leaf] == SET:
            members = plan.sets[plan.codes_at[leaf]]
            for place in range(size):
                chosen[place] = members[base + place]
            return
        for place in range(size):
            chosen[place] = 0
        mark(segment, plan, work, leaf, chunk, step)
        return
    for place in range(size):
        chosen[place] = kind in (ALL, EVERY)
    if kind in (ALSO, WITHOUT):
        same = work.selected[plan.parts[begin]]
        for place in range(size):
            chosen[place] = same[place]
    if kind == WITHOUT:
        other = work.selected[plan.parts[begin + 1]]
        for place in range(size):
            chosen[place] &= other[place] ^ 1
    elif kind in (ALL, EITHER):
        for n in range(count):
            other = work.selected[plan.parts[begin + n]]
            if kind == ALL:
                for place in range(size):
                    chosen[place] &= other[place]
            else:
                for place in range(size):
                    chosen[place] |= other[place]


@inner(nb.void(*_TABLES, nb.int64, nb.int64))
def add_scores(segment, plan, work, chunk, size):
    """Add the scores of every leaf in the documents in which it counts; see `plan`.

    From the last step down, what a step selects becomes where it counts.
    """
    steps, parts, selected = plan.steps, plan.parts, work.selected
    counts = work.order
    for step in range(len(steps)):
        counts[step] = step == len(steps) - 1
    for step in range(len(steps) - 1, -1, -1):
        kind, begin, count = steps[step, 0], steps[step, 1], steps[step, 2]
        if not counts[step] or kind == LEAF:
            continue
        for n in range(1 if kind == WITHOUT else count):
            part = parts[begin + n]
            counts[part] = 1
            for place in range(size):
                if kind == EITHER or (kind == ALSO and n > 0):
                    selected[part, place] &= selected[step, place]
                else:
                    selected[part, place] = selected[step, place]
    for step in range(len(steps)):
        if counts[step] and steps[step, 0] == LEAF and plan.kinds[steps[step, 1]] != SET:
            scan(segment, plan, work, steps[step, 1], chunk, 3, step)


@inner(nb.int64(*_TABLES, nb.int64, nb.int64, nb.int64, nb.int64))
def match(segment, plan, work, chunk, size, group, counted):
    """Find the documents of a chunk that match, and what their rows score.

    group, counted: as in `run`. Returns how many there are; they are in `places`, rising.
    """
    steps, parts, selected, places = plan.steps, plan.parts, work.selected, work.places
    root = len(steps) - 1
    # The group decides alone if nothing but what may be added to scores comes after it.
    whole = parts[steps[root, 1]] if steps[root, 0] == ALSO else root
    left = 0
    for step in range(root + 1):
        if step == group:
            left = match_group(segment, plan, work, step, chunk, size)
            if step == whole:
                break
            for place in range(size):
                selected[step, place] = 0
            for i in range(left):
                selected[step, places[i]] = 1
        elif steps[step, 3] == 0:
            match_step(segment, plan, work, step, chunk, size, segment.chunk_docs[chunk])
    if group < 0:
        for n in range(steps[counted, 2] if counted >= 0 else 0):
            part = parts[steps[counted, 1] + n]
            for place in range(size):
                work.seen[place] |= np.uint64(selected[part, place]) << np.uint64(n)
        if not work.counts[UNSCORED]:
            add_scores(segment, plan, work, chunk, size)
    if group != whole:
        left = 0
        for place in range(size):
            places[left] = place
            left += selected[root, place] != 0
    if group >= 0 and steps[root, 0] == ALSO and not work.counts[UNSCORED]:
        # Leaves that may be added to scores are sought in what matches.
        for n in range(1, steps[root, 2]):
            probe(segment, plan, work, steps[parts[steps[root, 1] + n], 1], chunk, left, 0)
    return left
