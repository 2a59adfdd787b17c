"""The Whoosh codec contract over storydex's index format, for reading.

`format` holds all layout knowledge, `write` makes files from inverted arrays, `merge`
makes one segment of several, `read` and `documents` give arrays, `verify` checks all;
`whoosh_terms` and `whoosh_rows` translate to Whoosh's item-by-item interfaces.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Set
from pathlib import Path
from typing import Any

from whoosh.codec import base
from whoosh.filedb.filestore import FileStorage

from ..errors import BuildError, IndexCorrupt
from .format import MAX_ROWS
from .read import SegmentArrays
from .whoosh_rows import PerDocumentReader
from .whoosh_terms import TermsReader

_NAME = re.compile(r"([A-Za-z0-9]+)_([0-9a-z]+)")


class Segment(base.Segment):  # type: ignore[misc]
    """The name of a segment, its documents and rows, and which documents are deleted.

    This, and no more, is what Whoosh's table of contents and storydex's manifest keep. What
    Whoosh calls a document is a row.
    """

    def __init__(
        self,
        indexname: str,
        segid: str | None = None,
        docs: int = 0,
        rows: int = 0,
        deleted: Iterable[int] = (),
        deleted_rows: int = 0,
    ) -> None:
        self.indexname = indexname
        self.segid = segid if segid is not None else secrets.token_hex(8)
        self.compound = False
        self.docs = docs
        self.rows = rows
        self._deleted = set(deleted)
        self._deleted_rows = deleted_rows
        self._opened: SegmentArrays | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None, "_deleted": sorted(self._deleted)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._deleted = set(state["_deleted"])

    def segment_id(self) -> str:
        """The name that the segment's files begin with."""
        return f"{self.indexname}_{self.segid}"

    @property
    def deleted(self) -> Set[int]:
        """The deleted documents, as they are now."""
        return self._deleted

    @property
    def live(self) -> int:
        """Documents that are not deleted."""
        return self.docs - len(self._deleted)

    def delete(self, doc: int, rows: int) -> None:
        """Mark a document, which has so many rows, as deleted."""
        if doc not in self._deleted:
            self._deleted.add(doc)
            self._deleted_rows += rows

    def to_manifest(self) -> dict[str, Any]:
        """What `from_manifest` needs, made of text and numbers."""
        return {
            "name": self.segment_id(), "docs": self.docs, "rows": self.rows,
            "deleted": sorted(self._deleted), "deleted_rows": self._deleted_rows,
        }  # fmt: skip

    @classmethod
    def from_manifest(cls, entry: dict[str, Any]) -> Segment:
        """The segment of a manifest entry; raises `ValueError` for an impossible entry."""
        name, deleted = entry.get("name"), entry.get("deleted")
        match = _NAME.fullmatch(name) if isinstance(name, str) else None
        if match is None:
            raise ValueError(f"segment name {name!r}")
        docs, rows, deleted_rows = (_count(entry, key) for key in ("docs", "rows", "deleted_rows"))
        if max(docs, deleted_rows) > rows:
            raise ValueError(f"segment {name}: {docs} documents have {rows} rows")
        if not isinstance(deleted, list) or not all(
            isinstance(doc, int) and 0 <= doc < docs for doc in deleted
        ):
            raise ValueError(f"segment {name}: deleted documents are not among its {docs}")
        return cls(match[1], match[2], docs, rows, deleted, deleted_rows)

    def arrays(self, folder: Path) -> SegmentArrays:
        """The segment's arrays, opened now or by `hold`; raises `IndexCorrupt`."""
        return self._opened or SegmentArrays(folder, self.segment_id(), self._deleted)

    def hold(self, folder: Path) -> SegmentArrays:
        """Open all files and keep them open: removing them then does no harm.

        Nothing may be deleted from the segment afterwards. Raises `IndexCorrupt`.
        """
        self._opened = self.arrays(folder)
        self._opened.map_files()
        if (self._opened.doc_count, self._opened.row_count) != (self.docs, self.rows):
            raise self._opened.terms_file.corrupt(f"has not {self.docs} documents")
        return self._opened

    def codec(self, **options: Any) -> Codec:
        """The codec that reads this segment."""
        return Codec()

    def should_assemble(self) -> bool:
        """False: the files stay as they are, so that they can be mapped."""
        return False

    def doc_count_all(self) -> int:
        """Rows, deleted ones included."""
        return self.rows

    def deleted_count(self) -> int:
        """Rows that are deleted."""
        return self._deleted_rows


def _count(entry: dict[str, Any], key: str) -> int:
    count = entry.get(key)
    if not isinstance(count, int) or not 0 <= count <= MAX_ROWS:
        raise ValueError(f"segment {entry.get('name')}: {count!r} {key}")
    return count


def read_segments(folder: str, file: str, entries: Iterable[dict[str, Any]]) -> list[Segment]:
    """The segments that a manifest lists; raises `IndexCorrupt` naming its `file`."""
    try:
        return [Segment.from_manifest(entry) for entry in entries]
    except ValueError as error:
        raise IndexCorrupt(folder, file, str(error)) from error


def open_segments(folder: str, file: str, entries: Iterable[dict[str, Any]]) -> list[Segment]:
    """Read the segments and map all their files; raises `IndexCorrupt` naming a damaged file."""
    segments = read_segments(folder, file, entries)
    for segment in segments:
        segment.hold(Path(folder))
    return segments


def _folder(storage: Any) -> Path:
    if not isinstance(storage, FileStorage):
        raise ValueError(f"storydex keeps an index in a folder, not in {storage!r}")
    return Path(storage.folder)


class Codec(base.Codec):  # type: ignore[misc]
    """Reads segments of storydex's format for Whoosh."""

    def new_segment(self, storage: Any, indexname: str) -> Segment:
        """Refuse, with `BuildError`, before anything is written."""
        raise BuildError(
            "Whoosh can read this index but not write to it: storydex alone does, "
            "see `storydex rebuild`"
        )

    def terms_reader(self, storage: Any, segment: Segment) -> TermsReader:
        """The reader of terms and postings."""
        return TermsReader(segment.arrays(_folder(storage)))

    def per_document_reader(self, storage: Any, segment: Segment) -> PerDocumentReader:
        """The reader of lengths, columns and stored fields."""
        return PerDocumentReader(segment.arrays(_folder(storage)))
