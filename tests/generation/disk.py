"""Stands between Python and the files below one folder.

Every operation on them is told to a watcher first, who may let it fail, cut it short or end
the process, and is noted when it was done. `PowerCut` makes of such notes what a disk may
hold when the power fails.
"""

from __future__ import annotations

import builtins
import io
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock


class Operation(NamedTuple):
    """`kind` is open, create, write, sync, rename, unlink or sync folder."""

    kind: str
    path: str
    data: bytes = b""
    target: str = ""


#: Given an operation before it is done; may raise, or return how much of the data to write.
Watcher = Callable[[Operation], int | None]


class Disk:
    """Patches what Python offers for files; `done` are the operations that succeeded.

    Syncing is only noted unless `syncs`: it takes long, and only a power cut could tell.
    """

    def __init__(
        self, folder: Path, watcher: Watcher = lambda _: None, *, syncs: bool = False
    ) -> None:
        self.folder = str(folder)
        self.done: list[Operation] = []
        self._watcher = watcher
        self._syncs = syncs
        self._real_open = builtins.open

    def _has(self, path: Any) -> bool:
        return isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith(self.folder)

    def _act(self, operation: Operation, act: Callable[[int | None], Any]) -> Any:
        result = act(self._watcher(operation))
        self.done.append(operation)
        return result

    @contextmanager
    def watched(self) -> Iterator[Disk]:
        """Watch until the block ends."""
        with (
            mock.patch("builtins.open", self._open),
            mock.patch("io.open", self._open),
            mock.patch("os.open", self._os_open(os.open)),
            mock.patch("os.fsync", self._fsync(os.fsync)),
            mock.patch("os.write", self._write(os.write)),
            mock.patch("os.pwrite", self._write(os.pwrite)),
            mock.patch("os.rename", self._rename(os.rename)),
            mock.patch("os.replace", self._rename(os.replace)),
            mock.patch("os.unlink", self._unlink(os.unlink)),
            mock.patch("os.remove", self._unlink(os.remove)),
        ):
            yield self

    def _open(self, file: Any, mode: str = "r", buffering: int = -1, *more: Any, **named: Any):
        def act(_: int | None) -> Any:
            if not writes:
                return self._real_open(file, mode, buffering, *more, **named)
            raw = _Raw(self, os.fspath(file), mode.replace("b", ""))
            return raw if buffering == 0 else io.BufferedWriter(raw)

        if not self._has(file):
            return self._real_open(file, mode, buffering, *more, **named)
        writes = "r" not in mode or "+" in mode
        assert not writes or "b" in mode, f"{file} is opened as text"
        return self._act(Operation("create" if writes else "open", os.fspath(file)), act)

    def _os_open(self, real: Callable[..., int]) -> Callable[..., int]:
        def os_open(path: Any, flags: int, *more: Any, **named: Any) -> int:
            if not self._has(path):
                return real(path, flags, *more, **named)
            kind = "create" if flags & os.O_CREAT else "open"
            act = lambda _: real(path, flags, *more, **named)  # noqa: E731
            return self._act(Operation(kind, os.fspath(path)), act)

        return os_open

    def _fsync(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def fsync(descriptor: int) -> None:
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            if self._has(path):
                kind = "sync folder" if os.path.isdir(path) else "sync"
                self._act(Operation(kind, path), lambda _: self._syncs and real(descriptor))
            else:
                real(descriptor)

        return fsync

    def _write(self, real: Callable[..., int]) -> Callable[..., int]:
        def write(descriptor: int, data: bytes, *offset: int) -> int:
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            if not self._has(path):
                return real(descriptor, data, *offset)
            act = lambda size: real(descriptor, bytes(data)[:size], *offset)  # noqa: E731
            return self._act(Operation("write", path, bytes(data)), act)

        return write

    def _rename(self, real: Callable[..., None]) -> Callable[..., None]:
        def rename(source: Any, target: Any, **named: Any) -> None:
            if not self._has(target):
                return real(source, target, **named)
            operation = Operation("rename", os.fspath(source), target=os.fspath(target))
            return self._act(operation, lambda _: real(source, target, **named))

        return rename

    def _unlink(self, real: Callable[..., None]) -> Callable[..., None]:
        def unlink(path: Any, **named: Any) -> None:
            if not self._has(path):
                return real(path, **named)
            return self._act(Operation("unlink", os.fspath(path)), lambda _: real(path, **named))

        return unlink


class _Raw(io.FileIO):
    """An unbuffered file whose writes are watched."""

    def __init__(self, disk: Disk, path: str, mode: str) -> None:
        super().__init__(path, mode)
        self._disk = disk

    def write(self, data: Any) -> int:
        """Write, all or as much as the watcher says."""
        whole = bytes(data)
        size = self._disk._watcher(Operation("write", str(self.name), whole))
        written = super().write(whole[:size])
        self._disk.done.append(Operation("write", str(self.name), whole[:written]))
        return written


class _File:
    """The bytes of a file now, and how many of them are certainly on the disk."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = data
        self.synced = len(data)


#: Makes a folder's names, file by file, of those that it had: None removes a name.
_Change = dict[str, _File | None]


class PowerCut:
    """A folder as operations leave it, and as a disk may have it that loses its power.

    What was not synced may be there or not: each name, and each file up to any byte.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self._now = {name: _File(data) for name, data in files.items()}
        self._durable = dict(self._now)
        self._pending: list[_Change] = []

    def apply(self, operation: Operation) -> None:
        """Do what an operation does."""
        name = os.path.basename(operation.path)
        if operation.kind == "create":
            self._change({name: _File()})
        elif operation.kind == "write":
            self._now[name].data += operation.data
        elif operation.kind == "sync":
            self._now[name].synced = len(self._now[name].data)
        elif operation.kind == "rename":
            self._change({name: None, os.path.basename(operation.target): self._now[name]})
        elif operation.kind == "unlink":
            self._change({name: None})
        elif operation.kind == "sync folder":
            self._durable, self._pending = dict(self._now), []

    def _change(self, change: _Change) -> None:
        self._pending.append(change)
        _apply(self._now, change)

    def outcomes(self, chance: random.Random) -> Iterator[dict[str, bytes]]:
        """What may be on the disk: the extremes, what lies between, and some at random."""
        everything = range(len(self._pending))
        yield self._outcome((), lambda file: file.synced)
        yield self._outcome(everything, lambda file: file.synced)
        yield self._outcome(everything, lambda file: (file.synced + len(file.data)) // 2)
        yield self._outcome(everything, lambda file: len(file.data))
        for _ in range(2):
            some = [number for number in everything if chance.random() < 0.5]
            yield self._outcome(some, lambda file: chance.randint(file.synced, len(file.data)))

    def _outcome(self, survivors: Sequence[int], size: Callable[[_File], int]) -> dict[str, bytes]:
        names = dict(self._durable)
        for number in survivors:
            _apply(names, self._pending[number])
        return {name: file.data[: size(file)] for name, file in names.items()}


def _apply(names: dict[str, _File], change: _Change) -> None:
    for name, file in change.items():
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file
