"""Rebuilding: what is published, what is refused, and what survives."""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import re
import shutil
import time

import pytest
from msgspec.structs import replace

import indexer
from indexer.build.stories import build_stories
from indexer.generation.lock import writer_lock
from indexer.model import Article, Story
from tests.build.conftest import LONG_AGO, counts, rebuild, titles, written
from tests.conftest import ROOT, write_story


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


def test_folders_are_named_as_the_system_does(seeds, tmp_path):
    """Bytes name a folder as a text or a path does."""
    index = os.fsencode(tmp_path / "index")
    assert indexer.rebuild(os.fsencode(seeds), index).indexed == 3
    assert indexer.verify(index).damaged == ()


def test_missing_seeds(tmp_path):
    """A folder that is not there is a clear error and makes no index."""
    with pytest.raises(indexer.SeedError, match="nowhere"):
        rebuild(tmp_path / "nowhere", tmp_path / "index")
    assert not (tmp_path / "index").exists()
    with pytest.raises(indexer.IndexMissing):
        indexer.open_index(tmp_path / "index")


@pytest.mark.parametrize("workers", [0, -1, 1.5, "2", True])
def test_a_number_of_workers_that_is_none(seeds, tmp_path, workers):
    """What is no whole number of at least 1 is named, and nothing is made."""
    with pytest.raises(indexer.BuildError, match=r"workers: .* whole number"):
        rebuild(seeds, tmp_path / "index", workers=workers)
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("name", ["full", "published_only", "strict", "prune", "dry_run"])
@pytest.mark.parametrize("value", [1, 0, None, "no", "yes"])
def test_what_is_neither_true_nor_false(seeds, tmp_path, name, value):
    """A text such as no is not taken for yes; nothing is made that could not be opened."""
    with pytest.raises(indexer.BuildError, match=f"{name}: .* is neither True nor False"):
        rebuild(seeds, tmp_path / "index", **{name: value})
    assert not (tmp_path / "index").exists()


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
    assert {rejection.path for rejection in report.rejected} == {"bad.md"}
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


def test_a_story_with_too_many_related_articles(seeds, tmp_path):
    """It is named as the reason, and the index stays as it was."""
    index = tmp_path / "index"
    rebuild(seeds, index)
    before = titles(index)
    most = Story("most", "Most", related=tuple([Article(f"x {n}") for n in range(65_535)]))
    with pytest.raises(indexer.BuildError, match="too many related articles"):
        build_stories([replace(most, related=(*most.related, Article("y")))], index)
    assert titles(index) == before
    build_stories([most, Story("b", "Other")], index)
    assert titles(index, "x") == ["Most"]
    assert not indexer.verify(index).damaged


def test_stories_that_were_found_can_be_indexed_again(seeds, tmp_path):
    """Their related articles are read when they are needed."""
    written(seeds, "two.md", title="Two", related=[{"title": "Article"}])
    rebuild(seeds, tmp_path / "index")
    with indexer.open_index(tmp_path / "index") as engine:
        found = [hit.story for hit in engine.search("").hits]
        build_stories(found, tmp_path / "other")
    with indexer.open_index(tmp_path / "other") as engine:
        assert engine.search("article").hits[0].story.related[0].title == "Article"
