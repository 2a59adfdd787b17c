"""Stories → a folder of story files, written as real ones are."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import datetime
from random import Random

import msgspec

from ..disk import local_folder
from ..errors import SeedError
from ..model import Story
from .stories import iter_demo_stories

#: Progress is told once for so many files.
_STEP = 50


def write_demo(
    folder: str | os.PathLike[str],
    stories: int,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write invented stories into a new or empty folder, by year and month.

    The same seed gives the same files. `progress` is told now and then how many are
    written. Returns their number. Raises `SeedError` if the folder holds anything, or
    cannot be written.
    """
    root = local_folder(folder, "an archive")
    try:
        os.makedirs(root, exist_ok=True)
        if os.listdir(root):
            raise SeedError(root, "not empty: give a new or empty folder")
        for written, story in enumerate(iter_demo_stories(stories, seed), 1):
            path = os.path.join(root, *story.id.split("/"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "x", encoding="utf-8", newline="\n") as file:
                file.write(format_story(story, seed))
            if progress is not None and (written % _STEP == 0 or written == stories):
                progress(written)
    except FileExistsError as error:
        raise SeedError(root, "not a folder: give a new or empty folder") from error
    except OSError as error:
        raise SeedError(root, f"cannot be written ({error.strerror})") from error
    return stories


def format_story(story: Story, seed: int = 0) -> str:
    """A story → the text of its file. `secured` is random, as far as anyone can tell."""
    secret = b64encode(Random(f"{seed}/secured/{story.id}").randbytes(576)).decode()
    front = msgspec.structs.replace(story, id="", body="")
    lines = ["---", *_lines(front), f'secured: "{secret}"', "---", ""]
    return "\n".join([*lines, story.body, ""] if story.body else lines)


def _lines(record: msgspec.Struct) -> Iterator[str]:
    """The fields of a record that are not empty, as lines of YAML."""
    for name, value in msgspec.structs.asdict(record).items():
        first, *rest = name.split("_")
        key = first + "".join(map(str.capitalize, rest))
        key = "publishedDateTime" if name == "published_at" else key
        if isinstance(value, msgspec.Struct):
            yield f"{key}:"
            yield from (f"  {line}" for line in _lines(value))
        elif isinstance(value, tuple):
            if value:
                yield f"{key}:"
            for item in value:
                begin, *more = [json.dumps(item)] if isinstance(item, str) else _lines(item)
                yield f"  - {begin}"
                yield from (f"    {line}" for line in more)
        elif isinstance(value, datetime):
            yield f"{key}: {value:%Y-%m-%dT%H:%M:%SZ}"
        elif value is not None and value != "":
            yield f"{key}: {json.dumps(value, ensure_ascii=False)}"
