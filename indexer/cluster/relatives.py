"""Forms of words in the other languages of an index, found by asking a cluster."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ..schema import ROW_FIELDS
from ..search.relatives import MOST_BEGUN, Relatives
from .client import Cluster
from .names import AS_WRITTEN, safe

if TYPE_CHECKING:
    from .clauses import Query
    from .words import Words


class ClusterRelatives(Relatives):
    """Answers as `search.relatives.Relatives` does; safe to share between threads."""

    def __init__(self, words: Words, cluster: Cluster, index: str) -> None:
        """`index` has the stories."""
        super().__init__((), words.language)
        self._words = words
        self._cluster = cluster
        self._index = index

    def of(self, text: str) -> tuple[str, ...]:
        """The forms of a folded word that are none in the first language."""
        found = super().of(text)
        if found:
            self._words.fetch([text, *found])  # they will be weighed one by one
        return found

    def begun(self, prefix: str) -> set[str]:
        """The written words that begin so; none where they are too many."""
        found = self._words.begun(prefix, MOST_BEGUN + 1)
        return set(found) if len(found) <= MOST_BEGUN else set()

    def spoken(self, words: Collection[str], other: int) -> list[str]:
        """The words that do not stand mainly in texts of the first language, but of another."""
        these = list(words)
        own, theirs = map(_rows_with, self._language.telling(other))
        sides = {"own": {"filter": own}, "theirs": {"filter": theirs}}
        each = {"filters": {"filters": [_rows_with([word]) for word in these]}}
        rows = {"nested": {"path": "rows"}, "aggs": {"each": each | {"aggs": sides}}}
        answer = self._cluster.call(
            self._cluster.client.search, index=self._index, body={"size": 0, "aggs": {"rows": rows}}
        )
        counted = answer["aggregations"]["rows"]["each"]["buckets"]
        return [
            word
            for word, count in zip(these, counted, strict=True)
            if count["theirs"]["doc_count"] >= count["own"]["doc_count"]
        ]


def _rows_with(words: Collection[str]) -> Query:
    """Rows in which any of some words is written."""
    terms = [AS_WRITTEN + safe(word) for word in sorted(words)]
    return {"bool": {"should": [{"terms": {f"rows.{name}": terms}} for name in ROW_FIELDS]}}
