"""What `benchmarks.rebuild` times, each job in a process of its own.

    python -m benchmarks.rebuild_jobs JOB FOLDER WORK PROCESSES

prints what it measured as JSON. Libraries are imported before the clock starts.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import yaml
from yaml._yaml import CParser

import indexer

Measured = dict[str, float]

#: Files handed to a process of a peer at a time.
_CHUNK = 64
#: Files changed between two rebuilds, and how often that is timed.
_CHANGED = 10
_TIMES = 5
#: A file changed a moment ago is read again by the next rebuild; this much later it is not.
_SETTLE_SECONDS = 3.0
_HEAP = 1_000_000_000


def full(folder: Path, work: Path, processes: int) -> Measured:
    """storydex: story files to a published index."""
    out = work / "index"
    shutil.rmtree(out, ignore_errors=True)
    seconds, report = _timed(lambda: indexer.rebuild(folder, out, workers=processes))
    return {
        "seconds": seconds,
        "cpu_seconds": _cpu(),
        "stories": report.indexed,
        "writer_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "worker_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
        "index_bytes": sum(path.stat().st_size for path in out.iterdir()),
        "sources_bytes": sum(path.stat().st_size for path in out.glob("*.sources")),
        "segments": len(list(out.glob("*.trm"))),
    }


def events(folder: Path, work: Path, processes: int) -> Measured:
    """The bare events of the files' YAML, as libyaml gives them, and nothing done with them."""
    seconds, counts = _timed(lambda: list(_map(_stream, _paths(folder), processes)))
    return {
        "seconds": seconds, "cpu_seconds": _cpu(), "stories": len(_paths(folder)),
        "events": sum(counts),
    }  # fmt: skip


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

    seconds, count = _timed(build)
    size = sum(path.stat().st_size for path in out.iterdir())
    return {
        "seconds": seconds, "cpu_seconds": _cpu(), "stories": count, "index_bytes": size,
    }  # fmt: skip


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
        step = len(files) // _CHANGED
        for path in files[turn::step][:_CHANGED]:
            path.write_text(path.read_text("utf-8") + f"\nRevised, {turn}.\n", "utf-8")
        seconds, report = _timed(lambda: indexer.rebuild(folder, out, workers=processes))
        assert report.indexed == _CHANGED
        few.append(seconds)
    return {
        "files": len(files), "changed": _CHANGED,
        "walk": min(walks), "nothing": min(nothing), "few": min(few),
        "segments": len(list(out.glob("*.trm"))),
    }  # fmt: skip


JOBS: dict[str, Callable[[Path, Path, int], Measured]] = {
    "full": full, "events": events, "reference": reference, "incremental": incremental,
}  # fmt: skip


def _cpu() -> float:
    """Seconds of processors that this process and those it started took, imports included."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))


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
