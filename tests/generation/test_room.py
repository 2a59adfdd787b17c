"""How much room on the disk a rebuild needs."""

from __future__ import annotations

from pathlib import Path

import pytest

import indexer
from indexer.build.tuning import Tuning
from tests.generation.disk import Disk, Operation
from tests.generation.keeping import leftovers, stories_in

#: Many segments, which are merged into one.
SMALL = Tuning(shard_bytes=3_000_000)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """Two generations, all of one anew in the other."""
    indexer.write_demo(tmp_path / "seeds", 400)
    for _ in range(2):
        indexer.rebuild(tmp_path / "seeds", tmp_path / "index", full=True, workers=1)
    return tmp_path / "index"


def revise(seeds: Path, step: int) -> None:
    for path in sorted(path for path in seeds.rglob("*") if path.is_file())[::step]:
        path.write_text(path.read_text() + "\nRevised.\n")


@pytest.mark.parametrize(("full", "step"), [(True, 400), (False, 1), (False, 2), (False, 5)])
def test_a_rebuild_takes_three_times_the_index_at_most(index: Path, full, step):
    """Whether all is read again or much has changed; files that are removed are let go of."""
    seeds = index.parent / "seeds"
    revise(seeds, step)
    sizes, held = [0], []

    def watch(operation: Operation) -> None:
        sizes.append(sum(path.stat().st_size for path in index.iterdir()))
        if operation.kind == "create":
            held.append(Path("/proc/self/maps").read_text().count(".pst (deleted)"))

    with Disk(index, watch).watched():
        indexer.rebuild(seeds, index, full=full, workers=1, tuning=SMALL)
    with indexer.open_index(index, compiled=False) as engine:
        # So small segments are larger than their share.
        assert max(sizes) < 3.3 * engine.info().bytes
    assert held[-1] == 0
    assert len(stories_in(index)) == 400
    assert not leftovers(index)


def test_a_generation_makes_no_room_for_one_that_is_damaged(index: Path):
    """The one before stays until there is a sound one."""
    (stored,) = (index / name for name in newest_files(index) if name.endswith(".sto"))
    data = bytearray(stored.read_bytes())
    data[len(data) // 2] ^= 1
    stored.write_bytes(data)
    write_bad(index.parent / "seeds")
    with pytest.raises(indexer.BuildError):
        indexer.rebuild(index.parent / "seeds", index, full=True, strict=True)
    assert (index / "storydex-1.json").exists()


def newest_files(index: Path) -> set[str]:
    from indexer.generation.manifest import read_manifest

    return {*read_manifest(str(index)).files}


def write_bad(seeds: Path) -> None:
    (seeds / "bad.md").write_text("no story")
