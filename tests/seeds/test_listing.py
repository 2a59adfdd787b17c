"""Listing a folder: every file with its size and times, whatever happens meanwhile."""

from __future__ import annotations

import errno
import gc
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import indexer
from indexer.model import Rejection
from indexer.seeds import list_seed_files
from tests.conftest import write_story
from tests.seeds.entries import ask

#: What names are made of: such as are read, hidden, refused, no stories, not UTF-8.
_NAMES = st.sampled_from(
    [b"a.md", b"b.yml", b"C.TXT", b".d.md", b"e\n.md", b"f.jpg", b"g\xe9.md", "é\u202f.md".encode()]
)
_FOLDERS = st.sampled_from([b"", b"a/", b"a/b/", b"c/", b".d/", b"e\x1f/", b"f\xff/", b"g.md/"])
_TREES = st.sets(st.tuples(_FOLDERS, _NAMES), max_size=24)

_Listed = tuple[dict[str, tuple[int, int]], list[str]]


def listed(folder: Path) -> _Listed:
    """What a folder lists: size and time stamp of each file, and what it refuses."""
    rejected: list[Rejection] = []
    found = list_seed_files(folder, rejected.append)
    columns = zip(found.sizes.tolist(), found.mtimes_ns.tolist(), strict=True)
    return dict(zip(found.ids, columns, strict=True)), sorted(map(str, rejected))


def plainly(folder: Path) -> dict[str, tuple[int, int]]:
    """The same files, asked for one by one."""
    found = {}
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            told = os.lstat(os.path.join(path, name))
            story_id = os.path.relpath(os.path.join(path, name), folder)
            usable = story_id.replace("\u202f", " ").isprintable()
            if name.lower().endswith((".md", ".yml", ".txt")) and name[0] != "." and usable:
                found[story_id] = told.st_size, told.st_mtime_ns
    return found


def descriptors() -> Counter[str]:
    """What this process has open."""
    found = (os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
    return Counter(os.readlink(path) for path in found if os.path.lexists(path))


@pytest.fixture(autouse=True)
def nothing_left(alone) -> Iterator[None]:
    """Every test leaves no descriptor open."""
    gc.collect()  # what earlier tests left
    before = descriptors()
    yield
    assert descriptors() == before


@pytest.fixture
def archive(tmp_path) -> Path:
    """Forty files in three folders."""
    for number in range(40):
        folder = tmp_path / "seeds" / ("", "a", "a/b")[number % 3]
        write_story(folder, f"{number:02}.md", title="x" * (number + 1))
    return tmp_path / "seeds"


@given(tree=_TREES)
def test_a_tree_is_listed_as_a_walk_lists_it(tmp_path_factory, tree) -> None:
    """Any tree of files: those of stories, and a refusal for each name that is not usable."""
    folder = tmp_path_factory.mktemp("tree")
    for number, (inside, name) in enumerate(sorted(tree)):
        path = Path(os.fsdecode(os.fsencode(folder) + b"/" + inside + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * number)
        os.utime(path, ns=(0, number - 5))
    found, rejected = listed(folder)
    assert found == plainly(folder)
    refused = {inside for inside, _ in tree if inside in (b"e\x1f/", b"f\xff/")}
    refused |= {
        inside + name
        for inside, name in tree
        if name in (b"e\n.md", b"g\xe9.md") and inside not in (*refused, b".d/")
    }
    assert len(rejected) == len(refused)
    assert all("a name that is not UTF-8, or has control characters" in text for text in rejected)


@pytest.mark.parametrize("names", [["01.md"], ["37.md", "38.md", "05.md"]])
def test_files_that_vanish_or_are_refused(archive, monkeypatch, names) -> None:
    """One that is gone is passed over; one that may not be asked about has its folder reported."""
    expected = {
        story_id: told
        for story_id, told in plainly(archive).items()
        if os.path.basename(story_id) not in names
    }
    for error in (FileNotFoundError, PermissionError):
        code = errno.ENOENT if error is FileNotFoundError else errno.EACCES

        def refuse(path: str, code: int = code) -> None:
            if os.path.basename(path) in names:
                raise OSError(code, os.strerror(code))

        with monkeypatch.context() as patch:
            ask(patch, refuse)
            found, rejected = listed(archive)
        assert found == expected
        folders = {("", "a/", "a/b/")[int(name[:2]) % 3] for name in names}
        reported = {fault.partition(": ")[0].removesuffix(":1") for fault in rejected}
        assert reported == (set() if error is FileNotFoundError else folders)
        assert len(rejected) == len(reported)
        assert all("cannot be read (Permission denied)" in fault for fault in rejected)


@pytest.mark.parametrize("name", ["20.md", "21.md"])
def test_a_machine_that_fails_is_an_error(archive, monkeypatch, name, tmp_path) -> None:
    """Where a disk fails, files do not silently leave the index."""
    indexer.rebuild(archive, tmp_path / "index", workers=1)

    def fail(path: str) -> None:
        if path.endswith(name):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    ask(monkeypatch, fail)
    with pytest.raises(indexer.BuildError, match=rf"{name}: Input/output error"):
        indexer.rebuild(archive, tmp_path / "index", workers=1)


def test_a_folder_that_vanishes_before_it_is_listed(archive, monkeypatch) -> None:
    """Its files are gone with it, and nothing else is."""
    expected = {name: told for name, told in plainly(archive).items() if "b/" not in name}
    ask(monkeypatch, lambda _: shutil.rmtree(archive / "a" / "b", ignore_errors=True))
    assert listed(archive) == (expected, [])


def test_times_after_the_year_2262(archive, tmp_path) -> None:
    """A time stamp past 64 bits of nanoseconds is a file like any other."""
    indexer.rebuild(archive, tmp_path / "index", workers=1)
    late = 2**63 + 10**9
    os.utime(archive / "39.md", ns=(late, late))
    if (archive / "39.md").stat().st_mtime_ns != late:
        pytest.skip("the file system has no such times")
    found = list_seed_files(archive, [].append)
    assert dict(zip(found.ids, found.mtimes_ns.tolist(), strict=True))["39.md"] == 2**63 - 1
    for _ in range(2):
        assert indexer.rebuild(archive, tmp_path / "index", workers=1).unchanged == 40
