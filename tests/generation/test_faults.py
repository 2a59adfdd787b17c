"""Disks that are full, fail or lose their power: the index is the old one or the new one."""

from __future__ import annotations

import errno
import gc
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import indexer
from indexer.cli import main
from tests.conftest import write_story
from tests.generation.disk import Disk, Operation, PowerCut, Watcher
from tests.generation.keeping import LOCK, fault_of, leftovers, stories_in

OLD = {"a.md": "Old a", "b.md": "Old b", "c.md": "Old c"}
NEW = {"a.md": "New a", "b.md": "Old b", "d.md": "New d"}
#: How a rebuild may begin: without an index, with one to replace, with one to add to.
KINDS = ("first", "full", "incremental")

pytestmark = pytest.mark.filterwarnings("ignore::indexer.DamageWarning")


class Place:
    """Folders in which the same rebuild, from the old stories to the new, is done repeatedly."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.seeds, self.index, self._before = (folder / n for n in ("seeds", "index", "before"))
        self.kind = kind
        self.old = None if kind == "first" else OLD
        if kind == "first":
            self._before.mkdir()
        else:
            self._write(OLD)
            for _ in range(2):  # so that there are files of an older generation to remove
                indexer.rebuild(self.seeds, self._before, full=True)
        self._write(NEW)
        self.reset()

    def _write(self, stories: dict[str, str]) -> None:
        shutil.rmtree(self.seeds, ignore_errors=True)
        for name, title in stories.items():
            write_story(self.seeds, name, title=title)

    def reset(self) -> None:
        """Put the index back as it was before."""
        shutil.rmtree(self.index, ignore_errors=True)
        shutil.copytree(self._before, self.index)

    def rebuild(self, fault: Watcher = lambda _: None) -> list[Operation]:
        """Rebuild; returns what was done with the files of the index."""
        with Disk(self.index, fault).watched() as disk:
            indexer.rebuild(self.seeds, self.index, full=self.kind == "full", workers=1)
        return disk.done


@pytest.fixture(params=KINDS)
def place(request, tmp_path):
    return Place(tmp_path, request.param)


class Fault:
    """Lets operation number `number` of some kinds fail; a lasting one all after it, too."""

    def __init__(
        self, kinds: str, number: int, code: int, *, lasting: bool = False, short: bool = False
    ) -> None:
        self._kinds = kinds.split(", ")
        self._number, self._code, self._lasting, self._short = number, code, lasting, short
        self._seen = 0
        self.hit: Operation | None = None

    def __call__(self, operation: Operation) -> int | None:
        if operation.kind not in self._kinds:
            return None
        self._seen += 1
        if self._seen == self._number:
            self.hit = operation
        if self._seen < self._number or (self._seen > self._number and not self._lasting):
            return None
        if self._short:
            return len(operation.data) // 2
        raise failure(operation, self._code)


def failure(operation: Operation, code: int) -> OSError:
    """What the system would raise: it names a file only where it was given a name."""
    if operation.kind in ("write", "sync", "sync folder"):
        return OSError(code, os.strerror(code))
    return OSError(code, os.strerror(code), operation.path, None, operation.target or None)


CHANGES = "create, write, sync, rename, sync folder"
FAULTS: dict[str, Callable[[int], Fault]] = {
    "full disk": lambda number: Fault(CHANGES, number, errno.ENOSPC, lasting=True),
    "one error": lambda number: Fault(f"open, {CHANGES}, unlink", number, errno.EIO),
    "short write": lambda number: Fault("write", number, errno.EIO, short=True),
}


def descriptors() -> Counter[str]:
    gc.collect()  # what an error's traceback holds goes with it
    found = (os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
    return Counter(os.readlink(path) for path in found if os.path.lexists(path))


def outcome_of(place: Place, fault: Fault) -> str:
    """Rebuild with a fault; how that ended."""
    said = ""
    try:
        place.rebuild(fault)
    except indexer.BuildError as error:
        said = str(error)
    if fault.hit is None:
        return "not reached"
    assert not said or said.startswith(f"{fault.hit.path}: "), fault.hit
    return "failed" if said else "succeeded"


@pytest.fixture
def quick_collection() -> Iterator[None]:
    """Looking for garbage takes long among all that was imported: pass that over."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("quick_collection")
@pytest.mark.parametrize("name", FAULTS)
def test_whatever_fails_the_index_is_old_or_new(place, name):
    """Each open, write, sync and rename may fail: an error, then nothing to clean up by hand."""
    open_before = descriptors()
    ended: Counter[str] = Counter()
    number = 0
    while True:
        number += 1
        fault = FAULTS[name](number)
        outcome = outcome_of(place, fault)
        if outcome == "not reached":
            break
        ended[outcome] += 1
        assert descriptors() == open_before, fault.hit
        # The very last sync tells of a new index that a power cut may take back.
        last = fault.hit.path == str(place.index)
        allowed = [NEW] if outcome == "succeeded" else [place.old, NEW] if last else [place.old]
        assert not fault_of(place.index, *allowed), fault.hit
        if outcome == "failed":
            assert not leftovers(place.index), fault.hit
        place.rebuild()
        assert not fault_of(place.index, NEW), fault.hit
        assert not leftovers(place.index), fault.hit
        place.reset()
    assert ended["failed"] > 20 or name == "short write"
    assert ended["succeeded"] or name == "full disk"


@pytest.mark.parametrize("kind", ["create", "write", "sync", "rename"])
def test_the_command_line_says_what_failed(place, kind):
    """A disk that fails ends a rebuild with status 1 and the name of the file."""

    def fail(operation: Operation) -> None:
        if operation.kind == kind and not operation.path.endswith(LOCK):
            failed.append(operation.path)
            raise failure(operation, errno.ENOSPC)

    failed: list[str] = []
    command = ["--index", str(place.index), "rebuild", str(place.seeds), "--workers", "1"]
    with Disk(place.index, fail).watched():
        done = CliRunner().invoke(main, command)
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"storydex: {failed[0]}: ")
    assert stories_in(place.index) == place.old


def after_power_cuts(
    place: Place, operations: list[Operation]
) -> Iterator[tuple[int, dict[str, bytes]]]:
    """What may be on the disk after each number of operations, each outcome once."""
    chance = random.Random(1)
    cut = PowerCut(files_of(place.index))
    seen = set()
    for number, operation in enumerate(operations):
        cut.apply(operation)
        for files in cut.outcomes(chance):
            key = frozenset(files.items())
            if key not in seen:
                seen.add(key)
                yield number, files


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def put(files: dict[str, bytes], folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)


def test_a_power_cut_leaves_the_old_or_the_new(place):
    """Whatever of the unsynced bytes and names is lost, and when: old or new, and sound."""
    operations = place.rebuild()
    place.reset()
    tried = 0
    for number, files in after_power_cuts(place, operations):
        put(files, place.index)
        assert not fault_of(place.index, place.old, NEW), operations[: number + 1]
        tried += 1
        if tried % 5 == 0:
            place.rebuild()
            assert not fault_of(place.index, NEW), operations[: number + 1]
            assert not leftovers(place.index), operations[: number + 1]
    assert tried > 40


def test_what_a_rebuild_has_reported_survives_a_power_cut(place):
    """Once it is done nothing of the new index can be lost."""
    cut = PowerCut(files_of(place.index))
    for operation in place.rebuild():
        cut.apply(operation)
    for files in cut.outcomes(random.Random(1)):
        put(files, place.index)
        assert not fault_of(place.index, NEW)


def without(kind: str) -> Callable[[list[Operation]], list[Operation]]:
    return lambda operations: [step for step in operations if step.kind != kind]


def manifest_first(operations: list[Operation]) -> list[Operation]:
    """The manifest written and renamed before all else."""
    first = [step for step in operations if ".json" in step.path]
    return first + [step for step in operations if step not in first]


@pytest.mark.parametrize(
    "breaking",
    [without("sync"), without("sync folder"), manifest_first],
    ids=["files not synced", "folder not synced", "manifest first"],
)
def test_power_cuts_find_what_is_broken_on_purpose(place, breaking):
    """The same check fails when files or the folder are not synced, or in another order."""
    operations = breaking(place.rebuild())
    place.reset()
    for _, files in after_power_cuts(place, operations):
        put(files, place.index)
        if fault_of(place.index, place.old, NEW):
            return
    pytest.fail("nothing was noticed")
