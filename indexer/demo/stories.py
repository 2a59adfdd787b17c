"""A seed and a number → a `Story`.

Each story tells of an event. Its related articles tell of the same event in other
words, with the same names, so that they share terms with it as real coverage does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from random import Random

from ..model import Article, Image, Provider, Story
from . import words
from .templates import ASIDES, COMMENTS, KINDS, Kind

#: Stories lie within seven years from here.
FIRST_DAY = datetime(2019, 1, 1, tzinfo=timezone.utc)
_MINUTES = 2557 * 24 * 60
#: Fewest related articles of a story, and how many more there may be.
_FEWEST, _MORE = 5, 36
#: Zipf-Mandelbrot offsets: the larger, the flatter the head of the distribution.
_FLAT_PROVIDERS, _FLAT_NAMES, _FLAT_WORDS = 12, 40, 4

_SIZES = ((1200, 630), (1024, 768), (750, 500), (615, 383), (460, 460))
_EXTRA_TOPICS = (
    "Microchips", "Opinion", "Local News", "Jobs", "Housing", "Education", "Food", "Travel",
    "Law", "Banking", "Weather", "Agriculture", "Gaming", "Telecoms", "Robotics", "Oceans",
)  # fmt: skip

_CHOICES = (
    ("adj", words.ADJECTIVES),
    ("noun", words.NOUNS),
    ("other", words.NOUNS),
    ("Who", words.WATCHERS),
    ("did", words.DEEDS),
    ("when", words.TIMES),
)


def iter_demo_stories(stories: int, seed: int) -> Iterator[Story]:
    """The first `stories` of the endless series of stories that belongs to a seed.

    Story number i is the same for every length of the series. Costs about 0.5 ms and
    no memory beyond the story itself.
    """
    for number in range(stories):
        yield _Event(Random(f"{seed}/{number}")).story(number)


class _Event:
    """Something that happened, and the articles about it."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.random = rng.random
        self.kind: Kind = KINDS[self._rank(len(KINDS), _FLAT_WORDS)]
        self.instant = FIRST_DAY + timedelta(minutes=int(self.random() * _MINUTES))
        self.gaps = self._names()

    def story(self, number: int) -> Story:
        """The story of the event."""
        chance = self.random
        lead = self._article(self.instant, 1.0)
        digest = self.rng.getrandbits(64)
        count = _FEWEST + int(_MORE * chance() ** 0.75)
        delays = sorted(int(4320 * chance() ** 2) for _ in range(count))
        related = [
            self._article(self.instant + timedelta(minutes=delay), 1 - place / count)
            for place, delay in enumerate(delays)
        ]
        return Story(
            id=f"{self.instant:%Y/%m}/{number:07d}_{digest:016x}.txt",
            title=lead.title,
            excerpt=lead.excerpt,
            body=self._body() if chance() < 0.1 else "",
            category=self.kind.category if chance() < 0.98 else None,
            type="article" if chance() < 0.95 else "video",
            published_at=lead.published_at,
            original_url=lead.web_url,
            web_url=lead.web_url,
            quality=lead.quality,
            heat=int(100 * chance() ** 4) - 1 if chance() < 0.9 else None,
            published=chance() < 0.9,
            provider=lead.provider,
            topics=self._topics(),
            images=lead.images,
            related=tuple(related),
        )

    def _rank(self, count: int, flat: int) -> int:
        """A rank below `count`; rank r has a probability in proportion to 1 / (r + flat)."""
        rank = int(flat * math.exp(self.random() * math.log((count + flat) / flat))) - flat
        return min(rank, count - 1)

    def _names(self) -> dict[str, str]:
        rank, chance = self._rank, self.random
        first, surname = words.person_name(rank(words.PEOPLE, _FLAT_NAMES))
        amount = 10 ** (chance() * 3)
        return {
            "co": words.company_name(rank(words.COMPANIES, _FLAT_NAMES)),
            "rival": words.company_name(rank(words.COMPANIES, _FLAT_NAMES)),
            "who": f"{first} {surname}",
            "sur": surname,
            "place": words.place_name(rank(words.PLACES, _FLAT_NAMES)),
            "prod": words.product_name(rank(words.PRODUCTS, _FLAT_NAMES)),
            "term": words.term_name(rank(words.TERMS, _FLAT_NAMES)),
            "amt": f"${amount:.1f} {'million' if chance() < 0.7 else 'billion'}",
            "pct": f"{1 + int(60 * chance() ** 2)}%",
            "few": str(2 + int(chance() * 9)),
            "num": f"{3 + int(10 ** (1 + chance() * 4)):,}",
            "day": words.DAYS[self.instant.weekday()],
            "year": str(self.instant.year + 1 + int(chance() * 6)),
        }

    def _choose_words(self) -> None:
        """Fill the gaps that differ from article to article."""
        rank, gaps = self._rank, self.gaps
        for gap, choices in _CHOICES:
            gaps[gap] = choices[rank(len(choices), _FLAT_WORDS)]
        gaps["When"] = _capital(gaps["when"])
        gaps["thing"] = words.term_name(rank(words.TERMS, _FLAT_NAMES))
        gaps["town"] = words.place_name(rank(words.PLACES, _FLAT_NAMES))

    def _article(self, instant: datetime, rank: float) -> Article:
        """An article about the event; `rank` is its weight between 0 and 1."""
        chance = self.random
        self._choose_words()
        titles = self.kind.titles if chance() < 0.75 else ASIDES
        title = _capital(titles[int(chance() * len(titles))] % self.gaps)
        provider = words.providers()[self._rank(words.PROVIDERS, _FLAT_PROVIDERS)]
        path = f"{instant:%Y/%m/%d}/{words.slug(title)}"
        amp = chance() < 0.35
        return Article(
            title=title,
            excerpt=self._excerpt() if chance() < 0.96 else "",
            published_at=instant if chance() < 0.99 else None,
            web_url=f"https://www.{provider.domain}/{path}",
            amp_web_url=f"https://www.{provider.domain}/amp/{path}" if amp else None,
            type="article",
            quality=10 + int(150 * rank * chance()) if chance() < 0.97 else None,
            provider=provider if chance() < 0.99 else None,
            images=self._images(provider) if chance() < 0.7 else (),
        )

    def _excerpt(self) -> str:
        chance = self.random
        sentences = self.kind.sentences
        first = int(chance() * len(sentences))
        told = [sentences[first], COMMENTS[int(chance() * len(COMMENTS))]]
        if chance() < 0.6:
            told.insert(1, sentences[(first + 1) % len(sentences)])
        text = _capital(" ".join(told) % self.gaps)
        # As from real feeds, some excerpts are cut off.
        return (
            f"{text[: 120 + int(chance() * 60)].rsplit(' ', 1)[0]} ..." if chance() < 0.2 else text
        )

    def _body(self) -> str:
        paragraphs = []
        for sentence in self.kind.sentences:
            self._choose_words()
            first = int(self.random() * (len(COMMENTS) - 2))
            told = " ".join((sentence, *COMMENTS[first : first + 3]))
            paragraphs.append(_capital(told % self.gaps))
        return "\n\n".join(paragraphs)

    def _images(self, provider: Provider) -> tuple[Image, ...]:
        width, height = _SIZES[int(self.random() * len(_SIZES))]
        url = f"https://images.{provider.domain}/{self.rng.getrandbits(48):012x}.jpg"
        return (Image(url, width, height, True),)

    def _topics(self) -> tuple[str, ...]:
        chance = self.random
        topics = [topic for topic in self.kind.topics if chance() < 0.6]
        if chance() < 0.3:
            topics.append(_EXTRA_TOPICS[self._rank(len(_EXTRA_TOPICS), _FLAT_WORDS)])
        return tuple(topics)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
