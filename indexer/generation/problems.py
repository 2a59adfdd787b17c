"""What was wrong with the story files of a generation, to be listed again without them.

It is kept in the file of the sources, compressed, and bounded: rejections come first, and
what is beyond `MOST_CHARACTERS` is only counted.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

import msgspec

from ..model import FieldWarning, Problems, Rejection

#: Characters of paths, fields and reasons that are kept: 20,000 to 50,000 problems.
MOST_CHARACTERS = 4_000_000
#: Bytes that may come of them; a file that holds more was not written here.
_MOST_BYTES = 64 << 20


def bounded(rejected: Iterable[Rejection], warnings: Iterable[FieldWarning]) -> Problems:
    """As many of them as are kept, in the order of the paths."""
    faults = sorted(rejected, key=lambda fault: fault.path)
    dropped = sorted(warnings, key=lambda warning: warning.path)
    ends = list(accumulate(len(str(problem)) for problem in (*faults, *dropped)))
    count = bisect_right(ends, MOST_CHARACTERS)
    kept = faults[:count], dropped[: max(0, count - len(faults))]
    return Problems(tuple(kept[0]), tuple(kept[1]), len(ends) - count)


def pack(problems: Problems) -> bytes:
    """Problems → bytes; none for none."""
    if problems == Problems():
        return b""
    return zlib.compress(msgspec.msgpack.encode(problems))


def unpack(data: bytes) -> Problems:
    """The reverse of `pack`; raises `ValueError`."""
    if not data:
        return Problems()
    reader = zlib.decompressobj()
    try:
        text = reader.decompress(data, _MOST_BYTES)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    return msgspec.msgpack.decode(text, type=Problems)
