"""A story → its document: words as terms, articles as nested rows, facets, the story itself.

All words are made here, by the same analysis as in an index folder: the cluster cuts texts at
blanks alone. A row carries for each word t of the formula (see `ranking`), so that the
cluster ranks by the same numbers.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
import numpy as np

from ..analysis import WORD_PATTERN, cut, fold, is_acronym, stem_of
from ..english import light_form
from ..model import Article, Story
from ..ranking import WEIGHTS, Averages, factors, weight_codes
from ..schema import ROW_FIELDS, Row, fields_of, rows_of, with_related
from .mapping import GAP, TOGETHER, whole_micros

#: What stands before a word in the names of weights and of frequencies: its stem, its light
#: form, the word as written, a stem written in capitals.
STEM, LIGHT, WRITTEN, CAPITALS = "s", "l", "w", "c"
#: What stands before a word as written among the stems of a text.
AS_WRITTEN = "="

_UNSAFE = re.compile(r"[\s|.]")
#: Characters of private use, which no text means.
_STAND_INS = {"|": "\ue001", ".": "\ue002"}
_MEANT = str.maketrans({"\ue000": " ", "\ue001": "|", "\ue002": "."})
_LONGEST_ID = 500
#: Weights are sent as whole numbers, so many times as large: they are short, and add up exactly.
SCALE = 1 << 12
_SCALED: list[int] = np.rint(WEIGHTS * SCALE).astype(int).tolist()
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


class Document(NamedTuple):
    """The document of a story as JSON, and how its words count.

    counts: how many rows have each word, and how often they do; see `STEM`
    """

    id: str
    data: bytes
    rows: Counter[str]
    occurrences: Counter[str]


class _Text(NamedTuple):
    """A field of a row: its words at each position, and how many positions it takes."""

    places: list[list[str]]
    width: int
    capital: set[str]


_NOTHING = _Text([], 0, set())


def document_of(story: Story, averages: Averages) -> Document:
    """The document of a story in an index with such averages."""
    texts = [_texts_of(row) for row in rows_of(story)]
    lengths = np.array([[sum(text.width for text in field) for field in row] for row in texts])
    adds = factors(lengths, averages).tolist()
    counted = Counter[str](), Counter[str]()
    rows = [
        _row(row, added, number == 0, *counted)
        for number, (row, added) in enumerate(zip(texts, adds, strict=True))
    ]
    stems = [key[1:] for key in counted[0] if key[0] == STEM]
    forms = [key[1:] for key in counted[0] if key[0] == WRITTEN]
    known = fields_of(story)
    has = [name for name in ("excerpt", "body", "related", "url") if _has(story, known, name)]
    if texts[0][0][0].width:
        has.append("title")
    document: dict[str, Any] = {
        **{name: value for name, value in known.items() if value not in (None, [])},
        "id": story.id,
        "published_at": whole_micros(known["published_at"]),
        "stems": stems,
        "forms": forms,
        "has": has,
        "articles": len(story.related),
        "rows": rows,
        "lead": msgspec.to_builtins(msgspec.structs.replace(story, related=())),
        "related": msgspec.to_builtins(list(story.related)),
    }
    return Document(story.id, msgspec.json.encode(document), *counted)


def _has(story: Story, known: dict[str, Any], name: str) -> bool:
    if name == "related":
        return bool(story.related)
    return bool(known["url"]) if name == "url" else bool(WORD_PATTERN.search(getattr(story, name)))


def _texts_of(row: Row) -> list[list[_Text]]:
    return [
        [_text(row.title)], [_text(row.excerpt)], [_text(row.body)], [*map(_text, row.about)],
    ]  # fmt: skip


def _text(text: str) -> _Text:
    if not text:
        return _NOTHING
    places: list[list[str]] = []
    capital: set[str] = set()
    for found in WORD_PATTERN.findall(text):
        words, width, parts = cut(found)[:3]
        if width == 1 == len(words) and parts[0]:  # most are
            places.append([parts[0]])
            if is_acronym(found):
                capital.add(parts[0])
            continue
        base = len(places)
        places += [[] for _ in range(width)]
        for start, end, offset in words:
            word = found[start:end]
            if form := fold(word):
                places[base + offset].append(form)
                if is_acronym(word):
                    capital.add(form)
    return _Text(places, len(places), capital)


class Keys(NamedTuple):
    """The names of a folded word's weights, and what stands for it in a text."""

    stem: str
    light: str
    written: str
    capitals: str
    tokens: str


@lru_cache(maxsize=1 << 16)
def keys_of(form: str) -> Keys:
    """The names of a folded word. A light form is told from the same one of another stem."""
    stem, light, written = stem_of(form), light_form(form), safe(form)
    named = safe(stem)
    alike = named if light == stem else f"{safe(light)}{_OF}{named}"
    tokens = f"{named}{TOGETHER}{AS_WRITTEN}{written}"
    return Keys(STEM + named, LIGHT + alike, WRITTEN + written, CAPITALS + named, tokens)


def _row(
    fields: list[list[_Text]],
    adds: list[float],
    lead: bool,
    rows: Counter[str],
    occurrences: Counter[str],
) -> dict[str, Any]:
    """The document of a row; adds to what is counted of words."""
    row: dict[str, Any] = {"lead": lead}
    weights: dict[str, float] = {}
    often: dict[str, int] = {}
    capital: set[str] = set()
    for name, field, add in zip(ROW_FIELDS, fields, adds, strict=True):
        for text in field:
            capital |= text.capital
            for place in text.places:
                for form in place:
                    weights[form] = weights.get(form, 0.0) + add
                    often[form] = often.get(form, 0) + 1
        if written := [_tokens(text) for text in field if text.places]:
            row[name] = written
    codes = weight_codes(np.array(list(weights.values()), np.float32))
    sums: dict[str, int] = {}
    here: dict[str, int] = {}
    sum_of, count_of = sums.get, here.get
    for form, code in zip(weights, codes.tolist(), strict=True):
        stem, light, key, capitals, _ = keys_of(form)
        count, t = often[form], _SCALED[code]
        for name in (stem, light, key, capitals) if form in capital else (stem, light, key):
            sums[name] = sum_of(name, 0) + t
            here[name] = count_of(name, 0) + count
    rows.update(here.keys())
    for name, count in here.items():
        occurrences[name] += count
    row["t"] = sums
    return row


def _tokens(text: _Text) -> str:
    """A text for an analyser that cuts at blanks, and parts what stands in one place."""
    return " ".join([_place(forms) if forms else GAP for forms in text.places])


def _place(forms: list[str]) -> str:
    return TOGETHER.join([keys_of(form).tokens for form in forms])


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
