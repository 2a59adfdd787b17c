"""A compiled loop that says what a query matches in stories, and writes it as HTML.

`explain` does for several stories at once what `explain.Explainer` does step by step: it
finds where the words of the query stand, tells which related articles match, ranks them,
and writes the texts to show. All of it comes as MessagePack, which is decoded faster than
Python cuts a text out of another.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numba as nb
import numpy as np

from ...codec.format import CHUNK_DOCS
from ...codec.positions_fast import PositionsTable
from ...kernels.bits import copy
from ...kernels.jit import compiled, readonly
from ...kernels.tables import Table
from ...schema import OWN_TEXTS
from ...search.fast.lookup import SegmentTable, chunk_lists
from .cut import CLASSES, PAD, U8, cut
from .html import (
    AFTER,
    BEFORE,
    ELLIPSES,
    LONGEST,
    OUT,
    SPANS,
    find_snippet,
    insert,
    write_marked,
)
from .match import F64, I32, I64, LEAF_COLUMNS, POSTINGS, match, rank
from .texts import (
    BEGIN,
    END,
    FIRST,
    LAST,
    OFFSET,
    TABLE_OF,
    TEXT_COLUMNS,
    WORDS,
    index_texts,
)

_BODY = 2
#: What a query says of itself: how many leaves it has, and steps its rule.
LEAVES, STEPS = range(2)
_QUERY_HEAD = 2

# What MessagePack puts before numbers, texts and arrays, and how many bytes of size follow.
_FLOAT, _NUMBER, _TEXT, _ARRAY = 0xCB, 0xCE, 0xDB, 0xDD
_SIZE, _FLOAT_SIZE = 4, 8
_HIT, _MAP = 0x94, 0x80
# The names of texts, each with blanks up to PAD bytes.
_NAMES = [b"\xa5title", b"\xa7excerpt", b"\xa4body"]
_KEYS = np.frombuffer(b"".join(name.ljust(PAD) for name in _NAMES), np.uint8)
_KEY_SIZES = np.array(list(map(len, _NAMES)))
# The most bytes that stand before a text, its article's included, and before those of a hit.
_TEXT_HEAD = int(_KEY_SIZES.max()) + 1 + _SIZE + 1 + _FLOAT_SIZE + 1 + _SIZE + 1
_HIT_HEAD = 2 + 3 * (1 + _SIZE)


class BuffersTable(
    Table, packed=OUT, ends=I64, classes=U8, index=TABLE_OF, covered=I32, joined=I32, cut=I64,
    spans=SPANS, frequencies=F64, scores=F64, best=I64, places=I64,
):  # fmt: skip
    """See `Buffers`; classes are `CLASSES`."""


class Buffers:
    """What `explain` writes into, for stories with so many bytes of texts at most.

    total: of all stories of a call; most_positions: see
        `codec.positions_fast.most_positions`
    packed, ends: the results: MessagePack, and int64[hits], where that of each hit ends
    """

    def __init__(self, hits: int, total: int, most_positions: int) -> None:
        # Every text takes two bytes of a record at least, and every word one.
        self.hits, self.size = hits, total
        texts = total // 2
        size = LONGEST * total + _TEXT_HEAD * texts + (ELLIPSES + _HIT_HEAD) * hits + PAD
        packed = np.empty(size, np.uint8)
        self.packed = packed.data
        self.ends = np.empty(hits, np.int64)
        self.table = BuffersTable.fill(
            packed=packed, ends=self.ends, classes=CLASSES,
            index=np.empty((texts, TEXT_COLUMNS), np.int64), covered=np.empty(total, np.int32),
            joined=np.empty(total, np.int32), cut=np.empty(2 * total + 2 * PAD, np.int64),
            spans=np.empty((total, 4), np.int64), frequencies=np.zeros(texts, np.float64),
            scores=np.empty(texts, np.float64), best=np.empty(texts, np.int64),
            places=np.empty(max(1, most_positions), np.int64),
        )  # fmt: skip


@compiled(nb.int64(OUT, nb.int64, nb.int64, nb.int64, nb.int64))
def _put(out, at, kind, number, size):
    """Write what MessagePack calls `kind` to `at`, with a number of so many bytes."""
    out[at] = kind
    for i in range(size):
        out[at + 1 + i] = (number >> (8 * (size - 1 - i))) & 0xFF
    return at + 1 + size


@compiled(nb.int64(I64, nb.int64, nb.int64, nb.int64, I32, I32, nb.int64, SPANS))
def _merge(words, count, first, last, covered, joined, offset, spans):
    """Fill in the stretches of a text to mark, where they begin and end; returns how many.

    words: what `cut` has found, `count` of them; covered, joined: see `match.match`
    """
    merged = 0
    inside = np.int32(0)
    together = np.int32(0)
    for word in range(first, min(last + 1, count)):
        inside += covered[offset + word]
        if inside > 0:
            # Words that touch share a mark.
            if merged == 0 or (together == 0 and spans[merged - 1, 1] < words[2 * word]):
                spans[merged, 0] = words[2 * word]
                merged += 1
            spans[merged - 1, 1] = words[2 * word + 1]
        together += joined[offset + word]
    return merged


@compiled(nb.int64(BuffersTable.type, U8, nb.int64, nb.int64, nb.int64))
def _compose(buffers, texts, text, name, at):
    """Write the name of a text and the text as HTML to `at`; returns the place after it."""
    out, index, words, spans = buffers.packed, buffers.index, buffers.cut, buffers.spans
    begin, end = index[text, BEGIN], index[text, END]
    first, last = index[text, FIRST], index[text, LAST]
    count, merged = np.int64(0), np.int64(0)
    if last >= 0 or text == _BODY:
        # A snippet ends with a word after those that match.
        limit = index[text, WORDS] if text == _BODY else last + 1
        count = cut(buffers.classes, texts, begin, end, limit, words)
        merged = _merge(
            words, count, first, last, buffers.covered, buffers.joined, index[text, OFFSET], spans
        )
    low, high = begin, end
    if text == _BODY:
        low, high = find_snippet(texts, begin, end, words, count, spans, merged)
    copy(_KEYS, name * PAD, out, at)
    head = at + _KEY_SIZES[name]
    started = at = head + 1 + _SIZE
    if low > begin:
        at = insert(out, at, BEFORE)
    at = write_marked(texts, low, high, spans, merged, out, at)
    if high < end:
        at = insert(out, at, AFTER)
    _put(out, head, _TEXT, at - started, _SIZE)
    return at


@compiled(nb.int64(BuffersTable.type, U8, nb.int64, nb.int64))
def _show(buffers, texts, count, at):
    """Write what is shown of a story of which `count` articles match to `at`.

    Returns the place after it. See `explain` for what is written.
    """
    out, index, best = buffers.packed, buffers.index, buffers.best
    scores = buffers.scores.view(np.int64)
    out[at] = _HIT
    at = _put(out, at + 1, _ARRAY, count, _SIZE)
    for i in range(count):
        at = _put(out, at, _FLOAT, scores[best[i]], _FLOAT_SIZE)
    at = _put(out, at, _ARRAY, count, _SIZE)
    for i in range(count):
        at = _put(out, at, _NUMBER, best[i], _SIZE)
    own = OWN_TEXTS if index[_BODY, END] > index[_BODY, BEGIN] else _BODY
    out[at] = _MAP + own
    at += 1
    for text in range(own):
        at = _compose(buffers, texts, text, text, at)
    at = _put(out, at, _ARRAY, count, _SIZE)
    for i in range(count):
        out[at] = _MAP + 2
        at += 1
        for part in range(2):
            at = _compose(buffers, texts, OWN_TEXTS + 2 * best[i] + part, part, at)
    return at


@compiled(
    nb.int64(
        *POSTINGS, TABLE_OF, BuffersTable.type, nb.int64, TABLE_OF, I64, F64, nb.int64, TABLE_OF,
        U8, nb.int64, nb.int64,
    )
)  # fmt: skip
def _find(
    docs, tfs, packed, blocks, widths, long_postings, long_counts, bounds, buffers, doc, leaves,
    rule, weights, hit, extra, texts, begin, end,
):  # fmt: skip
    """What matches in the texts of a document, texts[begin:end], noted in the buffers.

    Returns how many articles do, -1 if the texts are damaged.
    """
    index = buffers.index
    count = index_texts(texts, begin, end, index)
    if count == 0:
        return -1
    articles = (count - OWN_TEXTS) // 2
    scores = buffers.scores[:articles]
    scores[:] = 0
    words = index[count - 1, OFFSET] + index[count - 1, WORDS] + 1
    covered, joined = buffers.covered, buffers.joined
    covered[:words] = 0
    joined[:words] = 0
    found = np.zeros((len(leaves), articles), np.uint8)
    match(
        docs, tfs, packed, blocks, widths, long_postings, long_counts, bounds, doc, leaves,
        weights, hit, extra, index, count, covered, joined,
        buffers.frequencies[:articles], found, scores, buffers.places,
    )  # fmt: skip
    return rank(rule, found, scores, buffers.best)


@compiled(
    nb.void(
        *(SegmentTable.type, PositionsTable.type, BuffersTable.type, readonly(nb.int64)),
        *(TABLE_OF, TABLE_OF, TABLE_OF, U8),
    )
)
def explain(segment, positions, buffers, query, lists, hits, extra, data):
    """What a query matches in documents of a segment; some 8 µs for a story of 7 kB.

    buffers: for so many hits and so many bytes
    query: LEAVES and STEPS; of each leaf its columns, see `match.FIELD`; the rule, when
        an article matches the whole query, see `match.rank`; of each leaf what it is
        worth in an article, as the bits of a float64
    lists: int64[T, 3], of every term of the leaves its postings, see `lookup.find_lists`
    hits: int64[2, n], documents, and the end of the texts of each in `data`, where they
        lie one after the other
    extra: int64[m, EXTRA_COLUMNS], matches found otherwise, see `match.EXTRA_COLUMNS`
    data: uint8[≥ end of the last + PAD], of each document its texts, see `schema.Texts`

    Of each hit MessagePack is written into the buffers, nothing if its texts are damaged: an
    array of the scores of the related articles that match, best first; of their numbers;
    of a map of the story's marked texts by name; and of an array of such maps of these
    articles. Damaged text is written as it is and may not be UTF-8.
    """
    steps = _QUERY_HEAD + LEAF_COLUMNS * query[LEAVES]
    leaves = query[_QUERY_HEAD:steps].copy().reshape((query[LEAVES], LEAF_COLUMNS))
    rule = query[steps : steps + query[STEPS]].copy()
    weights = query[steps + query[STEPS] :].copy().view(np.float64)
    documents = segment.lengths.shape[1]
    bounds = chunk_lists(
        lists, np.arange(len(lists)), (documents + CHUNK_DOCS - 1) // CHUNK_DOCS,
        segment.first_chunks, segment.run_starts, segment.run_chunks,
    )  # fmt: skip
    ends = buffers.ends
    at, begin = np.int64(0), np.int64(0)
    for hit in range(hits.shape[1]):
        end = hits[1, hit]
        count = _find(
            segment.docs, positions.tfs, positions.words, positions.blocks, positions.widths,
            positions.long_postings, positions.long_counts, bounds, buffers, hits[0, hit], leaves,
            rule, weights, hit, extra, data, begin, end,
        )  # fmt: skip
        begin = end
        if count >= 0:
            at = _show(buffers, data, count, at)
        ends[hit] = at
