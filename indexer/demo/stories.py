"""A seed and a number → a `Story` that tells of an event.

Its related articles tell of the same event in other words, with the same names, so that
they share terms with it as real coverage does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from random import Random

from ..model import Article, Image, Provider, Story
from .words import ADJECTIVES, COMMENTS, COUNTS, DAYS, KINDS, NOUNS, TITLES, TOPICS, name_of

#: Stories lie within seven years from here.
FIRST_DAY = datetime(2019, 1, 1, tzinfo=timezone.utc)
_MINUTES = 2557 * 24 * 60
#: How many providers there are.
PROVIDERS = 400
#: Zipf-Mandelbrot offsets: the larger, the less frequent the most frequent words.
_FLAT, _FLAT_PROVIDERS, _FLAT_NAMES = 4, 12, 40


def iter_demo_stories(stories: int, seed: int) -> Iterator[Story]:
    """The first `stories` of the endless series of stories that belongs to a seed."""
    for number in range(stories):
        yield _Event(Random(f"{seed}/{number}")).story(number)


class _Event:
    """Something that happened, and the articles about it."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.chance = random.random
        self.category, topics, titles, *self.sentences = random.choice(KINDS)
        self.topics, self.titles = topics.split("; "), [*titles.split("; "), *TITLES]
        self.instant = FIRST_DAY + timedelta(minutes=int(self.chance() * _MINUTES))
        unit = "million" if self.chance() < 0.7 else "billion"
        kinds = {"co": "company", "rival": "company", "who": "person"}
        kinds |= {kind: kind for kind in ("place", "product", "term")}
        self.gaps = {gap: self._name(kind) for gap, kind in kinds.items()}
        self.gaps["amount"] = f"${10 ** (3 * self.chance()):.1f} {unit}"
        self.gaps["day"] = DAYS[self.instant.weekday()]
        self.gaps["few"] = str(random.randint(2, 9))

    def story(self, number: int) -> Story:
        """The story of the event."""
        chance = self.chance
        count = 5 + int(36 * chance() ** 0.75)
        delays = sorted(int(4320 * chance() ** 2) for _ in range(count))
        related = [self._article(self.instant + timedelta(minutes=delay)) for delay in delays]
        lead = self._article(self.instant)
        topics = [topic for topic in self.topics if chance() < 0.6]
        if chance() < 0.3:
            topics.append(self._pick(TOPICS))
        return Story(
            id=f"{self.instant:%Y/%m}/{number:07d}_{self.random.getrandbits(64):016x}.txt",
            title=lead.title, excerpt=lead.excerpt,
            body="\n\n".join(self._text(4) for _ in range(6)) if chance() < 0.1 else "",
            category=self.category if chance() < 0.98 else None, type=lead.type,
            published_at=lead.published_at, original_url=lead.web_url, web_url=lead.web_url,
            quality=lead.quality, heat=int(100 * chance() ** 4) - 1 if chance() < 0.9 else None,
            published=chance() < 0.9, provider=lead.provider, images=lead.images,
            topics=tuple(topics), related=tuple(related),
        )  # fmt: skip

    def _rank(self, count: int, flat: int) -> int:
        """A rank below `count`; rank r has a probability in proportion to 1 / (r + flat)."""
        return min(int(flat * ((count + flat) / flat) ** self.chance()) - flat, count - 1)

    def _pick(self, choices: list[str]) -> str:
        return choices[self._rank(len(choices), _FLAT)]

    def _name(self, kind: str) -> str:
        return name_of(kind, self._rank(COUNTS[kind], _FLAT_NAMES))

    def _fill(self, template: str) -> str:
        """A template with the names of the event, and words chosen anew."""
        word, name = self._pick, self._name
        chosen = {"adj": word(ADJECTIVES), "noun": word(NOUNS), "other": word(NOUNS)}
        text = template.format(**self.gaps, **chosen, thing=name("term"), town=name("place"))
        return text[0].upper() + text[1:]

    def _text(self, comments: int) -> str:
        told = [*self.sentences, *(self.random.choice(COMMENTS) for _ in range(comments))]
        return " ".join(map(self._fill, told))

    def _article(self, instant: datetime) -> Article:
        chance = self.chance
        title = self._fill(self.random.choice(self.titles))
        provider = providers()[self._rank(PROVIDERS, _FLAT_PROVIDERS)]
        path = f"{provider.domain}/{instant:%Y/%m/%d}/{_slug(title)}"
        picture = f"https://images.{provider.domain}/{self.random.getrandbits(48):012x}.jpg"
        return Article(
            title=title, excerpt=self._text(self.random.randint(0, 2)) if chance() < 0.96 else "",
            published_at=instant if chance() < 0.99 else None, web_url=f"https://www.{path}",
            amp_web_url=f"https://amp.{path}" if chance() < 0.35 else None,
            type="article" if chance() < 0.95 else "video",
            quality=int(150 * chance()) if chance() < 0.97 else None,
            provider=provider if chance() < 0.99 else None,
            images=(Image(picture, 1200, 630, True),) if chance() < 0.7 else (),
        )  # fmt: skip


@lru_cache(maxsize=1)
def providers() -> tuple[Provider, ...]:
    """All providers, the largest first."""
    names = [name_of("paper", rank) for rank in range(PROVIDERS)]
    return tuple(Provider(name, f"{_slug(name)}.example") for name in names)


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")
