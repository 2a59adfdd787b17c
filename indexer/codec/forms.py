"""The written forms of terms: in which order they are kept, and which go together."""

from __future__ import annotations

from collections.abc import Sequence
from operator import ne
from typing import NamedTuple

import numpy as np

from ..languages import ENGLISH, Language
from .format import I64, MAX_FORMS, U8, offsets_of
from .invert import Forms


class Arranged(NamedTuple):
    """Terms in order, their written forms, and where each form that was given went.

    terms: T byte strings, increasing
    term_of: int64[n], the term of each form given; number_of: uint8[n], its number there
    """

    terms: list[bytes]
    written: Forms
    term_of: I64
    number_of: U8


def arrange_forms(texts: Sequence[str], language: Language = ENGLISH) -> Arranged:
    """Distinct written forms, folded, → their terms, and their order within each.

    A term's forms are in the order of their light forms, then of their letters. One
    with more than `MAX_FORMS` keeps so many, and the others count as its last.
    """
    light_form = language.light_form
    stems = list(map(language.stem_of, texts))
    order = sorted(range(len(texts)), key=stems.__getitem__)
    ordered = [stems[place] for place in order]
    begun = np.fromiter(map(ne, ordered, ["", *ordered]), bool, len(ordered))
    begun[:1] = True
    begins = np.flatnonzero(begun)
    sizes = np.diff(begins, append=len(order))
    groups = np.zeros(len(order), np.uint8)
    for begin, size in zip(begins[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
        span = slice(begin, begin + size)
        found = sorted((light_form(texts[place]), texts[place], place) for place in order[span])
        order[span] = [place for _, _, place in found]
        for at in range(1, min(size, MAX_FORMS)):
            groups[begin + at] = groups[begin + at - 1] + (found[at][0] != found[at - 1][0])
    numbers = np.arange(len(order)) - np.repeat(begins, sizes)
    term_of, number_of = np.empty(len(order), np.int64), np.empty(len(order), np.uint8)
    term_of[order], number_of[order] = np.cumsum(begun) - 1, np.minimum(numbers, MAX_FORMS - 1)
    kept = np.flatnonzero(numbers < MAX_FORMS)
    written = Forms(
        starts=offsets_of(np.minimum(sizes, MAX_FORMS)),
        texts=[texts[order[place]].encode() for place in kept.tolist()],
        groups=groups[kept],
    )
    return Arranged(
        [ordered[place].encode() for place in begins.tolist()], written, term_of, number_of
    )
