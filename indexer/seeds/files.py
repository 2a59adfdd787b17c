"""A folder → its story files, and the bytes of one.

Links are never followed, neither to files nor to folders: no loop, no story twice,
and nothing from outside the folder.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import compress
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from ..errors import SeedError
from ..model import Rejection
from .status import CTIME, FOLDER, MTIME, SIZE, Status, asking

#: The largest story file that is read.
MAX_BYTES = 4 << 20

_FIRST_NS, _LAST_NS = -(2**63), 2**63 - 1

#: What the names of story files end with, in either case.
SUFFIXES = (".md", ".markdown", ".yml", ".yaml", ".txt")


class SeedFile(msgspec.Struct, frozen=True, gc=False):
    """A story file as a folder lists it.

    `id` is the path relative to the folder, `/`-separated; `path` is what to open;
    `size` is bytes, `mtime_ns` nanoseconds since 1970.
    """

    id: str
    path: str
    size: int
    mtime_ns: int


class SeedFiles(NamedTuple):
    """The story files of a folder as it lists them, column by column, in no order.

    ids: of N files; sizes, mtimes_ns: int64[N]
    ctimes_ns: int64[N], when anything of a file was changed last: its content, its name,
        its time stamp
    """

    folder: str
    ids: list[str]
    sizes: npt.NDArray[np.int64]
    mtimes_ns: npt.NDArray[np.int64]
    ctimes_ns: npt.NDArray[np.int64]

    def file(self, place: int) -> SeedFile:
        """One of them."""
        story_id = self.ids[place]
        path = os.path.join(self.folder, story_id)
        return SeedFile(story_id, path, int(self.sizes[place]), int(self.mtimes_ns[place]))


def list_seed_files(
    folder: str | os.PathLike[str], reject: Callable[[Rejection], None] | None = None
) -> SeedFiles:
    """The story files of a folder and its subfolders.

    Hidden names, links and what is no regular file are passed over. What cannot be
    listed (a subfolder without permission, a name that is not UTF-8) is given to
    `reject` and does not stop the rest. Reads no file.

    Raises `SeedError` if the folder itself cannot be listed. Costs less than asking the
    system for the status of every file; with ten thousand or more, and where it can fork
    and has a second core, half to two thirds of that.
    """
    with listing(folder, reject) as listed:
        return listed()


@contextmanager
def listing(
    folder: str | os.PathLike[str], reject: Callable[[Rejection], None] | None = None
) -> Iterator[Callable[[], SeedFiles]]:
    """The same, in two steps: names have been taken when the block begins.

    With many files another process then asks for their status, as long as the block
    lasts; what is called in it takes part and returns the files.
    """
    walk = _Walk(os.fspath(folder), reject or _pass_over)
    walk.take_all()
    with asking(walk.folders) as ask:
        yield lambda: walk.files(ask())


def load_file(path: str, story_id: str, *, follow: bool = True) -> bytes | Rejection:
    """The bytes of a story file, or why it cannot be read. Bounded by `MAX_BYTES`.

    Waits for nobody, should it be a pipe. Without `follow` it may be no link. Raises
    `OSError` where the machine is at fault and not the file.
    """
    flags = os.O_NONBLOCK if follow else os.O_NONBLOCK | os.O_NOFOLLOW
    try:
        with open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                return Rejection(story_id, 1, "no regular file: replace it by one")
            data = file.read(min(status.st_size, MAX_BYTES) + 1)
            if len(data) > status.st_size:  # it has grown since
                data += file.read(MAX_BYTES)
            return data if len(data) <= MAX_BYTES else too_large(story_id)
    except OSError as error:
        return _unreadable(story_id, error)


def too_large(story_id: str) -> Rejection:
    """The refusal of a file over `MAX_BYTES`."""
    return Rejection(story_id, 1, f"over {MAX_BYTES >> 20} MiB: split it or shorten it")


class _Walk:
    """Takes folder after folder; a list in place of recursion, they may be nested deep."""

    def __init__(self, root: str, reject: Callable[[Rejection], None]) -> None:
        self._root = root
        self._reject = reject
        self._pending = [(root, "")]
        self._ids: list[str] = []
        #: The paths of folders and the names of the files in each, in the order of the ids.
        self.folders: list[tuple[str, list[str]]] = []

    def take_all(self) -> None:
        """Take the names of the files; raises `SeedError`."""
        while self._pending:
            path, prefix = self._pending.pop()
            try:
                self._visit(path, prefix)
            except OSError as error:
                if not prefix:
                    raise SeedError(_printable(path), _folder_fault(error)) from error
                if not isinstance(error, FileNotFoundError):  # removed since
                    self._reject(_unreadable(prefix, error))

    def _visit(self, path: str, prefix: str) -> None:
        descriptor = os.open(path, FOLDER)
        try:
            with os.scandir(descriptor) as entries:
                self._take(entries, path, prefix)
        finally:
            os.close(descriptor)

    def _take(self, entries: Iterator[os.DirEntry[str]], path: str, prefix: str) -> None:
        """Take what a folder has, all or, if listing fails, nothing.

        The ids begin with `prefix`.
        """
        names: list[str] = []
        folders: list[str] = []
        for entry in entries:
            name = entry.name
            if name[0] == ".":
                continue
            try:
                # Most are lower case already, and asking costs less than making them so.
                ours = name.endswith(SUFFIXES) or name.lower().endswith(SUFFIXES)
                if ours and entry.is_file(follow_symlinks=False):
                    if name.isprintable() or not self._refuses(prefix + name):
                        names.append(name)
                elif entry.is_dir(follow_symlinks=False) and not self._refuses(f"{prefix}{name}/"):
                    folders.append(name)
            except OSError as error:
                self._reject(_unreadable(prefix + name, error))
        # A file system may list a name twice while files are replaced.
        names = list(dict.fromkeys(names))
        self._ids += [prefix + name for name in names]
        self.folders.append((path, names))
        for name in dict.fromkeys(folders):
            self._pending.append((os.path.join(path, name), f"{prefix}{name}/"))

    def files(self, status: Status) -> SeedFiles:
        """The files, given the status of each; raises `SeedError`."""
        ids = self._ids
        if unknown := np.flatnonzero(status[:, SIZE] < 0).tolist():
            closed: set[str] = set()
            for place in unknown:
                self._ask_again(place, status, closed)
            left = status[:, SIZE] >= 0
            ids = list(compress(ids, left.tolist()))
            status = status[left]
        return SeedFiles(self._root, ids, status[:, SIZE], status[:, MTIME], status[:, CTIME])

    def _ask_again(self, place: int, status: Status, closed: set[str]) -> None:
        """Ask about one file; `closed` are folders that let nobody ask."""
        story_id = self._ids[place]
        prefix = story_id[: story_id.rfind("/") + 1]
        if prefix in closed:
            return
        try:
            told = os.lstat(os.path.join(self._root, story_id))
        except FileNotFoundError:
            return  # removed since its folder was listed
        except PermissionError as error:
            # Which it takes to look into the folder, not at the file.
            if not prefix:
                raise SeedError(_printable(self._root), _folder_fault(error)) from error
            closed.add(prefix)
            self._reject(_unreadable(prefix, error))
            return
        except OSError as error:
            self._reject(_unreadable(story_id, error))
            return
        # There are file systems that tell later times than 64 bits of nanoseconds do.
        times = (told.st_mtime_ns, told.st_ctime_ns)
        status[place] = *(max(_FIRST_NS, min(time, _LAST_NS)) for time in times), told.st_size

    def _refuses(self, story_id: str) -> bool:
        if not _UNUSABLE.search(story_id):
            return False
        self._reject(Rejection(_printable(story_id), 1, _NAME_FAULT))
        return True


#: Faults of a file, with which the others can be read. Anything else (too many files are
#: open, a disk or a network fails) raises: to go on would be to take the stories out of
#: the index that cannot be read just now.
_OF_THE_FILE = frozenset(
    {
        errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP,
        errno.ENAMETOOLONG, errno.ENXIO,
    }
)  # fmt: skip


def _unreadable(story_id: str, error: OSError) -> Rejection:
    if error.errno not in _OF_THE_FILE:
        raise error
    return Rejection(story_id, 1, f"cannot be read ({error.strerror}): check its permissions")


# Controls and line ends; surrogates stand for bytes that are not UTF-8 (PEP 383).
_UNUSABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME_FAULT = "a name that is not UTF-8, or has control characters: rename it"


def _printable(name: str) -> str:
    return _UNUSABLE.sub(lambda found: repr(found[0])[1:-1], name)


def _folder_fault(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such folder: give the folder that holds the story files"
    if isinstance(error, NotADirectoryError):
        return "not a folder: give the folder that holds the story files"
    return f"cannot be listed ({error.strerror}): check its permissions"


def _pass_over(_: Rejection) -> None:
    """The default for callers who only want what can be read."""
