"""`storydex.toml` beside the stories → how they are read."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from ..analysis import LANGUAGES, wildcards
from ..disk import read_beside
from ..errors import SeedError
from ..languages import ENGLISH, MOST_LANGUAGES, Language, language_name, language_of
from ..schema import provider_host
from .values import BadValueError, parse_link

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: The file of settings in a folder of stories.
SETTINGS_NAME = "storydex.toml"

#: What the names of story files end with, in either case, unless settings say otherwise.
SUFFIXES = (".md", ".markdown", ".yml", ".yaml", ".txt")

#: What a file name can stand in for.
_NAMED = ("title", "date")


class Settings(NamedTuple):
    """How the stories of a folder are read.

    fields: pairs of a key of theirs and the format's name for it
    exclude: patterns of `glob` for paths below the folder
    suffixes: what the names of story files end with, lower case
    base_url: what relative addresses are relative to
    providers: pairs of a domain, as `provider_host` has it, and the name of the provider
    file_name: what is taken from the name of the file where the story has none
    language: of the stories: in which words are stemmed
    digest: of the file that says so, "" where there is none
    """

    fields: tuple[tuple[str, str], ...] = ()
    exclude: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = SUFFIXES
    base_url: str | None = None
    providers: tuple[tuple[str, str], ...] = ()
    file_name: tuple[str, ...] = ()
    language: Language = ENGLISH
    digest: str = ""

    def excludes(self, path: str) -> bool:
        """Whether a file or folder is left out, by its path below the folder of stories."""
        names = path.split("/")
        return any(_fits(glob, names) for glob in self.exclude)


NO_SETTINGS = Settings()


def read_settings(folder: str | os.PathLike[str], fields: frozenset[str]) -> Settings:
    """The settings of a folder of stories; `fields` are the format's names.

    Raises `SeedError`, which names the file, the key and the remedy.
    """
    path = os.path.join(os.fspath(folder), SETTINGS_NAME)
    data = read_beside(path)
    if data is None:
        return NO_SETTINGS
    try:
        table = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SeedError(path, f"not UTF-8 at byte {error.start + 1:,}: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:  # which names the line
        raise SeedError(path, f"not TOML: {error}") from None
    except RecursionError:
        raise SeedError(path, "nested too deep: give plain values") from None
    digest = blake2b(data, digest_size=16).hexdigest()
    return _Reader(path, table, fields).read()._replace(digest=digest)


class _Reader:
    """Takes the keys of the file one by one."""

    def __init__(self, path: str, table: dict[str, Any], fields: frozenset[str]) -> None:
        self._path = path
        self._table = table
        self._fields = fields

    def read(self) -> Settings:
        for key in self._table:
            if key not in _KEYS:
                raise self._fault(key, f"unknown: the settings are {', '.join(_KEYS)}")
        return Settings(
            fields=self._pairs("fields", self._field),
            exclude=self._texts("exclude"),
            suffixes=self._suffixes(),
            base_url=self._base_url(),
            providers=self._pairs("providers", self._provider),
            file_name=self._texts("file_name", _NAMED),
            language=self._language(),
        )

    def _language(self) -> Language:
        given = self._table.get("language", ENGLISH.name)
        texts = given if isinstance(given, list) else [given]
        names: list[str] = []
        for text in texts:
            name = language_name(text) if isinstance(text, str) else None
            if name is None:
                known = f"give one of {', '.join(LANGUAGES)}, or its ISO code"
                raise self._fault("language", f"{text!r:.40} is none: {known}")
            if name in names:
                raise self._fault("language", f"{name} is there twice: give it once")
            names.append(name)
        if not 0 < len(names) <= MOST_LANGUAGES:
            reason = f'give one to {MOST_LANGUAGES}: language = ["english", "french"]'
            raise self._fault("language", reason)
        return language_of(", ".join(names))

    def _fault(self, key: str, reason: str) -> SeedError:
        return SeedError(self._path, f"{key}: {reason}")

    def _pairs(self, key: str, read: Any) -> tuple[tuple[str, str], ...]:
        table = self._table.get(key, {})
        if not isinstance(table, Mapping):
            raise self._fault(key, f'give it as a table: a line `[{key}]`, then `name = "…"`')
        for name, value in table.items():
            if not isinstance(value, str) or not value.strip():
                raise self._fault(f"{key}.{name}", "give a text in quotes")
        return tuple(read(name, value) for name, value in table.items())

    def _field(self, theirs: str, ours: str) -> tuple[str, str]:
        if theirs.lower() == "secured" or ours.lower() == "secured":
            raise self._fault(f"fields.{theirs}", "`secured` is never read: remove the line")
        if theirs in self._fields:
            raise self._fault(f"fields.{theirs}", "a name of the format already: remove the line")
        if ours not in self._fields:
            names = ", ".join(sorted(self._fields - {"secured"}))
            raise self._fault(f"fields.{theirs}", f"no field of the format: choose one of {names}")
        return theirs, ours

    def _provider(self, domain: str, name: str) -> tuple[str, str]:
        host = provider_host(domain.strip().lower())
        if host is None:
            raise self._fault(f"providers.{domain}", 'no domain: write "news.example" = "News"')
        return host, " ".join(name.split())

    def _texts(self, key: str, choices: tuple[str, ...] = ()) -> tuple[str, ...]:
        texts = self._table.get(key, [])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise self._fault(key, f'give a list of texts: {key} = ["…"]')
        for text in texts:
            if choices and text not in choices:
                raise self._fault(key, f"choose of {', '.join(choices)}")
        return tuple(texts)

    def _suffixes(self) -> tuple[str, ...]:
        suffixes = self._texts("suffixes") or SUFFIXES
        for suffix in suffixes:
            if not re.fullmatch(r"\.[^./\s]+(\.[^./\s]+)*", suffix) or suffix == ".toml":
                raise self._fault("suffixes", 'write each like ".mdx"')
        return tuple(suffix.lower() for suffix in suffixes)

    def _base_url(self) -> str | None:
        text = self._table.get("base_url")
        if text is None:
            return None
        try:
            return parse_link(text if isinstance(text, str) else "")
        except BadValueError as bad:
            raise self._fault("base_url", bad.reason) from None


_KEYS = ("fields", "exclude", "suffixes", "base_url", "language", "providers", "file_name")


def _fits(glob: str, names: list[str]) -> bool:
    """Whether names of folders and one of a file or folder fit a pattern.

    Takes each name once: no pattern takes long.
    """
    parts = _parts(glob)
    places = _with_none(parts, {0})
    for name in names:
        fitting = set()
        for place in places - {len(parts)}:
            part = parts[place]
            if part is None:
                fitting.add(place)
            elif part.match(name):
                fitting.add(place + 1)
        places = _with_none(parts, fitting)
    return len(parts) in places


def _with_none(parts: tuple[re.Pattern[str] | None, ...], places: set[int]) -> set[int]:
    """Places in a pattern, and those that are reached where `**` stands for no folder."""
    for place, part in enumerate(parts):
        if part is None and place in places:
            places.add(place + 1)
    return places


@lru_cache(maxsize=1024)
def _parts(glob: str) -> tuple[re.Pattern[str] | None, ...]:
    """What fits each name of a path; None, for `**`, fits any number of names.

    A pattern without `/`, but at its end, is for names in any folder.
    """
    anywhere = [] if "/" in glob.rstrip("/") else ["**"]
    return tuple(
        None if part == "**" else wildcards(part)
        for part in [*anywhere, *glob.strip("/").split("/")]
    )
