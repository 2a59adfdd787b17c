"""Invented documents for the codec's tests, and the same index in two formats."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from whoosh import index

from indexer import schema
from indexer.codec import Codec

WORDS = tuple(f"{first}{second}" for first in ("al", "be", "co", "du") for second in "abcdefghij")


def _text(random_: random.Random, low: int, high: int) -> str:
    # Squaring makes some words frequent and most of them rare.
    picks = (int(random_.random() ** 2 * len(WORDS)) for _ in range(random_.randint(low, high)))
    return " ".join(WORDS[pick] for pick in picks)


def documents(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Keyword arguments of a Whoosh writer; fields are left out now and then."""
    random_ = random.Random(seed)
    made = []
    for number in range(count):
        document: dict[str, Any] = {
            "id": [f"story-{number}"],
            "title": _text(random_, 1, 8),
            "excerpt": _text(random_, 5, 30) if random_.random() < 0.8 else None,
            "related": schema.PART_SEPARATOR.join(_text(random_, 3, 60) for _ in range(6)),
            "provider": sorted({f"p{random_.randint(0, 20)}.com" for _ in range(4)}),
            "provider_name": _text(random_, 1, 5),
            "year": [str(random_.randint(2019, 2022))] if random_.random() < 0.9 else None,
            "published": [random_.choice(("true", "false"))],
            "published_at": datetime(2020, 1, 1) + timedelta(minutes=random_.randint(0, 10**6)),
            "quality": round(random_.uniform(-5, 100), 1) if random_.random() < 0.7 else None,
            "story": bytes(random_.choices(range(256), k=random_.randint(0, 200))),
        }
        made.append({name: value for name, value in document.items() if value is not None})
    return made


def build(
    folder: Path, documents: list[dict[str, Any]], segments: int, codec: Codec | None
) -> index.FileIndex:
    """Index the documents in this many segments; without a codec in Whoosh's own format."""
    folder.mkdir()
    created = index.create_in(str(folder), schema.create_schema())
    options = {"codec": codec} if codec else {}
    size = -(-len(documents) // segments)
    for begin in range(0, len(documents), size):
        writer = created.writer(**options)
        for document in documents[begin : begin + size]:
            writer.add_document(**document)
        writer.commit(merge=False)
    return created
