"""The rows of stories as brute force sees them: words, their weights, what fits a leaf."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from functools import cache
from math import floor, log2
from typing import NamedTuple

from indexer.analysis import fold, iter_words, stem_of
from indexer.english import light_form
from indexer.query.nodes import Fuzzy, Pattern, Phrase, TextNode

#: What an occurrence in a field counts, and which part of the length it is divided by.
_FIELDS = {"title": (3.0, 0.5), "excerpt": (1.0, 0.7), "body": (1.0, 0.7), "about": (0.5, 0.0)}

#: A part of a row's text that no phrase leaves: its field, and folded words by position.
Part = tuple[str, list[str]]


class Row(NamedTuple):
    """A row of a story; `t` is the weight of each written word."""

    lead: bool
    parts: list[Part]
    t: dict[str, float]

    def fields_of(self, form: str) -> set[str]:
        """The fields that have a written word."""
        return {field for field, words in self.parts if form in words}


@cache
def stem(form: str) -> str:
    return stem_of(form)


@cache
def light(form: str) -> str:
    return light_form(form)


def folded(text: str) -> list[str]:
    return [fold(word.text) for word in iter_words(text)]


def parts_of(row: tuple[object, ...]) -> list[Part]:
    title, excerpt, body, about = row
    texts = [("title", title), ("excerpt", excerpt), ("body", body)]
    return [(field, folded(text)) for field, text in (*texts, *(("about", n) for n in about))]


def averages_of(rows: list[list[Part]]) -> dict[str, float]:
    """The average lengths of fields; of a body, over the rows that have one."""
    averages = {}
    for field in _FIELDS:
        lengths = [sum(len(words) for name, words in parts if name == field) for parts in rows]
        counted = len(lengths) if field != "body" else sum(length > 0 for length in lengths)
        averages[field] = max(1.0, sum(lengths) / max(1, counted))
    return averages


def weights_of(parts: list[Part], averages: dict[str, float]) -> dict[str, float]:
    """t of each written word of a row, in the steps in which it is kept."""
    lengths = Counter[str]()
    for field, words in parts:
        lengths[field] += len(words)
    t: dict[str, float] = {}
    for field, words in parts:
        count, part = _FIELDS[field]
        for word in filter(None, words):
            relative = lengths[field] / averages[field]
            t[word] = t.get(word, 0.0) + count / (1 - part + part * relative)
    return {word: _stepped(value) for word, value in t.items()}


def _stepped(t: float) -> float:
    """The nearest of 255 steps, 20 of which double t; the least is 1/64."""
    step = min(254, max(0, floor(20 * log2(64 * t) + 0.5)))
    return 2.0 ** (step / 20) / 64


def saturated(t: float) -> float:
    return t / (t + 1.2)


def inside(node: TextNode, row: Row, form: str) -> bool:
    """Whether a written word stands in a row where a leaf is sought."""
    if node.field is None:
        return True
    if node.field == "related":
        return not row.lead and bool(row.fields_of(form) & {"title", "excerpt"})
    return row.lead and node.field in row.fields_of(form)


def has_phrase(row: Row, node: Phrase) -> bool:
    wanted = {"title", "excerpt"} if node.field == "related" else {node.field}
    if node.field is not None and row.lead != (node.field != "related"):
        return False
    return any(
        _in_order(words, node)
        for field, words in row.parts
        if node.field is None or field in wanted
    )


def _in_order(words: list[str], node: Phrase) -> bool:
    def places_of(word: str) -> set[int]:
        if node.exact:
            return {at for at, form in enumerate(words) if form == word}
        return {at for at, form in enumerate(words) if form and stem(form) == stem(word)}

    places = places_of(node.words[0])
    for word in node.words[1:]:
        places = {
            at for at in places_of(word) if any(0 < at - place <= node.slop + 1 for place in places)
        }
    return bool(places)


@cache
def fits(node: Pattern | Fuzzy, form: str) -> bool:
    if isinstance(node, Pattern):
        return fnmatchcase(form, node.text.replace("[", "[[]"))
    return _edits(node.text, form) <= node.distance


def _edits(one: str, other: str) -> int:
    """How many edits lie between two words.

    An edit puts a letter in, leaves one out, exchanges one or swaps two neighbours; no letter
    is edited twice.
    """

    @cache
    def edits(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        least = min(edits(i - 1, j) + 1, edits(i, j - 1) + 1)
        least = min(least, edits(i - 1, j - 1) + (one[i - 1] != other[j - 1]))
        if one[i - 2 : i] == other[j - 2 : j][::-1] and min(i, j) > 1:
            least = min(least, edits(i - 2, j - 2) + 1)
        return least

    return edits(len(one), len(other))
