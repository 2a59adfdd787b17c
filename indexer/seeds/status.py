"""Folders with the names of files → how large they are and when they changed.

The system answers one question a file, and answers two processes twice as fast. This one
asks about the first block of files, the next and so on, a copy of it about the last, the
one before and so on, until they meet: whichever is slower has less to do, and one that
dies or is killed leaves the rest to the other.
"""

from __future__ import annotations

import mmap
import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..forks import forked, may_fork

#: The fewest files worth another process, which costs as much as asking about 2,500.
WORTH_ANOTHER = 10_000
#: The most files of a block, all of one folder: more is asked about twice where two meet,
#: less opens folders for too little.
BLOCK = 256

#: How a folder is opened to be listed or asked.
FOLDER = os.O_RDONLY | os.O_DIRECTORY

#: Columns: when a file's content was changed last as it says, when anything of it was, which
#: cannot be set, both in nanoseconds since 1970; its size, -1 if there was no answer or none
#: that fits.
MTIME, CTIME, SIZE = range(3)
STATUS_COLUMNS = 3
#: int64[n, STATUS_COLUMNS]
Status = npt.NDArray[np.int64]

_Block = tuple[str, list[str]]
_NUMBER = array("q").itemsize
_NO_ANSWER = (0, 0, -1)


@contextmanager
def asking(folders: Sequence[tuple[str, list[str]]]) -> Iterator[Callable[[], Status]]:
    """What asks about the files with these names in these folders; links are not followed.

    Where another process takes part it begins at once, and is gone when the block ends.
    The answers are in the order of the names. Raises no `OSError`.
    """
    blocks = [
        (folder, names[at : at + BLOCK])
        for folder, names in folders
        for at in range(0, len(names), BLOCK)
    ]
    total = sum(len(names) for _, names in blocks)
    with ExitStack() as stack:
        other = None
        if total >= WORTH_ANOTHER and (os.cpu_count() or 1) > 1 and may_fork():
            with suppress(OSError):  # not the memory for it, or too many processes
                other = stack.enter_context(_another(blocks, total))
        yield lambda: _ask_all(blocks, other)


class _Other(NamedTuple):
    """What is shared with another process, and where it tells of each block."""

    answers: mmap.mmap
    hears: int

    def blocks(self, most: int) -> int:
        """How many blocks it has done since the last time."""
        with suppress(BlockingIOError):
            return len(os.read(self.hears, most))
        return 0


def _ask_all(blocks: list[_Block], other: _Other | None) -> Status:
    found = array("q")
    theirs = 0
    for number, block in enumerate(blocks):
        if other is not None:
            theirs += other.blocks(len(blocks))
        if number + theirs >= len(blocks):
            break
        _ask(block, found)
    if other is not None:
        found.frombytes(other.answers[len(found) * _NUMBER :])
    return np.frombuffer(found, np.int64).reshape(-1, STATUS_COLUMNS)


@contextmanager
def _another(blocks: list[_Block], total: int) -> Iterator[_Other]:
    with (
        mmap.mmap(-1, STATUS_COLUMNS * _NUMBER * total) as answers,
        _pipe() as (hears, tells),
        forked(lambda: _ask_from_the_end(blocks, answers, hears, tells)),
    ):
        yield _Other(answers, hears)


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    """A pipe that is read without waiting."""
    hears, tells = os.pipe()
    try:
        os.set_blocking(hears, False)
        yield hears, tells
    finally:
        os.close(hears)
        os.close(tells)


def _ask_from_the_end(blocks: list[_Block], answers: mmap.mmap, hears: int, tells: int) -> None:
    """The life of the other process: answers into shared memory, a byte for each block."""
    os.close(hears)
    end = len(answers)
    for block in reversed(blocks):
        found = array("q")
        _ask(block, found)
        begin = end - len(found) * _NUMBER
        answers[begin:end] = found.tobytes()
        end = begin
        # Passes the answers on, as memory alone need not. With nobody to read it raises:
        # this process does not outlive the one it works for.
        os.write(tells, b".")


def _ask(block: _Block, found: array[int]) -> None:
    """Append the status of each file of a block."""
    folder, names = block
    lstat, append = os.lstat, found.append
    try:
        # Names are looked up in an open folder, not along the whole path each time. That
        # an entry of `os.scandir` keeps what it was told makes asking it a third slower.
        descriptor = os.open(folder, FOLDER)
    except OSError:
        found.extend(_NO_ANSWER * len(names))
        return
    asked = iter(names)
    try:
        while True:
            with suppress(OSError, OverflowError):
                for name in asked:
                    status = lstat(name, dir_fd=descriptor)
                    append(status.st_mtime_ns)
                    append(status.st_ctime_ns)
                    append(status.st_size)
                break
            # A time may be too late for 64 bits, after another was appended.
            del found[len(found) // STATUS_COLUMNS * STATUS_COLUMNS :]
            found.extend(_NO_ANSWER)
    finally:
        os.close(descriptor)
