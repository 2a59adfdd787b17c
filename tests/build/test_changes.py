"""Which files a rebuild reads again, and which stories it keeps."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

import pytest

import indexer
import indexer.build.workers
from indexer.build.tuning import Tuning
from tests.build.conftest import FINE_NS, counts, rebuild, titles, written
from tests.conftest import write_story
from tests.seeds.entries import ask, deny


def test_only_changes_are_read(seeds, tmp_path):
    """New, changed and removed files are counted and show up in the results."""
    index = tmp_path / "index"
    assert counts(rebuild(seeds, index)) == (3, 0, 0)
    assert counts(rebuild(seeds, index)) == (0, 3, 0)
    written(seeds, "four.md", title="Story four")
    write_story(seeds, "one.md", title="Story one, revised")
    (seeds / "two.yml").unlink()
    report = rebuild(seeds, index)
    assert counts(report) == (2, 1, 1)
    assert titles(index) == ["Story four", "Story one, revised", "Story three"]
    assert titles(index, "revised") == ["Story one, revised"]
    assert titles(index, "two") == []
    assert counts(rebuild(seeds, index, full=True)) == (3, 0, 0)
    assert titles(index) == ["Story four", "Story one, revised", "Story three"]


def test_story_ids_are_relative_paths(seeds, tmp_path):
    """A story is known by its path below the folder, with slashes and suffix."""
    rebuild(seeds, tmp_path / "index")
    with indexer.open_index(tmp_path / "index") as engine:
        assert engine.get("deep/er/three.txt").title == "Story three"


def test_files_that_did_not_change_are_not_opened(seeds, tmp_path, looked_at):
    """A rebuild looks at new and changed files only."""
    index = tmp_path / "index"
    time.sleep(2 * FINE_NS / 1e9)
    rebuild(seeds, index)
    assert sorted(looked_at) == ["deep/er/three.txt", "one.md", "two.yml"]
    looked_at.clear()
    rebuild(seeds, index)
    written(seeds, "four.md", title="Four")
    assert not looked_at
    rebuild(seeds, index)
    assert looked_at == ["four.md"]


def test_files_need_not_be_looked_at_for_ever(seeds, tmp_path, looked_at):
    """A file that was written right before it was read is looked at once more."""
    index = tmp_path / "index"
    coarse = Tuning(settled_files=3, clock_grain_ns=10**18)
    rebuild(seeds, index, coarse)
    assert counts(rebuild(seeds, index, coarse)) == (0, 3, 0)
    assert len(looked_at) == 6
    time.sleep(2 * FINE_NS / 1e9)
    for _ in range(3):
        # Those that were written slowly are settled already.
        rebuild(seeds, index, Tuning(settled_files=1, clock_grain_ns=FINE_NS))
    assert len(looked_at) <= 9


def test_files_that_change_places(seeds, tmp_path):
    """Names exchanged, and one file put in place of another with its size and time stamp."""
    index = tmp_path / "index"
    written(seeds, "a.md", title="Alpha")
    written(seeds, "b.md", title="Gamma")
    written(tmp_path, "c.md", title="Delta")
    time.sleep(2 * FINE_NS / 1e9)
    rebuild(seeds, index)
    (seeds / "a.md").rename(seeds / "x")
    (seeds / "b.md").rename(seeds / "a.md")
    (seeds / "x").rename(seeds / "b.md")
    assert counts(rebuild(seeds, index)) == (2, 3, 0)
    with indexer.open_index(index) as engine:
        assert engine.get("a.md").title == "Gamma"
    (tmp_path / "c.md").replace(seeds / "a.md")
    assert counts(rebuild(seeds, index)) == (1, 4, 0)
    assert titles(index) == ["Alpha", "Delta", "Story one", "Story three", "Story two"]


def test_another_folder_with_files_that_look_alike(tmp_path):
    """Same names, sizes and time stamps: what the files hold decides."""
    for folder, title in (("one", "Alpha"), ("two", "Gamma"), ("three", "Gamma")):
        written(tmp_path / folder, "a.md", title=title)
    index = tmp_path / "index"
    time.sleep(2 * FINE_NS / 1e9)
    rebuild(tmp_path / "one", index)
    assert counts(rebuild(tmp_path / "two", index)) == (1, 0, 0)
    assert titles(index) == ["Gamma"]
    assert counts(rebuild(tmp_path / "three", index)) == (0, 1, 0)
    with indexer.open_index(index) as engine:
        assert engine.info().seeds == str(tmp_path / "three")
    (tmp_path / "link").symlink_to("three")
    generation = rebuild(tmp_path / "three", index).generation
    assert rebuild(tmp_path / "link", index).generation == generation


def test_a_listing_that_stammers(seeds, tmp_path, monkeypatch):
    """Names listed twice, or passed over now and then, neither double nor remove a story."""
    index = tmp_path / "index"
    real, turn = os.scandir, itertools.count()

    class Stammering:
        def __init__(self, where):
            self.entries = real(where)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.entries.close()

        def __iter__(self):
            found = list(self.entries)
            missed = [] if next(turn) % 2 else [entry for entry in found if entry.name == "one.md"]
            return iter([entry for entry in found * 2 if entry not in missed])

    rebuild(seeds, index)
    monkeypatch.setattr(os, "scandir", Stammering)
    for full in (False, True):
        assert rebuild(seeds, index, full=full).removed == 0
        assert titles(index) == ["Story one", "Story three", "Story two"]


def test_a_file_that_is_removed_before_it_is_read(seeds, tmp_path, monkeypatch):
    """It counts as removed, and is no fault."""
    index = tmp_path / "index"
    rebuild(seeds, index)
    written(seeds, "new.md", title="New")
    load_file = indexer.build.workers.load_file

    def load(path, story_id):
        if story_id in ("one.md", "new.md"):
            Path(path).unlink()
        return load_file(path, story_id)

    monkeypatch.setattr(indexer.build.workers, "load_file", load)
    report = rebuild(seeds, index, full=True, workers=1)
    assert report.rejected == ()
    assert titles(index) == ["Story three", "Story two"]
    assert counts(rebuild(seeds, index)) == (0, 2, 0)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_takes_the_place_of_a_file_is_not_read(seeds, tmp_path, monkeypatch, kind):
    """Neither a link that leads out of the folder nor a pipe that nobody writes to."""
    (tmp_path / "secret.md").write_text("title: Secret\n")
    load_file = indexer.build.workers.load_file

    def load(path, story_id):
        if story_id == "one.md":
            Path(path).unlink()
            if kind == "link":
                Path(path).symlink_to(tmp_path / "secret.md")
            else:
                os.mkfifo(path)
        return load_file(path, story_id)

    monkeypatch.setattr(indexer.build.workers, "load_file", load)
    report = rebuild(seeds, tmp_path / "index", workers=1)
    assert [rejection.path for rejection in report.rejected] == ["one.md"]
    assert titles(tmp_path / "index") == ["Story three", "Story two"]


def test_stories_of_a_folder_that_lets_nobody_ask_stay(seeds, tmp_path, monkeypatch):
    """A subfolder that can be listed but not entered is treated like one that cannot be listed."""
    index = tmp_path / "index"
    rebuild(seeds, index)

    def refuse(path):
        if path.endswith("three.txt"):
            raise PermissionError(13, "Permission denied", path)

    ask(monkeypatch, refuse)
    report = rebuild(seeds, index)
    assert [rejection.path for rejection in report.rejected] == ["deep/er/"]
    assert counts(report) == (0, 3, 0)
    assert "Story three" in titles(index)


def test_a_change_within_the_clocks_grain_is_seen(seeds, tmp_path):
    """A file rewritten right after it was read, with the same size and time, is read again."""
    path = write_story(seeds, "one.md", title="First text")
    stamp = path.stat().st_mtime_ns
    rebuild(seeds, tmp_path / "index")
    write_story(seeds, "one.md", title="Other text")
    os.utime(path, ns=(stamp, stamp))
    assert rebuild(seeds, tmp_path / "index").indexed == 1
    assert "Other text" in titles(tmp_path / "index")


@pytest.mark.parametrize("hours", [-9000, 9000])
def test_a_clock_that_jumped_hides_no_change(seeds, tmp_path, monkeypatch, hours):
    """Nor does a rebuild while it was wrong: same size and time stamp, yet it is read again."""
    index = tmp_path / "index"
    now = time.time_ns
    with monkeypatch.context() as jumped:
        jumped.setattr(time, "time_ns", lambda: now() + hours * 3_600 * 10**9)
        rebuild(seeds, index)
    written(seeds, "one.md", title="Story new")
    time.sleep(2 * FINE_NS / 1e9)
    assert counts(rebuild(seeds, index)) == (1, 2, 0)
    assert "Story new" in titles(index)


def test_a_clock_that_was_ahead_and_was_caught_up_with_hides_no_change(
    seeds, tmp_path, monkeypatch
):
    """An edit of equal size and time stamp is seen, too, once the time of that rebuild has come."""
    index = tmp_path / "index"
    now, ahead = time.time_ns, 500_000_000
    with monkeypatch.context() as jumped:
        jumped.setattr(time, "time_ns", lambda: now() + ahead)
        rebuild(seeds, index)
    written(seeds, "one.md", title="Story new")
    time.sleep((ahead + 2 * FINE_NS) / 1e9)
    assert counts(rebuild(seeds, index)) == (1, 2, 0)
    assert "Story new" in titles(index)


def test_what_a_copy_changes_makes_no_generation(seeds, tmp_path, looked_at):
    """Other rights have a file read again, and compared; where many have, only once."""
    index = tmp_path / "index"
    time.sleep(2 * FINE_NS / 1e9)
    generation = rebuild(seeds, index).generation
    for path in (seeds / "one.md", seeds / "two.yml"):
        path.chmod(0o600)
    time.sleep(2 * FINE_NS / 1e9)
    looked_at.clear()
    report = rebuild(seeds, index)
    assert (counts(report), report.generation) == ((0, 3, 0), generation)
    assert sorted(looked_at) == ["one.md", "two.yml"]
    many = Tuning(settled_files=2, clock_grain_ns=FINE_NS)
    rebuild(seeds, index, many)
    looked_at.clear()
    assert counts(rebuild(seeds, index, many)) == (0, 3, 0)
    assert not looked_at


def test_a_touched_file_counts_as_unchanged(seeds, tmp_path):
    """A new time stamp alone does not make a story new."""
    rebuild(seeds, tmp_path / "index")
    (seeds / "one.md").touch()
    assert counts(rebuild(seeds, tmp_path / "index")) == (0, 3, 0)


def test_a_file_gone_bad_is_reported_until_it_is_mended(seeds, tmp_path):
    """A story whose file can no longer be read leaves the index, and says so every time."""
    index = tmp_path / "index"
    rebuild(seeds, index)
    (seeds / "one.md").write_text("---\ntitle: [\n---\n")
    for _ in range(2):
        report = rebuild(seeds, index)
        assert [rejection.path for rejection in report.rejected] == ["one.md"]
        assert titles(index) == ["Story three", "Story two"]
    write_story(seeds, "one.md", title="Mended")
    assert not rebuild(seeds, index).rejected
    assert "Mended" in titles(index)


def test_stories_of_a_folder_that_cannot_be_listed_stay(seeds, tmp_path, monkeypatch):
    """A subfolder without permission is reported, and its stories are not taken for gone."""
    index = tmp_path / "index"
    rebuild(seeds, index)
    deny(monkeypatch, "/er")
    report = rebuild(seeds, index)
    assert [rejection.path for rejection in report.rejected] == ["deep/er/"]
    assert counts(report) == (0, 3, 0)
    assert "Story three" in titles(index)
    write_story(seeds, "one.md", title="Changed")
    assert counts(rebuild(seeds, index)) == (1, 2, 0)
    monkeypatch.undo()
    assert counts(rebuild(seeds, index)) == (0, 3, 0)
    assert titles(index) == ["Changed", "Story three", "Story two"]


def test_a_file_of_another_size_is_read(seeds, tmp_path):
    """A file with its old time stamp, however long ago, has changed if its size has."""
    index = tmp_path / "index"
    for path in seeds.rglob("*.md"):
        os.utime(path, ns=(0, 0))
    rebuild(seeds, index)
    write_story(seeds, "one.md", title="Something longer")
    os.utime(seeds / "one.md", ns=(0, 0))
    assert counts(rebuild(seeds, index)) == (1, 2, 0)
    assert "Something longer" in titles(index)


@pytest.fixture
def archive(tmp_path):
    """Twenty stories and their index."""
    for number in range(20):
        written(tmp_path / "many", f"{number:02}.md", title=f"Story {number}")
    rebuild(tmp_path / "many", tmp_path / "index")
    return tmp_path / "many"


@pytest.mark.parametrize("full", [False, True])
def test_a_vanished_archive_stays_in_the_index(archive, tmp_path, full):
    """An empty folder, as a disk that is not mounted leaves it, removes nothing unasked."""
    index = tmp_path / "index"
    archive.rename(archive.with_name("away"))
    archive.mkdir()
    for options in ({}, {"dry_run": True}, {"published_only": True}):
        with pytest.raises(indexer.BuildError, match=r"20 of 20 stories.*--prune"):
            rebuild(archive, index, full=full, **options)
    assert len(titles(index)) == 20
    assert rebuild(archive, index, full=full, prune=True).removed == 20
    assert titles(index) == []


@pytest.mark.parametrize(("removed", "stops"), [(10, False), (11, True)])
def test_more_than_half_is_too_much(archive, tmp_path, removed, stops):
    """Half of the stories may go unasked."""
    for path in sorted(archive.iterdir())[:removed]:
        path.unlink()
    if stops:
        with pytest.raises(indexer.BuildError, match="11 of 20"):
            rebuild(archive, tmp_path / "index")
    else:
        assert rebuild(archive, tmp_path / "index").removed == removed


def test_files_that_all_become_unreadable_are_a_vanished_archive(archive, tmp_path):
    """A copy that went wrong takes no story out of the index; the message names a file."""
    for path in archive.iterdir():
        path.write_text("")
    with pytest.raises(indexer.BuildError, match=r"20 of 20 .*first to be rejected: 00\.md:1: "):
        rebuild(archive, tmp_path / "index")


def test_an_archive_put_in_order_has_not_vanished(archive, tmp_path):
    """Files that are renamed are still there, and stories made private need not ask."""
    (archive / "2022").mkdir()
    for path in sorted(archive.glob("*.md")):
        path.rename(archive / "2022" / path.name)
    assert counts(rebuild(archive, tmp_path / "index")) == (20, 0, 20)
    rebuild(archive, tmp_path / "index", published_only=True)
    for path in archive.glob("2022/*.md"):
        write_story(archive / "2022", path.name, title="Private", published=False)
    assert rebuild(archive, tmp_path / "index", published_only=True).removed == 20


def test_another_folder_of_the_same_name(tmp_path, monkeypatch):
    """A folder given relatively is another elsewhere: none of the first one's text is served."""
    for place in ("here", "there"):
        written(tmp_path / place / "seeds", "one.md", title=f"Words {place:5}")
        monkeypatch.chdir(tmp_path / place)
        rebuild("seeds", tmp_path / "index")
    assert titles(tmp_path / "index") == ["Words there"]
    with indexer.open_index(tmp_path / "index") as engine:
        assert engine.info().seeds == str(tmp_path / "there" / "seeds")
