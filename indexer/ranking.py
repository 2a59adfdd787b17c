"""The formula by which rows are ranked; docs/ranking.md has its sources and measurements.

A row is the lead of a story or one of its related articles. For a word of the query with
the stem s and the light form l, which differs from the word in inflection alone, a row r
scores

    S(r) = Σ .7 · W(s) · sat(t(s, r)) + .3 · w · W(l) · sat(t(l, r)),  sat(t) = t / (t + 1.2)

    t(s, r) = 3 · tf_title / (.5 + .5 · L / avg) + Σ_{excerpt, body} tf / (.3 + .7 · L / avg)
              + .5 · tf_about
    W(s)    = (1 + ln n) · (.1 if a function word else 1) · ln((N + 1) / df)^1.2 · (cf / df)^.3

w: 1.15 where the row has the word as typed, else 1; n: how often the query has it; N: rows of the
index; df, cf: stories that have the word, and its occurrences; L, avg: the length of the field in
the row, and on average. sat is that of BM25 (Robertson and Zaragoza, The Probabilistic Relevance
Framework, 2009), t is BM25F's.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

#: Parts of S for the stem and for the light form.
STEM_SHARE, LIGHT_SHARE = 0.7, 0.3
#: How much more the light form counts where it is the word as typed.
AS_WRITTEN = 1.15
#: Where sat reaches a half.
SATURATION = 1.2
#: What a function word weighs beside the same word if it were none.
FUNCTION_WEIGHT = 0.1
#: How much more a lead's score counts than that of a related article.
LEAD_WEIGHT = 1.15

_IDF_POWER, _BURST_POWER = 1.2, 0.3
# Of each field: what an occurrence counts, and which part of the length it is divided by.
_TITLE, _TEXT, _ABOUT = (3.0, 0.5), (1.0, 0.7), (0.5, 0.0)
_PARAMETERS = np.array([_TITLE, _TEXT, _TEXT, _ABOUT])


class Averages(NamedTuple):
    """The average lengths of the fields of rows in words; of a body, where there is one."""

    title: float
    excerpt: float
    body: float


#: Of an index without text.
NO_AVERAGES = Averages(1.0, 1.0, 1.0)


def factors(lengths: npt.NDArray[np.integer], averages: Averages) -> npt.NDArray[np.float32]:
    """What an occurrence adds to t in each field of each row.

    lengths: int[rows, 4], the words of title, excerpt, body, about; returns float32[rows, 4]
    """
    counts, parts = _PARAMETERS.T
    relative = lengths / np.array([*averages, 1.0])
    found: npt.NDArray[np.float32] = (counts / (1 - parts + parts * relative)).astype(np.float32)
    return found


# The least t that is told apart, and how many steps there are until its double.
_LEAST, _STEPS = 2.0**-6, 20
#: Code of a weight → t. Code 0 stands for none; the others are in logarithmic steps.
WEIGHTS: npt.NDArray[np.float32] = np.zeros(256, np.float32)
WEIGHTS[1:] = _LEAST * 2.0 ** (np.arange(255) / _STEPS)
_BOUNDS = np.sqrt(WEIGHTS[1:-1].astype(np.float64) * WEIGHTS[2:])


def weight_codes(t: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """The codes, 1 to 255, whose weights are nearest to t by ratio."""
    return (1 + np.searchsorted(_BOUNDS, t)).astype(np.uint8)


def word_weight(rows: int, df: int, cf: int) -> float:
    """W of a stem or a light form that so many stories have; 0 for one that none has.

    rows: how many rows the index has
    """
    if not df:
        return 0.0
    weight: float = log((rows + 1) / df) ** _IDF_POWER * (cf / df) ** _BURST_POWER
    return weight
