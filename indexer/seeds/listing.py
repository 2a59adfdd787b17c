"""A folder → its story files, how large they are and when they changed, and the bytes of one.

Links are never followed, neither to files nor to folders: no loop, no story twice,
and nothing from outside the folder.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from ..errors import SeedError, archive_fault
from ..model.reports import LINK, Rejection
from ..schema import SYNONYMS_NAME
from .settings import NO_SETTINGS, SETTINGS_NAME, Settings

#: The largest story file that is read.
MAX_BYTES = 4 << 20

_FIRST_NS, _LAST_NS = -(2**63), 2**63 - 1


class SeedFile(msgspec.Struct, frozen=True, gc=False):
    """A story file as a folder lists it.

    `id` is the path relative to the folder, `/`-separated; `path` is what to open;
    `size` is bytes, `mtime_ns` and `ctime_ns` nanoseconds since 1970.
    """

    id: str
    path: str
    size: int
    mtime_ns: int
    ctime_ns: int


class SeedFiles(NamedTuple):
    """The story files of a folder as it lists them, column by column, in no order.

    ids: of N files; sizes, mtimes_ns: int64[N]
    ctimes_ns: int64[N], when anything of a file was changed last: its content, its name,
        its time stamp
    passed_over: suffix → how many visible files have it that is not read; `LINK` → how many
        links there are in the place of story files and folders
    """

    folder: str
    ids: list[str]
    sizes: npt.NDArray[np.int64]
    mtimes_ns: npt.NDArray[np.int64]
    ctimes_ns: npt.NDArray[np.int64]
    passed_over: Counter[str]

    def file(self, place: int) -> SeedFile:
        """One of them."""
        story_id = self.ids[place]
        path = os.path.join(self.folder, story_id)
        columns = (self.sizes, self.mtimes_ns, self.ctimes_ns)
        return SeedFile(story_id, path, *(int(column[place]) for column in columns))


def list_seed_files(
    folder: str | os.PathLike[str],
    reject: Callable[[Rejection], None],
    settings: Settings = NO_SETTINGS,
) -> SeedFiles:
    """The story files of a folder and its subfolders.

    Hidden names, links, what is no regular file and what settings exclude are passed over.
    What cannot be listed (a subfolder without permission, a name that is not UTF-8) is given
    to `reject` and does not stop the rest. Reads no file.

    Raises `SeedError` if the folder itself cannot be listed. Costs little more than asking
    the system for the status of every file.
    """
    walk = _Walk(os.fspath(folder), reject, settings)
    walk.take_all()
    return walk.files()


def load_file(path: str, story_id: str) -> bytes | Rejection:
    """The bytes of a story file, or why it cannot be read. Bounded by `MAX_BYTES`.

    Waits for nobody, should it be a pipe, and follows no link. Raises `OSError` where the
    machine is at fault and not the file.
    """
    flags = os.O_NONBLOCK | os.O_NOFOLLOW
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

    def __init__(self, root: str, reject: Callable[[Rejection], None], settings: Settings) -> None:
        self._root = root
        self._reject = reject
        self._settings = settings
        self._passed_over: Counter[str] = Counter()
        self._pending = [(root, "")]
        self._ids: list[str] = []
        #: Size and the two times of each file, one after the other.
        self._numbers: list[int] = []

    def take_all(self) -> None:
        """Take the files; raises `SeedError`."""
        while self._pending:
            path, prefix = self._pending.pop()
            try:
                with os.scandir(path) as entries:
                    listed = list(entries)
            except OSError as error:
                self._refuse_folder(path, prefix, error)
            else:
                self._take(listed, path, prefix)

    def _refuse_folder(self, path: str, prefix: str, error: OSError) -> None:
        if not prefix:
            raise _no_archive(path, error) from error
        if not isinstance(error, FileNotFoundError | NotADirectoryError):  # removed since
            self._reject(_unreadable(prefix, error))

    def _take(self, entries: list[os.DirEntry[str]], path: str, prefix: str) -> None:
        """Take the files and folders of a folder; the ids begin with `prefix`."""
        # A file system may list a name twice while files are replaced.
        files: dict[str, os.stat_result] = {}
        folders: dict[str, str] = {}
        closed: PermissionError | None = None
        suffixes = self._settings.suffixes
        excludes = self._settings.excludes if self._settings.exclude else None
        for entry in entries:
            name = entry.name
            if name[0] == "." or (excludes is not None and excludes(prefix + name)):
                continue
            if name == SYNONYMS_NAME and not prefix:
                continue
            try:
                # Most are lower case already, and asking costs less than making them so.
                ours = name.endswith(suffixes) or name.lower().endswith(suffixes)
                if ours and entry.is_file(follow_symlinks=False):
                    if name.isprintable() or not self._refuses(prefix + name):
                        files[prefix + name] = entry.stat(follow_symlinks=False)
                elif entry.is_dir(follow_symlinks=False) and not self._refuses(f"{prefix}{name}/"):
                    folders[f"{prefix}{name}/"] = entry.path
                elif entry.is_symlink() and (ours or os.path.isdir(entry.path)):
                    self._passed_over[LINK] += 1
                elif not ours and name != SETTINGS_NAME:
                    self._passed_over[os.path.splitext(name)[1].lower()] += 1
            except FileNotFoundError:
                continue  # removed since its folder was listed
            except PermissionError as error:
                closed = error  # which it takes to look into the folder, not at the file
            except OSError as error:
                self._reject(_unreadable(prefix + name, error))
        if closed is not None:
            self._refuse_folder(path, prefix, closed)
        self._ids += files
        for status in files.values():
            self._numbers += (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        self._pending += [(inside, below) for below, inside in folders.items()]

    def files(self) -> SeedFiles:
        """The files that were taken."""
        try:
            numbers = np.array(self._numbers, np.int64)
        except OverflowError:
            # There are file systems that tell later times than 64 bits of nanoseconds do.
            fitting = [min(max(number, _FIRST_NS), _LAST_NS) for number in self._numbers]
            numbers = np.array(fitting, np.int64)
        sizes, mtimes_ns, ctimes_ns = numbers.reshape(-1, 3).T
        return SeedFiles(self._root, self._ids, sizes, mtimes_ns, ctimes_ns, self._passed_over)

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
    return Rejection(story_id, 1, archive_fault(error))


# Controls and line ends; surrogates stand for bytes that are not UTF-8 (PEP 383).
_UNUSABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME_FAULT = "a name that is not UTF-8, or has control characters: rename it"


def _printable(name: str) -> str:
    return _UNUSABLE.sub(lambda found: repr(found[0])[1:-1], name)


def refuse_missing(folder: str) -> None:
    """Raise `SeedError` if there is no such folder, or it may not be listed."""
    try:
        with os.scandir(folder):
            pass
    except OSError as error:
        raise _no_archive(folder, error) from error


def _no_archive(folder: str, error: OSError) -> SeedError:
    advice = "give the folder that holds the story files"
    if isinstance(error, FileNotFoundError):
        reason = f"no such folder: {advice}"
    elif isinstance(error, NotADirectoryError):
        reason = f"not a folder: {advice}"
    else:
        reason = f"cannot be listed ({error.strerror}): check its permissions"
    return SeedError(_printable(folder), reason)
