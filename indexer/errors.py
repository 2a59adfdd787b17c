"""Every error storydex raises on purpose.

StorydexError
├── SeedError       a seeds folder cannot be read at all
├── BuildError      a rebuild failed; the index that was there still serves
├── QueryError      a request passes a limit or names an unknown parameter value
├── QueryTooCostly  a query would take too much work
├── StoryNotFound   no story has this id
├── IndexMissing    there is no index at this location
├── IndexCorrupt    a file of the index is damaged
├── IndexOutdated   it was made by another version (an IndexCorrupt)
├── IndexUnreadable the system does not let a file of the index be read just now
├── IndexLocked     another writer holds the index
├── ClusterError    a cluster cannot be reached, or does not do what it is asked
├── EngineClosed    the engine was closed before this call
└── DamageWarning   a file is damaged, and something else served (a warning, not raised)

Each message says what happened and what to do about it. Attributes give programs the same
facts.
"""

from __future__ import annotations

import errno
import os


class StorydexError(Exception):
    """Base of all errors raised by storydex itself."""


class SeedError(StorydexError):
    """A seeds folder is absent, not a folder, or not readable."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class BuildError(StorydexError):
    """A rebuild could not be finished. Nothing was published."""


class QueryError(StorydexError):
    """A request cannot be answered as asked; `parameter` names the part at fault."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(f"{parameter}: {reason}")
        self.parameter = parameter
        self.reason = reason


class QueryTooCostly(StorydexError):
    """A query would take more work than one may; `part` names the part of it that does."""

    def __init__(self, part: str) -> None:
        super().__init__(
            f"the query is too costly: {part} take too much work; "
            "search for fewer, or give more letters of each"
        )
        self.part = part


class StoryNotFound(StorydexError):
    """No story in the index has this id."""

    def __init__(self, story_id: str) -> None:
        super().__init__(f"no story {story_id!r} in this index")
        self.story_id = story_id


class IndexMissing(StorydexError):
    """There is no index at `location`."""

    def __init__(self, location: str) -> None:
        super().__init__(f"no index at {location}: build one with `storydex rebuild`")
        self.location = location


class IndexCorrupt(StorydexError):
    """`file` of the index at `location` is damaged."""

    def __init__(self, location: str, file: str, reason: str) -> None:
        fault = self.fault(reason)
        super().__init__(f"{location}: {file} {fault}: rebuild with `storydex rebuild --full`")
        self.location = location
        self.file = file
        self.reason = reason

    @staticmethod
    def fault(reason: str) -> str:
        """What is to be said of the file."""
        return f"is damaged ({reason})"


class IndexOutdated(IndexCorrupt):
    """`file` of the index at `location` was made by another version of storydex."""

    def __init__(self, location: str, file: str, found: int, read: int) -> None:
        age = "an older" if found < read else "a newer"
        super().__init__(location, file, f"made by {age} storydex: format {found}, not {read}")

    @staticmethod
    def fault(reason: str) -> str:
        """What is to be said of the file."""
        return f"was {reason}"


class IndexUnreadable(StorydexError):
    """The system does not let `file` of the index at `location` be read; it may be sound.

    `file` is empty for the folder itself.
    """

    def __init__(self, location: str, file: str, error: OSError) -> None:
        reason = error.strerror or str(error)
        path = os.path.join(location, file) if file else location
        super().__init__(f"{path}: cannot be read ({reason}){_remedy(error.errno)}")
        self.location = location
        self.file = file
        self.reason = reason


def _remedy(code: int | None) -> str:
    if code in (errno.EMFILE, errno.ENFILE):
        return ": raise the limit of open files (ulimit -n), or close some"
    if code == errno.ENOMEM:
        return ": free some memory"
    if code in (errno.EACCES, errno.EPERM):
        return ": check its permissions, and those of its folder"
    return ": check the disk or the network it is on"


def archive_fault(error: OSError) -> str:
    """Why the system does not let a file or folder of an archive be read, and the remedy."""
    if error.errno in (errno.EISDIR, errno.ELOOP, errno.ENXIO):
        return "no regular file: replace it by one"
    long = error.errno == errno.ENAMETOOLONG
    remedy = "shorten its path" if long else "check its permissions"
    return f"cannot be read ({error.strerror}): {remedy}"


class IndexLocked(StorydexError):
    """Another process is writing to the index; `pid` is its process id where known."""

    def __init__(self, location: str, pid: int | None) -> None:
        holder = f"process {pid}" if pid is not None else "another process"
        super().__init__(f"{location} is being written by {holder}: try again when it is done")
        self.location = location
        self.pid = pid


class ClusterError(StorydexError):
    """The cluster at `location`, shown without credentials, does not do what it is asked."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(f"{location}: {reason}")
        self.location = location
        self.reason = reason


class EngineClosed(StorydexError):
    """The engine was closed; open the index again."""

    def __init__(self) -> None:
        super().__init__("this engine is closed: open the index again with open_index()")


class DamageWarning(StorydexError, UserWarning):
    """`damage` was found in the index, and `instead` says what was done about it.

    Issued with `warnings.warn`; not raised unless a program's filters ask for that.
    """

    def __init__(self, damage: IndexCorrupt, instead: str) -> None:
        super().__init__(
            f"{damage.location}: {damage.file} {damage.fault(damage.reason)}: {instead}"
        )
        self.damage = damage
        self.instead = instead
