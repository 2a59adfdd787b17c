"""An index folder may come from anywhere: whatever lies in it, nothing is harmed by it."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
import zlib
from pathlib import Path

import msgspec
import pytest

import indexer
from indexer.codec.format import TRAILER
from indexer.generation import manifest as mf
from tests.cli.conftest import run, storydex
from tests.conftest import ROOT, build, write_story
from tests.generation.crafted import try_crafted
from tests.generation.disk import Disk, Operation
from tests.generation.keeping import LOCK
from tests.search.mutations import write_index

KINDS = (".json", ".sources", ".trm", ".pst", ".pos", ".doc", ".sto")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return build(tmp_path, [{"title": f"Cat {number}", "body": "dog " * 9} for number in range(9)])


def file_of(index: Path, suffix: str) -> Path:
    (path,) = index.glob(f"*{suffix}")
    return path


REPLACED = {
    "a link": lambda path: path.symlink_to(path.parent.parent / "real"),
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": Path.mkdir,
}


@pytest.mark.parametrize("kind", REPLACED)
@pytest.mark.parametrize("suffix", KINDS)
def test_only_plain_files_are_read(index, suffix, kind):
    """No link is followed, no pipe waited for, no device read: each is damage, and named."""
    path = file_of(index, suffix)
    path.rename(index.parent / "real")
    REPLACED[kind](path)
    assert path.name in {damaged.file for damaged in indexer.verify(index).damaged}
    if suffix != ".sources":
        with pytest.raises(indexer.IndexCorrupt, match="not a plain file") as caught:
            indexer.open_index(index, compiled=False)
        assert caught.value.file == path.name


def test_a_manifest_without_end_is_not_read(index):
    """A file that says it has a terabyte takes no memory."""
    with open(index / "storydex-1.json", "r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(indexer.IndexCorrupt, match="too many"):
        indexer.open_index(index)


@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["link", "hard link"])
def test_a_lock_that_is_a_link_is_refused(index, link):
    """What it leads to keeps its content."""
    precious = index.parent / "precious"
    precious.write_text("kept")
    (index / LOCK).unlink()
    link(precious, index / LOCK)
    with pytest.raises(indexer.BuildError, match="is a link"):
        indexer.rebuild(index.parent / "seeds", index)
    assert precious.read_text() == "kept"


def test_a_lock_that_is_a_pipe_is_refused(index):
    """Nobody is waited for."""
    (index / LOCK).unlink()
    os.mkfifo(index / LOCK)
    with pytest.raises(indexer.BuildError, match="no plain file"):
        indexer.rebuild(index.parent / "seeds", index)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EACCES, errno.EIO, errno.ENOMEM])
@pytest.mark.parametrize("suffix", KINDS)
def test_a_system_that_fails_is_not_damage(index, suffix, code):
    """It is said as what it is, no older generation is served, nothing is built anew."""
    write_story(index.parent / "seeds", "new.md", title="New")
    indexer.rebuild(index.parent / "seeds", index, full=True)
    newest = {*mf.read_manifest(str(index)).files, "storydex-2.json"}

    def fail(operation: Operation) -> None:
        name = os.path.basename(operation.path)
        if operation.kind == "open" and name.endswith(suffix) and name in newest:
            raise OSError(code, os.strerror(code), operation.path)

    before = sorted(path.name for path in index.iterdir())
    with Disk(index, fail).watched():
        if suffix != ".sources":
            with pytest.raises(indexer.IndexUnreadable, match=os.strerror(code)) as caught:
                indexer.open_index(index, compiled=False)
            assert "damaged" not in str(caught.value)
        report = indexer.verify(index)
        assert not report.damaged
        assert {os.path.splitext(file.file)[1] for file in report.unread} == {suffix}
        assert storydex("--index", index, "verify").exit_code == 1
        with pytest.raises(indexer.BuildError, match=os.strerror(code)):
            indexer.rebuild(index.parent / "seeds", index)
    assert sorted(path.name for path in index.iterdir()) == before
    assert not indexer.verify(index).damaged


@pytest.mark.skipif(os.geteuid() == 0, reason="a superuser may read everything")
def test_no_permission_is_not_damage(index):
    """The message says what to check."""
    file_of(index, ".pst").chmod(0)
    with pytest.raises(indexer.IndexUnreadable, match="check its permissions"):
        indexer.open_index(index)


def test_too_many_open_files(index):
    """A command that may open none says so."""
    limits = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (7, 7))  # noqa: E731
    status, out, err = run("--index", index, "search", "cat", preexec_fn=limits)
    assert (status, out) == (1, "")
    assert "Too many open files" in err
    assert "damaged" not in err


TRUNCATED = """
import os, sys
import indexer

index, suffix = sys.argv[1:]
engine = indexer.open_index(index)
engine.warm_up()
hits = engine.search("cat dog", facets=indexer.FACETS).hits
path = next(os.path.join(index, name) for name in os.listdir(index) if name.endswith(suffix))
os.truncate(path, 0)
for use in (
    lambda: engine.search("cat"),
    lambda: engine.get("0001.md"),
    lambda: engine.suggest("c"),
    lambda: list(engine.export(indexer.SearchRequest(query="cat"))),
    lambda: engine.info(),
    lambda: suffix != ".sto" or [related.title for hit in hits for related in hit.story.related],
):
    try:
        use()
    except indexer.IndexCorrupt as error:
        print(error.file)
"""


@pytest.mark.parametrize("suffix", [".trm", ".pst", ".pos", ".doc", ".sto"])
def test_a_file_cut_short_while_it_is_open(index, suffix):
    """A search ends in `IndexCorrupt` that names the file, not in SIGBUS."""
    done = subprocess.run(
        [sys.executable, "-c", TRUNCATED, index, suffix],
        cwd=ROOT, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:5] == [file_of(index, suffix).name] * 5


def test_verify_finds_what_was_crafted(tmp_path):
    """Sums that fit prove nothing: what contradicts itself is found, and nothing is raised."""
    crafted = list(try_crafted(write_index(tmp_path), 120, 3))
    assert len(crafted) > 40
    assert not [about for about in crafted if about[1]]


@pytest.mark.parametrize(
    ("suffix", "name", "crafted"),
    [
        (".sto", "offsets", {"shape": [0]}),
        (".doc", "facet.published.offsets", {"name": "something"}),
        (".doc", "facet.published.offsets", {"name": "facet."}),
        (".trm", "starts", {"dtype": "<u8"}),
    ],
)
def test_verify_finds_a_crafted_table(index, suffix, name, crafted):
    """A table of arrays that are not there, or of another shape, is damage."""
    path = file_of(index, suffix)
    data = path.read_bytes()
    end = len(data) - TRAILER.size
    begin = end - TRAILER.unpack_from(data, end)[1]
    table = json.loads(data[begin:end])
    for section in table["sections"]:
        if section["name"] == name:
            section.update(crafted)
    text = json.dumps(table).encode()
    size = begin + len(text) + TRAILER.size
    whole = data[:begin] + text + TRAILER.pack(size, len(text), zlib.crc32(text), 0, b"xeds")[:-8]
    path.write_bytes(whole + zlib.crc32(whole).to_bytes(4, "little") + b"xeds")
    manifest = mf.read_manifest(str(index))
    files = {**manifest.files, path.name: mf.entry_of(str(path))}
    changed = msgspec.structs.replace(manifest, files=files)
    (index / "storydex-1.json").write_bytes(mf.encode_manifest(changed))
    assert [damaged.file for damaged in indexer.verify(index).damaged]


def test_a_manifest_that_names_other_files(index):
    """No file outside an index is read for it."""
    manifest = mf.read_manifest(str(index))
    files = {**manifest.files, "../seeds/0000.md": mf.FileEntry(1, "")}
    changed = msgspec.structs.replace(manifest, files=files)
    (index / "storydex-1.json").write_bytes(mf.encode_manifest(changed))
    (damaged,) = indexer.verify(index).damaged
    assert damaged.file == "storydex-1.json"


@pytest.mark.parametrize(("key", "change"), [("format", -1), ("schema", -1), ("format", 1)])
def test_an_index_of_another_version(index, key, change):
    """It is not called damaged, and a rebuild makes it anew."""
    manifest = mf.read_manifest(str(index))
    other = msgspec.structs.replace(manifest, **{key: getattr(manifest, key) + change})
    (index / "storydex-1.json").write_bytes(mf.encode_manifest(other))
    result = storydex("--index", index, "search", "cat")
    assert result.exit_code == 4
    age = "an older" if change < 0 else "a newer"
    assert f"made by {age} storydex" in result.stderr
    assert "rebuild" in result.stderr
    assert "damaged" not in result.stderr
    result = storydex("--index", index, "rebuild", index.parent / "seeds")
    assert (result.exit_code, "damaged" in result.stderr) == (0, False)
    assert storydex("--index", index, "search", "cat").exit_code == 0


def test_an_index_that_is_a_file(index, tmp_path):
    """It is no folder, says every command."""
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        result = storydex("--index", place, "rebuild", index.parent / "seeds")
        assert (result.exit_code, "is a file, not a folder" in result.stderr) == (1, True)
        assert storydex("--index", place, "search", "cat").exit_code == 4


def test_out_of_memory_ends_with_a_message(index, monkeypatch):
    """Of a search and of a rebuild."""

    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr("indexer.engine.local.LocalEngine.answer", fail)
    monkeypatch.setattr("indexer.build.workers.parse_story", fail)
    result = storydex("--index", index, "search", "cat")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "out of memory" in result.stderr
    write_story(index.parent / "seeds", "new.md", title="New")
    result = storydex("--index", index, "rebuild", index.parent / "seeds", "--workers", "1")
    assert result.exit_code == 1
    assert "out of memory: free some, or use fewer --workers" in result.stderr


def test_a_new_index_folder_is_synced(tmp_path):
    """Its name and those above it that are new survive a power cut."""
    (tmp_path / "seeds").mkdir()
    with Disk(tmp_path).watched() as disk:
        indexer.rebuild(tmp_path / "seeds", tmp_path / "a" / "b" / "index")
    synced = [operation.path for operation in disk.done if operation.kind == "sync folder"]
    assert synced[:3] == [str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a" / "b")]


def test_a_file_system_that_does_not_sync_folders(tmp_path, index):
    """As some on a network do not: a rebuild succeeds."""

    def refuse(operation: Operation) -> None:
        if operation.kind == "sync folder":
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    write_story(index.parent / "seeds", "new.md", title="New")
    with Disk(tmp_path, refuse).watched():
        assert indexer.rebuild(index.parent / "seeds", index).indexed == 1
