"""One file of a segment: named arrays between a head and a trailer.

The writer streams forward and never seeks. Opening reads the head, the trailer and the
table, so it costs the same for any number of documents; `SectionFile.check` reads all.
"""

from __future__ import annotations

import mmap
import os
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from math import prod
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from ..analysis import LANGUAGES
from ..disk import index_error, naming, open_plain
from ..errors import IndexCorrupt, IndexOutdated
from ..kernels import shrinking
from .format import (
    ALIGNMENT,
    DTYPES,
    END_MAGIC,
    FORMAT_VERSION,
    HEAD,
    KINDS,
    MAGIC,
    MAX_ROWS,
    TRAILER,
    AnyArray,
    FieldInfo,
    FileKind,
    FileTable,
    Section,
    file_name,
)

_CHECK_BYTES = 1 << 20


class SectionWriter:
    """Writes one file; a context manager that removes the file if its block fails.

    Leaving the block without calling `finish` counts as failure.
    """

    def __init__(self, folder: Path, segment: str, kind: FileKind, docs: int, rows: int) -> None:
        self._path = folder / file_name(segment, kind)
        self._segment = segment
        self._docs = docs
        self._rows = rows
        self._sections: list[Section] = []
        self._size = 0
        self._crc = 0
        self._finished = False
        self._file = open(self._path, "xb")  # noqa: SIM115, closed by __exit__
        self._write(HEAD.pack(MAGIC, FORMAT_VERSION, 0, KINDS[kind][0]))

    def __enter__(self) -> SectionWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._finished:
            self._file.close()
            return
        # On a full disk closing may fail, too. The next writer removes what is left.
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _write(self, data: bytes | memoryview) -> None:
        with naming(self._path):
            self._file.write(data)
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)

    def add(self, name: str, array: AnyArray) -> None:
        """Append an array as the section `name`."""
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        self._begin(name, little.dtype, little.shape)
        if little.size:
            self._write(little.reshape(-1).view(np.uint8).data)

    def stream(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        """Append byte strings one after the other as one uint8 section."""
        self._begin(name, np.dtype(np.uint8), (0,))
        begin = self._size
        for part in parts:
            self._write(part)
        self._sections[-1] = msgspec.structs.replace(
            self._sections[-1], shape=(self._size - begin,)
        )

    def extend(self, name: str, array: AnyArray) -> None:
        """Append an array to the last section if it is called `name`, or begin that section."""
        if not self._sections or self._sections[-1].name != name:
            self.add(name, array)
            return
        little = np.ascontiguousarray(array, dtype=self._sections[-1].dtype)
        self._write(little.view(np.uint8).data)
        last = self._sections[-1]
        self._sections[-1] = msgspec.structs.replace(last, shape=(last.shape[0] + len(array),))

    def _begin(self, name: str, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> None:
        self._write(bytes(-self._size % ALIGNMENT))
        self._sections.append(Section(name, dtype.str, shape, self._size))

    def finish(
        self,
        fields: tuple[FieldInfo, ...] = (),
        defaults: Mapping[str, int] | None = None,
        language: str = LANGUAGES[0],
    ) -> None:
        """Write table and trailer, and wait until the bytes are on the disk."""
        table = msgspec.json.encode(
            FileTable(
                self._segment, self._docs, self._rows, tuple(self._sections), fields,
                dict(defaults or {}), language,
            )
        )  # fmt: skip
        self._write(table)
        size = self._size + TRAILER.size
        trailer = TRAILER.pack(size, len(table), zlib.crc32(table), 0, END_MAGIC)
        self._write(trailer[:-8])
        self._write(self._crc.to_bytes(4, "little") + END_MAGIC)
        with naming(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())
        self._finished = True


class SectionFile:
    """A mapped file. Raises `IndexCorrupt` if head, table or trailer is damaged.

    Arrays returned by `section` are read-only views of the mapping and keep it alive.
    """

    def __init__(self, folder: Path, segment: str, kind: FileKind) -> None:
        self.name = file_name(segment, kind)
        self._folder = folder
        self._kind = kind
        self._map = self._open()
        self.table = self._read_table()
        self._sections = {section.name: section for section in self.table.sections}
        if self.table.segment != segment:
            raise self.corrupt(f"belongs to segment {self.table.segment!r}")
        for section in self.table.sections:
            self._check_section(section)

    def corrupt(self, reason: str) -> IndexCorrupt:
        """The error that says what is wrong with this file."""
        return IndexCorrupt(str(self._folder), self.name, reason)

    def _open(self) -> mmap.mmap:
        try:
            with open_plain(self._folder / self.name) as file:
                size = os.fstat(file.fileno()).st_size
                if size < HEAD.size + TRAILER.size:
                    raise self.corrupt(f"{size} bytes are too few")
                mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise index_error(str(self._folder), self.name, error) from error
        shrinking.watch(mapping)
        return mapping

    def _read_table(self) -> FileTable:
        data = self._map
        magic, version, _, tag = HEAD.unpack_from(data, 0)
        if magic != MAGIC or tag != KINDS[self._kind][0]:
            raise self.corrupt("not such a file")
        if version != FORMAT_VERSION:
            raise IndexOutdated(str(self._folder), self.name, version, FORMAT_VERSION)
        end = len(data) - TRAILER.size
        size, table_size, table_crc, _, end_magic = TRAILER.unpack_from(data, end)
        if end_magic != END_MAGIC or size != len(data):
            raise self.corrupt("cut short or overwritten at its end")
        if table_size > end - HEAD.size:
            raise self.corrupt("its table does not fit")
        table = data[end - table_size : end]
        if zlib.crc32(table) != table_crc:
            raise self.corrupt("its table has a wrong checksum")
        try:
            found = msgspec.json.decode(table, type=FileTable)
        except (ValueError, RecursionError) as error:
            raise self.corrupt(f"its table is unreadable: {error}") from error
        if not 0 <= found.docs <= found.rows <= MAX_ROWS:
            raise self.corrupt(f"has {found.docs} documents and {found.rows} rows")
        return found

    def _check_section(self, section: Section) -> None:
        if section.dtype not in DTYPES or min(section.shape, default=0) < 0:
            raise self.corrupt(f"section {section.name!r} has an unknown type or shape")
        end = section.offset + prod(section.shape) * np.dtype(section.dtype).itemsize
        if section.offset < HEAD.size or section.offset % ALIGNMENT or end > len(self._map):
            raise self.corrupt(f"section {section.name!r} lies outside the file")

    def check_size(self) -> None:
        """Raise `IndexCorrupt` if the file has become shorter: to read on could end the process.

        Costs a system call, half a microsecond.
        """
        if self._map.size() < len(self._map):
            raise self.corrupt("cut short while it was open")

    def __contains__(self, name: object) -> bool:
        return name in self._sections

    def __len__(self) -> int:
        """Bytes in the file."""
        return len(self._map)

    def section(
        self, name: str, dtype: npt.DTypeLike | None = None, shape: tuple[int | None, ...] = (None,)
    ) -> AnyArray:
        """The array of this name: read-only, mapped, of the expected type and shape.

        None in `shape` stands for any extent, `dtype=None` for any type. A section that
        is absent or different raises `IndexCorrupt`.
        """
        self.check_size()
        section = self._sections.get(name)
        if section is None:
            raise self.corrupt(f"section {name!r} is missing")
        found = np.dtype(section.dtype)
        fits = len(shape) == len(section.shape) and all(
            wanted in (None, extent) for wanted, extent in zip(shape, section.shape, strict=True)
        )
        if not fits or (dtype is not None and found != np.dtype(dtype)):
            raise self.corrupt(f"section {name!r} has type {found} and shape {section.shape}")
        array: AnyArray = np.frombuffer(
            self._map, dtype=found, count=prod(section.shape), offset=section.offset
        )
        return array.reshape(section.shape)

    def release(self) -> None:
        """Give back the memory of the pages read so far; they are read again when needed."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def check(self) -> None:
        """Read every byte; raise `IndexCorrupt` if the checksum does not fit."""
        end = len(self._map) - 8
        crc = 0
        for begin in range(0, end, _CHECK_BYTES):
            crc = zlib.crc32(self._map[begin : min(begin + _CHECK_BYTES, end)], crc)
            self.release()
        if crc != int.from_bytes(self._map[end : end + 4], "little"):
            raise self.corrupt("checksum does not fit")
