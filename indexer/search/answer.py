"""What the executor is asked to count, and what it answers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..model import Facet

#: Of a document that several filters or a date limit reject: see `executor.Failed`.
REJECTED = 255


class FacetWish(NamedTuple):
    """A facet to count; `own` is the number of its own filter, 0 if it has none."""

    facet: Facet
    own: int = 0


class Answer(NamedTuple):
    """What a query finds.

    matched: documents that match, before filters; total: after them
    doc_ids, scores: of the best, best first, ties in order of doc id
    counts: int64[values] for each facet asked for, in order of `Snapshot.facet`
    """

    matched: int
    total: int
    doc_ids: list[int]
    scores: list[float]
    counts: list[npt.NDArray[np.int64]]
