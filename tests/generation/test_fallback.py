"""If the newest generation is damaged the one before is opened, and nobody is left unaware."""

from __future__ import annotations

import errno
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

import indexer
from indexer.cli import main
from indexer.generation import manifest as mf
from tests.conftest import build, write_story
from tests.generation.disk import Disk, Operation
from tests.generation.keeping import LOCK, fault_of, leftovers, stories_in

FIRST = {"a.md": {"title": "Cat"}, "b.md": {"title": "Dog"}}
OLD = {"a.md": "Cat", "b.md": "Dog"}
NEW = {**OLD, "c.md": "Cat and dog"}
NEWEST = "storydex-2.json"


@pytest.fixture
def index(alone: None, tmp_path: Path) -> Path:
    """Two generations that share a segment: a story was added to an index."""
    location = build(tmp_path, FIRST)
    write_story(tmp_path / "seeds", "c.md", title="Cat and dog")
    rebuild(location)
    return location


def rebuild(index: Path, **options: Any) -> indexer.BuildReport:
    return indexer.rebuild(index.parent / "seeds", index, workers=1, **options)


def named_by(index: Path, generation: int) -> set[str]:
    manifest, _ = (index / f"storydex-{generation}.json").read_bytes().rstrip().rsplit(b"\n", 1)
    return {*json.loads(manifest)["files"]}


def segment_files(index: Path) -> tuple[list[Path], list[Path]]:
    """The files of segments that both generations have, and that the newest alone has."""
    old, new = ({name for name in named_by(index, n) if "MAIN_" in name[:5]} for n in (1, 2))
    assert len(old) == 5
    assert len(new) == 10
    return [index / name for name in sorted(old)], [index / name for name in sorted(new - old)]


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x10
    path.write_bytes(data)


def opened(index: Path) -> tuple[int, dict[str, str], list[str]]:
    """Generation and stories of an index as it opens, and the files it warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with indexer.open_index(index, compiled=False) as engine:
            hits = engine.search("", limit=100).hits
            stories = {hit.story.id: hit.story.title for hit in hits}
            generation = engine.generation
    warned = [found.message for found in caught]
    assert all(isinstance(message, indexer.DamageWarning) for message in warned)
    return generation, stories, [message.damage.file for message in warned]


def test_the_newest_and_the_one_before_are_kept(index: Path):
    """However many rebuilds: two generations, and no file that neither needs."""
    for number in range(3, 9):
        write_story(index.parent / "seeds", f"{number}.md", title="More")
        rebuild(index, full=number % 3 == 0)
        kept = {path.name for path in index.glob("*.json")}
        assert kept == {f"storydex-{number}.json", f"storydex-{number - 1}.json"}
        assert not leftovers(index)
    rebuild(index)
    assert {path.name for path in index.glob("*.json")} == kept


def test_any_damage_that_opening_finds_in_the_newest_is_named(index: Path):
    """Each byte of its manifest, the ends of its own files, and files that are not there."""
    _, own = segment_files(index)
    for path in [index / NEWEST, *own]:
        whole = path.read_bytes()
        ends = range(0, len(whole)) if path.name == NEWEST else (0, 8, 12, -1, -10, -14, -20, -40)
        for offset in ends:
            flip(path, offset)
            assert opened(index) == (1, OLD, [path.name]), offset
            path.write_bytes(whole)
        for cut in (b"", whole[:-1], whole + b"\0"):
            path.write_bytes(cut)
            assert opened(index) == (1, OLD, [path.name])
        if path.name != NEWEST:
            path.unlink()
            assert opened(index) == (1, OLD, [path.name])
        path.write_bytes(whole)
    assert opened(index) == (2, NEW, [])


def test_an_index_is_damaged_if_both_generations_are(index: Path):
    """What they share is named, as what is wrong with the newest."""
    shared, own = segment_files(index)
    for path in shared:
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        with pytest.raises(indexer.IndexCorrupt) as caught:
            indexer.open_index(index)
        assert caught.value.file == path.name
        path.write_bytes(whole)
    flip(own[0], 0)
    flip(index / "storydex-1.json", 20)
    with pytest.raises(indexer.IndexCorrupt, match=re.escape(own[0].name)):
        indexer.open_index(index)


def run(index: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--index", str(index), *arguments])


def test_the_command_line_says_so(index: Path):
    """A search that falls back says on standard error which file is damaged, each time."""
    flip(index / NEWEST, 9)
    for command in (["search", "cat"], ["search", "cat", "--json"], ["info"]) * 2:
        done = run(index, *command)
        assert done.exit_code == 0
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"storydex: {index}: {NEWEST} is damaged (")
        assert "opened generation 1 instead of 2" in line
    assert "generation  1\n" in done.stdout
    assert "damaged     generation 2, the newest" in done.stdout
    assert json.loads(run(index, "info", "--json").stdout)["damaged"] == 2
    done = run(index, "verify")
    assert (done.exit_code, NEWEST in done.stdout) == (4, True)
    done = run(index, "rebuild", str(index.parent / "seeds"))
    assert done.exit_code == 0
    assert f"{NEWEST} is damaged" in done.stderr
    assert run(index, "verify").exit_code == 0
    assert run(index, "search", "cat").stderr == ""


def test_the_command_line_fails_where_nothing_is_sound(index: Path):
    """Damage to what both generations need ends in status 4 and names the file."""
    (path, *_), _ = segment_files(index)
    path.write_bytes(b"")
    for command in (["search", "cat"], ["info"], ["verify"]):
        done = run(index, *command)
        assert done.exit_code == 4
        assert path.name in done.stderr


def test_a_reader_that_reloads_keeps_what_it_has(index: Path):
    """A damaged generation is not taken for a newer one; a sound one after it is."""
    with indexer.open_index(index, compiled=False) as engine:
        write_story(index.parent / "seeds", "d.md", title="Late")
        rebuild(index)
        flip(index / "storydex-3.json", 9)
        assert engine.info().damaged is None
        with pytest.warns(indexer.DamageWarning, match=r"storydex-3\.json"):
            assert not engine.reload()
        assert (engine.generation, engine.info().damaged) == (2, 3)
        assert engine.search("").total == 3
        assert not engine.reload()
        with pytest.warns(indexer.DamageWarning, match=r"storydex-3\.json"):
            assert rebuild(index).generation == 4
        assert engine.reload()
        assert engine.search("").total == 4


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


DAMAGE: dict[str, Callable[[Path], Path]] = {
    "manifest": lambda index: index / NEWEST,
    "sources": lambda index: index / "storydex-2.sources",
    "own segment": lambda index: segment_files(index)[1][0],
    "shared segment": lambda index: segment_files(index)[0][2],
}


@pytest.mark.parametrize(
    ("what", "hurt"),
    # A generation whose manifest is not there is none.
    [(what, truncate) for what in DAMAGE] + [(what, Path.unlink) for what in [*DAMAGE][1:]],
)
def test_a_rebuild_does_not_build_on_damage(index: Path, what, hurt):
    """It names the file, reads all stories, and takes a number that nothing had before."""
    path = DAMAGE[what](index)
    hurt(path)
    with pytest.warns(indexer.DamageWarning, match=re.escape(path.name)):
        report = rebuild(index)
    assert (report.indexed, report.unchanged, report.generation) == (3, 0, 3)
    assert not fault_of(index, NEW)
    assert not leftovers(index)
    # Should that be damaged too, there is something to fall back on where there was before.
    flip(index / "storydex-3.json", 9)
    if what == "shared segment":
        with pytest.raises(indexer.IndexCorrupt, match="storydex-3"):
            opened(index)
    else:
        assert opened(index) == (1, OLD, ["storydex-3.json"])


def test_a_generation_without_its_manifest_never_was(index: Path):
    """The one before is the newest then, and its successor has a number of its own."""
    (index / NEWEST).unlink()
    assert opened(index) == (1, OLD, [])
    report = rebuild(index)
    assert (report.indexed, report.generation) == (1, 3)
    assert not fault_of(index, NEW)
    assert not leftovers(index)


def test_damage_is_not_merged_into_a_sound_file(index: Path):
    """A byte changed where opening does not look is found before its segment is merged."""
    _, own = segment_files(index)
    (stored,) = (path for path in own if path.suffix == ".sto")
    flip(stored, 70)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        indexer.open_index(index).close()
    for name in ("d.md", "e.md"):
        write_story(index.parent / "seeds", name, title="More")
    with pytest.warns(indexer.DamageWarning, match=re.escape(stored.name)):
        rebuild(index)
    assert not fault_of(index, {**NEW, "d.md": "More", "e.md": "More"})
    assert not leftovers(index)


@pytest.mark.parametrize("suffix", [".trm", ".pst", ".pos", ".doc", ".sto", ".toc", ".sources"])
def test_what_verify_finds_a_full_rebuild_mends(index: Path, suffix):
    """Damage that opening does not see is not kept to fall back on, either."""
    rebuild(index, full=True)
    (file,) = (name for name in named_by(index, 3) if name.endswith(suffix))
    flip(index / file, 70)
    assert [damage.file for damage in indexer.verify(index).damaged] == [file]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", indexer.DamageWarning)
        rebuild(index, full=True)
    assert not fault_of(index, NEW)
    assert not leftovers(index)
    assert (index / "storydex-2.json").exists()


@pytest.mark.parametrize("suffix", [".trm", ".pst", ".pos", ".doc", ".sto"])
def test_damage_in_a_segment_is_not_kept(index: Path, suffix):
    """A byte changed where opening does not look is found before its segment is built upon."""
    for number in range(20):
        write_story(index.parent / "seeds", f"{number}.md", title="Many")
    rebuild(index, full=True)
    (hurt,) = (index / name for name in named_by(index, 3) if name.endswith(suffix))
    flip(hurt, 70)
    write_story(index.parent / "seeds", "one.md", title="One more")
    with pytest.warns(indexer.DamageWarning, match=re.escape(hurt.name)):
        report = rebuild(index)
    assert (report.indexed, report.unchanged) == (24, 0)
    assert hurt.name not in named_by(index, 4)
    stories = NEW | {f"{number}.md": "Many" for number in range(20)} | {"one.md": "One more"}
    assert not fault_of(index, stories)


def test_a_writer_that_fails_removes_only_what_it_made(index: Path):
    """Where the newest manifest is damaged, what may be of use to somebody is left alone."""
    flip(index / NEWEST, 9)
    before = {path.name: path.read_bytes() for path in index.iterdir()}

    def full_disk(operation: Operation) -> None:
        if operation.kind in ("create", "write") and ".json" in operation.path:
            raise OSError(errno.ENOSPC, "No space left on device", operation.path)

    with (
        Disk(index, full_disk).watched(),
        pytest.warns(indexer.DamageWarning),
        pytest.raises(indexer.BuildError),
    ):
        rebuild(index)
    after = {path.name: path.read_bytes() for path in index.iterdir()}
    assert {**after, LOCK: b""} == {**before, LOCK: b""}


def test_what_another_schema_made_is_not_kept(index: Path):
    """An older generation that this program cannot open is of no use to fall back on."""
    manifest = msgspec.structs.replace(mf.read_manifest(str(index)), schema=0)
    (index / NEWEST).write_bytes(mf.encode_manifest(manifest))
    assert opened(index) == (1, OLD, [NEWEST])
    rebuild(index)
    assert {path.name for path in index.glob("*.json")} == {"storydex-1.json", "storydex-3.json"}
    assert not fault_of(index, NEW)


def test_leftovers_of_others_are_removed(index: Path):
    """What killed writers left goes with the next rebuild, changed or not; the rest stays."""
    left = ["MAIN_0123456789abcdef.trm", "storydex-7.sources", "storydex-9.json.new", "_MAIN_7.toc"]
    strangers = ["notes.txt", "storydex-x.json", "storydex-007.json", "MAIN_a.seg"]
    for name in (*left, *strangers):
        (index / name).write_bytes(b"x")
    begun = []
    # They go first, for room to write.
    rebuild(index, progress=lambda _: begun.append({path.name for path in index.iterdir()}))
    assert not begun[0] & {*left}
    assert {path.name for path in index.iterdir()} & {*left, *strangers} == {*strangers}
    assert stories_in(index) == NEW


@pytest.mark.parametrize(
    "use", [opened, lambda index: indexer.verify(index).damaged], ids=["opening", "verify"]
)
@pytest.mark.parametrize("suffix", [".json", ".trm", ".sto"])
def test_a_generation_replaced_while_it_is_read_is_not_damaged(index: Path, use, suffix):
    """A reader who finds a file gone because there is something newer takes that."""
    pending = ["1.md", "2.md", "3.md"]

    def replace(operation: Operation) -> None:
        if operation.path.endswith(suffix):
            names, pending[:] = pending[:], ()
            for name in names:
                write_story(index.parent / "seeds", name, title="New")
                rebuild(index, full=True)

    with Disk(index, replace).watched():
        found = use(index)
    assert not pending
    stories = {**NEW, "1.md": "New", "2.md": "New", "3.md": "New"}
    assert found in ((5, stories, []), ())


def test_verify_compares_a_manifest_with_its_segments(index: Path):
    """A manifest that counts other documents, or rows of deleted ones, is named."""
    (index.parent / "seeds" / "a.md").unlink()
    rebuild(index)
    manifest = mf.read_manifest(str(index))
    path = index / mf.manifest_name(manifest.generation)
    whole = path.read_bytes()
    for key, change in (("docs", -1), ("rows", 1), ("deleted_rows", 1)):
        segments = [{**entry, key: entry[key] + change} for entry in manifest.segments]
        changed = msgspec.structs.replace(manifest, segments=segments)
        path.write_bytes(mf.encode_manifest(changed))
        assert {damage.file for damage in indexer.verify(index).damaged} == {path.name}
        path.write_bytes(whole)
    assert not indexer.verify(index).damaged


@pytest.mark.parametrize("averages", [(0.0, 1.0, 1.0), (1.0, -3.0, 1.0)])
def test_averages_that_cannot_be_are_damage(index: Path, averages):
    """Nothing is divided by a length of no words."""
    manifest = mf.read_manifest(str(index))
    changed = msgspec.structs.replace(manifest, averages=manifest.averages._make(averages))
    (index / NEWEST).write_bytes(mf.encode_manifest(changed))
    assert opened(index) == (1, OLD, [NEWEST])
