"""The rows of stories as brute force sees them: words, their weights, what fits a leaf."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from functools import cache
from math import floor, log2
from typing import NamedTuple

from indexer.analysis import fold, is_acronym, iter_words, stem_of
from indexer.languages.english import light_form
from indexer.query.nodes import Compound, Fuzzy, Near, Pattern, Phrase, TextNode, Word

#: What an occurrence in a field counts, and which part of the length it is divided by.
_FIELDS = {"title": (3.0, 0.5), "excerpt": (1.0, 0.7), "body": (1.0, 0.7), "about": (0.5, 0.0)}

#: A part of a row's text that no phrase leaves: its field, and folded words with positions.
Part = tuple[str, list[tuple[int, str]]]


class Row(NamedTuple):
    """A row of a story; `t` is the weight of each written word, `acronyms` those in capitals."""

    lead: bool
    parts: list[Part]
    t: dict[str, float]
    acronyms: set[str]

    def fields_of(self, form: str) -> set[str]:
        """The fields that have a written word."""
        return {field for field, words in self.parts if form in dict(map(reversed, words))}


@cache
def stem(form: str) -> str:
    return stem_of(form)


@cache
def light(form: str) -> str:
    return light_form(form)


def folded(text: str) -> list[tuple[int, str]]:
    return [(word.position, fold(word.text)) for word in iter_words(text)]


def width(words: list[tuple[int, str]]) -> int:
    """How many positions words take: those that join others stand where these do."""
    return len({position for position, _ in words})


def parts_of(row: tuple[object, ...]) -> list[Part]:
    title, excerpt, body, about = row
    texts = [("title", title), ("excerpt", excerpt), ("body", body)]
    return [(field, folded(text)) for field, text in (*texts, *(("about", n) for n in about))]


def averages_of(rows: list[list[Part]]) -> dict[str, float]:
    """The average lengths of fields; of a body, over the rows that have one."""
    averages = {}
    for field in _FIELDS:
        lengths = [sum(width(words) for name, words in parts if name == field) for parts in rows]
        counted = len(lengths) if field != "body" else sum(length > 0 for length in lengths)
        averages[field] = max(1.0, sum(lengths) / max(1, counted))
    return averages


def weights_of(parts: list[Part], averages: dict[str, float]) -> dict[str, float]:
    """t of each written word of a row, in the steps in which it is kept."""
    lengths = Counter[str]()
    for field, words in parts:
        lengths[field] += width(words)
    t: dict[str, float] = {}
    for field, words in parts:
        count, part = _FIELDS[field]
        for word in filter(None, (word for _, word in words)):
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


def _in_order(words: list[tuple[int, str]], node: Phrase) -> bool:
    return bool(ends_of(words, node))


def ends_of(words: list[tuple[int, str]], node: Phrase) -> set[tuple[int, int]]:
    """Where a phrase stands: its first position and its last."""
    spots = {(at, at) for at in _places_of(words, node.words[0], node.exact)}
    for word in node.words[1:]:
        spots = {
            (max(start for start, end in spots if 0 < at - end <= node.slop + 1), at)
            for at in _places_of(words, word, node.exact)
            if any(0 < at - end <= node.slop + 1 for _, end in spots)
        }
    return spots


def _places_of(words: list[tuple[int, str]], sought: str, exact: bool) -> set[int]:
    if "*" in sought or "?" in sought:
        return {at for at, form in words if form and fits(Pattern(sought), form)}
    if exact:
        return {at for at, form in words if form == sought}
    return {at for at, form in words if form and stem(form) == stem(sought)}


def is_near(row: Row, node: Near) -> bool:
    """Whether two stand near each other in any part of a row."""
    return any(
        0 < start - end <= node.distance
        for _, words in row.parts
        for one, other in ((node.left, node.right), (node.right, node.left))
        for _, end in _spots(words, one)
        for start, _ in _spots(words, other)
    )


def _spots(words: list[tuple[int, str]], node: TextNode) -> set[tuple[int, int]]:
    if isinstance(node, Compound):
        return _spots(words, Word(node.text)) | _spots(words, Phrase(node.parts))
    if isinstance(node, Phrase):
        return ends_of(words, node)
    exact = isinstance(node, Word) and node.exact
    return {(at, at) for at in _places_of(words, node.text, exact)}


def acronyms_of(row: tuple[object, ...]) -> set[str]:
    """The folded words that a row has in capitals alone, as acronyms are written."""
    title, excerpt, body, about = row
    texts = [text for text in (title, excerpt, body, *about) if not _shouted(text)]
    return {fold(w.text) for text in texts for w in iter_words(text) if is_acronym(w.text)}


def _shouted(text: str) -> bool:
    return text.isupper() and text.count(" ") > 2


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
