"""Stories of real articles, as a folder's `stories/make_stories.py` makes them → `Story` records.

`make_stories.py` has a function `stories(folder, count, seed)`, which gives slugs and mappings
with the keys of a story file. What stands in the files, whichever the notation, are these stories.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from datetime import timezone
from pathlib import Path
from typing import Any

from indexer.model import Article, Image, Provider, Story

MAKER = Path("stories") / "make_stories.py"
#: Keys of a story file whose values are taken as they are.
_SAME = {
    "title": "title", "excerpt": "excerpt", "category": "category", "type": "type",
    "originalUrl": "original_url", "webUrl": "web_url", "ampWebUrl": "amp_web_url",
    "cdnAmpWebUrl": "cdn_amp_web_url", "quality": "quality", "heat": "heat",
    "published": "published",
}  # fmt: skip


def real_stories(data: Path, count: int, seed: int = 1) -> Iterator[Story]:
    """The first `count` stories; a smaller number is the beginning of a larger one."""
    path = data / MAKER
    spec = importlib.util.spec_from_file_location("make_stories", path)
    if spec is None or spec.loader is None or not path.exists():
        raise FileNotFoundError(f"{path}: no such module")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    for slug, entry in maker.stories(path.parent, count, seed):
        yield Story(
            id=f"{slug}.md",
            topics=tuple(dict.fromkeys(entry["topics"])),
            related=tuple(Article(**_values(article)) for article in entry["related"]),
            **_values(entry),
        )


def _values(entry: dict[str, Any]) -> dict[str, Any]:
    """What stories and articles have in common, by the names that records use."""
    values = {name: entry[key] for key, name in _SAME.items() if key in entry}
    provider = entry["provider"]
    values["provider"] = Provider(provider["name"], provider["domain"].removeprefix("www."))
    values["published_at"] = entry["publishedDateTime"].replace(tzinfo=timezone.utc)
    values["images"] = tuple(
        Image(image["url"], image["width"], image["height"], image["isCached"])
        for image in entry.get("images", ())
    )
    return values
