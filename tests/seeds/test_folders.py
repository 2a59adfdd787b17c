"""Folders of story files: which are found, in what order, and what is passed over."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from indexer.errors import SeedError
from indexer.model import Rejection
from indexer.seeds import load_file
from tests.conftest import seed_files
from tests.seeds.bad_seeds import write_bad_seeds
from tests.seeds.entries import deny


def test_folder_lists_story_files_by_id(tmp_path):
    """All story files are found, hidden and other files are not, in the order of ids."""
    expected = write_bad_seeds(tmp_path)
    files = seed_files(tmp_path)
    assert [file.id for file in files] == sorted(expected)
    for file in files:
        status = os.stat(file.path)
        assert (file.size, file.mtime_ns) == (status.st_size, status.st_mtime_ns)


def test_folder_order_is_that_of_whole_ids(tmp_path):
    """A folder and a file that begin alike are in the order of their ids, not of names."""
    for name in ("a.md", "a/z.md", "a-b/c.md", "a0.md", "B.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    ids = [file.id for file in seed_files(tmp_path)]
    assert ids == ["B.md", "a-b/c.md", "a.md", "a/z.md", "a0.md"]


def test_folder_links_are_not_followed(tmp_path):
    """Links to files or folders, inside or outside, are passed over; loops do no harm."""
    outside = tmp_path / "outside"
    seeds = tmp_path / "seeds"
    outside.mkdir()
    (seeds / "sub").mkdir(parents=True)
    (outside / "secret.md").touch()
    (seeds / "sub" / "real.md").touch()
    (seeds / "sub" / "loop").symlink_to(seeds)
    (seeds / "out").symlink_to(outside)
    (seeds / "out.md").symlink_to(outside / "secret.md")
    (seeds / "broken.md").symlink_to("nowhere")
    os.mkfifo(seeds / "pipe.md")
    assert [file.id for file in seed_files(seeds)] == ["sub/real.md"]


def test_folder_may_itself_be_a_link(tmp_path):
    """The folder given may be a link to a folder."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.md").touch()
    (tmp_path / "link").symlink_to("real")
    assert [file.id for file in seed_files(tmp_path / "link")] == ["a.md"]


def test_folder_missing_or_no_folder_is_an_error(tmp_path):
    """A folder that is not there, or is a file, is an error at once, with a remedy."""
    with pytest.raises(SeedError, match="no such folder: give the folder"):
        seed_files(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(SeedError, match="not a folder: give the folder"):
        seed_files(tmp_path / "file")


def test_a_path_that_is_too_long_is_named(tmp_path, monkeypatch):
    """With what helps, which is no matter of permissions."""
    (tmp_path / "b").mkdir()
    deny(monkeypatch, "/b", errno.ENAMETOOLONG)
    rejected = []
    seed_files(tmp_path, rejected.append)
    assert list(map(str, rejected)) == [
        "b/:1: cannot be read (File name too long): shorten its path"
    ]


def test_unreadable_subfolder_does_not_stop_the_rest(tmp_path, monkeypatch):
    """A subfolder that cannot be listed is reported, and everything else is found."""
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.md").touch()
    deny(monkeypatch, "/b")
    rejected = []
    files = seed_files(tmp_path, rejected.append)
    assert [file.id for file in files] == ["a/x.md", "c/x.md"]
    assert list(map(str, rejected)) == [
        "b/:1: cannot be read (Permission denied): check its permissions"
    ]


def test_a_folder_that_is_replaced_by_a_file_is_passed_over(tmp_path, monkeypatch):
    """What was removed since its folder was listed is no fault, whatever stands there now."""
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.md").touch()

    def replaced(path):
        if str(path).endswith("/b"):
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", path)
        return scandir(path)

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", replaced)
    rejected: list[Rejection] = []
    assert [file.id for file in seed_files(tmp_path, rejected.append)] == ["a/x.md"]
    assert rejected == []


def test_what_took_the_place_of_a_file_is_no_regular_file(tmp_path):
    """A folder, a link and a pipe are told from a file without permission."""
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "link.md").symlink_to("folder.md")
    os.mkfifo(tmp_path / "pipe.md")
    for name in ("folder.md", "link.md", "pipe.md"):
        rejection = load_file(str(tmp_path / name), name)
        assert str(rejection) == f"{name}:1: no regular file: replace it by one"


def test_names_that_cannot_be_ids_are_rejected(tmp_path):
    """A name that is not UTF-8 or has control characters is reported in readable form."""
    for name in (b"caf\xe9.md", b"two\nlines.md", "gut été\u202f1.md".encode()):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    rejected: list[Rejection] = []
    files = seed_files(tmp_path, rejected.append)
    assert [file.id for file in files] == ["gut été\u202f1.md"]
    assert sorted(rejection.path for rejection in rejected) == ["caf\\udce9.md", "two\\nlines.md"]
    assert all("rename it" in rejection.reason for rejection in rejected)


def test_file_that_vanishes_is_rejected(tmp_path):
    """A file that cannot be opened is a rejection of that file."""
    rejection = load_file(str(tmp_path / "gone.md"), "gone.md")
    assert str(rejection) == (
        "gone.md:1: cannot be read (No such file or directory): check its permissions"
    )
