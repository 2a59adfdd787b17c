"""The settings of an app, of options, environment and a file; imports nothing of the package.

`docs/deploy.md` has the table of them, which a test compares with `SETTINGS`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from indexer import StorydexError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: The variable that names a file of settings, and the table that has them there.
FILE_VARIABLE, TABLE = "STORYDEX_SETTINGS", "serve"

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"", "0", "false", "no", "off"})
_MOST_PROXIES, _MOST_SECONDS = 10, 86_400
_HOST_NAME = re.compile(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]", re.IGNORECASE)


class Settings(NamedTuple):
    """The settings of one app."""

    location: str = "index"
    title: str = "Storydex"
    base_url: str = ""
    images: bool = True
    published_only: bool = False
    cors: frozenset[str] = frozenset()
    hosts: tuple[str, ...] = ()
    proxies: int = 0
    access_log: str = "off"
    reload_seconds: float = 1.0


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("write text, in quotes")
    return value.strip()


def _location(value: Any) -> str:
    try:
        return os.fsdecode(value).strip()
    except TypeError:
        raise ValueError("write the path of a folder, in quotes") from None


def _flag(value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in _YES | _NO:
        raise ValueError("write 1 or 0")
    return text in _YES


def _list(value: Any) -> tuple[str, ...]:
    """Of a file a list, of a variable names with commas or blanks between."""
    parts = value if isinstance(value, list | tuple) else str(value).replace(",", " ").split()
    return tuple(str(part) for part in parts)


def _origins(value: Any) -> frozenset[str]:
    origins = frozenset(_list(value))
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or parts.path or not parts.hostname:
            raise ValueError(f"{origin[:80]!r} is no origin: write https://news.example")
    return origins


def _hosts(value: Any) -> tuple[str, ...]:
    if not _list(value):  # which would be all
        raise ValueError("names no host: write news.example, or leave it out")
    for host in _list(value):
        if not _HOST_NAME.fullmatch(host):
            raise ValueError(f"{host[:80]!r} is no host: write news.example, or .news.example")
    return _list(value)


def _base_url(value: Any) -> str:
    url = _text(value).rstrip("/")
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or "?" in url):
        raise ValueError("write the public address, as https://news.example/archive")
    return url


def _proxies(value: Any) -> int:
    text = str(value).strip()
    if not text.isdecimal() or int(text) > _MOST_PROXIES:
        raise ValueError(f"write how many proxies stand before the server, at most {_MOST_PROXIES}")
    return int(text)


def _seconds(value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = -1.0
    if not 0 <= seconds <= _MOST_SECONDS:  # nor one that is no number
        raise ValueError(f"write seconds, from 0 to {_MOST_SECONDS:,}")
    return seconds


def _access_log(value: Any) -> str:
    text = "off" if value is False else "on" if value is True else str(value).strip()
    if text not in ("off", "on", "query"):
        raise ValueError("write off, on, or query to have what was searched for, too")
    return text


#: Of every setting its key in a mapping and the field it fills, and how it is read.
SETTINGS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "INDEX": ("location", _location),
    "TITLE": ("title", _text),
    "BASE_URL": ("base_url", _base_url),
    "IMAGES": ("images", _flag),
    "PUBLISHED_ONLY": ("published_only", _flag),
    "CORS": ("cors", _origins),
    "HOSTS": ("hosts", _hosts),
    "PROXIES": ("proxies", _proxies),
    "ACCESS_LOG": ("access_log", _access_log),
    "RELOAD_SECONDS": ("reload_seconds", _seconds),
}


def read_environment(file: str | None = None) -> dict[str, Any]:
    """The settings of a file, by default the one a variable names, and of variables.

    Variables count more. Raises `StorydexError`, which names the file and the key.
    """
    path = file or os.environ.get(FILE_VARIABLE, "")
    found = read_file(path) if path else {}
    for name in SETTINGS:
        if value := os.environ.get(f"STORYDEX_{name}", ""):
            found[name] = value
    return found


def read_file(path: str) -> dict[str, Any]:
    """The settings that stand in a file, by mapping key."""
    try:
        with open(path, "rb") as file:
            document = tomllib.loads(file.read().decode("utf-8-sig"))
    except OSError as error:
        raise StorydexError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StorydexError(f"{path}: not TOML: {error}") from None
    table = document.get(TABLE, {})
    known = ", ".join(name.lower() for name in SETTINGS)
    if not isinstance(table, dict):
        raise StorydexError(f"{path}: {TABLE}: give it as a table: a line `[{TABLE}]`")
    for key in [*(key for key in document if key != TABLE), *table]:
        if key not in table or key.upper() not in SETTINGS or key != key.lower():
            raise StorydexError(f"{path}: {key}: unknown: [{TABLE}] has {known}")
        _read(f"{path}: {key}", key.upper(), table[key])
    return {key.upper(): value for key, value in table.items()}


def read_settings(config: Mapping[str, Any] | None) -> Settings:
    """Take settings from a mapping, or from environment and file where there is none.

    Raises `StorydexError`, which names the setting.
    """
    if not isinstance(config, Mapping | None):
        raise StorydexError("give settings as a mapping, as in {'INDEX': 'index'}")
    for key in config or ():
        name = str(key).upper().removeprefix("STORYDEX_")
        if key != name and name in SETTINGS:
            raise StorydexError(f"{key}: unknown: a mapping has it as {name}")
    values = read_environment() if config is None else config
    given = {name: values[name] for name in SETTINGS if values.get(name) not in (None, "")}
    return Settings(
        **{SETTINGS[name][0]: _read(f"STORYDEX_{name}", name, given[name]) for name in given}
    )


def _read(where: str, name: str, value: Any) -> Any:
    try:
        return SETTINGS[name][1](value)
    except ValueError as error:
        raise StorydexError(f"{where}: {str(value)[:80]!r}: {error}") from None
