"""Invented stories for the codec's tests, indexed in Whoosh's own format and in storydex's.

Texts are short: Whoosh rounds the lengths of longer ones.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from whoosh import index
from whoosh.filedb.filestore import FileStorage, RamStorage

from indexer import schema
from indexer.analysis import StemAnalyzer, iter_words
from indexer.codec import Segment
from indexer.model import Article, Provider, Story
from tests.corpora.segments import write_segments

WORDS = tuple(f"{first}{second}" for first in ("al", "be", "co", "du") for second in "abcdefghij")
_EPOCH = datetime(2020, 1, 1, tzinfo=timezone.utc)


def _text(random_: random.Random, low: int, high: int) -> str:
    # Squaring makes some words frequent and most of them rare.
    picks = (int(random_.random() ** 2 * len(WORDS)) for _ in range(random_.randint(low, high)))
    return " ".join(WORDS[pick] for pick in picks)


def _provider(random_: random.Random) -> Provider:
    return Provider(_text(random_, 1, 4), f"p{random_.randint(0, 20)}.com")


def documents(count: int, seed: int = 1) -> list[Story]:
    """Invented stories; fields are left out now and then."""
    random_ = random.Random(seed)
    return [
        Story(
            id=f"story-{number}",
            title=_text(random_, 1, 8),
            excerpt=_text(random_, 3, 10) if random_.random() < 0.8 else "",
            body=_text(random_, 1, 10) if random_.random() < 0.8 else "",
            provider=_provider(random_),
            topics=tuple(sorted({_text(random_, 1, 2) for _ in range(2)})),
            published=random_.random() < 0.5,
            published_at=_EPOCH + timedelta(minutes=random_.randint(0, 10**6)),
            quality=round(random_.uniform(-5, 100), 1) if random_.random() < 0.7 else None,
            related=tuple(
                Article(_text(random_, 1, 8), _text(random_, 0, 10), provider=_provider(random_))
                for _ in range(random_.randint(0, 4))
            ),
        )
        for number in range(count)
    ]


class _NamesAnalyzer(StemAnalyzer):
    """Analyses names, each on a line, as the field of names is indexed: with gaps between."""

    def __call__(self, value: str, **options: Any) -> Iterator[Any]:
        position = options.pop("start_pos", 0)
        for name in value.splitlines():
            size = sum(1 for _ in iter_words(name))
            yield from super().__call__(name, start_pos=position, **options)
            position += size + schema.POSITION_GAP if size else 0


def rows_for_whoosh(story: Story) -> Iterator[dict[str, Any]]:
    """The documents that Whoosh sees of a story: one for each row."""
    for number, row in enumerate(schema.rows_of(story)):
        fields = {"kind": [schema.RELATED]} if number else schema.fields_of(story)
        texts = {"title": row.title, "excerpt": row.excerpt, "body": row.body}
        document = {"kind": [schema.LEAD], **fields, **texts, "about": "\n".join(row.about)}
        yield {name: value for name, value in document.items() if value not in (None, "", [])}


def build_whoosh(
    stories: list[Story], segments: int, deleted: Collection[int] = ()
) -> index.FileIndex:
    """Index stories in this many segments of Whoosh's own format, in memory.

    deleted: numbers of stories that are deleted afterwards
    """
    fields = schema.create_schema()
    fields["about"].analyzer = _NamesAnalyzer()
    made = RamStorage().create_index(fields)
    size = -(-len(stories) // segments)
    gone, row = [], 0
    for begin in range(0, len(stories), size):
        writer = made.writer()
        for number, story in enumerate(stories[begin : begin + size], begin):
            rows = list(rows_for_whoosh(story))
            gone += range(row, row + len(rows)) if number in deleted else ()
            row += len(rows)
            for document in rows:
                writer.add_document(**document)
        writer.commit(merge=False)
    if gone:
        writer = made.writer()
        for number in gone:
            writer.delete_document(number)
        writer.commit(merge=False)
    return made


def build(
    folder: Path, stories: list[Story], segments: int, deleted: Collection[int] = ()
) -> index.FileIndex:
    """The same index as of `build_whoosh`, in storydex's format, as Whoosh opens it."""
    folder.mkdir()
    return publish(folder, write_segments(folder, stories, segments, deleted)[0])


def publish(folder: Path, segments: list[Segment]) -> index.FileIndex:
    """Let Whoosh find segments that are in a folder."""
    index.TOC(schema.create_schema(), segments, 1).write(FileStorage(str(folder)), "MAIN")
    return index.open_dir(str(folder))
