"""Story files → `Story` records, with what was wrong in them.

    settings.py    `storydex.toml` → how the files beside it are read
    listing.py     a folder → its story files, and the bytes of one
    markup.py      HTML → plain text
    values.py      the text of one field → its value
    fields.py      the fields of the format, by their keys
    aliases.py     YAML events → the same without aliases
    yaml.py        YAML events → the fields that are wanted: the definition
    faults.py      what a parser says → what a person can do about it
    yaml_fast.py   most YAML → a story, by a library; `yaml_guard` says which
    story.py       the bytes of a file → a `StoryRead`

docs/story-format.md describes the files.
"""

from __future__ import annotations

from .fields import FIELDS, likely_field
from .listing import MAX_BYTES, SeedFile, SeedFiles, list_seed_files, load_file, refuse_missing
from .settings import NO_SETTINGS, SETTINGS_NAME, SUFFIXES, Settings, read_settings
from .story import StoryRead, parse_story

__all__ = [
    "FIELDS", "MAX_BYTES", "NO_SETTINGS", "SETTINGS_NAME", "SUFFIXES", "SeedFile", "SeedFiles",
    "Settings", "StoryRead", "likely_field", "list_seed_files", "load_file", "parse_story",
    "read_settings", "refuse_missing",
]  # fmt: skip
