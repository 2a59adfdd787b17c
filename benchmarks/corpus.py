"""Stories → what every engine is fed: the project's own terms, so that all match alike.

Engines with an analyzer of their own get terms that are cut, folded and stemmed
already, with a blank between them, and only have to split them again.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random
from typing import NamedTuple

import msgspec

from indexer.analysis import WORD_PATTERN, fold, stem
from indexer.demo import iter_demo_stories
from indexer.model import Story
from indexer.schema import facet_values

TEXT_FIELDS = ("title", "excerpt", "body", "related")


class Word(NamedTuple):
    """A word as somebody would type it, and the term it becomes."""

    typed: str
    term: str


class Census(NamedTuple):
    """What a query log is drawn from.

    df: the stories that have a term in any text field; typed: a word that becomes the
    term; providers: stories by provider; sample: the words of some stories, by part.
    """

    stories: int
    df: Counter[str]
    typed: dict[str, str]
    providers: Counter[str]
    sample: list[list[list[Word]]]


def stories_of(stories: int, seed: int) -> Iterator[Story]:
    """The corpus: each is the beginning of the next larger one of the same seed."""
    return iter_demo_stories(stories, seed)


def corpus_id(seed: int) -> str:
    """A short name that changes when the stories of a seed do."""
    digest = hashlib.sha256()
    for story in stories_of(20, seed):
        digest.update(msgspec.msgpack.encode(story))
    return digest.hexdigest()[:8]


def parts_of(story: Story) -> dict[str, list[str]]:
    """The texts of each field; a phrase lies within one of them."""
    related = [part for article in story.related for part in (article.title, article.excerpt)]
    parts = {"title": [story.title], "excerpt": [story.excerpt], "body": [story.body]}
    parts["related"] = related
    return {field: [text for text in texts if text] for field, texts in parts.items()}


def terms_by_part(story: Story) -> dict[str, list[str]]:
    """The terms of each part of each field, with a blank between them."""
    return {
        field: [" ".join(map(stem, WORD_PATTERN.findall(text))) for text in texts]
        for field, texts in parts_of(story).items()
    }


def providers_of(story: Story) -> list[str]:
    """The keys under which a story counts in the provider facet."""
    return facet_values(story)["provider"]


def display_text(story: Story) -> bytes:
    """The texts a result page needs, as one value to store."""
    return "\x1e".join(text for texts in parts_of(story).values() for text in texts).encode()


def take_census(stories: Iterable[Story], total: int, sample: int, seed: int) -> Census:
    """Count terms and providers; keep the words of `sample` stories chosen by the seed."""
    chosen = set(Random(f"sample/{seed}").sample(range(total), min(sample, total)))
    known: dict[str, Word] = {}
    df: Counter[str] = Counter()
    typed: dict[str, str] = {}
    providers: Counter[str] = Counter()
    kept = []
    for number, story in enumerate(stories):
        parts = [WORD_PATTERN.findall(text) for texts in parts_of(story).values() for text in texts]
        found = set().union(*parts)
        for text in sorted(found - known.keys()):
            known[text] = word = Word(fold(text), stem(text))
            typed.setdefault(word.term, word.typed)
        df.update({known[text].term for text in found})
        providers.update(providers_of(story))
        if number in chosen:
            kept.append([[known[text] for text in part] for part in parts])
    return Census(total, df, typed, providers, kept)
