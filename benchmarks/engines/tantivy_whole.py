"""tantivy-py with whole stories stored, as storydex stores them: for the size of its index.

The other engines store the texts of a story only; storydex stores also its addresses,
images, dates and names.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from indexer.model import Story

from . import tantivy_py
from .tantivy_py import MOST_STORIES, Searcher, layout, open_searcher, version

__all__ = ["MOST_STORIES", "TITLE", "Searcher", "build", "layout", "open_searcher", "version"]

TITLE = "tantivy-py, whole stories"


def build(stories: Iterable[Story], folder: Path) -> None:
    """Write an index into an empty folder."""
    tantivy_py.build(stories, folder, msgspec.msgpack.encode)
