"""How words of an index count, and which words there are; asked once and remembered."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Any, NamedTuple

from ..errors import QueryError
from ..languages import language_of
from ..query.nodes import Fuzzy, Pattern
from ..ranking import SATURATION, word_weight
from ..search.expand import Budget
from ..search.words import Lexicon
from .client import Cluster
from .mapping import MOST_WORDS
from .names import SCALE, keys_of, meant, safe, word_id
from .relatives import ClusterRelatives
from .state import State

#: Words that are remembered, and those that are asked for at a time; words that stand for one
#: of which all is asked for at once.
_REMEMBERED, _AT_A_TIME, _WEIGHED = 1 << 16, 2_000, 500


class Count(NamedTuple):
    """In how many stories a word is, in how many rows, and how often it occurs in them."""

    stories: int = 0
    rows: int = 0
    occurrences: int = 0


class Words(Lexicon):
    """Looks up words; safe to share between threads."""

    def __init__(self, cluster: Cluster, state: State) -> None:
        self._cluster = cluster
        self._index = state.words
        #: By which words are stemmed.
        self.language = language_of(state.meta.language)
        #: The names of a folded word.
        self.keys = lru_cache(maxsize=_REMEMBERED)(partial(keys_of, self.language))
        #: Finds forms of words in the other languages of the index.
        self.relatives = ClusterRelatives(self, cluster, state.index)
        #: Rows of the whole index.
        self.rows = state.meta.stories + state.meta.articles
        self._known: dict[str, Count] = {}

    def fetch(self, forms: Iterable[str]) -> None:
        """Ask at once for all that will be asked of some folded words."""
        keys: set[str] = set()
        for form in forms:
            keys.update(self.keys(form))
        self._fetch(keys)

    def _fetch(self, keys: set[str]) -> None:
        missing = sorted(keys - self._known.keys())
        for at in range(0, len(missing), _AT_A_TIME):
            some = missing[at : at + _AT_A_TIME]
            found = self._cluster.call(
                self._cluster.client.mget,
                index=self._index,
                body={"ids": [word_id(key) for key in some]},
                _source_includes=",".join(Count._fields),
            )
            counts = {}
            for key, one in zip(some, found["docs"], strict=True):
                source = one.get("_source", {})
                counts[key] = Count(*(source.get(name, 0) for name in Count._fields))
            if len(self._known) > _REMEMBERED:
                self._known = {}
            self._known = self._known | counts

    def count(self, key: str) -> Count:
        """How a word counts; see `documents.STEM` for what stands before it."""
        found = self._known.get(key)
        if found is None:
            self._fetch({key})
            found = self._known.get(key, Count())
        return found

    def as_written(self, form: str) -> Count:
        """How a folded word counts as it is written."""
        return self.count(self.keys(form).written)

    def weight(self, key: str) -> float:
        """W of a stem or a light form."""
        count = self.count(key)
        return word_weight(self.rows, count.stories, count.occurrences)

    def stem_weight(self, form: str) -> float:
        """W of a folded word."""
        return self.weight(self.keys(form).stem)

    def frequency(self, text: str) -> int:
        """In how many stories a folded word, or one that differs in inflection alone, stands."""
        written = self.as_written(text).stories
        return self.count(self.keys(text).light).stories if written else 0

    def expand(self, node: Pattern | Fuzzy) -> list[str]:
        """The words as written that a leaf stands for; raises `QueryError` for too many."""
        if isinstance(node, Fuzzy):
            query: dict[str, Any] = {
                "fuzzy": {
                    "text": {
                        "value": safe(node.text),
                        "fuzziness": node.distance,
                        "rewrite": "constant_score",
                    }
                }
            }
        elif node.prefix is not None:
            query = {"prefix": {"text": {"value": safe(node.prefix)}}}
        else:
            query = {"wildcard": {"text": {"value": safe(node.text).replace("\\", "\\\\")}}}
        found = self._texts(query, MOST_WORDS + 1)
        if len(found) > MOST_WORDS:
            raise QueryError(
                "q",
                f"the pattern {node.text!r} stands for more than {MOST_WORDS:,} words: "
                "give more letters",
            )
        return [meant(text) for text in found]

    def counts(self, node: Pattern | Fuzzy, budget: Budget) -> dict[str, int]:
        """The words that a leaf stands for, and in how many stories each or its like stands."""
        forms = self.expand(node)
        if len(forms) <= _WEIGHED:
            self.fetch(forms)  # they will be looked at one by one
        return self._counted(forms)

    def beginning(self, prefix: str, most: int, *, slip: bool = False) -> dict[str, int]:
        """About the `most` most frequent words that begin so, or one slip away from it."""
        value = safe(prefix)
        query = {"regexp": {"text": {"value": _slips(value)}}} if slip else {
            "prefix": {"text": {"value": value}}
        }  # fmt: skip
        return self._counted([meant(text) for text in self._texts(query, most, frequent=True)])

    def _counted(self, forms: list[str]) -> dict[str, int]:
        self._fetch({self.keys(form).light for form in forms})
        return {form: self.count(self.keys(form).light).stories for form in forms}

    def begun(self, prefix: str, most: int) -> list[str]:
        """So many of the written words that begin so."""
        query = {"prefix": {"text": {"value": safe(prefix)}}}
        return [meant(text) for text in self._texts(query, most)]

    def _texts(self, query: dict[str, Any], most: int, *, frequent: bool = False) -> list[str]:
        body: dict[str, Any] = {
            "query": {"constant_score": {"filter": query}},
            "size": most,
            "_source": ["text"],
        }
        if frequent:
            body["sort"] = [{"stories": "desc"}]
        answer = self._cluster.call(self._cluster.client.search, index=self._index, body=body)
        return [hit["_source"]["text"] for hit in answer["hits"]["hits"]]


def saturated(key: str, weight: float) -> dict[str, Any] | None:
    """weight · sat(t) of a word; None for nothing."""
    if weight <= 0:
        return None
    return {
        "rank_feature": {
            "field": f"rows.t.{key}", "boost": weight, "saturation": {"pivot": SATURATION * SCALE},
        }
    }  # fmt: skip


def _slips(prefix: str) -> str:
    """A regular expression for words whose beginning is one slip from a prefix."""
    letters = [re.sub(r"([^\w])", r"\\\1", letter) for letter in prefix]
    found = []
    for at in range(len(letters)):
        before, after = "".join(letters[:at]), "".join(letters[at + 1 :])
        found += [before + after, f"{before}.{after}", f"{before}.{letters[at]}{after}"]
        if after:
            swapped = letters[at + 1] + letters[at] + "".join(letters[at + 2 :])
            found.append(before + swapped)
    return f"[{letters[0]}{''.join(letters[1:2])}].*&({'|'.join(found)}).*"
