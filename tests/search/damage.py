"""Damages a small index at random and searches it unverified, in processes that may crash.

    python -m tests.search.damage COUNT SEED [FIRST]

tries so many damages, from number FIRST on, and prints a line for each that ended in
something else than an answer or an error of storydex's own: its number, what was damaged,
what happened. The same numbers always mean the same damages.
"""

from __future__ import annotations

import json
import os
import random
import resource
import select
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

import indexer
from indexer.codec.format import KINDS, TRAILER, FileTable, Section
from indexer.engine import COMPILED
from indexer.generation import manifest as mf
from indexer.model import FACETS
from tests.conftest import build, write_story
from tests.corpora.typed import make_written_stories

#: What a damaged index may take, far more than a sound one needs.
SECONDS = 60
MEMORY = 4 << 30

QUERIES = (
    "", "*", "cat", "cats computing fishing", "the cat", "how of the", "cat dog absent zebu",
    "zebu moor bard cab fist sun", "cat OR absent", '"cat dog"', '"dog the cat"~3',
    'title:"cat dog"', 'related:"dog cat"~9', "title:dogs", "related:computer body:moon",
    "ca* -zebu", "c?t", "*o*", "title:f*", "fishign~", "related:catt~2", "provider:alpha cat",
    "topic:c* moon", "provider:*a*", "quality:>1 since:2020-01-01", "date:2020 heat:<0",
    "cat NOT (dog moon)", "(cat OR dog) (sun OR moon)", "cat^3 dog^0.5", "comptuing",
    "published:yes",
)  # fmt: skip
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


def damage(folder: Path, number: int, seed: int) -> Damage:
    """Damage number so and so of an index."""
    random_ = random.Random(f"{seed}:{number}")
    names = sorted(name for name in mf.read_manifest(str(folder)).files if name.endswith(_SUFFIXES))
    if random_.random() < 0.03:
        names = [mf.manifest_name(mf.newest_generation(str(folder)))]
    name = random_.choice(names)
    data = (folder / name).read_bytes()
    how = random_.choice(_WAYS)
    mended = random_.random() < 0.5
    if how is None:
        others = [path.name for path in folder.glob(f"*{Path(name).suffix}") if path.name != name]
        return Damage(
            name, "swapped", (folder / random_.choice(sorted(others))).read_bytes(), False
        )
    changed = bytearray(data)
    if mended and name.endswith(_SUFFIXES):
        done = how(changed, random_, _sections(data))
        return Damage(name, done, _mended(data, changed), True)
    done = how(changed, random_, [])
    return Damage(name, done, bytes(changed), False)


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
    size = cut + len(table) + TRAILER.size
    whole = bytes(changed[:cut]) + table
    return whole + TRAILER.pack(size, len(table), zlib.crc32(table), zlib.crc32(whole), b"xeds")


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


#: What is done to a file; None takes the bytes of another of the same kind.
_WAYS = (_flip, _flip, _fill, _fill, _count, _count, _count, _cut, None)


def use(folder: Path, *, compiled: bool) -> None:
    """Everything that reads an index to search it."""
    with indexer.open_index(folder, compiled=compiled) as engine:
        for query in QUERIES:
            _attempt(lambda query=query: _look(engine.search(query, facets=FACETS).hits))
        filters = {"provider": ["alpha.example"], "topic": ["AI", "law"]}
        for call in (
            engine.info,
            lambda: engine.suggest("ca"),
            lambda: engine.suggest("c"),
            lambda: engine.get("0001.md"),
            lambda: _look(engine.more_like("0007.md")),
            lambda: _look(engine.search("cat", sort="newest", filters=filters).hits),
            lambda: _look(engine.search("dog sun", filters=filters, facets=("topic",)).hits),
            lambda: engine.search("dog", sort="quality", since="2020-01-01", facets=("year",)),
            lambda: engine.search("moon", sort="oldest", limit=1000, until="2021-01-01"),
            lambda: _look(engine.export(indexer.SearchRequest(query="cat dog"))),
            lambda: _look(engine.export(indexer.SearchRequest())),
        ):
            _attempt(call)


def _look(hits: Iterator[indexer.Hit] | tuple[indexer.Hit, ...]) -> None:
    for hit in hits:
        hit.story, hit.highlights, tuple(hit.story.related)
        for related in hit.related:
            related.highlights


def _attempt(call: Callable[[], object]) -> None:
    with suppress(indexer.StorydexError):
        call()


def _verdict(folder: Path) -> str:
    """What went wrong when the index was used; empty if nothing did."""
    return _verdict_of(folder, compiled=True) or _verdict_of(folder, compiled=False)


def _verdict_of(folder: Path, *, compiled: bool) -> str:
    try:
        _attempt(lambda: use(folder, compiled=compiled))
    except Exception as error:
        places = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in places if "indexer" in Path(frame.filename).parts]
        place = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
        return f"{type(error).__name__}: {error} ({place}, compiled {compiled})"
    return ""


def _work(index: Path, seed: int, numbers: range, pipe: int) -> None:
    """Try damages one by one; each is announced, and what went wrong is told."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore", indexer.DamageWarning)
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            copy = Path(folder) / str(number)
            shutil.copytree(index, copy, copy_function=os.link)
            done = damage(index, number, seed)
            (copy / done.file).unlink()
            (copy / done.file).write_bytes(done.data)
            about = f"{Path(done.file).suffix} {done.how}{', mended' * done.mended}"
            _tell(pipe, [number, about, None])
            verdict = _verdict(copy)
            _tell(pipe, [number, about, verdict])
            shutil.rmtree(copy)


def _tell(pipe: int, what: object) -> None:
    os.write(pipe, json.dumps(what).encode()[:3000] + b"\n")


def _run_child(index: Path, seed: int, numbers: range) -> Iterator[tuple[int, str, str]]:
    """Number, damage and verdict of each damage tried; ends early where the child does."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            _work(index, seed, numbers, writing)
            status = 0
        except Exception:  # of the test itself: told, and seen by the status
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    number, about, verdict = numbers.start, "", ""
    with open(reading, "rb", buffering=0) as pipe:
        left = b""
        while True:
            if not select.select([pipe], [], [], SECONDS)[0]:
                os.kill(child, signal.SIGKILL)
                verdict = "took too long"
                break
            more = pipe.read(1 << 16)
            if not more:
                break
            *lines, left = (left + more).split(b"\n")
            for line in lines:
                number, about, verdict = json.loads(line)
                if verdict is not None:
                    yield number, about, verdict
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status or verdict is None:
        killed = f"killed by {signal.Signals(-status).name}" if status < 0 else f"status {status}"
        yield number, about, verdict or killed


def try_damages(
    index: Path, count: int, seed: int, first: int = 0
) -> Iterator[tuple[int, str, str]]:
    """Number, damage and verdict of each of so many damages; an empty verdict is a good one."""
    COMPILED.load()
    use(index, compiled=True)  # children find everything loaded
    number, end = first, first + count
    while number < end:
        for at, about, verdict in _run_child(index, seed, range(number, end)):
            yield at, about, verdict
            number = at + 1


def main() -> None:
    """Print what went wrong."""
    count, seed, *first = map(int, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        index = write_index(Path(folder))
        wrong = 0
        for number, about, verdict in try_damages(index, count, seed, *first):
            if verdict:
                wrong += 1
                print(f"{number}: {about}: {verdict}", flush=True)
        print(f"{count} damages, {wrong} wrong")


if __name__ == "__main__":
    main()
