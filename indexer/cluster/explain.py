"""What the score of a story is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..analysis import fold, iter_words
from ..languages import Language
from ..model import Explanation, ScorePart, Story
from ..query.write import write_query
from ..schema import ROW_FIELDS, Row, rows_of
from ..search.explain import explanation
from .find import Found, Searcher
from .mapping import MOST_ARTICLES
from .names import document_id
from .scores import Leaf


def explain(searcher: Searcher, found: Found, story: Story) -> Explanation:
    """The score of a story for what was searched; 0 for one that does not match."""
    one = document_id(story.id)
    plan = found.plan
    parts = [
        {
            "nested": {
                "path": "rows",
                "query": {"bool": {"should": plan.leaf(leaf).scores}},
                "score_mode": "max",
                "inner_hits": {"name": str(number), "_source": False, "size": MOST_ARTICLES},
            }
        }
        for number, (leaf, _) in enumerate(plan.leaves)
    ]
    # Named filters tell whether it has all the words, and which parts of OR.
    named = {"complete": plan.complete} | {str(at): gate for at, gate in enumerate(plan.gates)}
    told = [
        {"constant_score": {"filter": {"bool": {"filter": [query], "_name": name}}, "boost": 0.0}}
        for name, query in named.items()
    ]
    query = {
        "bool": {"filter": [{"ids": {"values": [one]}}, plan.stories], "should": [*parts, *told]}
    }
    hits = searcher.search({"query": query, "size": 1, "_source": False})["hits"]["hits"]
    if not hits:
        return Explanation(story.id, 0.0, None, (), ())
    passed = hits[0].get("matched_queries", ())
    rows = [
        _rows(hits[0]["inner_hits"].get(str(number)))
        if all(str(gate) in passed for gate in gates)
        else {}
        for number, (_, gates) in enumerate(plan.leaves)
    ]
    totals = {number: 0.0 for some in rows for number in some} or {0: 0.0}
    for some in rows:
        for number, score in some.items():
            totals[number] += score
    best = min(totals, key=lambda number: (-totals[number] * (1 if number else plan.lead), number))
    row = list(rows_of(story))[best]
    made_of = tuple(
        ScorePart(
            write_query(plan.nodes[leaf]),
            some[best],
            _fields(plan.leaf(leaf), row, found.words.language),
        )
        for (leaf, _), some in zip(plan.leaves, rows, strict=True)
        if some.get(best, 0.0) > 0
    )
    bonus = found.bonus if "complete" in passed else 1.0
    return explanation(story.id, best, made_of, plan.lead, bonus, found.weights.of(one))


def _rows(inner: Mapping[str, Any] | None) -> dict[int, float]:
    """What each row of a story scores for a leaf."""
    hits = inner["hits"]["hits"] if inner else []
    return {hit["_nested"]["offset"]: hit["_score"] for hit in hits}


def _fields(leaf: Leaf, row: Row, language: Language) -> tuple[str, ...]:
    """The fields of a row in which a word stands; none for what is no single word."""
    stems = {language.stem_of(word) for word in leaf.words}
    if len(stems) != 1:
        return ()
    (wanted,) = stems
    texts = zip(ROW_FIELDS, (row.title, row.excerpt, row.body, " \n ".join(row.about)), strict=True)
    return tuple(
        name
        for name, text in texts
        if any(language.stem_of(fold(word.text)) == wanted for word in iter_words(text))
    )
