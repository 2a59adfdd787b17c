"""Damages an index byte by byte and tries everything on it, in a process that may crash.

    python -m tests.damage INDEX STRIDE

prints one line of JSON for each damage that ended in something else than an answer or
an error of storydex's own. The last line of standard error says what was tried last.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import indexer
from indexer.model import FACETS

QUERIES = (
    "", "cat dog", "cat OR absent", '"cat dog"', '"dog cat"~3', "ca* -zebra", "fsh~", "c?t",
    "provider:alpha cat", "quality:>1 since:2020-01-01", "cat NOT dog", "kat",
)  # fmt: skip


def damages(folder: Path, stride: int) -> Iterator[tuple[str, int, int]]:
    """File, offset and what to turn round there; the ends of files are always included."""
    for path in sorted(folder.iterdir()):
        size = path.stat().st_size
        ends = {*range(min(24, size)), *range(max(0, size - 32), size)}
        for offset in sorted(ends | {*range(0, size, stride)}):
            yield path.name, offset, (0xFF, 0x01, 0x80)[offset // stride % 3]


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


def _attempt(call) -> None:
    try:
        call()
    except indexer.StorydexError:
        pass


def main() -> None:
    """Try every damage, and put every byte back."""
    folder, stride = Path(sys.argv[1]), int(sys.argv[2])
    for name, offset, mask in damages(folder, stride):
        print(name, offset, mask, file=sys.stderr, flush=True)
        descriptor = os.open(folder / name, os.O_RDWR)
        (byte,) = os.pread(descriptor, 1, offset)
        os.pwrite(descriptor, bytes([byte ^ mask]), offset)
        for compiled in (False, True):
            try:
                _attempt(lambda compiled=compiled: use(folder, compiled))
            except Exception as error:
                trace = error.__traceback__
                while trace.tb_next:
                    trace = trace.tb_next
                place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
                what = f"{type(error).__name__}: {error} at {place}"
                print(json.dumps([name, offset, mask, compiled, what]), flush=True)
        os.pwrite(descriptor, bytes([byte]), offset)
        os.close(descriptor)


if __name__ == "__main__":
    main()
