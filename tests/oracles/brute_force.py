"""Searching by looking at every row of every story: slow, plain, independent of the index.

Written from the formula in `indexer.ranking` and from what plans and searches promise, not
from their code. Scores are Python's numbers, in double precision.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from math import log
from typing import NamedTuple

from indexer.analysis import forms_of
from indexer.languages.english import FUNCTION_WORDS
from indexer.model import Story
from indexer.query.nodes import (
    All,
    Compound,
    DateRange,
    Either,
    Everything,
    Fuzzy,
    Keyword,
    Near,
    Node,
    NumberRange,
    Pattern,
    Phrase,
    Present,
    TextNode,
    Without,
    Word,
)
from indexer.schema import facet_key, facet_values, is_domain, provider_key, rows_of
from tests.oracles.brute_copies import groups_of
from tests.oracles.brute_rows import (
    Row,
    acronyms_of,
    averages_of,
    fits,
    has_phrase,
    inside,
    is_near,
    light,
    parts_of,
    saturated,
    stem,
    weights_of,
)
from tests.oracles.brute_words import Plain, Words

_LEAD, _AS_WRITTEN = 1.15, 1.15
#: Stories with all words are enough; so many words and fewer: these come before all others.
_ENOUGH, _FIRST = 10, 3
_BONUS = 1.1
#: What puts a story with all words before all others.
FIRST = 1 << 20


class Result(NamedTuple):
    """The stories that a search finds, which of them have all the words, and their scores.

    keys: what stories are ordered by, highest first
    """

    found: list[int]
    complete: set[int]
    keys: dict[int, float]


class Corpus:
    """Stories, some of them deleted; these count in statistics and are never found."""

    def __init__(self, stories: Sequence[Story], deleted: Collection[int] = ()) -> None:
        self.stories = stories
        self.live = [number for number in range(len(stories)) if number not in deleted]
        texts = [[parts_of(row) for row in rows_of(story)] for story in stories]
        averages = averages_of([parts for rows in texts for parts in rows])
        self.rows = [
            [
                Row(not place, parts, weights_of(parts, averages), acronyms_of(row))
                for place, (parts, row) in enumerate(zip(rows, rows_of(story), strict=True))
            ]
            for story, rows in zip(stories, texts, strict=True)
        ]
        self._size = sum(map(len, self.rows))
        self._weights: dict[tuple[str, str | None], float] = {}

    def weight(self, root: str, shape: str | None = None) -> float:
        """W of a stem, or of one of its light forms, with one occurrence in a query."""
        if (root, shape) not in self._weights:
            self._weights[root, shape] = self._weigh(root, shape)
        return self._weights[root, shape]

    def _weigh(self, root: str, shape: str | None) -> float:
        counts = []
        for rows in self.rows:
            words = [word for row in rows for _, part in row.parts for _, word in part if word]
            counts.append(
                sum(
                    stem(word) == root and (shape is None or light(word) == shape) for word in words
                )
            )
        df, cf = sum(count > 0 for count in counts), sum(counts)
        return log((self._size + 1) / df) ** 1.2 * (cf / df) ** 0.3 if df else 0.0

    # Scores of rows

    def term(
        self,
        row: Row,
        words: Sequence[str],
        factor: float = 1.0,
        kept: Callable[[str], bool] = lambda form: True,
    ) -> float | None:
        """What a row scores for words with the same stem; None if it has none that is kept."""
        root = stem(words[0])
        found = [form for form in row.t if stem(form) == root and kept(form)]
        if not found:
            return None
        factor *= 1 + log(len(words))
        shares = {
            shape: 0.3 * factor * self.weight(root, shape) * count / len(words)
            for shape, count in Counter(map(light, words)).items()
        }
        whole = sum(row.t[form] for form in found)
        alike = sum(row.t[form] for form in found if shares.get(light(form), 0) > 0)
        share = max(
            shares.get(light(form), 0.0) * (_AS_WRITTEN if form in words else 1) for form in found
        )
        return 0.7 * factor * self.weight(root) * saturated(whole) + share * saturated(alike)

    def leaf(self, row: Row, node: TextNode) -> float | None:
        """What a row scores for a leaf; None if it does not match."""
        if isinstance(node, Pattern | Fuzzy):
            found = any(fits(node, form) and inside(node, row, form) for form in row.t)
            return node.weight if found else None
        if isinstance(node, Compound):
            options = {"field": node.field, "weight": node.weight}
            either = (Word(node.text, **options), Phrase(node.parts, **options))
            found = [score for part in either if (score := self.leaf(row, part)) is not None]
            return max(found, default=None)
        if isinstance(node, Near):
            sides = [self.leaf(row, side) for side in (node.left, node.right)]
            return sum(sides) if None not in sides and is_near(row, node) else None
        if isinstance(node, Word) and node.acronym:
            return self._acronym(row, node)
        words = [node.text] if isinstance(node, Word) else node.words
        scores = [
            self.leaf(row, Pattern(word, node.field, node.weight))
            if "*" in word or "?" in word
            else
            self.term(
                row, [word], node.weight,
                lambda form, word=word: inside(node, row, form)
                and (not node.exact or form == word),
            )
            for word in words
        ]  # fmt: skip
        if None in scores or (isinstance(node, Phrase) and not has_phrase(row, node)):
            return None
        return sum(score or 0.0 for score in scores)

    def _acronym(self, row: Row, node: Word) -> float | None:
        """Its stem counts as ever, the rest where it is written in capitals."""
        root = stem(node.text)
        found = [form for form in row.t if stem(form) == root and inside(node, row, form)]
        if not found:
            return None
        factor = 0.1 if node.text in FUNCTION_WORDS else 1.0
        df = sum(
            any(stem(form) == root for other in rows for form in other.acronyms)
            for rows in self.rows
        )
        capital = log((self._size + 1) / df) ** 1.2 if df else 0.0
        whole = sum(row.t[form] for form in found)
        written = sum(row.t[form] for form in found if form in row.acronyms)
        score = 0.7 * factor * self.weight(root) * saturated(whole)
        return node.weight * (score + (1 - 0.7 * factor) * capital * saturated(written))

    # Stories

    def selects(self, node: Node, number: int) -> bool:
        """Whether a story matches a tree."""
        if isinstance(node, All):
            return all(self.selects(part, number) for part in node.parts)
        if isinstance(node, Either):
            return any(self.selects(part, number) for part in node.parts)
        if isinstance(node, Without):
            return self.selects(node.wanted, number) and not self.selects(node.unwanted, number)
        if isinstance(node, TextNode):
            return any(self.leaf(row, node) is not None for row in self.rows[number])
        return self._fits(node, self.stories[number])

    def _fits(self, node: Node, story: Story) -> bool:
        if isinstance(node, Keyword):
            return bool(self.keys(node) & {*facet_values(story)[node.facet]})
        if isinstance(node, DateRange):
            return lies_between(story.published_at, node.first, node.last)
        if isinstance(node, NumberRange):
            value = getattr(story, node.field)
            ends = (node.low_open and value == node.low) or (node.high_open and value == node.high)
            return lies_between(value, node.low, node.high) and not ends
        if isinstance(node, Present):
            texts = self.rows[self.stories.index(story)]
            if node.field == "related":
                return len(texts) > 1
            return any(words for field, words in texts[0].parts if field == node.field)
        return isinstance(node, Everything)

    def keys(self, node: Keyword) -> set[str]:
        """The keys of a facet that a value typed stands for."""
        names = self._names(node.facet)
        key = facet_key(node.facet, node.value)
        if "*" in key or "?" in key:
            pattern = key.replace("[", "[[]")
            named = node.facet in ("provider", "lead_provider", "topic")
            return {
                name
                for name, spellings in names.items()
                if fnmatchcase(name, pattern)
                or (
                    named
                    and any(
                        fnmatchcase(word, pattern)
                        for some in (name, *spellings)
                        for word in forms_of(some)
                    )
                )
            }
        if node.facet == "published":
            key = {"yes": "true", "1": "true", "no": "false", "0": "false"}.get(key, key)
        found = {key} & {*names}
        if node.facet in ("provider", "lead_provider") and is_domain(key):
            found |= {name for name in names if name.endswith(f".{key}")}
        provider = node.facet in ("provider", "lead_provider")
        if is_domain(key) if provider else node.facet != "topic":
            return found
        words = forms_of(node.value)
        for name, spellings in names.items():
            for some in map(forms_of, (name, *spellings)):
                places = range(len(some) - len(words) + 1)
                if words and any(some[at : at + len(words)] == words for at in places):
                    found.add(name)
        return found

    @lru_cache(maxsize=16)  # noqa: B019, as many as there are facets
    def _names(self, facet: str) -> dict[str, set[str]]:
        """The values of a facet, and all spellings of each."""
        names = {key: set() for story in self.stories for key in facet_values(story)[facet]}
        for story in self.stories:
            if facet == "topic":
                pairs = [(facet_key("topic", topic), topic) for topic in story.topics]
            else:
                articles = [story, *story.related]
                given = [article.provider for article in articles if article.provider]
                pairs = [(provider_key(provider), provider.name) for provider in given]
            for key, spelling in pairs:
                names.get(key, set()).add(spelling)
        return names

    def _counting(self, node: Node, number: int) -> list[TextNode]:
        """The leaves that score in a story that matches: not those of what fails in it."""
        if isinstance(node, All):
            return [leaf for part in node.parts for leaf in self._counting(part, number)]
        if isinstance(node, Either):
            held = [part for part in node.parts if self.selects(part, number)]
            return [leaf for part in held for leaf in self._counting(part, number)]
        if isinstance(node, Without):
            return self._counting(node.wanted, number)
        return [node] if isinstance(node, TextNode) else []

    def rank(self, node: Node) -> dict[int, float]:
        """The stories that a tree selects, and their scores."""
        return {
            number: self._best(number, self._scorers(self._counting(node, number)), _LEAD)
            for number in self.live
            if self.selects(node, number)
        }

    def breadth(self, node: Node, number: int) -> float:
        """What the rows of a story that matches score, beside what it scores."""
        scorers = self._scorers(self._counting(node, number))
        scores = [sum(score(row) or 0.0 for score in scorers) for row in self.rows[number]]
        best = max([scores[0] * _LEAD, *scores])
        return sum(scores) / best if best else 0.0

    def _scorers(self, nodes: Iterable[TextNode]) -> list[Callable[[Row], float | None]]:
        return [lambda row, node=node: self.leaf(row, node) for node in nodes]

    def _best(
        self, number: int, scorers: list[Callable[[Row], float | None]], lead: float
    ) -> float:
        """The score of a story: that of its best row."""
        return max(
            (lead if row.lead else 1) * sum(score(row) or 0.0 for score in scorers)
            for row in self.rows[number]
        )

    # Typed words

    def search(self, plain: Sequence[Plain], rest: Node | None, enough: int = _ENOUGH) -> Result:
        """What is found, before filters, for plain words and what must hold besides.

        enough: so many stories with all words suffice
        """
        words = Words(self, plain, rest)
        missing = {
            number: words.missing(number)
            for number in self.live
            if rest is None or self.selects(rest, number)
        }
        found = [number for number, count in missing.items() if not count]
        complete = {*found}
        widened = False
        if len(found) < enough and len(words.wanted) > 1:
            least = 0.3 * sum(sorted(words.weights, reverse=True)[:3]) - 1e-6
            some = [
                number
                for number, count in missing.items()
                if count < len(words.wanted) and words.held(number) >= least
            ]
            widened = len(some) > len(found)
            found = some if widened else found
        keys = {}
        for number in found:
            keys[number] = self._best(number, words.scorers(number), 1 if widened else _LEAD)
            if widened and number in complete:
                if len(words.wanted) <= _FIRST:
                    keys[number] += FIRST
                else:
                    keys[number] *= _BONUS
        return Result(found, complete, keys)

    def counts(self, found: Iterable[int], facet: str, collapse: bool) -> Counter[str]:
        """How many of some stories, or of groups of them, have each value of a facet."""
        pairs = {
            (self.group(number, collapse), key)
            for number in found
            for key in facet_values(self.stories[number])[facet]
        }
        return Counter(key for _, key in pairs)

    @cached_property
    def _groups(self) -> list[int]:
        return groups_of(self.stories, self.live)

    def group(self, number: int, collapse: bool) -> int:
        """What stories that are listed as one have in common."""
        return self._groups[number] if collapse else number

    def folded(self, keys: Mapping[int, float], collapse: bool) -> dict[int, float]:
        """Of each group the story with the highest key, of several the last."""
        best: dict[int, int] = {}
        for number in sorted(keys, key=lambda number: (keys[number], number)):
            best[self.group(number, collapse)] = number
        return {number: keys[number] for number in best.values()}


def lies_between(value: float | datetime | None, low: object, high: object) -> bool:
    """Whether there is a value, and it is between two ends, both included; None: open."""
    return value is not None and (low is None or value >= low) and (high is None or value <= high)
