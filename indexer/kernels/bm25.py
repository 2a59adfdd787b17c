"""The score of a posting, BM25 (Robertson, Walker, Jones, Hancock-Beaulieu and Gatford: Okapi
at TREC-3, 1995) as Whoosh computes it.

`search.plain` says how weights and norms come about.
"""

# Argument types stand in the decorators.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201

from __future__ import annotations

import numba as nb
import numpy as np

from .jit import compiled


@compiled(nb.float32(nb.float32, nb.uint8, nb.float32))
def bm25(weight, tf, norm):
    """weight · tf / (tf + norm): weight = boost · idf · (K1 + 1), norm = K1 · (1 - B + B · l).

    tf: how often the term is in the document; l: the length of the field by the average
    """
    frequency = np.float32(tf)
    return weight * frequency / (frequency + norm)
