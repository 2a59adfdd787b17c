"""The story files that a generation was built from, column by column.

`storydex-N.sources` is a MessagePack map of these columns, as `manifest.seal` ends a file.
What was wrong with the files is kept there, too: see `problems`.
Where no file has changed, nothing here takes a Python step per file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from ..codec.format import I64, AnyArray
from ..errors import IndexCorrupt
from ..model import Problems
from . import manifest as mf
from .problems import pack, unpack


class Sources(NamedTuple):
    """Story files as they were when they were read, in the order in which a folder lists them.

    started_ns: when reading began
    ids: of N files; sizes, mtimes_ns: int[N]; digests: uint8[N, 16]
    articles: int[N], articles in each; indexed: bool[N], false for one that was left out
    ctimes_ns: int[N], when anything of a file was changed last, which nobody can set;
        -1 for one noted by a storydex that did not ask
    """

    started_ns: int
    ids: list[str]
    sizes: AnyArray
    mtimes_ns: AnyArray
    digests: AnyArray
    articles: AnyArray
    indexed: AnyArray
    ctimes_ns: AnyArray

    @classmethod
    def of(
        cls,
        started_ns: int,
        ids: list[str],
        sizes: Sequence[int],
        mtimes_ns: Sequence[int],
        digests: Sequence[bytes],
        articles: Sequence[int],
        indexed: Sequence[bool],
        ctimes_ns: Sequence[int],
    ) -> Sources:
        """The same columns from lists."""
        flat = np.frombuffer(b"".join(digests), np.uint8)
        return cls(
            started_ns, ids, np.array(sizes, np.int64), np.array(mtimes_ns, np.int64),
            flat.reshape(-1, mf.DIGEST_BYTES), np.array(articles, np.int64),
            np.array(indexed, np.bool_), np.array(ctimes_ns, np.int64),
        )  # fmt: skip

    def rows_of(self, ids: list[str]) -> I64:
        """Row of each id among the files; -1 for an id that is not there."""
        if ids == self.ids:  # usual: the folder lists its files in the same order as before
            return np.arange(len(ids))
        rows = dict(zip(self.ids, range(len(self.ids)), strict=True))
        return np.array([rows.get(story_id, -1) for story_id in ids], np.int64)

    def take(self, rows: I64) -> Sources:
        """Some of the files."""
        ids = [self.ids[row] for row in rows.tolist()]
        return Sources(self.started_ns, ids, *(column[rows] for column in self[2:]))

    def digest(self, row: int) -> bytes | None:
        """The digest of a file, None for row -1."""
        return None if row < 0 else self.digests[row].tobytes()

    def joined(self, others: Sources) -> Sources:
        """These files followed by others."""
        columns = map(np.concatenate, zip(self[2:], others[2:], strict=True))
        return Sources(self.started_ns, self.ids + others.ids, *columns)

    def same_files(self, other: Sources) -> bool:
        """Whether both are the same files in the same state, but for what a copy changes."""
        rows = self.rows_of(other.ids)
        if len(other.ids) != len(self.ids) or (rows < 0).any():
            return False
        pairs = zip(self[2:-1], other[2:-1], strict=True)  # the last are the ctimes
        return all(np.array_equal(mine[rows], theirs) for mine, theirs in pairs)


#: No files: the sources of an index that does not exist yet.
NO_SOURCES = Sources.of(0, [], [], [], [], [], [], [])


class _File(msgspec.Struct, frozen=True):
    """`Sources` as they are stored; numbers with the lowest byte first."""

    started_ns: int
    ids: list[str]
    sizes: bytes  # uint32
    mtimes_ns: bytes  # int64
    digests: bytes  # 16 bytes each
    articles: bytes  # uint32
    indexed: bytes  # uint8
    problems: bytes = b""
    ctimes_ns: bytes = b""  # int64


def encode_sources(sources: Sources, problems: Problems) -> bytes:
    """Sources, and what was wrong with them → the payload of their file."""
    file = _File(
        sources.started_ns, sources.ids, sources.sizes.astype("<u4").tobytes(),
        sources.mtimes_ns.astype("<i8").tobytes(), sources.digests.tobytes(),
        sources.articles.astype("<u4").tobytes(), sources.indexed.astype("u1").tobytes(),
        pack(problems), sources.ctimes_ns.astype("<i8").tobytes(),
    )  # fmt: skip
    return msgspec.msgpack.encode(file)


def read_sources(folder: str, generation: int) -> tuple[Sources, Problems]:
    """What a generation was built from, and what was wrong there; raises `IndexCorrupt`."""
    name = mf.sources_name(generation)
    try:
        return decode_sources(mf.read_sealed(folder, name))
    except (ValueError, RecursionError) as error:
        raise IndexCorrupt(folder, name, str(error)) from error


def decode_sources(data: bytes | memoryview) -> tuple[Sources, Problems]:
    """The reverse of `encode_sources`; raises `ValueError`, `RecursionError`."""
    file = msgspec.msgpack.decode(data, type=_File)
    unknown = np.full(len(file.ids), -1, "<i8")
    columns = (
        np.frombuffer(file.sizes, "<u4").astype(np.int64),
        np.frombuffer(file.mtimes_ns, "<i8"),
        np.frombuffer(file.digests, np.uint8).reshape(-1, mf.DIGEST_BYTES),
        np.frombuffer(file.articles, "<u4").astype(np.int64),
        np.frombuffer(file.indexed, np.uint8) != 0,
        np.frombuffer(file.ctimes_ns, "<i8") if file.ctimes_ns else unknown,
    )
    if any(len(column) != len(file.ids) for column in columns):
        raise ValueError("its columns differ in length")
    return Sources(file.started_ns, file.ids, *columns), unpack(file.problems)
