"""Invented stories cut into a chosen number of segments.

A writer merges small segments, so segments are written here one by one, as it writes
them before they are merged.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from indexer.build.basis import Basis
from indexer.build.segment import SegmentBuilder
from indexer.codec import Segment
from indexer.generation import manifest as mf
from indexer.model import Article, Provider, Story
from indexer.ranking import NO_AVERAGES, Averages
from indexer.schema import SCHEMA_VERSION
from indexer.search.snapshot import Snapshot

#: Words that are their own stems, the first ones frequent.
WORDS = ("cat", "dog", "fish", "bird", "moon", "sun", "cab", "dot", "fist", "bard", "moor", "zebu")
PROVIDERS = (
    Provider("Alpha News", "alpha.example"),
    Provider("Alpha Alpha", "alpha.example"),
    Provider("Beta News", "beta.example"),
    Provider("Gamma"),
)
EPOCH = datetime(2020, 1, 1, tzinfo=timezone.utc)


def _words(random_: random.Random, most: int) -> str:
    picks = (int(random_.random() ** 2 * len(WORDS)) for _ in range(random_.randint(1, most)))
    return " ".join(WORDS[pick] for pick in picks)


def _article(random_: random.Random) -> Article:
    return Article(
        title=_words(random_, 4), excerpt=_words(random_, 6), provider=random_.choice(PROVIDERS)
    )


def make_story(number: int, random_: random.Random) -> Story:
    """An invented story; now and then a field is left out."""

    def maybe(value):
        return value if random_.random() < 0.7 else None

    return Story(
        id=f"{number:04}",
        title=_words(random_, 5),
        excerpt=maybe(_words(random_, 8)) or "",
        body=maybe(_words(random_, 20)) or "",
        category=maybe(random_.choice(("news", "News", "opinion"))),
        provider=maybe(random_.choice(PROVIDERS)),
        topics=tuple(sorted({random_.choice(("AI", "Cloud", "Law")) for _ in range(2)})),
        quality=maybe(random_.choice((-3, 0, 5, 5.5, 80, 100))),
        heat=maybe(random_.uniform(-1, 1)),
        published=random_.random() < 0.8,
        published_at=maybe(EPOCH + timedelta(days=random_.randint(0, 800))),
        related=tuple(_article(random_) for _ in range(random_.randint(0, 3))),
    )


def make_stories(count: int, seed: int) -> list[Story]:
    """Stories that are the same for the same seed."""
    random_ = random.Random(seed)
    return [make_story(number, random_) for number in range(count)]


def write_snapshot(
    folder: Path, stories: Sequence[Story], segments: int, deleted: Iterable[int] = ()
) -> Snapshot:
    """The stories in this many segments, some of them deleted; unmerged, unpublished."""
    return snapshot_of(folder, *write_segments(folder, stories, segments, deleted))


def write_segments(
    folder: Path, stories: Sequence[Story], segments: int, deleted: Iterable[int] = ()
) -> tuple[list[Segment], Averages]:
    """The segments of `write_snapshot`, and what all of them are weighted by."""
    basis = basis_of(stories)
    size = -(-len(stories) // segments)
    made = []
    for begin in range(0, len(stories), size):
        segment = write_segment_of(folder, stories[begin : begin + size], basis)
        for doc in sorted(deleted):
            if begin <= doc < begin + segment.docs:
                segment.delete(doc - begin, 1 + len(stories[doc].related))
        made.append(segment)
    return made, basis.averages


def basis_of(stories: Iterable[Story]) -> Basis:
    """What segments of these stories have in common."""
    builder = SegmentBuilder()
    for story in stories:
        builder.add(story)
    return builder.basis()


def write_segment_of(folder: Path, stories: Iterable[Story], basis: Basis) -> Segment:
    """Stories as one segment."""
    builder = SegmentBuilder()
    for story in stories:
        builder.add(story)
    segment = Segment("MAIN", docs=builder.docs, rows=builder.rows)
    builder.write(folder, segment.segment_id(), basis)
    return segment


def snapshot_of(
    folder: Path, segments: list[Segment], averages: Averages = NO_AVERAGES
) -> Snapshot:
    """Segments that are in a folder, opened together."""
    for segment in segments:
        segment.hold(folder)
    manifest = mf.Manifest(
        format=mf.GENERATION_VERSION, schema=SCHEMA_VERSION, generation=1, built_at=EPOCH, seeds="",
        published_only=False, stories=sum(segment.live for segment in segments), articles=0,
        averages=averages, segments=[segment.to_manifest() for segment in segments], files={},
    )  # fmt: skip
    return Snapshot(str(folder), manifest, segments)
