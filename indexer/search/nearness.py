"""Words that stand together: the first stories of a result are weighed once more.

Where two neighbours of the query stand near each other in a row, its story scores up to a
twentieth more. That settles what is nearly equal and changes little else.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..codec.format import I64, offsets_of
from ..codec.invert import gather_ranges
from ..codec.read import SegmentArrays
from ..languages import Language
from ..query.nodes import Inflected, Plain, Word
from .executor import Executor
from .plan import is_function
from .sought import places_of
from .words import Dictionary, TermList

#: So many of the first stories are weighed, and so many words of the query looked at.
WEIGHED, MOST_NEIGHBOURS = 20, 8
#: How many positions apart neighbours may be, and what it is worth if all are.
REACH, WORTH = 2, 0.05


def as_typed(node: Plain) -> Plain:
    """What was typed of a plain word that also finds its forms in other languages."""
    return node.parts[0] if isinstance(node, Inflected) else node


def neighbours_of(plain: Sequence[Plain], language: Language) -> list[str]:
    """The folded words of a query that may stand together; of several with one stem, the last."""
    words = {
        language.stem_of(node.text): node.text
        for node in map(as_typed, plain)
        if isinstance(node, Word) and not (is_function(node, language) or node.field)
    }
    return [*words.values()][:MOST_NEIGHBOURS]


def nearness(
    executor: Executor, dictionary: Dictionary, plain: tuple[Plain, ...], docs: list[int]
) -> list[float]:
    """What to multiply the score of each of some stories by: 1 to 1.05."""
    words = neighbours_of(plain, dictionary.language)
    factors = [1.0] * len(docs)
    if len(words) < 2:
        return factors
    terms = [dictionary.term([text]) for text in words]
    snapshot = executor.snapshot
    for number, places, local in snapshot.located(docs):
        lists = [found for term in terms if (found := term.lists[number]) is not None]
        if len(lists) < 2:
            continue
        fast = executor.fast(number)
        if fast is None:
            most = _most_near(snapshot.segments[number], lists, local)
        else:
            most = fast.most_near(lists, REACH, local)
        for place, count in zip(places, most, strict=True):
            factors[place] = 1 + WORTH * count / (len(words) - 1)
    return factors


def _most_near(segment: SegmentArrays, lists: list[TermList], docs: I64) -> list[float]:
    """In each of some documents, how many neighbours stand near each other in the best row."""
    order = np.argsort(docs)
    begins = segment.first_rows[docs[order]].astype(np.int64)
    sizes = segment.first_rows[docs[order] + 1] - begins
    rows = gather_ranges(begins, sizes)
    near = np.zeros(len(rows), np.float32)
    for one, other in pairwise([places_of(segment, found, rows) for found in lists]):
        if not len(one) or not len(other):
            continue
        after = np.searchsorted(other, one).clip(max=len(other) - 1)
        before = (after - 1).clip(0)
        apart = np.minimum(np.abs(other[after] - one), np.abs(other[before] - one))
        near[np.searchsorted(rows, np.unique(one[apart <= REACH] >> 32))] += 1
    most = np.zeros(len(docs), np.float32)
    most[order] = np.maximum.reduceat(near, offsets_of(sizes)[:-1])
    found: list[float] = most.tolist()
    return found
