"""What a damaged or a crafted index folder can do: nothing but fail with a reason."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
import whoosh.index
from whoosh.filedb.filestore import RamStorage

import indexer
from indexer.generation import manifest as mf
from indexer.schema import create_schema
from tests.codec.damage import damages
from tests.conftest import ROOT, build, write_story

pytestmark = pytest.mark.filterwarnings("ignore::indexer.DamageWarning")

ALPHA = {"name": "Alpha", "domain": "alpha.example"}
BETA = {"name": "Beta", "domain": "beta.example"}
STORIES = [
    {
        "title": "cat dog", "excerpt": "dog cat fish", "body": "cat dog " * 4, "provider": ALPHA,
        "topics": ["AI"], "category": "news", "type": "article", "quality": 5, "heat": 0.5,
        "publishedDateTime": "2021-01-31T23:59:59Z",
        "related": [
            {"title": "cat dog", "excerpt": "a fish", "provider": ALPHA},
            {"title": "fish cat", "provider": BETA},
        ],
    },
    {"title": "fish", "provider": ALPHA, "quality": 80},
    {"title": "dog cat dog", "topics": ["Law"], "publishedDateTime": "2020-01-31T23:59:59Z"},
]  # fmt: skip


@pytest.fixture
def index(tmp_path):
    return build(tmp_path, STORIES)


class Trap:
    """Unpickling this makes a folder."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.makedirs, (str(self.marker), 0o777, True)


def use_everything(index: Path) -> None:
    """Every way of using an index; whatever fails must fail with a reason."""
    seeds = index.parent / "seeds"

    def open_and_search():
        with indexer.open_index(index) as engine:
            for hit in engine.search("cat OR fish", facets=("provider",)).hits:
                hit.story, hit.highlights, hit.related
            engine.suggest("ca")
            engine.info()

    for use in (
        open_and_search,
        lambda: indexer.verify(index),
        lambda: indexer.rebuild(seeds, index, dry_run=True),
        lambda: indexer.rebuild(seeds, index),
        lambda: write_story(seeds, "new.md", title="cat"),
        lambda: indexer.rebuild(seeds, index),
        open_and_search,
        lambda: indexer.rebuild(seeds, index, full=True),
    ):
        with suppress(indexer.IndexCorrupt):
            use()


def test_storydex_never_unpickles(index, tmp_path):
    """A trap in Whoosh's table of contents springs for Whoosh, never for storydex."""
    marker = tmp_path / "marker"
    name = mf.toc_name(1)
    memory = RamStorage()
    whoosh.index.TOC(create_schema(), [Trap(marker)], 1).write(memory, "MAIN")
    (index / name).write_bytes(memory.files[name])
    with suppress(AttributeError):  # what the trap leaves behind is no segment
        whoosh.index.open_dir(str(index)).reader()
    assert marker.exists()
    marker.rmdir()
    assert [file.file for file in indexer.verify(index).damaged] == [name]
    use_everything(index)
    assert not marker.exists()


@pytest.mark.parametrize("suffix", [".toc", ".json", ".sources", ".trm", ".sto", ".doc", ".pst"])
def test_no_file_of_an_index_is_unpickled(index, tmp_path, suffix):
    """A pickle in the place of any file makes nothing happen."""
    marker = tmp_path / "marker"
    trap = pickle.dumps(Trap(marker))
    (path,) = index.glob(f"*{suffix}")
    path.write_bytes(mf.seal(trap) if suffix in (".json", ".sources") else trap)
    use_everything(index)
    assert not marker.exists()
    pickle.loads(trap)
    assert marker.exists()


CRAFTED = {
    "segments": [
        [{}],
        [{"name": "../x", "docs": 1, "deleted": []}],
        [{"name": "/etc/passwd", "docs": 1, "deleted": []}],
        [{"name": "MAIN_../../x", "docs": 1, "deleted": []}],
        [{"name": "MAIN_a\0b", "docs": 1, "deleted": []}],
        [{"name": "MAIN_\n", "docs": 1, "deleted": []}],
        [{"name": "MAIN_absent", "docs": 3, "deleted": []}],
        [{"name": "x" * 5000 + "_a", "docs": 3, "deleted": []}],
        [{"name": None, "docs": 1, "deleted": []}],
        [{"name": "MAIN_a", "docs": -1, "deleted": []}],
        [{"name": "MAIN_a", "docs": "3", "deleted": []}],
        [{"name": "MAIN_a", "docs": 3, "deleted": [3]}],
        [{"name": "MAIN_a", "docs": 3, "deleted": "012"}],
    ],
    "generation": [0, -1, 7, 2**70],
    "format": [0, mf.GENERATION_VERSION + 1],
    "schema": [0, 2**40],
    "files": [
        {"../outside": [9, "0" * 32]}, {"/etc/passwd": [9, ""]}, {"a\0b": [1, ""]}, {"": [1, ""]},
        {".": [1, ""]}, {"absent": [1, ""]},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in CRAFTED.items() for value in values],
    ids=lambda value: str(value)[:40],
)
def test_a_crafted_manifest_is_refused_or_harmless(index, field, value):
    """Names that lead elsewhere and numbers that cannot be make `IndexCorrupt` at most."""
    outside = index.parent / "outside"
    outside.write_text("untouched")
    manifest = msgspec.to_builtins(mf.read_manifest(str(index)))
    payload = msgspec.json.encode({**manifest, field: value}) if field != "generation" else (
        json.dumps({**manifest, field: value}).encode()
    )  # fmt: skip
    (index / mf.manifest_name(1)).write_bytes(mf.seal(payload))
    use_everything(index)
    assert outside.read_text() == "untouched"


@pytest.mark.parametrize("docs", [2, 4])
def test_a_segment_has_as_many_documents_as_its_manifest_says(index, docs):
    """A number of documents that is not that of the files is harmless."""
    manifest = mf.read_manifest(str(index))
    crafted = msgspec.structs.replace(manifest, segments=[{**manifest.segments[0], "docs": docs}])
    (index / mf.manifest_name(1)).write_bytes(mf.encode_manifest(crafted))
    use_everything(index)


def test_verify_names_every_damaged_file(index):
    """Whatever byte is changed, `verify` names its file and no other."""
    assert indexer.verify(index).damaged == ()
    for name, offset, mask in damages(index, stride=23):
        path = index / name
        data = bytearray(path.read_bytes())
        data[offset] ^= mask
        path.write_bytes(data)
        assert [file.file for file in indexer.verify(index).damaged] == [name], (offset, mask)
        data[offset] ^= mask
        path.write_bytes(data)
    assert indexer.verify(index).damaged == ()


@pytest.mark.parametrize("left", ["nothing", "half", "all but a byte", "a byte more", "no file"])
def test_a_file_of_another_size_is_noticed(index, left):
    """A file cut short, grown or gone is named by `verify`, and opening fails or answers."""
    for path in sorted(index.iterdir()):
        if not mf.is_ours(path.name):
            continue
        data = path.read_bytes()
        half = len(data) // 2
        sizes = {"nothing": b"", "half": data[:half], "all but a byte": data[:-1]}
        if left == "no file":
            path.unlink()
        else:
            path.write_bytes(sizes.get(left, data + b"\0"))
        try:
            if path.suffix == ".json" and left == "no file":
                with pytest.raises(indexer.IndexMissing):
                    indexer.verify(index)
            else:
                assert [file.file for file in indexer.verify(index).damaged] == [path.name]
            if path.suffix not in (".toc", ".sources"):  # not needed for searching
                with pytest.raises(indexer.StorydexError):
                    indexer.open_index(index)
        finally:
            path.write_bytes(data)
    with indexer.open_index(index) as engine:
        assert engine.search("cat").total == 2


def test_damage_ends_in_an_answer_or_a_reason(index):
    """A changed byte never crashes a search, nor makes it fail without a reason."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.codec.damage", str(index), "43"],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == []


def test_damaged_lists_end_in_an_answer_or_a_reason(tmp_path):
    """Documents that do not rise and positions that lead outside crash no search.

    The lists are so long that the loops for long ones run, with numbers of documents twice.
    """
    stories = [
        {"title": ("cat dog ", "dog cat ", "cat ")[number % 3], "body": "cat dog " * (number % 5)}
        for number in range(400)
    ]
    index = build(tmp_path, stories)
    done = subprocess.run(
        [sys.executable, "-m", "tests.codec.damage", str(index), "211", ".pst", ".pos"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == []
