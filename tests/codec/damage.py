"""Damages an index byte by byte and tries everything on it, in processes that may crash.

    python -m tests.codec.damage INDEX STRIDE [SUFFIX…]

prints a line of JSON for each damage that ended in something else than an answer or an
error of storydex's own: file, offset, the bits turned round, the kind of evaluator, what happened.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import indexer
from indexer.model import FACETS

#: What a process that uses a damaged index may take; far more than a sound one needs.
SECONDS = 20
MEMORY = 4 << 30

#: Bytes that are lost together.
BLOCK = 512

QUERIES = (
    "", "cat dog", "cat OR absent", '"cat dog"', '"dog cat"~3', "ca* -zebra", "fsh~", "c?t",
    "provider:alpha cat", "quality:>1 since:2020-01-01", "cat NOT dog", "kat",
)  # fmt: skip


def damages(folder: Path, stride: int, *suffixes: str) -> Iterator[tuple[str, int, int]]:
    """File, offset and what to turn round there; the ends of files are always included."""
    for path in sorted(folder.iterdir()):
        if suffixes and path.suffix not in suffixes:
            continue
        size = path.stat().st_size
        ends = {*range(min(4, size)), *range(max(0, size - 12), size)}
        for offset in sorted(ends | {*range(0, size, stride)}):
            yield path.name, offset, (0xFF, 0x01, 0x80)[offset // stride % 3]


def blanks(folder: Path, *suffixes: str) -> Iterator[tuple[str, int, int]]:
    """File, offset and 0, for blocks that are lost."""
    for path in sorted(folder.iterdir()):
        if path.suffix in suffixes:
            yield from ((path.name, at, 0) for at in range(0, path.stat().st_size, BLOCK))


def use(folder: Path, compiled: bool) -> None:
    """Everything that reads the index."""
    with indexer.open_index(folder, compiled=compiled) as engine:
        engine.warm_up()
        for query in QUERIES:
            _attempt(lambda query=query: _search(engine, query))
        for call in (
            engine.info,
            lambda: engine.suggest("ca"),
            lambda: engine.get("0001.md"),
            lambda: engine.more_like("0000.md"),
            lambda: engine.search("cat", sort="newest", filters={"provider": ["alpha.example"]}),
            lambda: engine.search("dog", sort="quality", since="2020-01-01", facets=("topic",)),
            lambda: list(engine.export(indexer.SearchRequest(query="cat"))),
        ):
            _attempt(call)


def _search(engine: indexer.Engine, query: str) -> None:
    for hit in engine.search(query, facets=FACETS).hits:
        hit.story, hit.highlights
        for related in hit.related:
            related.highlights


def _attempt(call: Callable[[], object]) -> None:
    with suppress(indexer.StorydexError):
        call()


def _verdict(folder: Path, compiled: bool) -> str:
    """What went wrong when the index was used, in this process; empty if nothing did."""
    try:
        _attempt(lambda: use(folder, compiled))
    except Exception as error:
        trace = error.__traceback__
        while trace.tb_next:
            trace = trace.tb_next
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        return f"{type(error).__name__}: {error} ({place})"
    return ""


def _verdict_of_child(folder: Path, compiled: bool) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        os.write(writing, _verdict(folder, compiled).encode()[:4000])
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        verdict = pipe.read().decode(errors="replace")
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return f"killed by {signal.Signals(-status).name}" if status < 0 else verdict


def main() -> None:
    """Try every damage, and put every byte back."""
    folder, stride, *suffixes = Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    use(folder, compiled=True)  # children find everything loaded
    for name, offset, mask in (*damages(folder, stride, *suffixes), *blanks(folder, *suffixes)):
        descriptor = os.open(folder / name, os.O_RDWR)
        data = os.pread(descriptor, 1 if mask else BLOCK, offset)
        os.pwrite(descriptor, bytes([data[0] ^ mask]) if mask else bytes(len(data)), offset)
        for compiled in (False, True):
            verdict = _verdict_of_child(folder, compiled)
            if verdict:
                mode = "compiled" if compiled else "plain"
                print(json.dumps([name, offset, mask, mode, verdict]), flush=True)
        os.pwrite(descriptor, data, offset)
        os.close(descriptor)


if __name__ == "__main__":
    main()
