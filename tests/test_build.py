"""Rebuilding: what is read, what is kept, what is refused, and what survives."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import indexer
from indexer.lock import writer_lock

from .conftest import ROOT, write_story

LONG_AGO = 1_600_000_000


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


@pytest.fixture
def seeds(tmp_path):
    """Three stories, one in a subfolder."""
    for name in ("one.md", "two.yml", "deep/er/three.txt"):
        written(tmp_path / "seeds", name, title=f"Story {Path(name).stem}")
    return tmp_path / "seeds"


def test_only_changes_are_read(seeds, tmp_path):
    """New, changed and removed files are counted and show up in the results."""
    index = tmp_path / "index"
    assert counts(indexer.rebuild(seeds, index)) == (3, 0, 0)
    assert counts(indexer.rebuild(seeds, index)) == (0, 3, 0)
    written(seeds, "four.md", title="Story four")
    write_story(seeds, "one.md", title="Story one, revised")
    (seeds / "two.yml").unlink()
    report = indexer.rebuild(seeds, index)
    assert counts(report) == (2, 1, 1)
    assert titles(index) == ["Story four", "Story one, revised", "Story three"]
    assert titles(index, "revised") == ["Story one, revised"]
    assert titles(index, "two") == []
    assert counts(indexer.rebuild(seeds, index, full=True)) == (3, 0, 0)
    assert titles(index) == ["Story four", "Story one, revised", "Story three"]


def test_story_ids_are_relative_paths(seeds, tmp_path):
    """A story is known by its path below the folder, with slashes and suffix."""
    indexer.rebuild(seeds, tmp_path / "index")
    with indexer.open_index(tmp_path / "index") as engine:
        assert engine.get("deep/er/three.txt").title == "Story three"


def test_a_change_within_the_clocks_grain_is_seen(seeds, tmp_path):
    """A file rewritten right after it was read, with the same size and time, is read again."""
    path = write_story(seeds, "one.md", title="First text")
    stamp = path.stat().st_mtime_ns
    indexer.rebuild(seeds, tmp_path / "index")
    write_story(seeds, "one.md", title="Other text")
    os.utime(path, ns=(stamp, stamp))
    assert indexer.rebuild(seeds, tmp_path / "index").indexed == 1
    assert "Other text" in titles(tmp_path / "index")


def test_a_touched_file_counts_as_unchanged(seeds, tmp_path):
    """A new time stamp alone does not make a story new."""
    indexer.rebuild(seeds, tmp_path / "index")
    (seeds / "one.md").touch()
    assert counts(indexer.rebuild(seeds, tmp_path / "index")) == (0, 3, 0)


def test_a_file_gone_bad_is_reported_until_it_is_mended(seeds, tmp_path):
    """A story whose file can no longer be read leaves the index, and says so every time."""
    index = tmp_path / "index"
    indexer.rebuild(seeds, index)
    (seeds / "one.md").write_text("---\ntitle: [\n---\n")
    for _ in range(2):
        report = indexer.rebuild(seeds, index)
        assert [rejection.path for rejection in report.rejected] == ["one.md"]
        assert titles(index) == ["Story three", "Story two"]
    write_story(seeds, "one.md", title="Mended")
    assert not indexer.rebuild(seeds, index).rejected
    assert "Mended" in titles(index)


def test_stories_of_a_folder_that_cannot_be_listed_stay(seeds, tmp_path, monkeypatch):
    """A subfolder without permission is reported, and its stories are not taken for gone."""
    index = tmp_path / "index"
    indexer.rebuild(seeds, index)
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("er"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = indexer.rebuild(seeds, index)
    assert [rejection.path for rejection in report.rejected] == ["deep/er/"]
    assert counts(report) == (0, 3, 0)
    assert "Story three" in titles(index)


def test_strict_publishes_nothing_bad(seeds, tmp_path):
    """With `strict` one bad file or field leaves the old index in place."""
    index = tmp_path / "index"
    indexer.rebuild(seeds, index)
    write_story(seeds, "one.md", title="Changed")
    write_story(seeds, "bad.md", title="")
    with pytest.raises(indexer.BuildError, match=re.escape("bad.md:")):
        indexer.rebuild(seeds, index, strict=True)
    assert titles(index) == ["Story one", "Story three", "Story two"]
    write_story(seeds, "bad.md", title="Good", publishedDateTime="never")
    with pytest.raises(indexer.BuildError, match="publishedDateTime"):
        indexer.rebuild(seeds, index, strict=True)
    write_story(seeds, "bad.md", title="Good")
    assert indexer.rebuild(seeds, index, strict=True).indexed == 2


def test_a_dry_run_writes_nothing(seeds, tmp_path):
    """`dry_run` says what would be done and leaves no trace."""
    index = tmp_path / "index"
    assert counts(indexer.rebuild(seeds, index, dry_run=True)) == (3, 0, 0)
    assert not index.exists()
    indexer.rebuild(seeds, index)
    (seeds / "one.md").unlink()
    before = {path: path.read_bytes() for path in index.iterdir()}
    assert counts(indexer.rebuild(seeds, index, dry_run=True)) == (0, 2, 1)
    assert before == {path: path.read_bytes() for path in index.iterdir()}


def test_published_only(seeds, tmp_path):
    """Stories that say `published: false` are left out, or indexed and marked."""
    index = tmp_path / "index"
    written(seeds, "draft.md", title="Draft", published=False)
    assert indexer.rebuild(seeds, index).indexed == 4
    with indexer.open_index(index) as engine:
        assert engine.search("", filters={"published": ["false"]}).total == 1
    assert indexer.rebuild(seeds, index, published_only=True).indexed == 3
    assert "Draft" not in titles(index)
    assert counts(indexer.rebuild(seeds, index, published_only=True)) == (0, 4, 0)
    write_story(seeds, "one.md", title="Withdrawn", published=False)
    assert counts(indexer.rebuild(seeds, index, published_only=True)) == (0, 3, 1)
    assert titles(index) == ["Story three", "Story two"]


def test_workers_make_no_difference(tmp_path):
    """Reading in other processes gives the same index as reading in this one."""
    for number in range(200):
        written(
            tmp_path / "seeds", f"{number:03}.md", title=f"Story {number}", excerpt="x " * number
        )
    write_story(tmp_path / "seeds", "bad.md", title="")
    answers = []
    for workers in (1, 2):
        index = tmp_path / f"index{workers}"
        report = indexer.rebuild(tmp_path / "seeds", index, workers=workers)
        assert report.indexed == 200
        with indexer.open_index(index) as engine:
            page = engine.search("x", limit=300)
            answers.append([(hit.story, hit.score) for hit in page.hits] + list(report.rejected))
    assert answers[0] == answers[1]


def test_an_empty_folder_gives_an_empty_index(tmp_path):
    """No stories is a result, not an error."""
    (tmp_path / "seeds").mkdir()
    indexer.rebuild(tmp_path / "seeds", tmp_path / "index")
    with indexer.open_index(tmp_path / "index") as engine:
        page = engine.search("anything", facets=indexer.FACETS)
        assert (page.total, page.hits) == (0, ())
        assert engine.info().stories == 0
        assert engine.suggest("a") == ()
    write_story(tmp_path / "seeds", "one.md", title="One")
    indexer.rebuild(tmp_path / "seeds", tmp_path / "index")
    assert titles(tmp_path / "index", "one") == ["One"]


def test_removing_every_story(seeds, tmp_path):
    """An archive emptied by hand leaves an empty index that can be filled again."""
    indexer.rebuild(seeds, tmp_path / "index")
    for path in seeds.rglob("*.*"):
        path.unlink()
    assert indexer.rebuild(seeds, tmp_path / "index").removed == 3
    assert titles(tmp_path / "index") == []
    write_story(seeds, "new.md", title="New")
    indexer.rebuild(seeds, tmp_path / "index")
    assert titles(tmp_path / "index", "new") == ["New"]


def test_missing_seeds(tmp_path):
    """A folder that is not there is a clear error and makes no index."""
    with pytest.raises(indexer.SeedError, match="nowhere"):
        indexer.rebuild(tmp_path / "nowhere", tmp_path / "index")
    with pytest.raises(indexer.IndexMissing):
        indexer.open_index(tmp_path / "index")


def _hold(folder, held, release):
    with writer_lock(folder):
        held.set()
        release.wait(30)


def test_one_writer_at_a_time(seeds, tmp_path):
    """A second writer is refused at once and told the first one's process id."""
    index = tmp_path / "index"
    indexer.rebuild(seeds, index)
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(str(index), held, release))
    holder.start()
    assert held.wait(30)
    with pytest.raises(indexer.IndexLocked, match=str(holder.pid)) as caught:
        indexer.rebuild(seeds, index)
    assert caught.value.pid == holder.pid
    holder.kill()
    holder.join()
    assert counts(indexer.rebuild(seeds, index)) == (0, 3, 0)


def test_an_open_engine_keeps_its_generation_until_told(seeds, tmp_path):
    """Readers see one generation; `reload` switches, and hits from before still work."""
    index = tmp_path / "index"
    indexer.rebuild(seeds, index)
    with indexer.open_index(index) as engine:
        before = engine.search("story", limit=1).hits[0]
        for number in range(12):
            write_story(seeds, f"new{number}.md", title=f"Story new {number}")
            indexer.rebuild(seeds, index)
            assert engine.search("story").total == 3
        assert engine.reload()
        assert not engine.reload()
        assert engine.search("story").total == 15
        assert before.highlights["title"].startswith("<mark>Story</mark>")


def test_an_index_made_anew_is_noticed(seeds, tmp_path):
    """An engine reloads an index that was deleted and built again under the same number."""
    index = tmp_path / "index"
    indexer.rebuild(seeds, index)
    with indexer.open_index(index) as engine:
        shutil.rmtree(index)
        write_story(seeds, "four.md", title="Story four")
        indexer.rebuild(seeds, index)
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
        indexer.rebuild(seeds, tmp_path / "index")
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
    report = indexer.rebuild(tmp_path / "seeds", tmp_path / "index")
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


def test_progress_is_told(seeds, tmp_path):
    """A caller can follow how far a rebuild is."""
    seen = []
    indexer.rebuild(seeds, tmp_path / "index", workers=1, progress=seen.append)
    assert seen[0].phase == "scanning"
    assert (seen[-2].done, seen[-2].total) == (3, 3)
    assert seen[-1].phase == "writing"


def test_an_interrupted_rebuild_changes_nothing(seeds, tmp_path):
    """Ctrl-C leaves the old index, no lock, and nothing to clean up by hand."""
    index = tmp_path / "index"
    indexer.rebuild(seeds, index)
    write_story(seeds, "four.md", title="Story four")

    def interrupt(progress):
        if progress.phase == "writing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        indexer.rebuild(seeds, index, progress=interrupt)
    assert "Story four" not in titles(index)
    assert indexer.rebuild(seeds, index).indexed == 1


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
    assert indexer.rebuild(tmp_path / "seeds", tmp_path / "index").indexed == 400
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
    indexer.rebuild(seeds, index)
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
    indexer.rebuild(seeds, index)
    (index / "storydex-1.json").write_text("{}")
    with pytest.raises(indexer.IndexCorrupt, match=r"storydex-1\.json.*--full"):
        indexer.open_index(index)
    with pytest.warns(indexer.DamageWarning, match=r"storydex-1\.json"):
        assert indexer.rebuild(seeds, index).indexed == 3
    assert len(titles(index)) == 3


def test_an_unwritable_folder(seeds, tmp_path):
    """A place where no index can be written is a clear error."""
    (tmp_path / "file").write_text("")
    with pytest.raises(indexer.BuildError, match="file"):
        indexer.rebuild(seeds, tmp_path / "file" / "index")


def test_many_small_rebuilds_leave_few_files(seeds, tmp_path):
    """Segments are merged and nothing is orphaned."""
    index = tmp_path / "index"
    for number in range(30):
        write_story(seeds, "one.md", title=f"Story {number}")
        indexer.rebuild(seeds, index)
        time.sleep(0.001)
    assert len(titles(index)) == 3
    assert len(list(index.iterdir())) < 30
    assert not indexer.verify(index).damaged
