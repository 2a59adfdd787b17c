"""Story files → `Story` records, with what was wrong in them.

    listing.py  a folder → its story files, and the bytes of one
    values.py   the text of one field → its value
    events.py   YAML events → the fields that are wanted, nothing else
    plain.py    the YAML that most files are made of → stories, by a compiled loop
    transcode.py    that loop: text → MessagePack
    scalars.py  part of it: what bytes of YAML are
    pack.py     part of it: scalars → MessagePack
    story.py    the bytes of a file → a `StoryRead`

docs/story-format.md describes the files.
"""

from __future__ import annotations

from .listing import (
    MAX_BYTES,
    SUFFIXES,
    SeedFile,
    SeedFiles,
    list_seed_files,
    load_file,
)
from .story import StoryRead, parse_story, plain_reader, read_story

__all__ = [
    "MAX_BYTES",
    "SUFFIXES",
    "SeedFile",
    "SeedFiles",
    "StoryRead",
    "list_seed_files",
    "load_file",
    "parse_story",
    "plain_reader",
    "read_story",
]
