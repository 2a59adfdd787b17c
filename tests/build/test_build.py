"""Rebuilding: what is read, what is kept, what is refused, and what survives."""

from __future__ import annotations

import errno
import faulthandler
import itertools
import multiprocessing
import os
import queue
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import indexer
import indexer.build.workers
import indexer.generation.publish
from indexer.build.stories import build_stories
from indexer.build.tuning import TUNING, Tuning
from indexer.generation.lock import writer_lock
from tests.conftest import ROOT, write_story
from tests.seeds.entries import ask, deny

LONG_AGO = 1_600_000_000
#: More than what the time stamps of a file system are rounded to.
FINE_NS = 10_000_000
#: Files need not be seconds old to be taken for unchanged.
FINE = Tuning(clock_grain_ns=FINE_NS)


def written(folder: Path, name: str, **fields) -> Path:
    """A story file that was last changed long ago, as most of an archive is."""
    path = write_story(folder, name, **fields)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def counts(report):
    return report.indexed, report.unchanged, report.removed


def titles(index, query=""):
    with indexer.open_index(index) as engine:
        return sorted(hit.story.title for hit in engine.search(query, limit=1000).hits)


def rebuild(seeds, index, tuning=FINE, **options):
    return indexer.rebuild(seeds, index, tuning=tuning, **options)


@pytest.fixture
def looked_at(monkeypatch):
    """The ids of the files that are opened, where one process reads."""
    ids = []
    load_file = indexer.build.workers.load_file

    def load(path, story_id, **named):
        ids.append(story_id)
        return load_file(path, story_id, **named)

    monkeypatch.setattr(indexer.build.workers, "load_file", load)
    return ids


@pytest.fixture
def seeds(tmp_path):
    """Three stories, one in a subfolder."""
    for name in ("one.md", "two.yml", "deep/er/three.txt"):
        written(tmp_path / "seeds", name, title=f"Story {Path(name).stem}")
    return tmp_path / "seeds"


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
        rebuild(seeds, index, Tuning(settled_files=3, clock_grain_ns=FINE_NS))
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

    def load(path, story_id, **named):
        if story_id in ("one.md", "new.md"):
            Path(path).unlink()
        return load_file(path, story_id, **named)

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

    def load(path, story_id, **named):
        if story_id == "one.md":
            Path(path).unlink()
            if kind == "link":
                Path(path).symlink_to(tmp_path / "secret.md")
            else:
                os.mkfifo(path)
        return load_file(path, story_id, **named)

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
    deny(monkeypatch, "er")
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


def test_strict_publishes_nothing_bad(seeds, tmp_path):
    """With `strict` one bad file or field leaves the old index in place."""
    index = tmp_path / "index"
    rebuild(seeds, index)
    write_story(seeds, "one.md", title="Changed")
    write_story(seeds, "bad.md", title="")
    with pytest.raises(indexer.BuildError, match=re.escape("bad.md:")):
        rebuild(seeds, index, strict=True)
    assert titles(index) == ["Story one", "Story three", "Story two"]
    write_story(seeds, "bad.md", title="Good", publishedDateTime="never")
    with pytest.raises(indexer.BuildError, match="publishedDateTime"):
        rebuild(seeds, index, strict=True)
    write_story(seeds, "bad.md", title="Good")
    assert rebuild(seeds, index, strict=True).indexed == 2


def test_a_dry_run_writes_nothing(seeds, tmp_path):
    """`dry_run` says what would be done and leaves no trace."""
    index = tmp_path / "index"
    assert counts(rebuild(seeds, index, dry_run=True)) == (3, 0, 0)
    assert not index.exists()
    rebuild(seeds, index)
    (seeds / "one.md").unlink()
    before = {path: path.read_bytes() for path in index.iterdir()}
    assert counts(rebuild(seeds, index, dry_run=True)) == (0, 2, 1)
    assert before == {path: path.read_bytes() for path in index.iterdir()}


def test_published_only(seeds, tmp_path):
    """Stories that say `published: false` are left out, or indexed and marked."""
    index = tmp_path / "index"
    written(seeds, "draft.md", title="Draft", published=False)
    assert rebuild(seeds, index).indexed == 4
    with indexer.open_index(index) as engine:
        assert engine.search("", filters={"published": ["false"]}).total == 1
    assert rebuild(seeds, index, published_only=True).indexed == 3
    assert "Draft" not in titles(index)
    assert counts(rebuild(seeds, index, published_only=True)) == (0, 4, 0)
    write_story(seeds, "one.md", title="Withdrawn", published=False)
    assert counts(rebuild(seeds, index, published_only=True)) == (0, 3, 1)
    assert titles(index) == ["Story three", "Story two"]


def _answers(index):
    """Everything that a search can tell apart, for the order of stories too."""
    found = []
    with indexer.open_index(index) as engine:
        for query in ("", "x", '"x y"', "word7", "word1 OR word3"):
            page = engine.search(query, limit=500, facets=indexer.FACETS)
            hits = [(hit.story, hit.score, dict(hit.highlights)) for hit in page.hits]
            found.append((page.total, hits, page.facets, page.suggestion))
    return found


@pytest.mark.parametrize("shard_bytes", [TUNING.shard_bytes, 2000])
def test_workers_make_no_difference(alone, tmp_path, monkeypatch, shard_bytes):
    """However many read, in however many shards, however often words are forgotten."""
    monkeypatch.setattr(indexer.generation.publish, "_MOST_PARTS", 3)
    for number in range(200):
        written(
            tmp_path / "seeds", f"{number:03}.md",
            title=f"Story {number} word{number % 11}", excerpt="x y " * (number % 40),
            provider={"name": f"P{number % 7}"}, quality=number % 5, published=number % 3 > 0,
            related=[{"title": f"word{number % 5}", "excerpt": "y x"}],
        )  # fmt: skip
    write_story(tmp_path / "seeds", "bad.md", title="")
    write_story(tmp_path / "seeds", "odd.md", title="Odd", quality="high")
    seen = []
    for workers, pieces in ((1, TUNING.known_pieces), (2, 3), (3, TUNING.known_pieces), (1, 3)):
        tuning = Tuning(shard_bytes=shard_bytes, known_pieces=pieces)
        index = tmp_path / f"index-{workers}-{pieces}"
        report = rebuild(tmp_path / "seeds", index, tuning, workers=workers)
        assert not indexer.verify(index).damaged
        seen.append((_answers(index), report.indexed, report.rejected, report.warnings))
    assert all(other == seen[0] for other in seen[1:])
    assert seen[0][1] == 201


def test_much_to_tell_while_the_dictionary_is_made(alone, tmp_path, monkeypatch):
    """Workers that report often and a dictionary larger than a pipe do not wait for each other."""

    def slowly(*_) -> bytes:
        time.sleep(1)  # in which the workers read what they have
        return random.Random(1).randbytes(1 << 20)

    monkeypatch.setattr(indexer.build.workers, "_train", slowly)
    for number in range(1000):
        write_story(tmp_path / "seeds", f"{number:03}.md")
    told = []
    faulthandler.dump_traceback_later(120, exit=True)  # would hang otherwise
    try:
        report = rebuild(
            tmp_path / "seeds", tmp_path / "index", Tuning(told_files=1), workers=2,
            progress=told.append,
        )  # fmt: skip
    finally:
        faulthandler.cancel_dump_traceback_later()
    assert report.indexed == 1000
    assert max(step.done for step in told if step.phase == "reading") == 1000


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
            tmp_path / "seeds", tmp_path / "index", workers=2,
            progress=lambda _: seen.extend(multiprocessing.active_children()),
        )  # fmt: skip
    finally:
        done.set()
        other.join()
    assert not seen
    assert len(titles(tmp_path / "index")) == 200


def _many(folder):
    for number in range(300):
        written(folder, f"{number:03}.md", title=f"Story {number}", excerpt="word " * 500)
    return folder


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


def test_many_small_rebuilds(tmp_path):
    """Changes one by one leave a handful of segments, no other file, and the right stories."""
    seeds, index = tmp_path / "seeds", tmp_path / "index"
    random_ = random.Random(3)
    expected = {}
    for turn in range(120):
        name = f"{random_.randrange(40):02}.md"
        if name in expected and random_.random() < 0.3:
            (seeds / name).unlink()
            del expected[name]
        else:
            expected[name] = f"Story {name} of turn {turn}"
            path = write_story(seeds, name, title=expected[name])
            os.utime(path, (LONG_AGO + turn, LONG_AGO + turn))
        rebuild(seeds, index, workers=1)
        names = {path.suffix: 0 for path in index.iterdir()}
        for path in index.iterdir():
            names[path.suffix] += 1
        assert names[".trm"] <= 8
        assert names[".json"] == names[".sources"] == names[".toc"] == min(turn + 1, 2)
        assert len({names[suffix] for suffix in (".trm", ".pst", ".pos", ".doc", ".sto")}) == 1
    assert titles(index) == sorted(expected.values())
    assert not indexer.verify(index).damaged


def test_an_empty_folder_gives_an_empty_index(tmp_path):
    """No stories is a result, not an error."""
    (tmp_path / "seeds").mkdir()
    rebuild(tmp_path / "seeds", tmp_path / "index")
    with indexer.open_index(tmp_path / "index") as engine:
        page = engine.search("anything", facets=indexer.FACETS)
        assert (page.total, page.hits) == (0, ())
        assert engine.info().stories == 0
        assert engine.suggest("a") == ()
    write_story(tmp_path / "seeds", "one.md", title="One")
    rebuild(tmp_path / "seeds", tmp_path / "index")
    assert titles(tmp_path / "index", "one") == ["One"]


def test_removing_every_story(seeds, tmp_path):
    """An archive emptied by hand leaves an empty index that can be filled again."""
    rebuild(seeds, tmp_path / "index")
    for path in seeds.rglob("*.*"):
        path.unlink()
    assert rebuild(seeds, tmp_path / "index").removed == 3
    assert titles(tmp_path / "index") == []
    write_story(seeds, "new.md", title="New")
    rebuild(seeds, tmp_path / "index")
    assert titles(tmp_path / "index", "new") == ["New"]


def test_missing_seeds(tmp_path):
    """A folder that is not there is a clear error and makes no index."""
    with pytest.raises(indexer.SeedError, match="nowhere"):
        rebuild(tmp_path / "nowhere", tmp_path / "index")
    with pytest.raises(indexer.IndexMissing):
        indexer.open_index(tmp_path / "index")


def _hold(folder, held, release):
    with writer_lock(folder):
        held.set()
        release.wait(30)


def test_one_writer_at_a_time(seeds, tmp_path):
    """A second writer is refused at once and told the first one's process id."""
    index = tmp_path / "index"
    rebuild(seeds, index)
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(str(index), held, release))
    holder.start()
    assert held.wait(30)
    with pytest.raises(indexer.IndexLocked, match=str(holder.pid)) as caught:
        rebuild(seeds, index)
    assert caught.value.pid == holder.pid
    holder.kill()
    holder.join()
    assert counts(rebuild(seeds, index)) == (0, 3, 0)


def test_an_open_engine_keeps_its_generation_until_told(seeds, tmp_path):
    """Readers see one generation; `reload` switches, and hits from before still work."""
    index = tmp_path / "index"
    rebuild(seeds, index)
    with indexer.open_index(index) as engine:
        before = engine.search("story", limit=1).hits[0]
        for number in range(12):
            write_story(seeds, f"new{number}.md", title=f"Story new {number}")
            rebuild(seeds, index)
            assert engine.search("story").total == 3
        assert engine.reload()
        assert not engine.reload()
        assert engine.search("story").total == 15
        assert before.highlights["title"].startswith("<mark>Story</mark>")


def test_an_index_made_anew_is_noticed(seeds, tmp_path):
    """An engine reloads an index that was deleted and built again under the same number."""
    index = tmp_path / "index"
    rebuild(seeds, index)
    with indexer.open_index(index) as engine:
        shutil.rmtree(index)
        write_story(seeds, "four.md", title="Story four")
        rebuild(seeds, index)
        assert engine.reload()
        assert engine.search("story").total == 4


def test_another_programs_index_is_left_alone(seeds, tmp_path):
    """A folder that holds a Whoosh index of somebody else's is refused, not overwritten."""
    from whoosh import fields
    from whoosh import index as whoosh_index

    (tmp_path / "index").mkdir()
    with whoosh_index.create_in(
        str(tmp_path / "index"), fields.Schema(a=fields.ID)
    ).writer() as writer:
        writer.add_document(a="kept")
    with pytest.raises(indexer.BuildError, match="not made by storydex"):
        rebuild(seeds, tmp_path / "index")
    assert whoosh_index.open_dir(str(tmp_path / "index")).doc_count() == 1


def test_the_secured_value_goes_nowhere(tmp_path, caplog, capfd):
    """The value of `secured` is in no byte of the index, no message and no answer."""
    canary = "CANARYxq7Zk"
    stories = {
        "good.md": f"title: Good\nsecured: {canary}\n",
        "nested.md": f"title: Nested\nrelated:\n  - title: A\n    secured: {canary}\n",
        "list.md": f"title: List\nsecured: [{canary}, {{a: {canary}}}]\n",
        "bad.md": f'title: Bad\nsecured: "{canary}\n',
        "twice.md": f"title: Twice\nsecured: {canary}\nsecured: {canary}\n",
        "field.md": f"title: Field\nsecured: {canary}\nquality: high\n",
    }
    (tmp_path / "seeds").mkdir()
    for name, text in stories.items():
        (tmp_path / "seeds" / name).write_text(f"---\n{text}---\nBody.\n")
    report = rebuild(tmp_path / "seeds", tmp_path / "index")
    assert {rejection.path for rejection in report.rejected} == {"bad.md", "twice.md"}
    with indexer.open_index(tmp_path / "index") as engine:
        assert engine.search(canary).total == 0
        said = repr([hit.story for hit in engine.search("").hits]) + repr(engine.suggest("canar"))
    said += repr(report) + caplog.text + "".join(capfd.readouterr())
    assert canary.lower() not in said.lower()
    for path in (tmp_path / "index").iterdir():
        assert canary.lower().encode() not in path.read_bytes().lower()


def test_the_real_secured_value_goes_nowhere(seed_index, seed_engine):
    """Nor does that of the real story, whole or in part."""
    (source,) = (ROOT / "seeds").glob("*.txt")
    value = re.search(r'^secured: "([^"]+)"', source.read_text(), re.MULTILINE)[1]
    everything = b"".join(path.read_bytes() for path in seed_index.iterdir())
    assert value[:24].encode() not in everything
    assert value[:24] not in indexer.page_to_json(seed_engine.search("azure")).decode()
    assert value[:24] not in repr(seed_engine.get(seed_engine.search("").hits[0].story.id))


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


def test_progress_is_told(seeds, tmp_path):
    """A caller can follow how far a rebuild is."""
    seen = []
    rebuild(seeds, tmp_path / "index", workers=1, progress=seen.append)
    assert seen[0].phase == "scanning"
    assert (seen[-2].done, seen[-2].total) == (3, 3)
    assert seen[-1].phase == "writing"


def test_an_interrupted_rebuild_changes_nothing(seeds, tmp_path):
    """Ctrl-C leaves the old index, no lock, and nothing to clean up by hand."""
    index = tmp_path / "index"
    rebuild(seeds, index)
    write_story(seeds, "four.md", title="Story four")

    def interrupt(progress):
        if progress.phase == "writing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(seeds, index, progress=interrupt)
    assert "Story four" not in titles(index)
    assert rebuild(seeds, index).indexed == 1


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


def test_verify_names_what_is_damaged(seeds, tmp_path):
    """Any flipped byte of any file is found and the file named."""
    index = tmp_path / "index"
    rebuild(seeds, index)
    report = indexer.verify(index)
    assert not report.damaged
    files = [
        path for path in index.iterdir() if not path.name.startswith(".") and path.stat().st_size
    ]
    assert report.bytes == sum(path.stat().st_size for path in files if "LOCK" not in path.name)
    for path in files:
        if "LOCK" in path.name:
            continue
        whole = path.read_bytes()
        for at in {0, len(whole) // 2, len(whole) - 1}:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            assert [damage.file for damage in indexer.verify(index).damaged] == [path.name]
        path.write_bytes(whole)
    path.unlink()
    assert [damage.file for damage in indexer.verify(index).damaged] == [path.name]


def test_a_damaged_manifest_is_named(seeds, tmp_path):
    """Opening a damaged index names the file and the remedy, and a rebuild mends it."""
    index = tmp_path / "index"
    rebuild(seeds, index)
    (index / "storydex-1.json").write_text("{}")
    with pytest.raises(indexer.IndexCorrupt, match=r"storydex-1\.json.*--full"):
        indexer.open_index(index)
    with pytest.warns(indexer.DamageWarning, match=r"storydex-1\.json"):
        assert rebuild(seeds, index).indexed == 3
    assert len(titles(index)) == 3


def test_an_unwritable_folder(seeds, tmp_path):
    """A place where no index can be written is a clear error."""
    (tmp_path / "file").write_text("")
    with pytest.raises(indexer.BuildError, match="file"):
        rebuild(seeds, tmp_path / "file" / "index")


def test_stories_at_hand_and_an_unwritable_folder(tmp_path):
    """The same error for programs that have no files."""
    (tmp_path / "file").write_text("")
    with pytest.raises(indexer.BuildError, match="file"):
        build_stories([], tmp_path / "file" / "index")


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EIO, errno.ESTALE, errno.ENOTCONN])
def test_stories_do_not_leave_the_index_because_the_machine_fails(
    seeds, tmp_path, monkeypatch, code
):
    """Nothing is published: a file that cannot be read for now is not a file to reject."""
    index = tmp_path / "index"
    rebuild(seeds, index)
    before = titles(index)
    write_story(seeds, "two.md", title="Changed")

    def fail(path: str, mode: str, **_: object) -> None:
        raise OSError(code, os.strerror(code), path)

    monkeypatch.setattr("indexer.seeds.listing.open", fail, raising=False)
    with pytest.raises(indexer.BuildError, match=os.strerror(code)):
        rebuild(seeds, index, full=True, workers=1)
    assert titles(index) == before


def test_many_small_rebuilds_leave_few_files(seeds, tmp_path):
    """Segments are merged and nothing is orphaned."""
    index = tmp_path / "index"
    for number in range(30):
        write_story(seeds, "one.md", title=f"Story {number}")
        rebuild(seeds, index)
        time.sleep(0.001)
    assert len(titles(index)) == 3
    assert len(list(index.iterdir())) < 30
    assert not indexer.verify(index).damaged
