"""Which stories have the same lead, and are one where results are folded; told by every rebuild.

By what leads are compared is kept beside the story files that were read, 16 bytes a story: a
change of one story may make two others the same, or tell them apart.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..search.groups import members_of
from .names import document_id

#: Of each story by its id what leads are compared by; see `copies.marks_of`.
Marks = dict[str, tuple[int, int]]


def groups_of(marks: Marks) -> dict[str, str]:
    """The names of the groups of stories that are not alone in theirs, by story id."""
    ids = sorted(marks)
    columns = np.array([marks[one] for one in ids], np.uint64).reshape(-1, 2).T
    members, starts = members_of(columns[0], columns[1])
    groups: dict[str, str] = {}
    for begin, end in pairwise(starts.tolist()):
        some = [ids[member] for member in members[begin:end].tolist()]
        groups |= dict.fromkeys(some, document_id(some[0]))
    return groups


def grouped(story_id: str, data: bytes, groups: dict[str, str]) -> bytes:
    """The document of a story with the name of its group."""
    group = groups.get(story_id)
    told = b'"folded":true,' if group else b""
    return b'{"group":"%s",%s%s' % ((group or document_id(story_id)).encode(), told, data[1:])


def encode_marks(marks: Marks, ids: list[str]) -> bytes:
    """The marks of stories in such an order."""
    return np.array([marks[one] for one in ids], "<u8").tobytes()


def decode_marks(data: bytes, ids: list[str]) -> Marks:
    """The reverse of `encode_marks`; raises `ValueError`."""
    columns = np.frombuffer(data, "<u8").reshape(-1, 2).tolist()
    return {one: (address, text) for one, (address, text) in zip(ids, columns, strict=True)}
