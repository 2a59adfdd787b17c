"""What a folder lists, with something done before the system is asked about a file."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator

import pytest


class Entry:
    """One entry of a folder."""

    def __init__(self, real: os.DirEntry[str], before: Callable[[str], None]) -> None:
        self._real = real
        self._before = before
        self.name, self.path = real.name, real.path
        self.is_dir, self.is_file = real.is_dir, real.is_file

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        """Size and times of the file, or what `before` raises."""
        self._before(self.path)
        return self._real.stat(follow_symlinks=follow_symlinks)


class Entries:
    """The entries of a folder, in place of `os.scandir`."""

    def __init__(self, real: Iterator[os.DirEntry[str]], before: Callable[[str], None]) -> None:
        self._real = real
        self._before = before

    def __enter__(self) -> Iterator[Entry]:
        with self._real as entries:
            return iter([Entry(entry, self._before) for entry in entries])

    def __exit__(self, *_: object) -> None:
        """Nothing: the folder is closed already."""


def ask(monkeypatch: pytest.MonkeyPatch, before: Callable[[str], None]) -> None:
    """Call `before` with the path of each file that the system is asked about."""
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: Entries(scandir(folder), before))


def deny(monkeypatch: pytest.MonkeyPatch, ending: str, number: int = errno.EACCES) -> None:
    """Refuse to list folders whose paths end so, for a reason of the system."""
    scandir = os.scandir

    def refuse(folder: str) -> Iterator[os.DirEntry[str]]:
        if folder.endswith(ending):
            raise OSError(number, os.strerror(number), folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
