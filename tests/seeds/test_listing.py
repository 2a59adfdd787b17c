"""Listing a large folder: two processes find what one does, whatever becomes of the other."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import indexer
from indexer.model import Rejection
from indexer.seeds import list_seed_files, listing, status
from tests.conftest import ROOT, write_story

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


def children() -> set[str]:
    """The processes that this one has started and not yet asked what became of them."""
    tasks = Path("/proc/self/task").iterdir()
    return {child for task in tasks for child in (task / "children").read_text().split()}


@pytest.fixture(autouse=True)
def nothing_left(alone) -> Iterator[None]:
    """Every test leaves neither a process nor a descriptor."""
    before = descriptors(), children()
    yield
    assert (descriptors(), children()) == before


@pytest.fixture
def shared(monkeypatch) -> None:
    """However few the files, another process asks about some, three at a time."""
    monkeypatch.setattr(status, "WORTH_ANOTHER", 1)
    monkeypatch.setattr(status, "BLOCK", 3)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.fixture
def archive(tmp_path) -> Path:
    """Forty files in three folders."""
    for number in range(40):
        folder = tmp_path / "seeds" / ("", "a", "a/b")[number % 3]
        write_story(folder, f"{number:02}.md", title="x" * (number + 1))
    return tmp_path / "seeds"


def asking(
    monkeypatch, here: Callable[[str], None], there: Callable[[str], None] | None = None
) -> None:
    """Do something before each question to the system, in this process and in the other."""
    lstat, me = os.lstat, os.getpid()

    def asked(path, **named):
        act = here if os.getpid() == me or there is None else there
        act(os.path.basename(path))
        return lstat(path, **named)

    monkeypatch.setattr(os, "lstat", asked)


def nothing(_: str) -> None:
    """Just ask."""


def patiently(_: str) -> None:
    """Leave the other process the time to do its part."""
    time.sleep(0.02)


@settings(max_examples=60)
@given(tree=_TREES)
def test_two_processes_list_what_one_does(tmp_path_factory, tree) -> None:
    """Any tree of files: the same files in the same order, the same refusals."""
    folder = tmp_path_factory.mktemp("tree")
    for number, (inside, name) in enumerate(sorted(tree)):
        path = Path(os.fsdecode(os.fsencode(folder) + b"/" + inside + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * number)
        os.utime(path, ns=(0, number - 5))
    alone = listed(folder)
    with (
        mock.patch.object(status, "WORTH_ANOTHER", 1),
        mock.patch.object(status, "BLOCK", 2),
        mock.patch.object(os, "cpu_count", return_value=2),
    ):
        together = listed(folder)
    assert together == alone
    assert list(together[0]) == list(alone[0])
    assert alone[0] == plainly(folder)


@pytest.mark.usefixtures("shared")
def test_the_work_is_shared(archive, monkeypatch) -> None:
    """What the other process was told is not asked again."""
    asked: list[str] = []
    asking(monkeypatch, lambda name: (asked.append(name), patiently(name)), nothing)
    assert len(listed(archive)[0]) == 40
    assert len(asked) < 40


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("number", [1, 2, 10, 39])
def test_the_other_process_may_be_killed(archive, monkeypatch, number) -> None:
    """Wherever it was, this one does the rest."""
    expected = plainly(archive)
    left = [number]

    def die(_: str) -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    asking(monkeypatch, patiently, die)
    assert listed(archive) == (expected, [])


@pytest.mark.usefixtures("shared")
def test_the_other_process_may_fail(archive, monkeypatch, capfd) -> None:
    """An error there is nobody's business, and no cleaning up of this process runs there."""
    expected = plainly(archive)

    def fail(_: str) -> None:
        raise MemoryError

    asking(monkeypatch, patiently, fail)
    assert listed(archive) == (expected, [])
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("shared")
def test_what_the_other_process_is_refused_is_asked_again(archive, monkeypatch) -> None:
    """This process has the last word on every file."""
    expected = plainly(archive)

    def refuse(_: str) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    asking(monkeypatch, patiently, refuse)
    assert listed(archive) == (expected, [])


@pytest.mark.parametrize("way", ["alone", "shared"])
@pytest.mark.parametrize("names", [["01.md"], ["37.md", "38.md", "05.md"]])
def test_files_that_vanish_or_are_refused(archive, monkeypatch, request, way, names) -> None:
    """One that is gone is passed over; one that may not be asked about has its folder reported."""
    request.getfixturevalue(way)
    expected = {
        story_id: told
        for story_id, told in plainly(archive).items()
        if os.path.basename(story_id) not in names
    }
    for error in (FileNotFoundError, PermissionError):
        code = errno.ENOENT if error is FileNotFoundError else errno.EACCES

        def refuse(name: str, code: int = code) -> None:
            if name in names:
                raise OSError(code, os.strerror(code))

        with monkeypatch.context() as patch:
            asking(patch, refuse)
            found, rejected = listed(archive)
        assert found == expected
        folders = {("", "a/", "a/b/")[int(name[:2]) % 3] for name in names}
        reported = {fault.partition(": ")[0].removesuffix(":1") for fault in rejected}
        assert reported == (set() if error is FileNotFoundError else folders)
        assert len(rejected) == len(reported)
        assert all("cannot be read (Permission denied)" in fault for fault in rejected)


@pytest.mark.parametrize("way", ["alone", "shared"])
def test_a_machine_that_fails_is_an_error(archive, monkeypatch, request, way, tmp_path) -> None:
    """Where a disk fails, files do not silently leave the index."""
    request.getfixturevalue(way)
    indexer.rebuild(archive, tmp_path / "index", workers=1)

    def fail(name: str) -> None:
        if name == "20.md":
            raise OSError(errno.EIO, os.strerror(errno.EIO), name)

    asking(monkeypatch, fail)
    with pytest.raises(indexer.BuildError, match=r"20\.md: Input/output error"):
        indexer.rebuild(archive, tmp_path / "index", workers=1)


def test_a_folder_that_vanishes_after_it_was_listed(archive) -> None:
    """Its files are gone with it."""
    with listing(archive) as ask:
        for path in (archive / "a" / "b").iterdir():
            path.unlink()
        (archive / "a" / "b").rmdir()
        found = ask()
    assert set(found.ids) == set(plainly(archive))


@pytest.mark.usefixtures("shared")
def test_where_no_process_can_be_started_one_does_it_all(archive, monkeypatch) -> None:
    """A limit on processes costs time, and no file."""
    expected = plainly(archive)

    def refuse() -> int:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refuse)
    assert listed(archive) == (expected, [])


@pytest.mark.usefixtures("shared")
def test_a_program_with_threads_is_not_forked(archive, monkeypatch) -> None:
    """It lists by itself."""
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked"))
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        assert len(listed(archive)[0]) == 40
    finally:
        done.set()
        other.join()


@pytest.mark.usefixtures("shared")
def test_an_interrupted_listing_leaves_no_process(archive, monkeypatch) -> None:
    """Ctrl-C ends both; the other, which is still at work, is killed."""

    def interrupt(_: str) -> None:
        time.sleep(0.05)
        raise KeyboardInterrupt

    asking(monkeypatch, interrupt, lambda _: time.sleep(60))
    with pytest.raises(KeyboardInterrupt):
        list_seed_files(archive)


@pytest.mark.usefixtures("shared")
def test_ctrl_c_is_left_to_this_process(archive, monkeypatch) -> None:
    """The other one gets it too, as all of a terminal do, and goes on."""
    expected = plainly(archive)
    asked: list[str] = []
    asking(
        monkeypatch,
        lambda name: (asked.append(name), patiently(name)),
        lambda _: os.kill(os.getpid(), signal.SIGINT),
    )
    assert listed(archive) == (expected, [])
    assert len(asked) < 40


@pytest.mark.parametrize("way", ["alone", "shared"])
def test_times_after_the_year_2262(archive, request, way, tmp_path) -> None:
    """A time stamp past 64 bits of nanoseconds is a file like any other."""
    request.getfixturevalue(way)
    indexer.rebuild(archive, tmp_path / "index", workers=1)
    late = 2**63 + 10**9
    os.utime(archive / "39.md", ns=(late, late))
    if (archive / "39.md").stat().st_mtime_ns != late:
        pytest.skip("the file system has no such times")
    found = list_seed_files(archive)
    assert dict(zip(found.ids, found.mtimes_ns.tolist(), strict=True))["39.md"] == 2**63 - 1
    for _ in range(2):
        assert indexer.rebuild(archive, tmp_path / "index", workers=1).unchanged == 40


# --- a writer that is killed ------------------------------------------------------

_WRITER = """
import os, sys, time
import indexer
from indexer.seeds import status

status.WORTH_ANOTHER, status.BLOCK, os.cpu_count = 1, 3, lambda: 2
lstat, me, questions = os.lstat, os.getpid(), int(sys.argv[3])

def slowly(path, **named):
    global questions
    while os.getppid() == me:  # until the writer is gone
        time.sleep(0.001)
    questions -= 1
    if os.getpid() == me or questions < 0:
        time.sleep(600)
    return lstat(path, **named)

os.lstat = slowly
indexer.rebuild(*sys.argv[1:3], workers=1)
"""


def _killed_writer(seeds: Path, index: Path, questions: int) -> int:
    """Kill a writer while another process asks for it; the id of that.

    It waits for that, asks so many questions, and then is at work for ten minutes.
    """
    command = [sys.executable, "-c", _WRITER, str(seeds), str(index), str(questions)]
    writer = subprocess.Popen(command, cwd=ROOT)
    children = Path(f"/proc/{writer.pid}/task/{writer.pid}/children")
    while not children.read_text():
        assert writer.poll() is None, "done before it could be killed"
        time.sleep(0.001)
    child = int(children.read_text())
    writer.kill()
    writer.wait()
    return child


def _is_at_work(pid: int) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_killed_writers_lock_is_free_though_another_process_lives(archive, tmp_path) -> None:
    """The lock goes with the writer, not with the process that lists for it."""
    child = _killed_writer(archive, tmp_path / "index", 0)
    try:
        assert indexer.rebuild(archive, tmp_path / "index", workers=1).indexed == 40
        assert _is_at_work(child)
    finally:
        os.kill(child, signal.SIGKILL)


def test_the_other_process_does_not_outlive_a_killed_writer(archive, tmp_path) -> None:
    """It ends with the next block."""
    child = _killed_writer(archive, tmp_path / "index", 3)
    until = time.monotonic() + 60
    try:
        while _is_at_work(child):
            assert time.monotonic() < until, "still there"
            time.sleep(0.01)
    finally:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    assert not [name for name in os.listdir(tmp_path / "index") if name.endswith(".json")]
