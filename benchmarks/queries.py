"""A corpus → the query log: words of titles, as somebody would type who remembers them.

The titles are those of leads and related articles as they come, so mostly of related ones.
Function words and words with signs are left out. A seed and a corpus give the same log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from random import Random
from typing import Literal

import msgspec

from .corpus import Census, Word, is_plain

Form = Literal["any", "all", "phrase", "prefix"]
#: The sections of a log.
KINDS = ("any", "all", "phrase", "prefix", "filtered")
_WORDS = (1, 2, 2, 3, 3, 4)
_PHRASE_LENGTHS = (2, 2, 3)
_PREFIX_LENGTHS = (3, 4, 4, 5)


class Query(msgspec.Struct, frozen=True):
    """One query of the log. `terms` are those of `words`, for a prefix the prefix."""

    id: str
    kind: str
    form: Form
    words: tuple[str, ...]
    terms: tuple[str, ...]
    provider: str | None = None

    @property
    def text(self) -> str:
        """The query in the project's own query language."""
        if self.form == "phrase":
            return '"' + " ".join(self.words) + '"'
        if self.form == "prefix":
            return f"{self.words[0]}*"
        return (" OR " if self.form == "any" else " ").join(self.words)


class QueryLog:
    """Draws queries; the same census and seed give the same queries."""

    def __init__(self, census: Census, seed: int) -> None:
        self._titles = census.titles
        self._providers = sorted(census.providers)
        self._weights = [census.providers[provider] for provider in self._providers]
        self._rng = Random(f"log/{census.stories}/{seed}")

    def draw(self, queries: int) -> list[Query]:
        """So many queries of every kind."""
        makers: dict[str, Callable[[], Query | None]] = {
            "any": lambda: self._words("any", "any"),
            "all": lambda: self._words("all", "all"),
            "phrase": self._phrase,
            "prefix": self._prefix,
            "filtered": self._filtered,
        }
        return [
            msgspec.structs.replace(query, id=f"{kind}-{number}")
            for kind in KINDS
            for number, query in enumerate(islice(_made(makers[kind]), queries))
        ]

    def _words(self, kind: str, form: Form) -> Query | None:
        # Words of one stem are one word to storydex.
        plain = {word.term: word for word in self._rng.choice(self._titles) if is_plain(word)}
        count = self._rng.choice(_WORDS)
        if len(plain) < count:
            return None
        return _query(kind, form, self._rng.sample(list(plain.values()), count))

    def _phrase(self) -> Query | None:
        title = self._rng.choice(self._titles)
        length = self._rng.choice(_PHRASE_LENGTHS)
        if len(title) < length:
            return None
        start = self._rng.randrange(len(title) - length + 1)
        words = title[start : start + length]
        return _query("phrase", "phrase", words) if all(map(is_plain, words)) else None

    def _prefix(self) -> Query | None:
        plain = [word for word in self._rng.choice(self._titles) if is_plain(word)]
        length = self._rng.choice(_PREFIX_LENGTHS)
        if not plain:
            return None
        word = self._rng.choice(plain)
        if len(word.term) <= length:
            return None
        prefix = word.term[:length]
        return _query("prefix", "prefix", [Word(prefix, prefix)])

    def _filtered(self) -> Query | None:
        query = self._words("filtered", "all")
        provider = self._rng.choices(self._providers, self._weights)[0]
        return query and msgspec.structs.replace(query, provider=provider)


def _made(make: Callable[[], Query | None]) -> Iterator[Query]:
    while True:
        query = make()
        if query is not None:
            yield query


def _query(kind: str, form: Form, words: list[Word]) -> Query:
    return Query(
        id="", kind=kind, form=form,
        words=tuple(word.typed for word in words), terms=tuple(word.term for word in words),
    )  # fmt: skip
