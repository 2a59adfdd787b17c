"""What completing, correcting and comparing ask of an index, answered by a cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache, partial
from typing import Any

from ..model import Article, Story
from ..query.nodes import Phrase, Word
from ..search.followers import words_after
from ..search.select import SELDOM, Selector
from .clauses import every, nested
from .find import Searcher
from .names import safe, story_of

#: Stories that are looked at to see what follows a word; words of which that is remembered.
_SAMPLED, _REMEMBERED = 24, 512
#: Questions that a better spelling may ask.
_MOST_QUESTIONS = 80


class ClusterSelector(Selector):
    """Answers as `search.select.Selector` does."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._words = searcher.words
        self.dictionary: Any = searcher.words
        self.expander: Any = searcher.words
        self.followers: Any = self
        self.snapshot: Any = searcher.values
        self._following = lru_cache(maxsize=_REMEMBERED)(partial(_sample, searcher))

    def rows_as_written(self, word: str) -> int:
        """In how many rows a word stands as it is written."""
        return self._words.as_written(word).rows

    def after(self, word: str, fits: Callable[[str], bool]) -> Counter[str]:
        """The folded words after a folded word that fit, by a sample of stories."""
        return Counter({one: n for one, n in self._following(word).items() if fits(one)})

    def together(self, before: str, words: Collection[str]) -> Counter[str]:
        """In how many rows words stand together with another one, if both are seldom enough."""
        self._words.fetch([before, *words])
        seldom = [word for word in words if 0 < self._stems(word) <= SELDOM]
        if not seldom or not 0 < self._stems(before) <= SELDOM:
            return Counter()
        rows = self._searcher.clauses.rows
        these = {str(number): rows(Word(word)) for number, word in enumerate(seldom)}
        each = {"each": {"filters": {"filters": these}}}
        counted = {"with": {"filter": rows(Word(before)), "aggs": each}}
        body = {"size": 0, "aggs": {"rows": {"nested": {"path": "rows"}, "aggs": counted}}}
        found = self._searcher.search(body)["aggregations"]["rows"]["with"]["each"]["buckets"]
        return Counter({word: found[str(at)]["doc_count"] for at, word in enumerate(seldom)})

    def _stems(self, word: str) -> int:
        return self._words.count(self._words.keys(word).stem).rows

    def occurrences(self) -> Any:
        """How often words occur, for one better spelling."""
        return ClusterOccurrences(self._searcher)


def _sample(searcher: Searcher, word: str) -> Counter[str]:
    """What follows a folded word in some stories, and how often."""
    query = {
        "function_score": {
            "query": {"bool": {"filter": [{"term": {"forms": safe(word)}}]}},
            # The same each time, so that suggestions do not change while someone types.
            "random_score": {"seed": 0, "field": "_seq_no"},
        }
    }
    hits = searcher.search({"query": query, "size": _SAMPLED})["hits"]["hits"]
    texts: list[Story | Article] = []
    for story in [story_of(hit["_source"]) for hit in hits]:
        texts += (story, *story.related)
    return words_after(word, texts)


class ClusterOccurrences:
    """Answers as `search.occurrences.Occurrences` does, until too much was asked."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._words = searcher.words
        self._questions = _MOST_QUESTIONS
        self._counted: dict[tuple[Word | Phrase, ...], tuple[int, int]] = {}
        self.all_stories = searcher.stories

    def postings(self, text: str) -> int:
        """In how many rows a word is, in any of its forms."""
        return self._words.count(self._words.keys(text).stem).rows

    def foresee(self, questions: Iterable[tuple[Word | Phrase, ...]]) -> None:
        """Ask at once in how many rows, and stories, the nodes of each of these are together."""
        new = [nodes for nodes in dict.fromkeys(questions) if nodes not in self._counted]
        new = new[: self._questions]
        self._questions -= len(new)
        bodies = []
        for nodes in new:
            rows = every([self._searcher.clauses.rows(node) for node in nodes])
            these = {"nested": {"path": "rows"}, "aggs": {"these": {"filter": rows}}}
            body = {"query": nested(rows), "size": 0, "track_total_hits": True}
            bodies.append(body | {"aggs": {"rows": these}})
        answers = self._searcher.search_each(bodies) if bodies else []
        for nodes, answer in zip(new, answers, strict=True):
            inside = answer["aggregations"]["rows"]["these"]["doc_count"]
            self._counted[nodes] = inside, answer["hits"]["total"]["value"]

    def _both(self, *nodes: Word | Phrase) -> tuple[int, int]:
        self.foresee([nodes])
        return self._counted.get(nodes, (0, 0))

    def rows(self, node: Word | Phrase) -> int:
        """In how many rows a node is."""
        if isinstance(node, Phrase):
            return self._both(node)[0]
        return self._words.as_written(node.text).rows if node.exact else self.postings(node.text)

    def stories(self, node: Word | Phrase) -> int:
        """In how many stories a node is."""
        if isinstance(node, Word) and node.exact:
            return self._words.as_written(node.text).stories
        return self._both(node)[1]

    def share(self, node: Word | Phrase, other: str) -> float:
        """The share of another word's rows in which a node is."""
        return self._both(node, Word(other))[0] / max(1, self.postings(other))
