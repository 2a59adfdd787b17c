"""What words, stories and weights are called on a cluster, and stories as it stores them."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from ..languages import Language
from ..model import Article, Story
from ..schema import with_related
from .mapping import TOGETHER

#: What stands before a word in the names of weights and of frequencies: its stem, its light
#: form, the word as written, a stem written in capitals.
STEM, LIGHT, WRITTEN, CAPITALS = "s", "l", "w", "c"
#: What stands before the name of a weight that is that of a field, by fields that a query may name.
INSIDE = {"title": "T", "excerpt": "E", "body": "B", "related": "R"}
#: What stands before a word as written among the stems of a text.
AS_WRITTEN = "="
#: Weights are sent as whole numbers, so many times as large: they are short, and add up exactly.
SCALE = 1 << 12

_UNSAFE = re.compile(r"[\s|.]")
#: Characters of private use, which no text means.
_STAND_INS = {"|": "\ue001", ".": "\ue002"}
_MEANT = str.maketrans({"\ue000": " ", "\ue001": "|", "\ue002": "."})
_LONGEST_ID = 500
#: Between a light form and its stem.
_OF = "\ue003"


def safe(term: str) -> str:
    """A term that can stand between blanks, and be the name of a weight."""
    if term.isalnum():
        return term
    return _UNSAFE.sub(lambda found: _STAND_INS.get(found[0], "\ue000"), term)


def meant(term: str) -> str:
    """The reverse of `safe`."""
    return term if term.isascii() else term.translate(_MEANT)


class Keys(NamedTuple):
    """The names of a folded word's weights."""

    stem: str
    light: str
    written: str
    capitals: str


def keys_of(language: Language, form: str) -> Keys:
    """The names of a folded word."""
    stem = language.stem_of(form)
    return Keys(
        STEM + safe(stem), light_key(language, form, stem), WRITTEN + safe(form),
        CAPITALS + safe(stem),
    )  # fmt: skip


def light_key(language: Language, form: str, stem: str) -> str:
    """The name of a word's light form, told from the same one of another stem."""
    light = language.light_form(form)
    return LIGHT + (safe(stem) if light == stem else f"{safe(light)}{_OF}{safe(stem)}")


def tokens_of(stem: str, form: str) -> str:
    """What stands for a folded word in a text."""
    return f"{safe(stem)}{TOGETHER}{AS_WRITTEN}{safe(form)}"


def document_id(story_id: str) -> str:
    """The id of a story's document, short however long its path is."""
    return blake2b(story_id.encode("utf8", "surrogatepass"), digest_size=16).hexdigest()


def word_id(key: str) -> str:
    """The id under which a word is counted; ids have up to 512 bytes."""
    encoded = key.encode()
    return (
        key if len(encoded) <= _LONGEST_ID else "#" + blake2b(encoded, digest_size=16).hexdigest()
    )


def story_of(source: dict[str, Any]) -> Story:
    """A story as it is stored."""
    related = msgspec.convert(source.get("related", []), tuple[Article, ...])
    return with_related(msgspec.convert(source["lead"], Story), related)
