"""The values of facets: how each is shown, and which are meant by what people type."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from ..analysis import forms_of, wildcards
from ..codec.format import I64
from ..model import Facet, Notice
from ..query.grammar import MOST_SHOWN, UNKNOWN
from ..query.parsed import ParsedQuery
from ..schema import LABEL_SEPARATOR, LABELLED, LONGEST_VALUE, facet_key, host_of, is_domain

_TRUTH = {"yes": "true", "1": "true", "no": "false", "0": "false"}
# What excludes a value of a filter, and what takes it as it is.
_FILTER_SIGNS = re.compile("^-?=?")
# So many values of a filter are looked at.
_MOST_CHOSEN = 10
# Facets of which a word of a name is enough.
_NAMED = ("provider", "lead_provider", "topic")


class FacetValues(NamedTuple):
    """The values of one facet over all segments.

    keys: the distinct values, sorted
    labels, values: parallel to keys: how each is shown, and what to filter by, which is
        the label where that means the same value
    ranks: intp[keys], the place of each in the order of labels
    by_rank: the values in that order, as indices into keys
    ordinals: for each segment intp[terms], its own ordinals → index into keys
    """

    keys: list[str]
    labels: list[str]
    values: list[str]
    ranks: npt.NDArray[np.intp]
    by_rank: list[int]
    ordinals: list[npt.NDArray[np.intp]]

    def place(self, key: str) -> int | None:
        """The index of a key, None if no story has that value."""
        place = bisect_left(self.keys, key)
        return place if self.keys[place : place + 1] == [key] else None


class Values(ABC):
    """Knows the values of all facets, put together when first asked for and kept."""

    def __init__(self) -> None:
        self._facets: dict[Facet, FacetValues] = {}
        self._names: dict[Facet, dict[str, str]] = {}

    @abstractmethod
    def _keys(self, facet: Facet) -> tuple[list[str], list[npt.NDArray[np.intp]]]:
        """The distinct values, sorted, and for each segment its own ordinals → index into them."""

    @abstractmethod
    def facet_counts(self, facet: Facet) -> I64:
        """int64[keys]: in how many stories each value of a facet is."""

    @abstractmethod
    def prefixed(self, field: str, prefix: str) -> dict[str, int]:
        """The terms of a field that begin so, and in how many stories each is."""

    def facet(self, facet: Facet) -> FacetValues:
        """The values of a facet."""
        if facet not in self._facets:
            self._facets[facet] = self._join_facet(facet)
        return self._facets[facet]

    def meant(self, facet: Facet, value: str) -> set[str]:
        """The values of a facet that a value as typed stands for.

        A domain means that provider and its subdomains; an address means its domain; else a
        name or a word of one does, too. `*` and `?` fit whole values and words of names.
        """
        if len(value) > LONGEST_VALUE:
            return set()
        values = self.facet(facet)
        provider = facet in ("provider", "lead_provider")
        if provider and value.startswith("."):  # `.gov`, as other engines write `*.gov`
            value = f"*{value}"
        key = facet_key(facet, host_of(value) if provider else value)
        if "*" in key or "?" in key:
            fits = wildcards(re.sub(r"\*+", "*", key)).match
            names = self.names(facet) if facet in _NAMED else {}
            found = {value for value in values.keys if fits(value)}
            return found | {value for value, name in names.items() if any(map(fits, name.split()))}
        if facet == "published":
            key = _TRUTH.get(key, key)
        found = {key} if values.place(key) is not None else set()
        if provider and is_domain(key):
            return found | {value for value in values.keys if value.endswith(f".{key}")}
        if facet not in _NAMED or not (words := forms_of(value)):
            return found
        wanted = f" {' '.join(words)} "
        return found | {value for value, name in self.names(facet).items() if wanted in name}

    def known(self, facet: Facet, value: str) -> set[str]:
        """The keys of a value of a filter: itself where stories have it, else what it may mean."""
        if len(value) > LONGEST_VALUE:
            return set()
        key = facet_key(facet, value)
        return self.meant(facet, value) if self.facet(facet).place(key) is None else {key}

    def names(self, facet: Facet) -> dict[str, str]:
        """Of each value of a facet: itself and its spellings, folded, between blanks and bars."""
        if facet not in self._names:
            names: dict[str, list[str]] = {key: [_folded(key)] for key in self.facet(facet).keys}
            for key, spelling, _ in self._spellings(facet):
                names.setdefault(key, []).append(_folded(spelling))
            self._names[facet] = {key: f" {' | '.join(some)} " for key, some in names.items()}
        return self._names[facet]

    def _join_facet(self, facet: Facet) -> FacetValues:
        keys, ordinals = self._keys(facet)
        spellings = self._labels(facet)
        provider = facet in ("provider", "lead_provider")
        labels = [spellings.get(key, key) for key in keys]
        values = [
            key if facet_key(facet, label) != key or (provider and is_domain(key)) else label
            for key, label in zip(keys, labels, strict=True)
        ]
        order = sorted(range(len(keys)), key=lambda i: (labels[i].casefold(), values[i]))
        ranks = np.empty(len(keys), np.intp)
        ranks[order] = np.arange(len(keys))
        return FacetValues(keys, labels, values, ranks, order, ordinals)

    def _labels(self, facet: Facet) -> dict[str, str]:
        """The most frequent spelling of each key; the first in order of two alike."""
        best: dict[str, tuple[int, str]] = {}
        for key, spelling, count in self._spellings(facet):
            if count > best.get(key, (0, ""))[0]:
                best[key] = (count, spelling)
        return {key: spelling for key, (_, spelling) in best.items()}

    def _spellings(self, facet: Facet) -> Iterator[tuple[str, str, int]]:
        """Keys, their spellings, and how many stories spell them so, in order."""
        source = "provider" if facet == "lead_provider" else facet
        if source in LABELLED:
            found = self.prefixed("label", f"{source}{LABEL_SEPARATOR}")
            for term, count in sorted(found.items()):
                _, key, spelling = (*term.split(LABEL_SEPARATOR, 2), "", "")[:3]
                yield key, spelling, count


def with_unknown(
    parsed: ParsedQuery, values: Values, filters: Mapping[Facet, Iterable[str]]
) -> ParsedQuery:
    """The same query, with a notice for each value of a facet or filter that no story has."""
    unknown = [
        notice
        for typed, notice in parsed.values
        if not values.meant(cast("Facet", typed.facet), typed.value)
    ]
    unknown += [
        Notice(f"{facet}={value[:MOST_SHOWN]}", 0, 0, UNKNOWN)
        for facet, chosen in filters.items()
        for value in islice(chosen, _MOST_CHOSEN)
        if not values.known(facet, _FILTER_SIGNS.sub("", value))
    ]
    return parsed._replace(notices=(*parsed.notices, *unknown)) if unknown else parsed


def _folded(text: str) -> str:
    return " ".join(forms_of(text))
