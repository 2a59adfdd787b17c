"""Where in a text the words of a query stand, as escaped HTML."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from markupsafe import escape

from ..analysis import WORD_PATTERN

#: Of a long body so many characters are shown, and some before the first match.
SNIPPET_LENGTH = 280
SNIPPET_LEAD = SNIPPET_LENGTH // 5
#: What a match in the title of a related article is worth, against 1 in its excerpt.
TITLE_WEIGHT = 2.0

#: A first and a last: of words, both included; of characters, the end not.
Span = tuple[int, int]
_SPECIAL = re.compile("[&<>'\"]")


def cut_words(text: str) -> tuple[list[int], list[int]]:
    """The words of a text: where each starts and where it ends."""
    spans = [match.span() for match in WORD_PATTERN.finditer(text)]
    return [start for start, _ in spans], [end for _, end in spans]


def mark(text: str, found: list[Span]) -> str:
    """A text with some of its words marked; `found` are spans of word numbers."""
    if not found:
        return _escape(text)
    starts, ends = cut_words(text)
    return _marked(text, _character_spans(found, starts, ends), 0, len(text))


def snippet(text: str, found: list[Span]) -> str:
    """The stretch of a long text with the most words marked, cut between words."""
    starts, ends = cut_words(text)
    spans = _character_spans(found, starts, ends)
    begin, end = _window(text, spans, starts, ends)
    head, tail = "… " if begin else "", " …" if end < len(text) else ""
    return head + _marked(text, spans, begin, end) + tail


def _character_spans(found: list[Span], starts: Sequence[int], ends: Sequence[int]) -> list[Span]:
    """Spans of word numbers → of characters, in order, merged where they touch."""
    merged: list[Span] = []
    for first, last in sorted(found):
        if last >= len(ends):
            break  # a position that the text does not have: the index is damaged
        start, end = int(starts[first]), int(ends[last])
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def find_phrase(places: list[list[int]], slop: int) -> list[Span]:
    """Phrases whose words stand at these places, each at most `slop` after the one before.

    The first and the last position of each; for every last one the nearest first.
    """
    begun = {place: place for place in places[0]}
    for following in places[1:]:
        begun = {
            place: start
            for place in following
            if (start := max((begun[place - gap] for gap in range(1, slop + 1)
                              if place - gap in begun), default=None)) is not None
        }  # fmt: skip
    return [(start, end) for end, start in begun.items()]


def _escape(text: str) -> str:
    # Nearly every stretch of text has nothing to escape.
    return text if _SPECIAL.search(text) is None else str(escape(text))


def _marked(text: str, spans: list[Span], start: int, end: int) -> str:
    parts = []
    at = start
    for first, last in spans:
        if first >= start and last <= end:
            parts += [_escape(text[at:first]), "<mark>", _escape(text[first:last]), "</mark>"]
            at = last
    parts.append(_escape(text[at:end]))
    return "".join(parts)


def _window(text: str, spans: list[Span], starts: Sequence[int], ends: Sequence[int]) -> Span:
    if len(text) <= SNIPPET_LENGTH:
        return 0, len(text)
    best, most, stop = 0, 0, 0
    for number, (start, _) in enumerate(spans):
        while stop < len(spans) and spans[stop][1] <= start + SNIPPET_LENGTH:
            stop += 1
        if stop - number > most:
            best, most = start, stop - number
    # A little of what stands before the first match, from the start of a word.
    begin = _last_until(starts, max(0, best - SNIPPET_LEAD), 0)
    begin = 0 if begin < SNIPPET_LEAD else begin
    end = _last_until(ends, begin + SNIPPET_LENGTH, begin)
    if end <= begin:
        end = min(len(text), begin + SNIPPET_LENGTH)
    return begin, len(text) if not ends or end == ends[-1] else end


def _last_until(places: Sequence[int], most: int, otherwise: int) -> int:
    """The last of rising places that is not after `most`."""
    number = bisect_right(places, most)
    return places[number - 1] if number else otherwise
