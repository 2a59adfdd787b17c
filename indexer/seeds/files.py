"""A folder → its story files, and the bytes of one; layer 2.

Links are never followed, neither to files nor to folders: no loop, no story twice,
and nothing from outside the folder.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from ..errors import SeedError
from ..model import Rejection

#: The largest story file that is read.
MAX_BYTES = 4 << 20

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
    """The story files of a folder as it lists them, column by column, in no order."""

    folder: str
    ids: list[str]
    sizes: list[int]
    mtimes_ns: list[int]

    def file(self, place: int) -> SeedFile:
        """One of them."""
        story_id = self.ids[place]
        path = os.path.join(self.folder, story_id)
        return SeedFile(story_id, path, self.sizes[place], self.mtimes_ns[place])


def list_seed_files(
    folder: str | os.PathLike[str], reject: Callable[[Rejection], None] | None = None
) -> SeedFiles:
    """The story files of a folder and its subfolders.

    Hidden names, links and what is no regular file are passed over. What cannot be
    listed (a subfolder without permission, a name that is not UTF-8) is given to
    `reject` and does not stop the rest. Reads no file.

    Raises `SeedError` if the folder itself cannot be listed. Costs a quarter more than
    asking the system for the status of every file.
    """
    root = os.fspath(folder)
    walk = _Walk(SeedFiles(root, [], [], []), reject or _pass_over)
    try:
        entries = _entries(root)
    except OSError as error:
        raise SeedError(_printable(root), _folder_fault(error)) from error
    walk.take(entries, "")
    walk.finish()
    return walk.found


def load_file(path: str, story_id: str) -> bytes | Rejection:
    """The bytes of a story file, or why it cannot be read. Never reads over `MAX_BYTES`.

    Raises `OSError` where the machine is at fault and not the file.
    """
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                return too_large(story_id)
            return file.read()
    except OSError as error:
        return _unreadable(story_id, error)


def too_large(story_id: str) -> Rejection:
    """The refusal of a file over `MAX_BYTES`."""
    return Rejection(story_id, 1, f"over {MAX_BYTES >> 20} MiB: split it or shorten it")


def _entries(path: str) -> list[os.DirEntry[str]]:
    with os.scandir(path) as entries:
        return list(entries)


class _Walk:
    """Takes folder after folder; a list in place of recursion, they may be nested deep."""

    def __init__(self, found: SeedFiles, reject: Callable[[Rejection], None]) -> None:
        self.found = found
        self._reject = reject
        self._pending: list[tuple[str, str]] = []

    def finish(self) -> None:
        """Take the subfolders of what was taken, and theirs."""
        while self._pending:
            path, prefix = self._pending.pop()
            try:
                entries = _entries(path)
            except FileNotFoundError:
                continue  # removed since its folder was listed
            except OSError as error:
                self._reject(_unreadable(prefix, error))
                continue
            self.take(entries, prefix)

    def take(self, entries: list[os.DirEntry[str]], prefix: str) -> None:
        """Take what a folder has; its ids begin with `prefix`."""
        _, ids, sizes, mtimes_ns = self.found
        for entry in entries:
            name = entry.name
            if name[0] == ".":
                continue
            story_id = prefix + name
            try:
                # Most are lower case already, and asking costs less than making them so.
                ours = name.endswith(SUFFIXES) or name.lower().endswith(SUFFIXES)
                if ours and entry.is_file(follow_symlinks=False):
                    if not name.isprintable() and self._refuses(story_id):
                        continue
                    status = entry.stat(follow_symlinks=False)
                    ids.append(story_id)
                    sizes.append(status.st_size)
                    mtimes_ns.append(status.st_mtime_ns)
                elif entry.is_dir(follow_symlinks=False) and not self._refuses(story_id + "/"):
                    self._pending.append((entry.path, story_id + "/"))
            except FileNotFoundError:
                continue  # removed since its folder was listed
            except OSError as error:
                self._reject(_unreadable(story_id, error))

    def _refuses(self, story_id: str) -> bool:
        if not _UNUSABLE.search(story_id):
            return False
        self._reject(Rejection(_printable(story_id), 1, _NAME_FAULT))
        return True


#: Too many files are open, there is no memory, a disk or a network fails: to go on would
#: be to take the stories out of the index that cannot be read just now.
_NOT_OF_THE_FILE = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE, errno.ETIMEDOUT}
)


def _unreadable(story_id: str, error: OSError) -> Rejection:
    if error.errno in _NOT_OF_THE_FILE:
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
