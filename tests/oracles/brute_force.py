"""Searching by looking at every story: slow, plain, and independent of the index.

Queries are small trees of tuples, which `typed` writes out as a person would type
them and `matches` and `score` judge on a story's own words.

    ("word", w) ("phrase", (w, …), slop) ("field", name, w) ("prefix", w)
    ("not", q)  ("and", (q, …))  ("or", (q, …))
"""

from __future__ import annotations

from math import log
from typing import Any

from whoosh.util.numeric import byte_to_length, length_to_byte

from indexer.analysis import stem
from indexer.schema import TEXT_BOOSTS

Query = tuple[Any, ...]
#: A text field as its parts (a phrase stays within one), each a list of terms.
Field = list[list[str]]
K1, B = 1.2, 0.75


def read_fields(story: dict[str, Any]) -> dict[str, Field]:
    """The text fields of a story given as the fields of its file; words by white space."""

    def terms(text: str) -> list[str]:
        return [stem(word) for word in text.split()]

    parts = [a.get(k, "") for a in story.get("related", []) for k in ("title", "excerpt")]
    return {
        "title": [terms(story["title"])],
        "excerpt": [terms(story.get("excerpt", ""))],
        "body": [terms(story.get("body", ""))],
        "related": [terms(part) for part in parts],
    }


def typed(query: Query) -> str:
    """The query as a person would type it."""
    kind = query[0]
    if kind == "word":
        return query[1]
    if kind == "phrase":
        return f'"{" ".join(query[1])}"' + (f"~{query[2]}" if query[2] else "")
    if kind == "field":
        return f"{query[1]}:{query[2]}"
    if kind == "prefix":
        return f"{query[1]}*"
    if kind == "not":
        return f"NOT {_grouped(query[1])}"
    return (" OR " if kind == "or" else " ").join(_grouped(part) for part in query[1])


def _grouped(query: Query) -> str:
    return f"({typed(query)})" if query[0] in ("and", "or") else typed(query)


def matches(query: Query, fields: dict[str, Field]) -> bool:
    """Whether a story matches."""
    kind = query[0]
    if kind == "not":
        return not matches(query[1], fields)
    if kind in ("and", "or"):
        return (all if kind == "and" else any)(matches(part, fields) for part in query[1])
    names = [query[1]] if kind == "field" else fields
    return any(_count(query, fields[name]) for name in names)


def _count(query: Query, field: Field) -> int:
    kind = query[0]
    if kind == "prefix":
        return sum(term.startswith(query[1]) for part in field for term in part)
    if kind == "phrase":
        return sum(_phrase_ends(part, query[1], query[2]) for part in field)
    term = stem(query[-1])
    return sum(part.count(term) for part in field)


def _phrase_ends(part: list[str], words: tuple[str, ...], slop: int) -> int:
    terms = [stem(word) for word in words]
    places = {i for i, term in enumerate(part) if term == terms[0]}
    for wanted in terms[1:]:
        places = {
            i
            for i, term in enumerate(part)
            if term == wanted and any(0 < i - place <= slop + 1 for place in places)
        }
    return len(places)


def score(words: list[str], fields: dict[str, Field], corpus: list[dict[str, Field]]) -> float:
    """BM25 of some words over every text field, weighted and summed (Robertson et al. 1995).

    Lengths are rounded as Whoosh stores them, in one byte.
    """
    total = 0.0
    for name, boost in TEXT_BOOSTS.items():
        lengths = [sum(map(len, story[name])) for story in corpus]
        average = sum(lengths) / len(corpus) or 1
        length = byte_to_length(length_to_byte(sum(map(len, fields[name]))))
        for word in words:
            frequency = _count(("word", word), fields[name])
            having = sum(1 for story in corpus if _count(("word", word), story[name]))
            idf = log(len(corpus) / (having + 1)) + 1
            if frequency:
                saturation = frequency + K1 * (1 - B + B * length / average)
                total += boost * idf * frequency * (K1 + 1) / saturation
    return total
