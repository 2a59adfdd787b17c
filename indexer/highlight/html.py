"""Texts as escaped HTML with some stretches marked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ..analysis import CJK
from .marks import Span

#: Of a long body so many characters are shown, and some before the first match.
SNIPPET_LENGTH = 280
SNIPPET_LEAD = SNIPPET_LENGTH // 5

# Where a text may be cut: after blanks to begin there, before a blank to end there, and
# after Chinese characters and kana, which have no blanks between them.
_BEGIN = re.compile(rf"\s(?=\S)|(?<=[{CJK}])")
_END = re.compile(rf".*(?:(?<=\S)(?=\s)|(?<=[{CJK}]))", re.DOTALL)


def mark(text: str, spans: Sequence[Span]) -> str:
    """A text with these stretches marked."""
    return _marked(text, spans, 0, len(text))


def snippet(body: str, spans: Sequence[Span]) -> str:
    """The stretch of a long text in which most is marked, cut between words."""
    begin, end = _window(body, spans)
    inside = [(max(first, begin), min(last, end)) for first, last in spans if first < end]
    head, tail = "… " if begin else "", " …" if end < len(body) else ""
    return head + _marked(body, [span for span in inside if span[0] < span[1]], begin, end) + tail


def _marked(text: str, spans: Sequence[Span], start: int, end: int) -> str:
    whole = _escape(text[start:end])
    if not spans:
        return whole
    # Most texts have nothing to escape, which makes them longer.
    escape: Callable[[str], str] = str if len(whole) == end - start else _escape
    parts: list[str] = []
    for first, last in spans:
        parts += (escape(text[start:first]), "<mark>", escape(text[first:last]), "</mark>")
        start = last
    parts.append(escape(text[start:end]))
    return "".join(parts)


def _escape(text: str) -> str:
    """As that of markupsafe does, which takes nearly twice as long for short texts."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("'", "&#39;").replace('"', "&#34;")


def _window(text: str, spans: Sequence[Span]) -> Span:
    """Where the stretch starts and ends that is shown of a body."""
    if len(text) <= SNIPPET_LENGTH:
        return 0, len(text)
    best = _fullest(spans)
    begin = 0
    if best > 2 * SNIPPET_LEAD:
        # A little of what stands before the first match.
        cut = _BEGIN.search(text, best - SNIPPET_LEAD, best)
        begin = cut.end() if cut else best
    limit = begin + SNIPPET_LENGTH
    if limit >= len(text):
        return begin, len(text)
    fitting = _END.match(text, begin, limit + 1)
    end = min(fitting.end(), limit) if fitting else limit
    return begin, end if end > begin else limit


def _fullest(spans: Sequence[Span]) -> int:
    """Where the first starts of as many spans as fit into a snippet."""
    best, most, stop = 0, 0, 0
    for number, (start, _) in enumerate(spans):
        while stop < len(spans) and spans[stop][1] <= start + SNIPPET_LENGTH:
            stop += 1
        if stop - number > most:
            best, most = start, stop - number
    return best
