"""Compiled loops that mark what a query matches in the texts of one story; layer 3.

`explain` does in one call what `explain.Explainer` does step by step: it finds where the
words of the query stand, tells which related articles match, ranks them, and writes the
texts to show as HTML. Texts are read where they lie in the stored record.

Nothing is believed of records and postings: what is damaged gives no answer or a wrong
one, never an access out of bounds.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import re

import numba as nb
import numpy as np

from .analysis import CJK, MARKS, PART_SEPARATOR, POSITION_GAP
from .jit import compiled, readonly
from .phrases import PLACES, positions_in
from .schema import OWN_TEXTS

K1 = 1.2
TITLE_WEIGHT = 2.0

#: Columns of `leaves`: the number of the field, that of `related` being OWN_TEXTS; its
#: rows of `bounds`, from and to; how far apart neighbours of a phrase may be.
FIELD, BEGIN, END, SLOP = range(4)
_BODY = 2
#: Of a long body so many characters are shown, and some before the first match.
SNIPPET_LENGTH = 280
SNIPPET_LEAD = SNIPPET_LENGTH // 5
_HOLE = np.int64(POSITION_GAP)

_OTHER, _LETTER, _SINGLE, _MARK, _APOSTROPHE = range(5)
_TABLE = 0x20000
# Beyond the table: Chinese characters up to this one, and no letters.
_LAST_CJK = 0x323AF

# What is put into texts, one after the other, and where each begins.
_INSERTED = ("", "<mark>", "</mark>", "&amp;", "&lt;", "&gt;", "&#39;", "&#34;", "… ", " …")
_INSERTS = np.frombuffer("".join(_INSERTED).encode(), np.uint8)
_BEGINS = np.cumsum([0, *(len(text.encode()) for text in _INSERTED)])
_OPEN, _CLOSE, _BEFORE, _AFTER = 1, 2, 8, 9
_MARK_SIZE = len("<mark></mark>")
_ELLIPSES_SIZE = len("…  …".encode())
# Which of them stands for a byte, 0 for the byte itself.
_ESCAPES = np.zeros(256, np.uint8)
_ESCAPES[list(b"&<>'\"")] = range(3, 8)
#: The most bytes that one byte of text becomes.
_LONGEST = 5


def _classes():
    """uint8[_TABLE]: what each character is to `analysis.WORD_PATTERN`."""
    classes = np.zeros(_TABLE, np.uint8)
    # Blanks in place of surrogates, which no text has.
    text = "".join(chr(code) if not 0xD800 <= code < 0xE000 else " " for code in range(_TABLE))
    for pattern, kind in (
        (rf"[^\W_{CJK}]+", _LETTER), (rf"[{CJK}{PART_SEPARATOR}]+", _SINGLE),
        (rf"[{MARKS}]+", _MARK), ("['’]", _APOSTROPHE),
    ):  # fmt: skip
        for found in re.finditer(pattern, text):
            classes[found.start() : found.end()] = kind
    return classes


CLASSES = _classes()

_U8 = readonly(nb.uint8)
_I64 = nb.int64[::1]
_I32 = nb.int32[::1]
_F64 = nb.float64[::1]
_OUT = nb.uint8[::1]
_TABLE_OF = nb.int64[:, ::1]
_PAIR = nb.types.UniTuple(nb.int64, 2)
_TRIPLE = nb.types.UniTuple(nb.int64, 3)

_INTEGER, _STRING, _ARRAY, _NEITHER = range(4)


@compiled(_TRIPLE(_U8, nb.int64))
def _head(data, at):
    """A MessagePack number, or the head of a text or an array.

    The place after it, the number or size, and which of them it is.
    """
    limit = len(data)
    if at >= limit:
        return at, 0, _NEITHER
    first = np.int64(data[at])
    at += 1
    if first < 0x80:
        return at, first, _INTEGER
    if 0x90 <= first < 0xA0:
        return at, first - 0x90, _ARRAY
    if 0xA0 <= first < 0xC0:
        return at, first - 0xA0, _STRING
    if 0xCC <= first <= 0xCE:
        kind, width = _INTEGER, 1 << (first - 0xCC)
    elif 0xD9 <= first <= 0xDB:
        kind, width = _STRING, 1 << (first - 0xD9)
    elif 0xDC <= first <= 0xDD:
        kind, width = _ARRAY, 2 << (first - 0xDC)
    else:
        return at, 0, _NEITHER
    if at + width > limit:
        return at, 0, _NEITHER
    number = np.int64(0)
    for _ in range(width):
        number = number << 8 | np.int64(data[at])
        at += 1
    return at, number, kind


@compiled(_TABLE_OF(_U8))
def _index_texts(data):
    """int64[n, 3]: of each text of `schema.Texts` its words, and the bytes from and to.

    Without rows if the data is anything else.
    """
    nothing = np.empty((0, 3), np.int64)
    at, number, kind = _head(data, 0)
    if kind != _ARRAY or number != 2:
        return nothing
    at, size, kind = _head(data, at)
    if kind != _ARRAY or size < OWN_TEXTS or (size - OWN_TEXTS) % 2 or size > len(data):
        return nothing
    index = np.empty((size, 3), np.int64)
    for i in range(size):
        at, number, kind = _head(data, at)
        if kind != _INTEGER:
            return nothing
        index[i, 0] = number
    at, number, kind = _head(data, at)
    if kind != _ARRAY or number != size:
        return nothing
    for i in range(size):
        at, number, kind = _head(data, at)
        if kind != _STRING or number > len(data) - at or index[i, 0] > number:
            return nothing
        index[i, 1] = at
        at += number
        index[i, 2] = at
    return index


@compiled(_PAIR(_U8, _U8, nb.int64, nb.int64))
def _character(classes, text, at, end):
    """The class of the character at `at` < end, and its bytes in UTF-8."""
    first = np.int64(text[at])
    if first < 0x80:
        return np.int64(classes[first]), 1
    size = 4 if first >= 0xF0 else 3 if first >= 0xE0 else 2 if first >= 0xC0 else 1
    if size == 1 or at + size > end:
        return _OTHER, 1
    code = first & (0x7F >> size)
    for i in range(1, size):
        code = code << 6 | np.int64(text[at + i]) & 0x3F
    if code < len(classes):
        return np.int64(classes[code]), size
    return (_SINGLE if code <= _LAST_CJK else _OTHER), size


@compiled(nb.int64(_U8, _U8, nb.int64, nb.int64, nb.int64, _I64))
def cut(classes, text, begin, end, limit, bounds):
    """Find the words of text[begin:end] as `analysis.WORD_PATTERN` does, at most `limit`.

    bounds: int64[≥ 2 · limit + 2], filled in with where each starts and ends; returns how
        many words there are
    """
    count = 0
    inside = np.uint8(0)
    at = begin
    while at < end and count < 2 * limit:
        byte = text[at]
        kind = classes[byte] if byte < 0x80 else np.uint8(_MARK)
        if kind <= _LETTER:
            # Without a branch, which would be mispredicted twice a word.
            bounds[count] = at
            count += kind ^ inside
            inside = kind
            at += 1
            continue
        character, size = _character(classes, text, at, end)
        goes_on = character == _LETTER or (inside and character == _MARK)
        if character == _APOSTROPHE and inside and at + size < end:
            # It joins what stands on both sides of it.
            goes_on = _character(classes, text, at + size, end)[0] == _LETTER
        bounds[count] = at
        count += np.uint8(goes_on) ^ inside
        inside = np.uint8(goes_on)
        if character == _SINGLE:
            bounds[count] = at
            bounds[count + 1] = at + size
            count += 2
        at += size
    if inside:
        bounds[count] = at
        count += 1
    return min(count // 2, limit)


@compiled(nb.int64(_OUT, nb.int64, nb.int64))
def _insert(out, at, which):
    """Write one of `_INSERTED` to `at`; returns the place after it."""
    for i in range(_BEGINS[which], _BEGINS[which + 1]):
        out[at] = _INSERTS[i]
        at += 1
    return at


@compiled(nb.int64(_U8, nb.int64, nb.int64, _OUT, nb.int64))
def _write(text, begin, end, out, at):
    """Write text[begin:end] as HTML to `at`; returns the place after it."""
    # Nearly every stretch has nothing to escape. Unsigned indices let both loops run on
    # many bytes at a time.
    source, target = np.uint64(begin), np.uint64(at)
    size = np.uint64(max(0, end - begin))
    special = np.uint8(0)
    for i in range(size):
        c = text[source + i]
        special |= np.uint8((c == 38) | (c == 60) | (c == 62) | (c == 39) | (c == 34))
    if special == 0:
        for i in range(size):
            out[target + i] = text[source + i]
        return at + np.int64(size)
    for i in range(begin, end):
        insert = _ESCAPES[text[i]]
        if insert == 0:
            out[at] = text[i]
            at += 1
        else:
            at = _insert(out, at, insert)
    return at


@compiled(nb.int64(_U8, nb.int64, nb.int64, _TABLE_OF, nb.int64, _OUT, nb.int64))
def _write_marked(text, here, end, spans, count, out, at):
    """Write text[here:end] as HTML, the spans inside of it marked; returns the place after."""
    for i in range(count):
        first, last = spans[i, 0], spans[i, 1]
        if first >= here and last <= end:
            at = _write(text, here, first, out, at)
            at = _insert(out, at, _OPEN)
            at = _write(text, first, last, out, at)
            at = _insert(out, at, _CLOSE)
            here = last
    return _write(text, here, end, out, at)


@compiled(nb.boolean(_I32, _I32, nb.int64, nb.int64, nb.int64, nb.int64))
def _cover(covered, joined, offset, words, first, last):
    """Note that a text matches from its word `first` to `last`; false if it has none such.

    covered, joined: int32[words + 1], to be added up from the left: how many matches a
    word is in, and how many it shares with the next
    """
    if first < 0 or last < first or last >= words:
        return False
    covered[offset + first] += 1
    covered[offset + last + 1] -= 1
    joined[offset + first] += 1
    joined[offset + last] -= 1
    return True


_POSTINGS = (readonly(nb.uint16), *PLACES)


@compiled(_TABLE_OF(*_POSTINGS, _TABLE_OF, nb.int64, nb.int64))
def _phrase(docs, tfs, packed, blocks, widths, long_postings, long_counts, bounds, doc, slop):
    """int64[n, 2]: the first and last positions of a phrase in a document.

    bounds: int64[T, C + 1], a row for each of its words. Of phrases that end alike, the
    shortest.
    """
    chunk = doc >> 16
    spans = np.empty((0, 2), np.int64)
    for term in range(len(bounds)):
        places = positions_in(
            docs, tfs, packed, blocks, widths, long_postings, long_counts, bounds[term, chunk],
            bounds[term, chunk + 1], doc & 0xFFFF,
        )  # fmt: skip
        following = np.empty((len(places), 2), np.int64)
        count = 0
        low = 0
        for place in places:
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
        spans = following[:count].copy()
        if count == 0:
            break
    return spans


@compiled(nb.boolean(_I64, nb.uint8[:, ::1], nb.int64))
def _holds(rule, found, article):
    """Whether a rule holds for an article; found[i, article]: it has leaf i.

    rule: steps in postfix order: i ≥ 0, leaf i; -2n, all of the n before; -2n - 1, any
    """
    stack = np.empty(len(rule) + 1, np.bool_)
    size = 0
    for step in rule:
        if step >= 0:
            stack[size] = found[step, article] != 0
            size += 1
            continue
        joined = -step // 2
        result = step % 2 == 0
        for i in range(size - joined, size):
            result = result and stack[i] if step % 2 == 0 else result or stack[i]
        size -= joined
        stack[size] = result
        size += 1
    return size == 0 or stack[0]


@compiled(_I64(_I64, nb.uint8[:, ::1], _F64))
def _rank(rule, found, scores):
    """The articles for which the rule holds, or if there is none that match, best first."""
    articles = found.shape[1]
    best = np.empty(articles, np.int64)
    for strict in (True, False):
        count = 0
        for article in range(articles):
            if found[:, article].any() and not (strict and not _holds(rule, found, article)):
                best[count] = article
                count += 1
        if count:
            break
    best = best[:count]
    return best[np.argsort(-scores[best], kind="mergesort")]


@compiled(nb.int64(_I64, nb.int64, _I32, _I32, nb.int64, _TABLE_OF))
def _merge(words, count, covered, joined, offset, spans):
    """Fill in the stretches of a text to mark, where they begin and end; returns how many.

    words: what `cut` has found, `count` of them; covered, joined: see `_cover`
    """
    merged = 0
    inside = np.int32(0)
    together = np.int32(0)
    for word in range(count):
        inside += covered[offset + word]
        if inside > 0:
            # Words that touch share a mark.
            if merged == 0 or (together == 0 and spans[merged - 1, 1] < words[2 * word]):
                spans[merged, 0] = words[2 * word]
                merged += 1
            spans[merged - 1, 1] = words[2 * word + 1]
        together += joined[offset + word]
    return merged


@compiled(_PAIR(_U8, nb.int64, nb.int64, _I64, nb.int64, _TABLE_OF, nb.int64))
def _window(text, begin, end, words, count, spans, merged):
    """The stretch of text[begin:end] that `marks.snippet` shows: where it begins and ends."""
    # characters[i]: how many of them begin before the byte begin + i.
    characters = np.zeros(end - begin + 1, np.int64)
    for i in range(end - begin):
        characters[i + 1] = characters[i] + (text[begin + i] & 0xC0 != 0x80)
    if characters[-1] <= SNIPPET_LENGTH:
        return begin, end
    best, most, stop = np.int64(0), 0, 0
    for i in range(merged):
        start = characters[spans[i, 0] - begin]
        while stop < merged and characters[spans[stop, 1] - begin] <= start + SNIPPET_LENGTH:
            stop += 1
        if stop - i > most:
            best, most = start, stop - i
    low = np.int64(0)
    for i in range(count):
        if characters[words[2 * i] - begin] <= max(0, best - SNIPPET_LEAD):
            low = characters[words[2 * i] - begin]
    low = 0 if low < SNIPPET_LEAD else low
    high = low
    for i in range(count):
        if characters[words[2 * i + 1] - begin] <= low + SNIPPET_LENGTH:
            high = characters[words[2 * i + 1] - begin]
    if high <= low:
        high = min(characters[-1], low + SNIPPET_LENGTH)
    if count == 0 or high == characters[words[2 * count - 1] - begin]:
        high = characters[-1]
    return (
        begin + np.searchsorted(characters, low, side="right") - 1,
        begin + np.searchsorted(characters, high, side="right") - 1,
    )


@compiled(nb.types.Tuple((_I64, _I64))(_TABLE_OF))
def _lay_out(index):
    """Where each text begins in `_cover`'s arrays, and where in the field `related`.

    int64[n + 1] and int64[n], both rising; -1 for the story's own texts.
    """
    offsets = np.zeros(len(index) + 1, np.int64)
    places = np.full(len(index), -1, np.int64)
    place = np.int64(0)
    for text in range(len(index)):
        offsets[text + 1] = offsets[text] + index[text, 0] + 1
        if text >= OWN_TEXTS:
            places[text] = place
            # Texts that are empty are no part of the field.
            if index[text, 2] > index[text, 1]:
                place += index[text, 0] + _HOLE
    return offsets, places


_MARKS = (_I32, _I32, _F64)


@compiled(nb.void(_TABLE_OF, _I64, _I64, nb.int64, nb.int64, nb.int64, *_MARKS))
def _note(index, offsets, places, text, first, last, covered, joined, tf):
    """Note a match in a text; where that is one of an article, add to its frequency.

    text: its number, or -1: first and last are positions in the field `related`
    tf: float64[articles]; a match in a title counts twice
    """
    base = np.int64(0)
    if text < 0:
        text = np.searchsorted(places, first, side="right") - 1
        if text < OWN_TEXTS:
            return
        base = places[text]
    if text >= len(index) or not _cover(
        covered, joined, offsets[text], index[text, 0], first - base, last - base
    ):
        return
    if text >= OWN_TEXTS:
        number = text - OWN_TEXTS
        tf[number // 2] += TITLE_WEIGHT if number % 2 == 0 else 1.0


@compiled(
    nb.types.Tuple((nb.uint8[:, ::1], _F64))(
        *_POSTINGS, _TABLE_OF, nb.int64, _TABLE_OF, _F64, _TABLE_OF, _TABLE_OF, _I64, _I32, _I32
    )
)  # fmt: skip
def _match(
    docs, tfs, packed, blocks, widths, long_postings, long_counts,
    bounds, doc, leaves, weights, extra, index, offsets, covered, joined,
):  # fmt: skip
    """Find every leaf in every text; fills in `covered` and `joined`, see `_cover`.

    Returns found uint8[n, articles], which article has which leaf, and the score of each:
    as BM25 without lengths, so that rare leaves and frequent ones weigh more.
    """
    places = _lay_out(index)[1]
    articles = (len(index) - OWN_TEXTS) // 2
    found = np.zeros((len(leaves), articles), np.uint8)
    scores = np.zeros(articles, np.float64)
    tf = np.zeros(articles, np.float64)
    chunk = doc >> 16
    for leaf in range(len(leaves)):
        field, begin, end = leaves[leaf, FIELD], leaves[leaf, BEGIN], leaves[leaf, END]
        text = field if field < OWN_TEXTS else np.int64(-1)
        if end - begin == 1:
            for place in positions_in(
                docs, tfs, packed, blocks, widths, long_postings, long_counts, bounds[begin, chunk],
                bounds[begin, chunk + 1], doc & 0xFFFF,
            ):  # fmt: skip
                _note(index, offsets, places, text, place, place, covered, joined, tf)
        elif end > begin:
            spans = _phrase(
                docs, tfs, packed, blocks, widths, long_postings, long_counts,
                bounds[begin:end], doc, leaves[leaf, SLOP],
            )  # fmt: skip
            for i in range(len(spans)):
                _note(index, offsets, places, text, spans[i, 0], spans[i, 1], covered, joined, tf)
        for i in range(len(extra)):
            if extra[i, 0] == leaf and extra[i, 1] >= 0:
                _note(
                    index, offsets, places, extra[i, 1], extra[i, 2], extra[i, 3], covered,
                    joined, tf,
                )  # fmt: skip
        if field < OWN_TEXTS:
            continue
        for article in range(articles):
            if tf[article] > 0:
                found[leaf, article] = 1
                scores[article] += weights[leaf] * tf[article] / (tf[article] + K1)
                tf[article] = 0
    return found, scores


@compiled(nb.void(_U8, _U8, _TABLE_OF, _I64, _I64, _I32, _I32, _OUT, _I64))
def _compose(classes, texts, index, shown, offsets, covered, joined, html, ends):
    """Write the texts with the numbers `shown` as HTML; ends: int64, where each ends."""
    most = np.int64(0)
    for text in shown:
        most = max(most, index[text, 0])
    words = np.empty(2 * most + 2, np.int64)
    spans = np.empty((most, 2), np.int64)
    at = np.int64(0)
    for i in range(len(shown)):
        size, begin, end = index[shown[i], 0], index[shown[i], 1], index[shown[i], 2]
        offset = offsets[shown[i]]
        count, merged = np.int64(0), np.int64(0)
        for word in range(size):
            if covered[offset + word] or i == _BODY:
                count = cut(classes, texts, begin, end, size, words)
                merged = _merge(words, count, covered, joined, offset, spans)
                break
        first, last = begin, end
        if i == _BODY:
            first, last = _window(texts, begin, end, words, count, spans, merged)
        if first > begin:
            at = _insert(html, at, _BEFORE)
        at = _write_marked(texts, first, last, spans, merged, html, at)
        if last < end:
            at = _insert(html, at, _AFTER)
        ends[i] = at


@compiled(
    _PAIR(
        *_POSTINGS, _TABLE_OF, nb.int64, _TABLE_OF, _F64, _I64, _TABLE_OF, _U8, _U8,
        _OUT, _I64, _F64,
    )
)  # fmt: skip
def explain(
    docs,
    tfs,
    packed,
    blocks,
    widths,
    long_postings,
    long_counts,
    bounds,
    doc,
    leaves,
    weights,
    rule,
    extra,
    classes,
    texts,
    html,
    numbers,
    scores,
):
    """What of a query matches in a document; some 5 µs for a story with 25 articles.

    tfs, packed, blocks, widths, long_postings, long_counts: `SegmentArrays.position_arrays`
    bounds: int64[T, C + 1], for every term of the query in a field its postings in each
        chunk of documents
    leaves: int64[n, 4], see FIELD; weights: float64[n], what each is worth in an article
    rule: int64[r], when an article matches the whole query, see `_holds`
    extra: int64[m, 4], matches found otherwise: leaf, number of the text, first, last word
    classes: CLASSES; texts: the stored texts of the document, see `schema.Texts`

    Returns how many articles match, or -1 if the texts are damaged, and how many bytes of
    HTML there may be at most. If there is room for both, these are filled in:

    numbers: int64[≥ 3 + 3n], where in `html` the story's title and excerpt and a snippet of
        its body end, and title and excerpt of each of the n articles; then their numbers,
        best first
    scores: float64[≥ n], theirs; html: uint8, the HTML of all these texts, one by one
    """
    index = _index_texts(texts)
    if len(index) == 0:
        return -1, 0
    offsets = _lay_out(index)[0]
    covered = np.zeros(offsets[-1], np.int32)
    joined = np.zeros(offsets[-1], np.int32)
    found, values = _match(
        docs, tfs, packed, blocks, widths, long_postings, long_counts,
        bounds, doc, leaves, weights, extra, index, offsets, covered, joined,
    )  # fmt: skip
    best = _rank(rule, found, values)
    count = len(best)
    shown = np.arange(OWN_TEXTS + 2 * count)
    room = np.int64(_ELLIPSES_SIZE)
    for i in range(len(shown)):
        if i >= OWN_TEXTS:
            number = i - OWN_TEXTS
            shown[i] = OWN_TEXTS + 2 * best[number // 2] + number % 2
        text = shown[i]
        room += _LONGEST * (index[text, 2] - index[text, 1]) + _MARK_SIZE * index[text, 0]
    if room <= len(html) and count <= len(scores) and len(shown) + count <= len(numbers):
        _compose(classes, texts, index, shown, offsets, covered, joined, html, numbers)
        for i in range(count):
            numbers[len(shown) + i] = best[i]
            scores[i] = values[best[i]]
    return count, room
