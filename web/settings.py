"""The settings of an app; imports nothing of the package, read by `app`.

| key of the mapping | variable | meaning |
| --- | --- | --- |
| `INDEX` | `STORYDEX_INDEX` | where the index is; default `index` |
| `TITLE` | `STORYDEX_TITLE` | what the archive is called; default `Storydex` |
| `BASE_URL` | `STORYDEX_BASE_URL` | public address, for feeds; default: as asked for |
| `IMAGES` | `STORYDEX_IMAGES` | `0`: pages load no pictures from other sites |
| `PUBLISHED_ONLY` | `STORYDEX_PUBLISHED_ONLY` | `1`: stories that are not published are left out |
| `CORS` | `STORYDEX_CORS` | sites whose scripts may read the API, with commas; default none |
| `RELOAD_SECONDS` | | how often to look for a newer generation; default 1 |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

_VARIABLES = ("INDEX", "TITLE", "BASE_URL", "IMAGES", "PUBLISHED_ONLY", "CORS")
_NO = frozenset({"", "0", "false", "no", "off"})


class Settings(NamedTuple):
    """The settings of one app."""

    location: str = "index"
    title: str = "Storydex"
    base_url: str = ""
    images: bool = True
    published_only: bool = False
    cors: frozenset[str] = frozenset()
    reload_seconds: float = 1.0


def read_environment() -> dict[str, str]:
    """The settings that stand in environment variables, by mapping key."""
    found = {name: os.environ.get(f"STORYDEX_{name}", "") for name in _VARIABLES}
    return {name: value for name, value in found.items() if value}


def read_settings(config: Mapping[str, Any] | None) -> Settings:
    """Take settings from a mapping, or from the environment where there is none."""
    values = read_environment() if config is None else config
    default = Settings()
    return Settings(
        location=str(values.get("INDEX") or default.location),
        title=str(values.get("TITLE") or default.title),
        base_url=str(values.get("BASE_URL") or "").rstrip("/"),
        images=str(values.get("IMAGES", "1")).lower() not in _NO,
        published_only=str(values.get("PUBLISHED_ONLY", "0")).lower() not in _NO,
        cors=frozenset(str(values.get("CORS") or "").replace(",", " ").split()),
        reload_seconds=float(values.get("RELOAD_SECONDS", default.reload_seconds)),
    )
