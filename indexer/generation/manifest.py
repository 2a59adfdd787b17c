"""What a generation consists of and was built from.

Beside segments and Whoosh's table of contents an index folder holds, for each generation N:

    storydex-N.json       the manifest: when and from what it was built, and the size
                          and BLAKE2b-128 digest of every file of the generation
    storydex-N.sources    the story files, to tell what has changed since: see `sources`

Both end in a digest of themselves. A generation exists once its manifest does: the
rename of that file, after all others are on the disk, publishes it. The one before the
newest is kept, for the case that the newest is damaged.
"""

from __future__ import annotations

import os
import re
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec

from ..disk import index_error, open_plain
from ..errors import IndexCorrupt, IndexMissing, IndexOutdated, IndexUnreadable
from ..ranking import Averages

#: Version of manifest and sources. A reader refuses every other one.
GENERATION_VERSION = 3
DIGEST_BYTES = 16

_MANIFEST_NAME = re.compile(r"storydex-([1-9][0-9]*)\.json")
_NUMBERED = re.compile(
    r"(?:storydex-([1-9][0-9]*)\.(?:json|sources)|_MAIN_([1-9][0-9]*)\.toc)(?:\.new)?"
)
_SEGMENT_FILE = re.compile(r"MAIN_[0-9a-z]+\.(?:trm|pst|pos|doc|sto)")
_BLOCK = 1 << 20
#: Bytes that are read of manifest or sources: those of ten million stories.
_MOST_SEALED = 1 << 30
#: Bytes of a seal: a newline, a digest in hexadecimal, a newline.
_SEAL_BYTES = 2 * DIGEST_BYTES + 2


class FileEntry(msgspec.Struct, frozen=True, array_like=True):
    """A file of a generation: bytes and hexadecimal digest."""

    size: int
    digest: str


class Manifest(msgspec.Struct, frozen=True):
    """The description of one generation.

    `averages` are what all its segments were weighted by. `segments` is what
    `codec.Segment.to_manifest` gives; `files` maps the names of all files but the manifest to
    sizes and digests. `settings` is the digest of the `storydex.toml` by which stories were read.
    """

    format: int
    schema: int
    generation: int
    built_at: datetime
    seeds: str
    published_only: bool
    stories: int
    articles: int
    averages: Averages
    segments: list[dict[str, Any]]
    files: dict[str, FileEntry]
    settings: str = ""


class _Version(msgspec.Struct):
    """What tells whether the rest of a manifest can be read."""

    format: int


def manifest_name(generation: int) -> str:
    """The file name of a generation's manifest."""
    return f"storydex-{generation}.json"


def sources_name(generation: int) -> str:
    """The file name of a generation's sources."""
    return f"storydex-{generation}.sources"


def toc_name(generation: int) -> str:
    """The file name of Whoosh's table of contents, for Whoosh's own tools."""
    return f"_MAIN_{generation}.toc"


def digest_of(data: bytes | memoryview) -> bytes:
    """BLAKE2b (RFC 7693) of some bytes, 16 bytes long."""
    return blake2b(data, digest_size=DIGEST_BYTES).digest()


def entry_of(path: str) -> FileEntry:
    """Read a whole file and describe it."""
    state = blake2b(digest_size=DIGEST_BYTES)
    size = 0
    with open_plain(path) as file:
        while block := file.read(_BLOCK):
            size += len(block)
            state.update(block)
    return FileEntry(size, state.hexdigest())


def damage_of(folder: str, name: str, expected: FileEntry) -> str:
    """Read a whole file and say how it differs from its entry; empty if it does not.

    Raises `IndexUnreadable`.
    """
    try:
        found = entry_of(os.path.join(folder, name))
    except OSError as error:
        failure = index_error(folder, name, error)
        if isinstance(failure, IndexUnreadable):
            raise failure from error
        return failure.reason
    except ValueError as error:  # a name that no file can have
        return str(error)
    if found.size != expected.size:
        return f"{found.size} bytes, not {expected.size}"
    return "" if found.digest == expected.digest else "its digest does not match"


def generations(folder: str) -> list[int]:
    """The numbers of the generations that a folder holds, newest first."""
    found = (_MANIFEST_NAME.fullmatch(name) for name in _names(folder))
    return sorted((int(match[1]) for match in found if match), reverse=True)


def newest_generation(folder: str) -> int | None:
    """The number of the newest generation, None where there is none."""
    return max(generations(folder), default=None)


def next_generation(folder: str) -> int:
    """A number above that of every generation, finished or not."""
    found = (_NUMBERED.fullmatch(name) for name in _names(folder))
    return 1 + max((int(match[1] or match[2]) for match in found if match), default=0)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise IndexUnreadable(folder, "", error) from error


def published(folder: str) -> tuple[int, int] | None:
    """Number and time stamp (ns) of the newest manifest; None where there is none.

    The pair differs whenever the generation does, even if the index was deleted and made
    again under the same number.
    """
    generation = newest_generation(folder)
    if generation is None:
        return None
    try:
        return generation, os.stat(os.path.join(folder, manifest_name(generation))).st_mtime_ns
    except FileNotFoundError:
        return None


def is_ours(name: str) -> bool:
    """Whether a file name is one that storydex gives, finished or not."""
    return bool(_NUMBERED.fullmatch(name) or _SEGMENT_FILE.fullmatch(name))


def seal(payload: bytes) -> bytes:
    """Append the digest of a payload to it, in hexadecimal, as a last line."""
    return seal_described(payload)[0]


def seal_described(payload: bytes) -> tuple[bytes, FileEntry]:
    """Seal a payload; returns the bytes of the file and its entry."""
    state = blake2b(payload, digest_size=DIGEST_BYTES)
    line = _last_line(state.digest())
    state.update(line)
    return payload + line, FileEntry(len(payload) + len(line), state.hexdigest())


def _last_line(digest: bytes) -> bytes:
    return f"\n{digest.hex()}\n".encode()


def read_sealed(folder: str, name: str) -> memoryview:
    """The payload of a file that `seal` made; raises `IndexCorrupt`, `IndexUnreadable`."""
    try:
        with open_plain(os.path.join(folder, name)) as file:
            size = os.fstat(file.fileno()).st_size
            if size > _MOST_SEALED:
                raise IndexCorrupt(folder, name, f"{size:,} bytes are too many")
            data = memoryview(file.read(size))
    except OSError as error:
        raise index_error(folder, name, error) from error
    payload = data[:-_SEAL_BYTES]
    if data[len(payload) :] != _last_line(digest_of(payload)):
        raise IndexCorrupt(folder, name, "its digest does not match")
    return payload


def encode_manifest(manifest: Manifest) -> bytes:
    """A manifest → the bytes of its file."""
    return seal(msgspec.json.format(msgspec.json.encode(manifest), indent=1))


def read_manifest(folder: str) -> Manifest:
    """The manifest of the newest generation; raises `IndexMissing`, `IndexCorrupt`."""
    generation = newest_generation(folder)
    if generation is None:
        raise IndexMissing(folder)
    try:
        return read_generation(folder, generation)
    except IndexCorrupt:
        if newest_generation(folder) == generation:
            raise
        return read_manifest(folder)  # a writer replaced it while it was read


def read_generation(folder: str, generation: int) -> Manifest:
    """The manifest of one generation; raises `IndexCorrupt` if it is damaged or unreadable."""
    name = manifest_name(generation)
    try:
        data = read_sealed(folder, name)
        version = msgspec.json.decode(data, type=_Version).format
        if version != GENERATION_VERSION:
            raise IndexOutdated(folder, name, version, GENERATION_VERSION)
        manifest = msgspec.json.decode(data, type=Manifest)
    except (ValueError, RecursionError) as error:
        raise IndexCorrupt(folder, name, str(error)) from error
    if min(manifest.averages) < 1:
        raise IndexCorrupt(folder, name, f"lengths are {min(manifest.averages)} words on average")
    if not all(map(is_ours, manifest.files)):
        raise IndexCorrupt(folder, name, "names a file that is not of an index")
    if manifest.generation != generation:
        raise IndexCorrupt(folder, name, f"says that it is generation {manifest.generation}")
    return manifest
