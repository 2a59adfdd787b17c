"""Stories → what every engine is fed: the project's own terms, so that all match alike.

Engines with an analyzer of their own get terms that are cut, folded and stemmed
already, with a blank between them, and only have to split them again. A document of theirs is
a whole story: the articles related to it are one field.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

from indexer.analysis import WORD_PATTERN, cut, fold, forms_of, iter_words, stem
from indexer.copies import without_copies
from indexer.demo import iter_demo_stories
from indexer.languages.english import FUNCTION_WORDS
from indexer.model import Story
from indexer.query.amounts import unit_at
from indexer.schema import facet_values, rows_of

from .real_stories import real_stories

#: The fields of a story, and how much more than others a word in each counts.
BOOSTS = {"title": 3.0, "excerpt": 1.0, "body": 1.0, "related": 1.0, "about": 0.5}
TEXT_FIELDS = tuple(BOOSTS)


class Source(msgspec.Struct, frozen=True):
    """Where stories come from: real ones from a folder of data, else demo stories."""

    seed: int = 1
    data: str | None = None

    @property
    def name(self) -> str:
        """What reports call it."""
        return "demo" if self.data is None else "real"

    def stories(self, count: int) -> Iterator[Story]:
        """The first stories: each corpus is the beginning of a larger one of the same seed."""
        if self.data is None:
            return iter_demo_stories(count, self.seed)
        # As they are indexed, for all engines.
        return map(without_copies, real_stories(Path(self.data), count, self.seed))

    def digest(self) -> str:
        """A short name that changes when the stories do."""
        digest = hashlib.sha256()
        for story in self.stories(20):
            digest.update(msgspec.msgpack.encode(story))
        return digest.hexdigest()[:8]


class Word(NamedTuple):
    """A word as somebody would type it, and the term it becomes."""

    typed: str
    term: str


class Census(NamedTuple):
    """What a query log is drawn from.

    titles: the words of titles of leads and related articles, of some stories;
    providers: stories by provider
    """

    stories: int
    titles: list[list[Word]]
    providers: Counter[str]


def parts_of(story: Story) -> dict[str, list[str]]:
    """The texts of each field; a phrase lies within one of them."""
    lead, *related = rows_of(story)
    parts = {
        "title": [lead.title],
        "excerpt": [lead.excerpt],
        "body": [lead.body],
        "related": [text for row in related for text in (row.title, row.excerpt)],
        "about": [*lead.about, *(name for row in related for name in row.about)],
    }
    return {field: [text for text in texts if text] for field, texts in parts.items()}


def terms_by_part(story: Story) -> dict[str, list[str]]:
    """The terms of each part of each field, with a blank between them.

    What stands for several words together (covid19 beside covid and 19) is a part of its own.
    """
    return {
        field: [terms for text in texts for terms in _terms_of(text)]
        for field, texts in parts_of(story).items()
    }


def _terms_of(text: str) -> list[str]:
    words = forms_of(text)
    joined = Counter(fold(word.text) for word in iter_words(text)) - Counter(words)
    return [" ".join(map(stem, words)), *map(stem, filter(None, joined))]


def providers_of(story: Story) -> list[str]:
    """The keys under which a story counts in the provider facet."""
    return facet_values(story)["provider"]


def display_text(story: Story) -> bytes:
    """The texts a result page needs, as one value to store."""
    parts = parts_of(story)
    return "\x1e".join(text for texts in parts.values() for text in texts).encode()


def take_census(stories: Iterable[Story], total: int, sample: int, seed: int) -> Census:
    """Count providers; keep the titles of `sample` stories chosen by the seed."""
    chosen = set(Random(f"sample/{seed}").sample(range(total), min(sample, total)))
    providers: Counter[str] = Counter()
    titles = []
    for number, story in enumerate(stories):
        providers.update(providers_of(story))
        if number in chosen:
            found = (story.title, *(article.title for article in story.related))
            titles += [
                [Word(fold(text), stem(text)) for text in WORD_PATTERN.findall(title)]
                for title in found
            ]
    return Census(total, titles, providers)


def is_plain(word: Word) -> bool:
    """Whether a word means the same to every engine: letters or digits, no function word or unit.

    storydex does not require function words beside others, and finds amounts in other ways, too.
    """
    typed = word.typed
    whole = typed.isalnum() and word.term.isalnum() and len(cut(typed).parts) == 1
    return whole and typed not in FUNCTION_WORDS and unit_at([typed], 0) is None
