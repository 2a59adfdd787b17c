"""Damages of an index: bits, blocks, numbers, tables and manifests, with sums that fit or not.

The same seed and number always mean the same damage of the same index.
"""

from __future__ import annotations

import json
import os
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

import indexer
from indexer.codec.format import KINDS, TRAILER, FileTable, Section
from indexer.generation import manifest as mf
from tests.conftest import build, write_story
from tests.corpora.segments import write_snapshot
from tests.corpora.typed import make_written_stories

_SUFFIXES = tuple(extension for _, extension in KINDS.values())


class Damage(NamedTuple):
    """What is done to a file: how, where, and whether its checksums are made to fit."""

    file: str
    how: str
    data: bytes
    mended: bool


def write_index(folder: Path) -> Path:
    """A small index with two generations, the newer one of two segments."""
    stories = {f"{story.id}.md": fields_of(story) for story in make_written_stories(70, seed=5)}
    index = build(folder, stories)
    for story in make_written_stories(8, seed=6):
        write_story(folder / "seeds", f"new{story.id}.md", **fields_of(story))
    (folder / "seeds" / "0003.md").unlink()
    indexer.rebuild(folder / "seeds", index, workers=1)
    return index


def fields_of(story: indexer.Story) -> dict[str, object]:
    """A story as the fields of its file."""
    given = {
        name: getattr(story, name)
        for name in ("title", "excerpt", "body", "category", "topics", "quality", "heat")
    }
    date = story.published_at
    given |= {
        "published": story.published,
        "webUrl": f"https://alpha.example/{story.id}",
        "publishedDateTime": date and date.isoformat(),
        "provider": story.provider and _provider(story.provider),
        "related": [
            {
                "title": a.title,
                "excerpt": a.excerpt,
                "provider": a.provider and _provider(a.provider),
            }
            for a in story.related
        ],
    }
    return {name: value for name, value in given.items() if value is not None}


def _provider(provider: indexer.Provider) -> dict[str, str]:
    given = {"name": provider.name, "domain": provider.domain}
    return {name: value for name, value in given.items() if value}


def write_large_index(folder: Path) -> Path:
    """An index of one segment with several chunks of documents and of rows, some deleted."""
    stories = make_written_stories(300, seed=7)
    many = [
        msgspec.structs.replace(stories[number % 300], id=f"{number:04}.md", body="")
        for number in range(70_000)
    ]
    index = folder / "index"
    index.mkdir()
    manifest = write_snapshot(index, many, 1, range(1, 70_000, 500)).manifest
    files = {name: mf.entry_of(str(index / name)) for name in sorted(os.listdir(index))}
    manifest = msgspec.structs.replace(manifest, files=files)
    (index / mf.manifest_name(1)).write_bytes(mf.encode_manifest(manifest))
    return index


def damage(folder: Path, number: int, seed: int) -> Damage:
    """Damage number so and so of an index."""
    random_ = random.Random(f"{seed}:{number}")
    newest = mf.manifest_name(mf.newest_generation(str(folder)))
    names = sorted(name for name in mf.read_manifest(str(folder)).files if name.endswith(_SUFFIXES))
    name = random_.choice(names) if random_.random() < 0.95 else newest
    data = (folder / name).read_bytes()
    mended = random_.random() < 0.5
    if name == newest and mended:
        payload = bytes(mf.read_sealed(str(folder), name))
        return Damage(name, "another entry", _other_manifest(payload, random_), True)
    how = random_.choice(_WAYS)
    if how is _swap:
        return Damage(name, "swapped", *_swap(folder, name, random_, mended))
    if how is _other_table and name != newest:
        return Damage(name, "another entry", _other_table(data, random_), True)
    changed = bytearray(data)
    if mended and name.endswith(_SUFFIXES):
        done = how(changed, random_, _sections(data))
        return Damage(name, done, _mended(data, changed), True)
    done = (_flip if how is _other_table else how)(changed, random_, [])
    return Damage(name, done, bytes(changed), False)


def rewrite(path: Path, change: Callable[[bytearray, dict[str, Section]], None]) -> None:
    """Change the arrays of a segment's file, given by name, with sums that fit."""
    data = path.read_bytes()
    changed = bytearray(data)
    change(changed, {section.name: section for section in _sections(data)})
    path.unlink()
    path.write_bytes(_mended(data, changed))


def _table_of(data: bytes) -> tuple[int, FileTable]:
    end = len(data) - TRAILER.size
    begin = end - TRAILER.unpack_from(data, end)[1]
    return begin, msgspec.json.decode(data[begin:end], type=FileTable)


def _sections(data: bytes) -> list[Section]:
    return [section for section in _table_of(data)[1].sections if np.prod(section.shape)]


def _mended(data: bytes, changed: bytearray) -> bytes:
    """The changed bytes, if they are too few the old table, and a trailer with sums that fit."""
    begin, _ = _table_of(data)
    cut = min(begin, len(changed))
    table = bytes(changed[begin : len(data) - TRAILER.size]) or data[begin : -TRAILER.size]
    return _ended(bytes(changed[:cut]), table)


def _ended(body: bytes, table: bytes) -> bytes:
    """The arrays of a file with a table, and a trailer with sums that fit."""
    size = len(body) + len(table) + TRAILER.size
    sums = zlib.crc32(table), zlib.crc32(body + table)
    return body + table + TRAILER.pack(size, len(table), *sums, b"xeds")


def _swap(folder: Path, name: str, random_: random.Random, mended: bool) -> tuple[bytes, bool]:
    """The bytes of another file of the kind, as they are or said to belong here."""
    others = sorted(path for path in folder.glob(f"*{Path(name).suffix}") if path.name != name)
    if not others:
        return b"", False
    other = random_.choice(others).read_bytes()
    if not mended or not name.endswith(_SUFFIXES):
        return other, False
    _, own = _table_of((folder / name).read_bytes())
    begin, table = _table_of(other)
    table = msgspec.structs.replace(table, segment=own.segment, docs=own.docs, rows=own.rows)
    return _ended(other[:begin], msgspec.json.encode(table)), True


def _other_table(data: bytes, random_: random.Random) -> bytes:
    begin, _ = _table_of(data)
    table = json.loads(data[begin : -TRAILER.size])
    _change_entry(table, random_)
    return _ended(data[:begin], json.dumps(table).encode())


def _other_manifest(payload: bytes, random_: random.Random) -> bytes:
    manifest = json.loads(payload)
    _change_entry(manifest, random_)
    return mf.seal(json.dumps(manifest).encode())


def _change_entry(record: Any, random_: random.Random) -> None:
    """Somewhere in a record another number, text or type stands, or nothing at all."""
    while True:
        key = random_.choice(sorted(record) if isinstance(record, dict) else range(len(record)))
        value = record[key]
        if not isinstance(value, (dict, list)) or not value or random_.random() < 0.1:
            break
        record = value
    near = value + random_.choice((-1, 1, 64, -64)) if type(value) is int else f"{value}x"
    others = [0, 1, -1, 2**32, 2**63, 1.5, "", None, [], {}, True, near, near, near]
    record[key] = random_.choice((*others, *(record.values() if type(record) is dict else record)))
    if random_.random() < 0.1:
        del record[key]


def _place(
    data: bytearray, random_: random.Random, sections: list[Section]
) -> tuple[str, int, int]:
    """A section, or the whole file, and where it begins and ends."""
    if sections and random_.random() < 0.9:
        section = random_.choice(sections)
        size = int(np.prod(section.shape)) * np.dtype(section.dtype).itemsize
        return section.name, section.offset, section.offset + size
    return "", 0, len(data)


def _flip(data: bytearray, random_: random.Random, sections: list[Section]) -> str:
    name, begin, end = _place(data, random_, sections)
    for _ in range(random_.choice((1, 1, 3, 20))):
        data[random_.randrange(begin, end)] ^= 1 << random_.randrange(8)
    return f"flipped bits of {name}"


def _fill(data: bytearray, random_: random.Random, sections: list[Section]) -> str:
    name, begin, end = _place(data, random_, sections)
    at = random_.randrange(begin, end)
    size = min(end - at, random_.choice((1, 4, 64, 512, 4096)))
    kind = random_.choice(("zeros", "ones", "random"))
    filling = {"zeros": bytes(size), "ones": b"\xff" * size, "random": random_.randbytes(size)}
    data[at : at + size] = filling[kind]
    return f"{kind} in {name}"


def _count(data: bytearray, random_: random.Random, sections: list[Section]) -> str:
    """Numbers of an array become others that are near, extreme or of another place."""
    if not sections:
        return _flip(data, random_, sections)
    section = random_.choice(sections)
    dtype = np.dtype(section.dtype)
    array = np.frombuffer(data, dtype, int(np.prod(section.shape)), section.offset).copy()
    highest = (1 << 8 * dtype.itemsize) - 1
    for _ in range(random_.choice((1, 1, 2, 10, 100))):
        at = random_.randrange(len(array))
        now = int(array[at])
        near = (now + random_.choice((-2, -1, 1, 2, 1000))) & highest
        other = int(array[random_.randrange(len(array))])
        array[at] = random_.choice((0, 1, highest, highest >> 1, near, near, other, other))
    if random_.random() < 0.1:
        array = array[::-1] if random_.random() < 0.5 else np.sort(array)
    data[section.offset : section.offset + array.nbytes] = array.tobytes()
    return f"other numbers in {section.name}"


def _cut(data: bytearray, random_: random.Random, sections: list[Section]) -> str:
    del data[random_.randrange(len(data)) :]
    return "cut short"


#: What is done to a file.
_WAYS = (_flip, _flip, _fill, _fill, _count, _count, _count, _cut, _swap, _other_table)
