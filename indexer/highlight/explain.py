"""What of a query matches in a story: words to mark, related articles.

The index says at which positions a term stands, which are numbers of words. The texts of
a story are stored with how many words each has, which gives the articles that match. A
text is cut into words only when somebody reads its highlights, and only to see where in
it those words stand.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, chain
from math import log
from typing import NamedTuple, Protocol

from whoosh import query as wq
from whoosh.query.terms import MultiTerm

from ..analysis import POSITION_GAP, WORD_PATTERN, stem
from ..codec.read import SegmentArrays
from ..codec.terms import TermEntry
from ..query.clauses import WordClause
from ..schema import EVERYWHERE, OWN_TEXTS, TEXT_BOOSTS, TEXT_FIELDS, Texts, read_texts
from ..search.plain import K1, posting_of
from ..search.snapshot import Snapshot
from .html import TITLE_WEIGHT, Span, find_phrase, mark, snippet


class Explained(Protocol):
    """What of a query matches in one story."""

    @property
    def scores(self) -> Sequence[float]:
        """Those of the related articles that match, best first."""

    @property
    def articles(self) -> Sequence[int]:
        """The numbers of these articles."""

    @property
    def highlights(self) -> Mapping[str, str]:
        """Escaped HTML of title and excerpt, and a snippet of the body if there is one."""

    @property
    def related(self) -> Sequence[Mapping[str, str]]:
        """Escaped HTML of title and excerpt of each of these articles."""


class Leaf(NamedTuple):
    """A part of a query that has no parts, in a text field.

    field: its number, that of `related` being OWN_TEXTS; EVERYWHERE: one term in each
    terms: those whose positions say where it matches: one, or those of a phrase, each at
        most `slop` after the one before; none for a pattern
    """

    field: int
    terms: tuple[str, ...]
    boost: float = 1.0
    slop: int = 0
    pattern: MultiTerm | None = None


#: When an article matches the whole query, in postfix order: n ≥ 0 is the leaf n, -2n all
#: of the n before, -2n - 1 any of them. [0, 1, -4] is leaf 0 AND leaf 1.
Rule = list[int]


class Explainer:
    """Explains a query in the stories of a snapshot."""

    def __init__(self, query: wq.Query, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        leaves: dict[Leaf, int] = {}
        self.rule: Rule = _read(query, leaves)
        #: The leaves that can make a story match, each once.
        self.leaves = list(leaves)
        self._entries: dict[tuple[SegmentArrays, int, str], TermEntry | None] = {}

    def explain(self, doc_ids: Sequence[int], texts: Sequence[bytes]) -> Sequence[Explained | None]:
        """What matches in stories, given their stored texts; None if those are damaged."""
        return list(map(self._explain, doc_ids, texts))

    def _explain(self, doc_id: int, data: bytes) -> Explained | None:
        try:
            return _Plain(self, doc_id, read_texts(data))
        except ValueError:
            return None

    @cached_property
    def weights(self) -> list[float]:
        """What each leaf is worth in a related article, see `weight_of`."""
        return [
            weight_of(leaf, (self._doc_frequency(term) for term in leaf.terms), self.snapshot)
            for leaf in self.leaves
        ]

    def _doc_frequency(self, term: str) -> int:
        entries = [self._entry(segment, OWN_TEXTS, term) for segment in self.snapshot.segments]
        return sum(entry.df for entry in entries if entry is not None)

    @cached_property
    def expanded(self) -> dict[int, dict[str, list[int]]]:
        """For each field the terms that patterns stand for, and the leaves these are."""
        fields: dict[int, dict[str, list[int]]] = {}
        for number, leaf in enumerate(self.leaves):
            if leaf.pattern is not None:
                terms = fields.setdefault(leaf.field, {})
                for term in self.snapshot.expander.terms(leaf.pattern):
                    terms.setdefault(term, []).append(number)
        return fields

    def pattern_matches(self, texts: Texts) -> Iterator[tuple[int, int, Span]]:
        """Where patterns match in a story: the leaf, number of the text, and word in it."""
        for number, text in enumerate(texts.texts):
            terms = self.expanded.get(min(number, OWN_TEXTS))
            for place, word in enumerate(WORD_PATTERN.findall(text) if terms else ()):
                for leaf in terms.get(stem(word), ()) if terms else ():
                    yield leaf, number, (place, place)

    def matches(self, number: int, doc_id: int, texts: Texts) -> Iterator[tuple[int, Span]]:
        """Where a leaf that is no pattern matches: number of the text, first and last word."""
        leaf = self.leaves[number]
        if leaf.pattern is not None:
            return
        if leaf.field == EVERYWHERE:
            for field in range(len(TEXT_FIELDS)):
                yield from self._matches_in(field, leaf, doc_id, texts)
        else:
            yield from self._matches_in(leaf.field, leaf, doc_id, texts)

    def _matches_in(
        self, field: int, leaf: Leaf, doc_id: int, texts: Texts
    ) -> Iterator[tuple[int, Span]]:
        if field < OWN_TEXTS:
            for span in self._spans(field, leaf, doc_id):
                yield field, span
        else:
            starts = _starts(texts)
            for first, last in self._spans(field, leaf, doc_id):
                text = bisect_right(starts, first) - 1
                yield OWN_TEXTS + text, (first - starts[text], last - starts[text])

    def _spans(self, field: int, leaf: Leaf, doc_id: int) -> list[Span]:
        """The positions at which a term or a phrase stands in a story: first and last."""
        places = [self._positions(field, term, doc_id) for term in leaf.terms]
        return find_phrase(places, leaf.slop)

    def _positions(self, field: int, term: str, doc_id: int) -> list[int]:
        segment, doc = self.snapshot.locate(doc_id)
        entry = self._entry(segment, field, term)
        posting = None if entry is None else posting_of(segment, entry, doc)
        return [] if posting is None else segment.positions(posting)

    def _entry(self, segment: SegmentArrays, field: int, term: str) -> TermEntry | None:
        """A term of a field in a segment, looked up once."""
        key = (segment, field, term)
        if key not in self._entries:
            self._entries[key] = segment.find_term(TEXT_FIELDS[field], term.encode())
        return self._entries[key]


def weight_of(leaf: Leaf, frequencies: Iterable[int], snapshot: Snapshot) -> float:
    """What a leaf is worth in a related article, 0.0 if it is in another field only.

    The inverse document frequency, as in BM25; patterns count as rare as one story.
    frequencies: how many documents have each of its terms in `related`
    """
    if 0 <= leaf.field < OWN_TEXTS:
        return 0.0
    return leaf.boost * log(1 + snapshot.size / (min(frequencies, default=1) + 1))


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
        found: list[list[tuple[int, Span]]] = [[] for _ in explainer.leaves]
        for leaf, text, span in explainer.pattern_matches(texts):
            found[leaf].append((text, span))
        for leaf, others in enumerate(found):
            for text, span in chain(explainer.matches(leaf, doc_id, texts), others):
                self._spans.setdefault(text, []).append(span)
                if text >= OWN_TEXTS:
                    article, in_excerpt = divmod(text - OWN_TEXTS, 2)
                    matches.setdefault(article, _Match()).add(leaf, not in_excerpt)
        whole = {n: match for n, match in matches.items() if _holds(explainer.rule, match.leaves)}
        scores = {n: match.score(explainer.weights) for n, match in (whole or matches).items()}
        self.articles = sorted(scores, key=lambda article: (-scores[article], article))
        self.scores = [scores[article] for article in self.articles]

    @property
    def highlights(self) -> dict[str, str]:
        marked = {"title": self._mark(0), "excerpt": self._mark(1)}
        if body := self._texts[2]:
            marked["body"] = snippet(body, self._spans.get(2, []))
        return marked

    @property
    def related(self) -> list[dict[str, str]]:
        titles = [OWN_TEXTS + 2 * article for article in self.articles]
        return [{"title": self._mark(i), "excerpt": self._mark(i + 1)} for i in titles]

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


def _read(query: wq.Query, leaves: dict[Leaf, int]) -> Rule:
    """Number the leaves of a query that can make a story match; returns the rule.

    What NOT excludes and filters say is left out, in leaves and rule.
    """
    if isinstance(query, WordClause):
        return [_add_word(query, leaves)]
    if isinstance(query, wq.Term | wq.Phrase | MultiTerm):
        if query.fieldname not in TEXT_FIELDS:
            return []
        leaf = _leaf_of(query)
        everywhere = leaves.get(leaf._replace(field=EVERYWHERE))
        if leaf.field < OWN_TEXTS or everywhere is None:
            everywhere = leaves.setdefault(leaf, len(leaves))
        return [everywhere] if leaf.field == OWN_TEXTS else []
    if isinstance(query, wq.And | wq.Or):
        rules = [rule for child in query.subqueries if (rule := _read(child, leaves))]
        joint = [-2 * len(rules) - isinstance(query, wq.Or)] if len(rules) > 1 else []
        return [*chain.from_iterable(rules), *joint]
    if isinstance(query, wq.AndNot):
        return _read(query.a, leaves)
    if isinstance(query, wq.ConstantScoreQuery):
        return _read(query.child, leaves) if query.score else []
    return []


def _add_word(word: WordClause, leaves: dict[Leaf, int]) -> int:
    """Number a word in all text fields; returns what goes for the articles."""
    terms, boost = (word.text,), TEXT_BOOSTS["related"] * word.weight
    # The same term in the articles alone may have been there before, and counts once.
    number = leaves.get(Leaf(OWN_TEXTS, terms, boost))
    if number is None:
        return leaves.setdefault(Leaf(EVERYWHERE, terms, boost), len(leaves))
    for field in range(OWN_TEXTS):
        leaves.setdefault(Leaf(field, terms), len(leaves))
    return number


def _leaf_of(query: wq.Term | wq.Phrase | MultiTerm) -> Leaf:
    field, boost = TEXT_FIELDS.index(query.fieldname), float(query.boost)
    if isinstance(query, MultiTerm):
        return Leaf(field, (), boost, 0, query)
    if isinstance(query, wq.Phrase):
        return Leaf(field, tuple(query.words), boost, query.slop)
    return Leaf(field, (query.text,), boost)


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
