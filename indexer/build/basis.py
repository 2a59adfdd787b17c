"""What all segments of an index have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..codec.format import I64
from ..codec.stored import StoredRecord, train_dictionary
from ..ranking import Averages


class Basis(NamedTuple):
    """What is worked out from a sample of the stories and kept until the index is built anew.

    averages: what lengths are divided by; dictionary: what stored stories are compressed with
    """

    averages: Averages
    dictionary: bytes


class Sample(NamedTuple):
    """What some stories are like.

    rows: int64[3], over how many rows the lengths of title, excerpt and body are averaged;
        rows without a body do not count for bodies
    words: int64[3], how many words all titles, excerpts and bodies have
    """

    rows: I64
    words: I64
    records: list[StoredRecord]


def averages_of(samples: Sequence[Sample]) -> Averages:
    """The average lengths of the fields."""
    rows = np.sum([one.rows for one in samples], axis=0)
    words = np.sum([one.words for one in samples], axis=0)
    return Averages(*(words / np.maximum(1, rows)).clip(1).tolist())


def basis_of(samples: Sequence[Sample]) -> Basis:
    """What segments of stories like these have in common; it does not matter who read which."""
    records = sorted(record for one in samples for record in one.records)
    return Basis(averages_of(samples), train_dictionary([part for one in records for part in one]))
