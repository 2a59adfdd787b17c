"""What of a query matches in a story: words to mark, related articles; layer 6.

The index says at which positions a term stands, which are numbers of words. The texts of
a story are stored with how many words each has, which gives the articles that match. A
text is cut into words only when somebody reads its highlights, and only to see where in
it those words stand.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import accumulate, chain
from math import log
from typing import Protocol

from whoosh import query as wq
from whoosh.query.terms import MultiTerm

from .analysis import POSITION_GAP
from .codec.read import SegmentArrays
from .codec.terms import TermEntry
from .evaluate import posting_of
from .marks import Span, WordFinder, find_phrase, mark, snippet
from .schema import OWN_TEXTS, TEXT_FIELDS, Texts, read_texts
from .snapshot import Snapshot

K1 = 1.2
TITLE_WEIGHT = 2.0


class Explained(Protocol):
    """What of a query matches in one story.

    ranked: numbers of the related articles that match, best first, with their scores
    """

    ranked: list[tuple[int, float]]

    def story(self) -> Mapping[str, str]:
        """Escaped HTML of title and excerpt, and a snippet of the body if there is one."""

    def article(self, place: int) -> Mapping[str, str]:
        """Escaped HTML of title and excerpt of an article, by its place in `ranked`."""


#: When an article matches the whole query, in postfix order: n ≥ 0 is the leaf n, -2n all
#: of the n before, -2n - 1 any of them.
Rule = list[int]


class Explainer:
    """Explains a query in the stories of a snapshot."""

    def __init__(self, query: wq.Query, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._query = query
        self._entries: dict[tuple[SegmentArrays, str, str], TermEntry | None] = {}

    def explain(self, doc_id: int, data: bytes) -> Explained:
        """What matches in a story, given its stored texts; raises `IndexCorrupt`."""
        return _Plain(self, doc_id, self._read(doc_id, data))

    def _read(self, doc_id: int, data: bytes) -> Texts:
        try:
            return read_texts(data)
        except ValueError as error:
            raise self.snapshot.damaged(doc_id, error) from error

    @cached_property
    def leaves(self) -> list[wq.Query]:
        """The leaves that can make a story match, each once."""
        return self._read_query[0]

    @cached_property
    def rule(self) -> Rule:
        """Whether the query holds for an article; empty if it says nothing about articles."""
        return self._read_query[1]

    @cached_property
    def _read_query(self) -> tuple[list[wq.Query], Rule]:
        leaves: dict[wq.Query, int] = {}
        rule = _read(self._query, leaves)
        return list(leaves), rule

    @cached_property
    def weights(self) -> list[float]:
        """What each leaf is worth in a related article; 0.0 for leaves of other fields."""
        return [self._weight(leaf) if leaf.fieldname == "related" else 0.0 for leaf in self.leaves]

    def _weight(self, leaf: wq.Query) -> float:
        """The inverse document frequency, as in BM25; patterns count as rare as one story."""
        frequency = min((self._doc_frequency(leaf, term) for term in terms_of(leaf)), default=1)
        return float(leaf.boost) * log(1 + self.snapshot.size / (frequency + 1))

    def _doc_frequency(self, leaf: wq.Query, term: str) -> int:
        entries = [self.entry(segment, leaf.fieldname, term) for segment in self.snapshot.segments]
        return sum(entry.df for entry in entries if entry is not None)

    @cached_property
    def finders(self) -> dict[int, WordFinder]:
        """For the leaves that are patterns: one may stand for thousands of terms, a text has
        few words."""
        return {
            number: WordFinder([leaf])
            for number, leaf in enumerate(self.leaves)
            if isinstance(leaf, MultiTerm)
        }

    def matches(self, number: int, doc_id: int, texts: Texts) -> Iterator[tuple[int, Span]]:
        """Where a leaf matches: number of the text, first and last word in it."""
        leaf = self.leaves[number]
        field = TEXT_FIELDS.index(leaf.fieldname)
        if number in self.finders:
            yield from found_in(self.finders[number], field, texts)
        elif field < OWN_TEXTS:
            for span in self._spans(leaf, doc_id):
                yield field, span
        else:
            starts = _starts(texts)
            for first, last in self._spans(leaf, doc_id):
                text = bisect_right(starts, first) - 1
                yield OWN_TEXTS + text, (first - starts[text], last - starts[text])

    def _spans(self, leaf: wq.Query, doc_id: int) -> list[Span]:
        """The positions at which a term or a phrase stands in a story: first and last."""
        if not isinstance(leaf, wq.Phrase):
            return [(place, place) for place in self._positions(leaf.fieldname, leaf.text, doc_id)]
        places = [self._positions(leaf.fieldname, word, doc_id) for word in leaf.words]
        return find_phrase(places, leaf.slop)

    def _positions(self, field: str, term: str, doc_id: int) -> list[int]:
        segment, doc = self.snapshot.locate(doc_id)
        entry = self.entry(segment, field, term)
        posting = None if entry is None else posting_of(segment, entry, doc)
        return [] if posting is None else segment.positions(posting)

    def entry(self, segment: SegmentArrays, field: str, term: str) -> TermEntry | None:
        """A term of a field in a segment, looked up once."""
        key = (segment, field, term)
        if key not in self._entries:
            self._entries[key] = segment.find_term(field, term.encode())
        return self._entries[key]


def found_in(finder: WordFinder, field: int, texts: Texts) -> Iterator[tuple[int, Span]]:
    """Where the words of a pattern stand in the texts of a field: text, first, last word."""
    numbers = (field,) if field < OWN_TEXTS else range(OWN_TEXTS, len(texts.texts))
    for number in numbers:
        for span in finder.find(texts.texts[number]):
            yield number, span


def _starts(texts: Texts) -> list[int]:
    """The position at which each text of the articles begins in the field `related`."""
    sizes = zip(texts.words[OWN_TEXTS:], texts.texts[OWN_TEXTS:], strict=True)
    # Texts that are empty are no part of the field.
    gaps = (words + POSITION_GAP if text else 0 for words, text in sizes)
    return list(accumulate(gaps, initial=0))[:-1]


class _Plain:
    """What matches in one story, worked out step by step."""

    def __init__(self, explainer: Explainer, doc_id: int, texts: Texts) -> None:
        self._texts = texts.texts
        self._spans: dict[int, list[Span]] = {}
        matches: dict[int, _Match] = {}
        for leaf in range(len(explainer.leaves)):
            for text, span in explainer.matches(leaf, doc_id, texts):
                self._spans.setdefault(text, []).append(span)
                if text >= OWN_TEXTS:
                    article, in_excerpt = divmod(text - OWN_TEXTS, 2)
                    matches.setdefault(article, _Match()).add(leaf, not in_excerpt)
        whole = {n: match for n, match in matches.items() if _holds(explainer.rule, match.leaves)}
        scores = {n: match.score(explainer.weights) for n, match in (whole or matches).items()}
        self.ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))

    def story(self) -> dict[str, str]:
        marked = {"title": self._mark(0), "excerpt": self._mark(1)}
        if body := self._texts[2]:
            marked["body"] = snippet(body, self._spans.get(2, []))
        return marked

    def article(self, place: int) -> dict[str, str]:
        text = OWN_TEXTS + 2 * self.ranked[place][0]
        return {"title": self._mark(text), "excerpt": self._mark(text + 1)}

    def _mark(self, text: int) -> str:
        return mark(self._texts[text], self._spans.get(text, []))


class _Match:
    """What of a query a related article has."""

    def __init__(self) -> None:
        self.leaves: dict[int, float] = {}

    def add(self, leaf: int, in_title: bool) -> None:
        """Note a match of a leaf; one in a title counts twice."""
        weight = TITLE_WEIGHT if in_title else 1.0
        self.leaves[leaf] = self.leaves.get(leaf, 0.0) + weight

    def score(self, weights: list[float]) -> float:
        """As BM25 without lengths: rare leaves and frequent ones weigh more."""
        return sum(weights[leaf] * tf / (tf + K1) for leaf, tf in self.leaves.items())


def terms_of(leaf: wq.Query) -> list[str]:
    """The terms whose positions say where a leaf matches; none for patterns."""
    if isinstance(leaf, MultiTerm):
        return []
    return list(leaf.words) if isinstance(leaf, wq.Phrase) else [leaf.text]


def _read(query: wq.Query, leaves: dict[wq.Query, int]) -> Rule:
    """Number the leaves of a query that can make a story match; returns the rule.

    What NOT excludes and filters say is left out, in leaves and rule.
    """
    if isinstance(query, wq.Term | wq.Phrase | MultiTerm):
        if query.fieldname not in TEXT_FIELDS:
            return []
        number = leaves.setdefault(query, len(leaves))
        return [number] if query.fieldname == "related" else []
    if isinstance(query, wq.And | wq.Or):
        rules = [rule for child in query.subqueries if (rule := _read(child, leaves))]
        joint = [-2 * len(rules) - isinstance(query, wq.Or)] if len(rules) > 1 else []
        return [*chain.from_iterable(rules), *joint]
    if isinstance(query, wq.AndNot):
        return _read(query.a, leaves)
    if isinstance(query, wq.ConstantScoreQuery):
        return _read(query.child, leaves) if query.score else []
    return []


def _holds(rule: Rule, leaves: Mapping[int, float]) -> bool:
    """Whether a rule holds for an article with these leaves."""
    stack: list[bool] = []
    for step in rule:
        if step >= 0:
            stack.append(step in leaves)
            continue
        joined, anyone = divmod(-step, 2)
        last = stack[-joined:]
        stack[-joined:] = [any(last) if anyone else all(last)]
    return all(stack)
