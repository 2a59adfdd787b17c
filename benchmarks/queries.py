"""A corpus → the query log: a fixed seed, and words of every frequency.

The head of the distribution is in more than a tenth of all stories, the tail in fewer
than one of two hundred. A quarter of the queries has words of the head only, a quarter
of the middle, a quarter of the tail; the rest mixes them. Words of an all-words query
come from one story, so that it matches; one query in twenty is made so that it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from random import Random
from typing import Literal

import msgspec

from .corpus import Census, Word

Form = Literal["any", "all", "phrase", "prefix"]
#: The sections of a log.
KINDS = ("any", "all", "phrase", "prefix", "filtered")

HEAD = 0.1
TAIL = 0.005
_WORD_BANDS = ("head", "middle", "tail")
#: What the words of a query are drawn from, each as often.
BANDS = (*_WORD_BANDS, "mixed")
#: One query in this many finds nothing.
_NO_HIT = 20
_MOST_WORDS = 5
_PHRASE_LENGTHS = (2, 2, 3, 4)
_PREFIX_LENGTHS = (3, 4, 4, 5)


class Query(msgspec.Struct, frozen=True):
    """One query of the log.

    `terms` are those of `words`, for a prefix the prefix; `band` is empty for phrases.
    """

    id: str
    kind: str
    band: str
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
        self._census = census
        self._rng = Random(f"log/{census.stories}/{seed}")
        self._bands: dict[str, list[Word]] = {band: [] for band in _WORD_BANDS}
        for term in sorted(census.df):
            word = Word(census.typed[term], term)
            if is_plain(word):
                self._bands[self._band(term)].append(word)

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

    def _band(self, term: str) -> str:
        share = self._census.df[term] / self._census.stories
        return "head" if share > HEAD else "tail" if share < TAIL else "middle"

    def _pick(self, band: str, bands: dict[str, list[Word]]) -> Word | None:
        """A word of a band, any word of which is as likely as any other."""
        words = bands[self._rng.choice(_WORD_BANDS) if band == "mixed" else band]
        return self._rng.choice(words) if words else None

    def _words(self, kind: str, form: Form) -> Query | None:
        rng = self._rng
        band = rng.choice(BANDS)
        bands = self._bands if form == "any" else self._bands_of_story()
        drawn = [self._pick(band, bands) for _ in range(rng.randint(1, _MOST_WORDS))]
        words = list(dict.fromkeys(word for word in drawn if word is not None))
        if not words:
            return None
        if rng.randrange(_NO_HIT) == 0:
            unknown = self._unknown()
            words = [unknown] if form == "any" else [*words, unknown]
        return _query(kind, band, form, words)

    def _bands_of_story(self) -> dict[str, list[Word]]:
        parts = self._rng.choice(self._census.sample)
        bands: dict[str, list[Word]] = {band: [] for band in _WORD_BANDS}
        for word in sorted({word for part in parts for word in part}):
            if is_plain(word):
                bands[self._band(word.term)].append(word)
        return bands

    def _unknown(self) -> Word:
        """A word that no story has."""
        while True:
            letters = "".join(self._rng.choices("bcdfghjklmnpqrtvwxz", k=9))
            if letters not in self._census.df:
                return Word(letters, letters)

    def _phrase(self) -> Query | None:
        rng = self._rng
        part = rng.choice(rng.choice(self._census.sample))
        length = rng.choice(_PHRASE_LENGTHS)
        if len(part) < length:
            return None
        start = rng.randrange(len(part) - length + 1)
        words = part[start : start + length]
        if rng.randrange(_NO_HIT) == 0:
            words = words[::-1]  # rarely in a text, but its words are
        return _query("phrase", "", "phrase", words) if all(map(is_plain, words)) else None

    def _prefix(self) -> Query | None:
        band = self._rng.choice(BANDS)
        word = self._pick(band, self._bands)
        length = self._rng.choice(_PREFIX_LENGTHS)
        if word is None or len(word.term) <= length:
            return None
        prefix = word.term[:length]
        return _query("prefix", band, "prefix", [Word(prefix, prefix)])

    def _filtered(self) -> Query | None:
        query = self._words("filtered", self._rng.choice(("any", "all")))
        providers = sorted(self._census.providers)
        weights = [self._census.providers[provider] for provider in providers]
        provider = self._rng.choices(providers, weights)[0]
        return query and msgspec.structs.replace(query, provider=provider)


def _made(make: Callable[[], Query | None]) -> Iterator[Query]:
    while True:
        query = make()
        if query is not None:
            yield query


def _query(kind: str, band: str, form: Form, words: list[Word]) -> Query:
    return Query(
        id="", kind=kind, band=band, form=form,
        words=tuple(word.typed for word in words), terms=tuple(word.term for word in words),
    )  # fmt: skip


def is_plain(word: Word) -> bool:
    """Whether a word means the same in every query language: letters and digits only."""
    return word.typed.isalnum() and word.term.isalnum()
