"""A folder → its story files in a fixed order, and the bytes of one; layer 2.

Links are never followed, neither to files nor to folders: no loop, no story twice,
and nothing from outside the folder.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import TypeAlias

import msgspec

from ..errors import SeedError
from ..model import Rejection

#: The largest story file that is read.
MAX_BYTES = 4 << 20

SUFFIXES = (".md", ".markdown", ".yml", ".yaml", ".txt")

_first = itemgetter(0)

Reject = Callable[[Rejection], None]


class SeedFile(msgspec.Struct, frozen=True, gc=False):
    """A story file as a folder lists it.

    `id` is the path relative to the folder, `/`-separated; `path` is what to open;
    `size` is bytes, `mtime_ns` nanoseconds since 1970.
    """

    id: str
    path: str
    size: int
    mtime_ns: int


def iter_seed_files(
    folder: str | os.PathLike[str], reject: Reject | None = None
) -> Iterator[SeedFile]:
    """The story files of a folder and its subfolders, in order of their ids.

    Hidden names, links and what is no regular file are passed over. What cannot be
    listed (a subfolder without permission, a name that is not UTF-8) is given to
    `reject` and does not stop the rest. Reads no file.

    Raises `SeedError` at once if the folder itself cannot be listed.
    """
    root = os.fspath(folder)
    try:
        listed = _list(root, "")
    except OSError as error:
        raise SeedError(_printable(root), _folder_fault(error)) from error
    return _walk(listed, reject or _pass_over)


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


#: An id and its entry; that of a subfolder ends in `/`, so that ids sort as paths.
_Listed: TypeAlias = "tuple[str, os.DirEntry[str]]"


def _list(path: str, prefix: str) -> list[_Listed]:
    """Subfolders and story files of one folder, the last id first."""
    listed: list[_Listed] = []
    with os.scandir(path) as entries:
        for entry in entries:
            name = entry.name
            if name[0] == ".":
                continue
            # Most are lower case already, and asking costs less than making them so.
            ours = name.endswith(SUFFIXES) or name.lower().endswith(SUFFIXES)
            if ours and entry.is_file(follow_symlinks=False):
                listed.append((prefix + name, entry))
                continue
            if entry.is_dir(follow_symlinks=False):
                listed.append((f"{prefix}{name}/", entry))
    listed.sort(key=_first, reverse=True)
    return listed


def _walk(pending: list[_Listed], reject: Reject) -> Iterator[SeedFile]:
    # A stack in place of recursion: folders may be nested deeper than Python calls.
    while pending:
        story_id, entry = pending.pop()
        if not story_id.isprintable() and _UNUSABLE.search(story_id):
            reject(Rejection(_printable(story_id), 1, _NAME_FAULT))
            continue
        try:
            if story_id[-1] == "/":
                pending += _list(entry.path, story_id)
                continue
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue  # removed since its folder was listed
        except OSError as error:
            reject(_unreadable(story_id, error))
            continue
        yield SeedFile(story_id, entry.path, status.st_size, status.st_mtime_ns)


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
