"""Watching a folder: a rebuild after each change."""

from __future__ import annotations

import queue
import threading
import time

import pytest
import watchfiles

import indexer
from indexer.build.tuning import Tuning
from indexer.generation.lock import writer_lock
from tests.build.conftest import FINE, FINE_NS, titles, written
from tests.conftest import write_story


def test_watching_a_folder(seeds, tmp_path):
    """`watch` rebuilds at once and again after each change, until it is stopped."""
    stop = threading.Event()
    reports = indexer.watch(seeds, tmp_path / "index", stop=stop, workers=1)
    assert next(reports).indexed == 3
    write_story(seeds, "four.md", title="Story four")
    assert next(reports).indexed == 1
    stop.set()
    assert list(reports) == []
    assert "Story four" in titles(tmp_path / "index")


def test_watching_with_an_option_that_is_none(seeds, tmp_path):
    """Is refused at once, since no change of a file would put it right."""
    failures = []
    with pytest.raises(indexer.BuildError, match=r"^full: 1 is neither"):
        next(indexer.watch(seeds, tmp_path / "index", failed=failures.append, full=1))
    assert not failures


@pytest.fixture
def watched(seeds, tmp_path):
    """A folder that a thread watches: its reports and failures as they come."""
    stop, seen = threading.Event(), queue.Queue()

    def follow(index, tuning):
        options = {"stop": stop, "workers": 1, "failed": seen.put, "tuning": tuning}
        for report in indexer.watch(seeds, index, **options):
            seen.put(report)

    def start(index=tmp_path / "index", tuning=FINE):
        thread = threading.Thread(target=follow, args=(index, tuning))
        thread.start()
        threads.append(thread)
        assert seen.get(timeout=60).indexed == 3
        return seen

    threads = []
    yield start
    stop.set()
    for thread in threads:
        thread.join(60)


def test_watching_a_folder_that_is_replaced(seeds, watched):
    """It may be moved away, which is told once, and another may take its place."""
    seen = watched()
    seeds.rename(seeds.with_name("old"))
    assert "no such folder" in str(seen.get(timeout=60))
    written(seeds, "new.md", title="New")
    report = seen.get(timeout=60)
    assert (report.indexed, report.removed) == (1, 3)
    write_story(seeds, "more.md", title="More")
    assert seen.get(timeout=60).indexed == 1


def test_watching_tries_again_what_failed(seeds, tmp_path, watched):
    """A rebuild that could not be is made up for, without another change, and told of once."""
    seen = watched(tuning=Tuning(clock_grain_ns=FINE_NS, first_pause=0.1))
    with writer_lock(tmp_path / "index"):
        write_story(seeds, "four.md", title="Four")
        assert isinstance(seen.get(timeout=60), indexer.IndexLocked)
        time.sleep(1)
    assert seen.get(timeout=60).indexed == 1


def test_watching_a_folder_with_the_index_in_it(seeds, watched):
    """What a rebuild writes is no change."""
    seen = watched(seeds / "index")
    with pytest.raises(queue.Empty):
        seen.get(timeout=3)
    write_story(seeds, "four.md", title="Four")
    assert seen.get(timeout=60).indexed == 1


def test_watching_an_archive_that_vanishes(tmp_path):
    """Its stories stay in the index, which is told of once, until the archive is back."""
    for number in range(20):
        written(tmp_path / "seeds", f"{number}.md", title=f"Story {number}")
    stop, failures = threading.Event(), []
    reports = indexer.watch(
        tmp_path / "seeds", tmp_path / "index", stop=stop, workers=1, failed=failures.append,
        tuning=Tuning(clock_grain_ns=FINE_NS, first_pause=0.1),
    )  # fmt: skip
    assert next(reports).indexed == 20

    def unmount_and_mount() -> None:
        (tmp_path / "seeds").rename(tmp_path / "away")
        (tmp_path / "seeds").mkdir()
        time.sleep(3)
        written(tmp_path / "away", "more.md", title="More")
        (tmp_path / "seeds").rmdir()
        (tmp_path / "away").rename(tmp_path / "seeds")

    thread = threading.Thread(target=unmount_and_mount)
    thread.start()
    report = next(reports)
    thread.join()
    stop.set()
    assert (report.indexed, report.removed) == (1, 0)
    vanished = [str(failure) for failure in failures if "20 of 20" in str(failure)]
    assert len(vanished) == 1


UNWATCHED = {
    "max_user_watches": OSError("OS file watch limit reached."),
    "max_user_instances": RuntimeError("Too many open files"),
    "allow that folder to be read": PermissionError("Permission denied about deep"),
}


@pytest.mark.parametrize("said", UNWATCHED)
def test_watching_what_the_kernel_cannot_watch(seeds, tmp_path, monkeypatch, said):
    """It is told of once, with the remedy, and changes are found by looking."""

    def refuse(*_, **__):
        raise UNWATCHED[said]
        yield

    monkeypatch.setattr(watchfiles, "watch", refuse)
    stop, failures = threading.Event(), []
    reports = indexer.watch(
        seeds, tmp_path / "index", stop=stop, workers=1, failed=failures.append,
        tuning=Tuning(clock_grain_ns=FINE_NS, look_through=0.1, rescan=0.3),
    )  # fmt: skip
    assert next(reports).indexed == 3
    threading.Timer(1, write_story, (seeds, "four.md"), {"title": "Four"}).start()
    assert next(reports).indexed == 1
    stop.set()
    assert list(reports) == []
    assert [said in str(failure) for failure in failures] == [True]


@pytest.mark.parametrize("poll", [0.1, None])
def test_watching_by_looking(seeds, tmp_path, monkeypatch, poll):
    """With `poll`, and every ten minutes, changes are found of which the kernel does not tell.

    A look that finds nothing yields no report.
    """
    deaf = watchfiles.watch

    def watch(*folders, watch_filter, **options):
        assert poll is None
        return deaf(*folders, watch_filter=lambda *_: False, **options)

    monkeypatch.setattr(watchfiles, "watch", watch)
    stop = threading.Event()
    reports = indexer.watch(
        seeds, tmp_path / "index", stop=stop, workers=1, poll=poll,
        tuning=Tuning(clock_grain_ns=FINE_NS, rescan=0.3),
    )  # fmt: skip
    assert next(reports).indexed == 3
    threading.Timer(1, write_story, (seeds, "four.md"), {"title": "Four"}).start()
    assert next(reports).indexed == 1
    stop.set()
    assert list(reports) == []
