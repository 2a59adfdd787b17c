"""The written forms of terms: in which order they are kept, and which go together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from ..analysis import stem_of
from ..english import light_form
from .format import I64, MAX_FORMS
from .invert import Forms


class Arranged(NamedTuple):
    """Terms in order, their written forms, and where each form that was given went.

    terms: T byte strings, increasing
    term_of, number_of: int64[n]: the term of each form given, and its number there
    """

    terms: list[bytes]
    written: Forms
    term_of: I64
    number_of: I64


def arrange_forms(texts: Sequence[str]) -> Arranged:
    """Distinct written forms, folded, → their terms, and their order within each.

    A term's forms are in the order of their light forms, then of their letters. One
    with more than `MAX_FORMS` keeps so many, and the others count as its last.
    """
    stems = list(map(stem_of, texts))
    places = sorted(range(len(texts)), key=stems.__getitem__)
    terms: list[bytes] = []
    kept: list[bytes] = []
    groups: list[int] = []
    starts = [0]
    term_of, number_of = np.empty(len(texts), np.int64), np.empty(len(texts), np.int64)
    for term, members in groupby(places, stems.__getitem__):
        found = list(members)
        if len(found) == 1:
            term_of[found[0]], number_of[found[0]] = len(terms), 0
            kept.append(texts[found[0]].encode())
            groups.append(0)
        else:
            _arrange(texts, found, kept, groups, number_of)
            term_of[found] = len(terms)
        terms.append(term.encode())
        starts.append(len(kept))
    forms = Forms(starts=np.array(starts, np.int64), texts=kept, groups=np.array(groups, np.uint8))
    return Arranged(terms, forms, term_of, number_of)


def _arrange(
    texts: Sequence[str], found: list[int], kept: list[bytes], groups: list[int], numbers: I64
) -> None:
    """Add the forms of one term."""
    ordered = sorted((light_form(texts[place]), texts[place], place) for place in found)
    group, before = -1, None
    for number, (light, text, place) in enumerate(ordered):
        numbers[place] = min(number, MAX_FORMS - 1)
        if light != before:
            group, before = group + 1, light
        if number < MAX_FORMS:
            kept.append(text.encode())
            groups.append(group)
