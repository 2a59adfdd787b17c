"""Compiled loops that find what a query matches in the texts of a story.

They read the positions of the query's terms. What they find goes into an index of
texts, see `texts`, and into arrays with an item for every word.

Nothing is believed of postings: what is damaged gives no answer or a wrong one, never an
access out of bounds.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numba as nb
import numpy as np

from ...codec.format import CHUNK_BITS, CHUNK_DOCS
from ...codec.positions_fast import DOCS, POSITION_ARRAYS, positions_in
from ...kernels.jit import compiled
from ...schema import EVERYWHERE, OWN_TEXTS
from ...search.plain import K1
from ..html import TITLE_WEIGHT
from .texts import FIRST, LAST, OFFSET, PLACE, TABLE_OF, WORDS

#: Columns of `leaves`: the number of the field, that of `related` being OWN_TEXTS, or
#: EVERYWHERE for a term in each; its rows of `bounds`, from and to; how far apart
#: neighbours of a phrase may be.
FIELD, TERMS_BEGIN, TERMS_END, SLOP = range(4)
LEAF_COLUMNS = 4
#: Columns of `extra`: the number of the hit, the leaf, the number of the text, the first
#: and the last word.
EXTRA_COLUMNS = 5

I64 = nb.int64[::1]
I32 = nb.int32[::1]
F64 = nb.float64[::1]
FOUND = nb.uint8[:, ::1]
POSTINGS = (DOCS, *POSITION_ARRAYS)


@compiled(TABLE_OF(*POSTINGS, TABLE_OF, nb.int64, nb.int64, I64))
def _phrase(
    docs, tfs, packed, blocks, widths, long_postings, long_counts, bounds, doc, slop, places
):  # fmt: skip
    """int64[n, 2]: the first and last positions of a phrase in a document.

    bounds: int64[T, C + 1], a row for each of its words; places: int64[most_positions]
    Of phrases that end alike, the shortest.
    """
    chunk = doc >> CHUNK_BITS
    spans = np.empty((0, 2), np.int64)
    for term in range(len(bounds)):
        count = 0
        low = 0
        size = positions_in(
            docs, tfs, packed, blocks, widths, long_postings, long_counts, bounds[term, chunk],
            bounds[term, chunk + 1], doc & (CHUNK_DOCS - 1), places,
        )  # fmt: skip
        following = np.empty((size, 2), np.int64)
        for i in range(size):
            place = places[i]
            start = place if term == 0 else np.int64(-1)
            while low < len(spans) and spans[low, 1] < place - slop:
                low += 1
            near = low
            while near < len(spans) and spans[near, 1] < place:
                start = max(start, spans[near, 0])
                near += 1
            if start >= 0:
                following[count, 0] = start
                following[count, 1] = place
                count += 1
        spans = following[:count]
        if count == 0:
            break
    return spans


@compiled(nb.void(TABLE_OF, nb.int64, nb.int64, nb.int64, I32, I32, F64))
def _note(index, text, first, last, covered, joined, tf):
    """Note that a text matches from its word `first` to `last`, unless it has none such.

    covered, joined: int32[words + texts], to be added up from where the text begins: how
    many matches a word is in, and how many it shares with the next
    tf: float64[articles], how often each matches; a match in a title counts twice
    """
    if first < 0 or last < first or last >= index[text, WORDS]:
        return
    at = index[text, OFFSET]
    covered[at + first] += 1
    covered[at + last + 1] -= 1
    joined[at + first] += 1
    joined[at + last] -= 1
    index[text, FIRST] = min(index[text, FIRST], first)
    index[text, LAST] = max(index[text, LAST], last)
    if text >= OWN_TEXTS:
        number = text - OWN_TEXTS
        tf[number // 2] += TITLE_WEIGHT if number % 2 == 0 else 1.0


@compiled(nb.int64(TABLE_OF, nb.int64, nb.int64, nb.int64))
def _text_at(index, texts, place, near):
    """The text of an article that has a position of the field `related`.

    near: a text where to begin; returns `near` or another below `texts`
    """
    text = near if index[near, PLACE] <= place else OWN_TEXTS
    while text + 1 < texts and index[text + 1, PLACE] <= place:
        text += 1
    return text


@compiled(
    nb.void(
        *POSTINGS, TABLE_OF, nb.int64, TABLE_OF, F64, nb.int64, TABLE_OF, TABLE_OF,
        nb.int64, I32, I32, F64, FOUND, F64, I64,
    )
)  # fmt: skip
def match(
    docs, tfs, packed, blocks, widths, long_postings, long_counts, bounds, doc, leaves,
    weights, hit, extra, index, texts, covered, joined, tf, found, scores, places,
):  # fmt: skip
    """Find every leaf of a query in every text of a document.

    bounds: int64[T, C + 1], for every term of the query its postings in each chunk
    hit: the number by which `extra` knows the document
    index: of `texts` rows; FIRST and LAST are filled in, and covered, joined: see `_note`
    tf: float64[articles], 0 before and after
    found: uint8[n, articles], in which 1 is set where an article has a leaf; scores:
        float64[articles], added to: as BM25 without lengths, so that rare leaves and
        frequent ones weigh more
    places: int64[most_positions], overwritten
    """
    chunk = doc >> CHUNK_BITS
    for leaf in range(len(leaves)):
        field = leaves[leaf, FIELD]
        begin, end = leaves[leaf, TERMS_BEGIN], leaves[leaf, TERMS_END]
        # Not a function, since each array that is passed to another costs as much as a match.
        if field == EVERYWHERE or end - begin == 1:
            for term in range(begin, end):
                text = term - begin if field == EVERYWHERE else field
                if text == texts:
                    break
                size = positions_in(
                    docs, tfs, packed, blocks, widths, long_postings, long_counts,
                    bounds[term, chunk], bounds[term, chunk + 1], doc & (CHUNK_DOCS - 1), places,
                )  # fmt: skip
                for i in range(size):
                    place = places[i]
                    if text >= OWN_TEXTS:
                        text = _text_at(index, texts, place, text)
                    place -= index[text, PLACE]
                    _note(index, text, place, place, covered, joined, tf)
        elif end > begin:
            text = field
            spans = _phrase(
                docs, tfs, packed, blocks, widths, long_postings, long_counts,
                bounds[begin:end], doc, leaves[leaf, SLOP], places,
            )  # fmt: skip
            for i in range(len(spans) if text < texts else 0):
                if text >= OWN_TEXTS:
                    text = _text_at(index, texts, spans[i, 0], text)
                base = index[text, PLACE]
                _note(index, text, spans[i, 0] - base, spans[i, 1] - base, covered, joined, tf)
        for i in range(len(extra)):
            if extra[i, 0] == hit and extra[i, 1] == leaf and 0 <= extra[i, 2] < texts:
                _note(index, extra[i, 2], extra[i, 3], extra[i, 4], covered, joined, tf)
        if 0 <= field < OWN_TEXTS:
            continue
        for article in range(len(tf)):
            if tf[article] > 0:
                found[leaf, article] = 1
                scores[article] += weights[leaf] * tf[article] / (tf[article] + K1)
                tf[article] = 0


@compiled(FOUND(I64, FOUND))
def _holds(rule, found):
    """uint8[1, articles]: whether a rule holds for each, of which found says what they have.

    rule: steps in postfix order: i ≥ 0, leaf i; -2n, all of the n before; -2n - 1, any
    """
    articles = found.shape[1]
    stack = np.ones((len(rule) + 1, articles), np.uint8)
    size = 0
    for step in rule:
        if step >= 0:
            stack[size] = found[step]
            size += 1
            continue
        joined = -step // 2
        first = size - joined
        for i in range(first + 1, size):
            for article in range(articles):
                if step % 2 == 0:
                    stack[first, article] &= stack[i, article]
                else:
                    stack[first, article] |= stack[i, article]
        size = first + 1
    return stack[:1]


@compiled(nb.int64(I64, FOUND, F64, I64))
def rank(rule, found, scores, best):
    """Fill in the articles for which a rule holds, or if there is none that match.

    Best first; returns how many. found, scores: see `match`; best: int64[≥ articles]
    """
    holds = _holds(rule, found)
    articles = found.shape[1]
    some = np.zeros(articles, np.uint8)
    for leaf in range(len(found)):
        for article in range(articles):
            some[article] |= found[leaf, article]
    count = 0
    for strict in (True, False):
        for article in range(articles):
            if some[article] and (holds[0, article] or not strict):
                best[count] = article
                count += 1
        if count:
            break
    if count > 64:
        chosen = best[:count].copy()
        best[:count] = chosen[np.argsort(-scores[chosen], kind="mergesort")]
        return count
    for i in range(1, count):
        article = best[i]
        at = i
        while at > 0 and scores[best[at - 1]] < scores[article]:
            best[at] = best[at - 1]
            at -= 1
        best[at] = article
    return count
