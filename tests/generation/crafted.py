"""Crafts indexes whose every checksum fits, and has `verify` look at them.

    python -m tests.generation.crafted COUNT SEED [FIRST]

prints what `verify` raised, and what it called sound although a search, an export or a look at
every story ended in `IndexCorrupt`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

import msgspec

import indexer
from indexer.generation import manifest as mf
from tests.search.damage import QUERIES
from tests.search.mutations import damage, write_index


def craft(index: Path, copy: Path, number: int, seed: int) -> str:
    """A copy of an index with damage so and so, all sums made to fit; what it is, or nothing."""
    done = damage(index, number, seed)
    if not done.mended or done.file.endswith(".json"):
        return ""
    shutil.copytree(index, copy, copy_function=os.link)
    (copy / done.file).unlink()
    (copy / done.file).write_bytes(done.data)
    for generation in mf.generations(str(copy)):
        manifest = mf.read_generation(str(copy), generation)
        if done.file in manifest.files:
            files = {**manifest.files, done.file: mf.entry_of(str(copy / done.file))}
            path = copy / mf.manifest_name(generation)
            path.unlink()
            path.write_bytes(mf.encode_manifest(msgspec.structs.replace(manifest, files=files)))
    return f"{Path(done.file).suffix} {done.how}"


def use(folder: Path) -> None:
    """Read what an index has; raises `IndexCorrupt` where it is damaged."""
    with indexer.open_index(folder, compiled=False) as engine:
        for query in QUERIES:
            for hit in engine.search(query, facets=indexer.FACETS, limit=100).hits:
                hit.story, hit.highlights, tuple(hit.story.related)
                for related in hit.related:
                    related.highlights


def verdict_of(folder: Path) -> str:
    """What is wrong with what `verify` says; empty if nothing is."""
    try:
        report = indexer.verify(folder)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"verify raised {error!r} ({Path(place.filename).name}:{place.lineno})"
    if report.damaged:
        return ""
    try:
        use(folder)
    except indexer.QueryTooCostly:
        return ""
    except Exception as error:
        return f"sound, but {error!r}"
    return ""


def try_crafted(index: Path, count: int, seed: int, first: int = 0) -> Iterator[tuple[str, str]]:
    """What was crafted and what is wrong with the verdict, if anything."""
    warnings.simplefilter("ignore", indexer.DamageWarning)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, first + count):
            copy = Path(folder, str(number))
            about = craft(index, copy, number, seed)
            if about:
                yield f"{number}: {about}", verdict_of(copy)
                shutil.rmtree(copy)


def main() -> None:
    """Print what went wrong."""
    count, seed, *first = map(int, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        index = write_index(Path(folder))
        tried = wrong = 0
        for about, verdict in try_crafted(index, count, seed, *first):
            tried += 1
            wrong += bool(verdict)
            if verdict:
                print(f"{about}: {verdict[:300]}", flush=True)
        print(f"{tried} crafted, {wrong} wrong")


if __name__ == "__main__":
    main()
