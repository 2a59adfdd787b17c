"""What `benchmarks.rebuild` times, each job in a process of its own.

    python -m benchmarks.rebuild_jobs JOB FOLDER WORK PROCESSES

prints what it measured as JSON. `benchmarks.rebuild` times the whole process, too.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from types import ModuleType

import yaml
from yaml._yaml import CParser

import indexer
from indexer.build import changes, workers
from indexer.build.segment import SegmentBuilder
from indexer.generation.publish import Writer
from indexer.seeds import parse_story

Measured = dict[str, float]

#: Files handed to a process of a peer at a time.
_CHUNK = 64
#: Files changed between two rebuilds, and how often that is timed.
_CHANGED = 10
_TIMES = 5
#: A file changed a moment ago is read again by the next rebuild; this much later it is not.
_SETTLE_SECONDS = 3.0
_HEAP = 1_000_000_000
#: Files of which the reading is timed one by one.
_FILES_READ = 1000


def full(folder: Path, work: Path, processes: int) -> Measured:
    """storydex: story files to a published index."""
    out = work / "index"
    report = indexer.rebuild(folder, out, full=True, workers=processes)
    return {
        "stories": report.indexed,
        "index_bytes": sum(path.stat().st_size for path in out.iterdir()),
        "segments": len(list(out.glob("*.trm"))),
    }


def events(folder: Path, work: Path, processes: int) -> Measured:
    """The bare events of the files' YAML, as libyaml gives them, and nothing done with them."""
    counts = list(_map(_stream, _paths(folder), processes))
    return {"stories": len(_paths(folder)), "events": sum(counts)}


def reference(folder: Path, work: Path, processes: int) -> Measured:
    """CSafeLoader in all processes → tantivy with as many threads and its own analysis."""
    import tantivy

    builder = tantivy.SchemaBuilder()
    for field in ("title", "excerpt", "body", "related"):
        builder.add_text_field(field, tokenizer_name="en_stem")
    builder.add_text_field("provider", fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_bytes_field("display", stored=True, indexed=False)
    out = work / "tantivy"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)

    def build() -> int:
        writer = tantivy.Index(builder.build(), path=str(out)).writer(
            heap_size=_HEAP, num_threads=processes
        )
        count = 0
        for texts in _map(_load, _paths(folder), processes):
            for fields in texts:
                document = tantivy.Document()
                for field, values in fields.items():
                    for value in values:
                        document.add_text(field, value)
                shown = [text for values in fields.values() for text in values]
                document.add_bytes("display", "\x1e".join(shown).encode())
                writer.add_document(document)
                count += 1
        writer.commit()
        writer.wait_merging_threads()
        return count

    count = build()
    return {"stories": count, "index_bytes": sum(path.stat().st_size for path in out.iterdir())}


def incremental(folder: Path, work: Path, processes: int) -> Measured:
    """On an index that `full` made: a walk, a rebuild of nothing, one of a few changes."""
    out = work / "index"
    indexer.rebuild(folder, out, workers=processes)
    files = _paths(folder)
    walks, nothing, few = [], [], []
    for turn in range(_TIMES):
        time.sleep(_SETTLE_SECONDS)
        indexer.rebuild(folder, out, workers=processes)  # reads the last changes once more
        walks.append(_timed(lambda: _walk(folder))[0])
        seconds, report = _timed(lambda: indexer.rebuild(folder, out, workers=processes))
        assert (report.indexed, report.unchanged) == (0, len(files))
        nothing.append(seconds)
        step = max(1, len(files) // _CHANGED)
        for path in files[turn::step][:_CHANGED]:
            path.write_text(path.read_text("utf-8") + f"\nRevised, {turn}.\n", "utf-8")
        seconds, report = _timed(lambda: indexer.rebuild(folder, out, workers=processes))
        assert report.indexed == _CHANGED
        few.append(seconds)
    return {
        "files": len(files),
        "changed": _CHANGED,
        "walk": min(walks),
        "nothing": min(nothing),
        "few": min(few),
        "segments": len(list(out.glob("*.trm"))),
    }


def stages(folder: Path, work: Path, processes: int) -> Measured:
    """Seconds of one processor in each stage of a full rebuild by one process."""
    spent: Measured = {}
    for owner, name, stage in (
        (changes, "list_seed_files", "list the folder"),
        (workers, "load_file", "load files"),
        (workers, "parse_story", "read YAML"),
        (SegmentBuilder, "add", "number words"),
        (SegmentBuilder, "write", "write segments"),
        (Writer, "publish", "merge and publish"),
    ):
        _clock(owner, name, stage, spent)
    started = time.process_time()
    indexer.rebuild(folder, work / "index", full=True, workers=1)
    spent["everything else"] = time.process_time() - started - sum(spent.values())
    return spent


def _clock(owner: ModuleType | type, name: str, stage: str, spent: Measured) -> None:
    """Have every call of a function add to the time of its stage."""
    function = getattr(owner, name)
    spent[stage] = 0.0

    def clocked(*given: object, **named: object) -> object:
        started = time.process_time()
        try:
            return function(*given, **named)
        finally:
            spent[stage] += time.process_time() - started

    setattr(owner, name, clocked)


def reading(folder: Path, work: Path, processes: int) -> Measured:
    """Milliseconds to read a file, medians: storydex's reader and CSafeLoader in turns.

    `events_share` is the share of files that the fast reader leaves to the YAML events.
    """
    ours, loader, left = [], [], []
    for path in _paths(folder)[:_FILES_READ]:
        data, front = path.read_bytes(), _front_matter(path)[0]
        seconds, read = _timed(lambda data=data: parse_story(data, "a.md"))
        assert read.story is not None, path
        ours.append(seconds)
        loader.append(_timed(lambda front=front: yaml.load(front, yaml.CSafeLoader))[0])
        left.append(_left_to_events(front))
    measured = {
        "files": len(ours),
        "ours_ms": 1000 * median(ours),
        "loader_ms": 1000 * median(loader),
    }
    known = [fell for fell in left if fell is not None]
    return measured | ({"events_share": sum(known) / len(known)} if known else {})


def _left_to_events(front: str) -> bool | None:
    """Whether the fast reader leaves this YAML to the events; None where there is none."""
    if find_spec("indexer.seeds.yaml_fast") is None:
        return None
    return import_module("indexer.seeds.yaml_fast").read(front, "a.md") is None


JOBS: dict[str, Callable[[Path, Path, int], Measured]] = {
    "full": full,
    "events": events,
    "reference": reference,
    "incremental": incremental,
    "stages": stages,
    "reading": reading,
}


def _timed(work: Callable[[], object]) -> tuple[float, object]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def _paths(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _walk(folder: Path | str) -> int:
    """Every file's status, by `os.scandir`."""
    count = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                count += _walk(entry.path)
            else:
                entry.stat(follow_symlinks=False)
                count += 1
    return count


def _map(work: Callable[[list[Path]], object], paths: list[Path], processes: int) -> Iterator:
    chunks = (paths[at : at + _CHUNK] for at in range(0, len(paths), _CHUNK))
    with ProcessPoolExecutor(processes, get_context("fork")) as pool:
        yield from pool.map(work, chunks)


def _front_matter(path: Path) -> tuple[str, str]:
    """The YAML of a file that begins with `---`, and the text after it."""
    front, _, body = path.read_text("utf-8").removeprefix("---\n").partition("\n---\n")
    return front, body


def _stream(paths: Iterable[Path]) -> int:
    count = 0
    for path in paths:
        next_event = CParser(_front_matter(path)[0]).get_event
        while next_event() is not None:
            count += 1
    return count


def _load(paths: Iterable[Path]) -> list[dict[str, list[str]]]:
    texts = []
    for path in paths:
        front, body = _front_matter(path)
        story = yaml.load(front, yaml.CSafeLoader)
        articles = story.get("related") or ()
        owners = [story, *articles]
        texts.append(
            {
                "title": [story["title"]],
                "excerpt": [story.get("excerpt") or ""],
                "body": [body],
                "related": [
                    one[key] for one in articles for key in ("title", "excerpt") if one.get(key)
                ],
                "provider": sorted(
                    {one["provider"]["domain"] for one in owners if one.get("provider")}
                ),
            }
        )
    return texts


if __name__ == "__main__":
    job, seeds, scratch, count = sys.argv[1:]
    print(json.dumps(JOBS[job](Path(seeds), Path(scratch), int(count))))
