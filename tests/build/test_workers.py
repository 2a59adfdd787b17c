"""Several processes read: same answers, and an end to all of them whatever happens."""

from __future__ import annotations

import faulthandler
import multiprocessing
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import indexer
import indexer.build.workers
import indexer.generation.publish
from indexer.build.basis import Basis
from indexer.build.tuning import TUNING, Tuning
from indexer.ranking import NO_AVERAGES
from tests.build.conftest import rebuild, titles, written
from tests.conftest import ROOT, write_story


def _answers(index):
    """Everything that a search can tell apart, for the order of stories too."""
    found = []
    with indexer.open_index(index) as engine:
        engine.warm_up()  # or the compiled loops, which round otherwise, join in midway
        for query in ("", "x", '"x y"', "word7", "word1 OR word3"):
            page = engine.search(query, limit=500, facets=indexer.FACETS)
            hits = [(hit.story, hit.score, dict(hit.highlights)) for hit in page.hits]
            found.append((page.total, hits, page.facets, page.suggestion))
    return found


@pytest.mark.parametrize("shard_bytes", [TUNING.shard_bytes, 2000])
def test_workers_make_no_difference(alone, tmp_path, monkeypatch, shard_bytes):
    """However many read, in however many shards: same answers."""
    monkeypatch.setattr(indexer.generation.publish, "_MOST_PARTS", 3)
    for number in range(200):
        written(
            tmp_path / "seeds",
            f"{number:03}.md",
            title=f"Story {number} word{number % 11}",
            excerpt="x y " * (number % 40),
            provider={"name": f"P{number % 7}"},
            quality=number % 5,
            published=number % 3 > 0,
            related=[{"title": f"word{number % 5}", "excerpt": "y x"}],
        )
    write_story(tmp_path / "seeds", "bad.md", title="")
    write_story(tmp_path / "seeds", "odd.md", title="Odd", quality="high")
    seen = []
    for workers in (1, 2, 3):
        index = tmp_path / f"index-{workers}"
        tuning = Tuning(shard_bytes=shard_bytes)
        report = rebuild(tmp_path / "seeds", index, tuning, workers=workers)
        assert not indexer.verify(index).damaged
        seen.append((_answers(index), report.indexed, report.rejected, report.warnings))
    assert all(other == seen[0] for other in seen[1:])
    assert seen[0][1] == 201


def test_much_to_tell_while_the_dictionary_is_made(alone, tmp_path, monkeypatch):
    """Workers that report often and a dictionary larger than a pipe do not wait for each other."""

    def slowly(*_) -> Basis:
        time.sleep(1)  # in which the workers read what they have
        return Basis(NO_AVERAGES, random.Random(1).randbytes(1 << 20))

    monkeypatch.setattr(indexer.build.workers, "_basis_of", slowly)
    for number in range(1000):
        write_story(tmp_path / "seeds", f"{number:03}.md")
    told = []
    faulthandler.dump_traceback_later(120, exit=True)  # would hang otherwise
    try:
        report = rebuild(tmp_path / "seeds", tmp_path / "index", workers=2, progress=told.append)
    finally:
        faulthandler.cancel_dump_traceback_later()
    assert report.indexed == 1000
    assert max(step.done for step in told if step.phase == "reading") == 1000


def test_a_sample_is_not_read_twice(tmp_path, monkeypatch):
    """What averages and dictionary are found from is read once, whatever is wrong with it."""
    for number in range(40):
        written(tmp_path / "seeds", f"{number:03}.md", title=f"Story {number}", excerpt="a b c")
    write_story(tmp_path / "seeds", "bad.md", title="")
    load_file, loaded = indexer.build.workers.load_file, []

    def load(path, story_id):
        loaded.append(story_id)
        return load_file(path, story_id)

    monkeypatch.setattr(indexer.build.workers, "load_file", load)
    tuning = Tuning(sampled_stories=7)
    report = rebuild(tmp_path / "seeds", tmp_path / "index", tuning, workers=1)
    assert (report.indexed, len(report.rejected)) == (40, 1)
    assert len(loaded) == len(set(loaded)) == 41
    assert loaded != sorted(loaded), "no sample was read first"


def test_a_program_with_threads_reads_by_itself(tmp_path):
    """Where forking is not safe no process is started, and the result is the same."""
    for number in range(200):
        written(tmp_path / "seeds", f"{number:03}.md", title=f"Story {number}")
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        seen = []
        rebuild(
            tmp_path / "seeds",
            tmp_path / "index",
            workers=2,
            progress=lambda _: seen.extend(multiprocessing.active_children()),
        )
    finally:
        done.set()
        other.join()
    assert not seen
    assert len(titles(tmp_path / "index")) == 200


def _many(folder):
    for number in range(300):
        written(folder, f"{number:03}.md", title=f"Story {number}", excerpt="word " * 500)
    return folder


def test_a_process_of_a_pool_reads_by_itself(alone, tmp_path):
    """Such a process, as task queues have, may start no other: it reads alone."""
    _many(tmp_path / "seeds")
    with multiprocessing.get_context("fork").Pool(1) as pool:
        places = tmp_path / "seeds", tmp_path / "index"
        report = pool.apply_async(indexer.rebuild, places, {"workers": 2}).get(timeout=60)
    assert report.indexed == len(titles(tmp_path / "index")) == 300


@pytest.mark.parametrize("moment", ["reading", "writing"])
def test_an_error_in_the_middle_leaves_nothing(alone, tmp_path, moment):
    """Whatever is raised while workers are at work, they end, and the old index stays."""
    seeds, index = _many(tmp_path / "seeds"), tmp_path / "index"
    written(tmp_path / "old", "old.md", title="Old")
    rebuild(tmp_path / "old", index)
    before = sorted(path.name for path in index.iterdir())

    def interrupt(progress):
        if progress.phase == moment and progress.done >= (moment == "reading"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(seeds, index, full=True, workers=2, progress=interrupt)
    assert not multiprocessing.active_children()
    assert sorted(path.name for path in index.iterdir()) == before
    assert titles(index) == ["Old"]


def test_a_worker_that_is_killed(alone, tmp_path, monkeypatch):
    """A worker that the system ends is a clear error; nothing is published, nothing stays."""
    seeds, index = _many(tmp_path / "seeds"), tmp_path / "index"
    # Workers that have read their files wait here to be killed.
    monkeypatch.setattr("indexer.build.segment.write_segment", lambda *_, **__: time.sleep(60))

    def kill_one(_):
        for child in multiprocessing.active_children()[:1]:
            child.kill()

    with pytest.raises(indexer.BuildError, match=r"-9.*--workers"):
        rebuild(seeds, index, workers=2, progress=kill_one)
    assert not multiprocessing.active_children()
    assert not [path for path in index.iterdir() if not path.name.startswith(".")]
    monkeypatch.undo()
    assert rebuild(seeds, index, workers=2).indexed == 300


def test_a_worker_that_cannot_write(alone, tmp_path, monkeypatch):
    """A worker's full disk is reported as one in this process would be."""
    seeds, index = _many(tmp_path / "seeds"), tmp_path / "index"

    def refuse(*_, **__):
        raise OSError(28, "No space left on device", "segment")

    monkeypatch.setattr("indexer.build.segment.write_segment", refuse)
    for workers in (1, 2):
        with pytest.raises(indexer.BuildError, match="segment: No space left on device"):
            rebuild(seeds, index, workers=workers)
        assert not multiprocessing.active_children()


def test_a_killed_writer_leaves_no_lock_and_no_workers(tmp_path):
    """After SIGKILL the next rebuild goes through, and readers that it started are gone."""
    for number in range(400):
        write_story(tmp_path / "seeds", f"{number:03}.md", excerpt="word " * 2000)
    code = "import sys, indexer; indexer.rebuild(*sys.argv[1:], workers=2)"
    command = [sys.executable, "-c", code, str(tmp_path / "seeds"), str(tmp_path / "index")]
    writer = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    workers = Path(f"/proc/{writer.pid}/task/{writer.pid}/children")
    while not workers.read_text():
        assert writer.poll() is None, "done before it could be killed"
        time.sleep(0.001)
    children = [int(pid) for pid in workers.read_text().split()]
    writer.kill()
    writer.wait()
    assert rebuild(tmp_path / "seeds", tmp_path / "index").indexed == 400
    assert not [pid for pid in children if _is_reading(pid)]
    assert not indexer.verify(tmp_path / "index").damaged


def _is_reading(pid):
    try:
        return "rebuild" in Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
