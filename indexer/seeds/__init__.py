"""Story files → `Story` records, with what was wrong in them.

    listing.py     a folder → its story files, and the bytes of one
    values.py      the text of one field → its value
    yaml.py        YAML events → the fields that are wanted: the definition
    yaml_fast.py   most YAML → a story, by a library; `yaml_guard` says which
    story.py       the bytes of a file → a `StoryRead`

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
from .story import StoryRead, parse_story

__all__ = [
    "MAX_BYTES",
    "SUFFIXES",
    "SeedFile",
    "SeedFiles",
    "StoryRead",
    "list_seed_files",
    "load_file",
    "parse_story",
]
