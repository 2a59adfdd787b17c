"""One immutable generation of the index, open for reading.

A snapshot is a list of segments whose documents are numbered one after the other:
`doc_id` is the number of a story in the snapshot, `bases[i]` that of the first story of
segment i. Arrays are mapped, not read; what must be put together from several segments
is put together when first asked for and kept.
"""

from __future__ import annotations

import re
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
from whoosh.util.times import datetime_to_long

from ..codec import Segment
from ..codec.format import F64, I32, I64, U64, AnyArray
from ..codec.read import SegmentArrays
from ..errors import DamageWarning, IndexCorrupt, IndexMissing
from ..generation import manifest as mf
from ..generation.open import open_generation
from ..languages import ENGLISH, Language
from ..model import Article, Facet, Lazy, Sort, Story
from ..schema import (
    NUMBER_FIELDS,
    cut_related,
    read_lead,
    read_related,
    with_related,
)
from .groups import Groups
from .select import DAY, NO_DATE
from .values import Values

#: What columns have where a story has no date, and no number: the form of one that is none.
_ABSENT_DATE, _NO_NUMBER = (1 << 64) - 1, 0
_LAST_DATE = datetime_to_long(datetime.max)
#: Dates are counted from here, those of NumPy from 1970.
_BEGIN = np.datetime64("0001-01-01", "D")
_MONTHS_TO_1970 = 1970 * 12
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")

T = TypeVar("T")


class Snapshot(Values):
    """A generation as it was published; later ones do not touch what it holds.

    Safe to share between threads.
    """

    def __init__(self, folder: str, manifest: mf.Manifest, segments: list[Segment]) -> None:
        super().__init__()
        self.manifest = manifest
        self.segments: list[SegmentArrays] = [s.arrays(Path(folder)) for s in segments]
        sizes = [segment.doc_count for segment in self.segments]
        self.bases = [0, *accumulate(sizes)][: len(sizes)]
        self.size = sum(sizes)
        self._numbers: dict[str, F64] = {}
        self._ranks: dict[Sort, I32] = {}

    @cached_property
    def language(self) -> Language:
        """The language in which words are stemmed; raises `IndexCorrupt`."""
        return next((segment.language for segment in self.segments), ENGLISH)

    def check_sizes(self) -> None:
        """Raise `IndexCorrupt` if a file became shorter."""
        for segment in self.segments:
            segment.check_sizes()

    def locate(self, doc_id: int) -> tuple[SegmentArrays, int]:
        """The segment that holds a story, and its number there."""
        number = self.segment_of(doc_id)
        return self.segments[number], doc_id - self.bases[number]

    def segment_of(self, doc_id: int) -> int:
        """The number of the segment that holds a story."""
        return bisect_right(self.bases, doc_id) - 1

    def located(self, doc_ids: Sequence[int]) -> Iterator[tuple[int, list[int], I64]]:
        """For each segment that holds some of these stories: its number, which, and theirs."""
        if doc_ids and len(self.bases) == 1:
            yield 0, list(range(len(doc_ids))), np.array(doc_ids, np.int64)
            return
        parts: dict[int, list[int]] = {}
        for place, doc_id in enumerate(doc_ids):
            parts.setdefault(self.segment_of(doc_id), []).append(place)
        for number, places in parts.items():
            base = self.bases[number]
            yield number, places, np.array([doc_ids[place] - base for place in places], np.int64)

    def lead(self, doc_id: int) -> Story:
        """A story whose related articles are read when first looked at.

        Raises `IndexCorrupt`, as reading these may.
        """
        segment, doc = self.locate(doc_id)
        lead = self._read(doc_id, read_lead, segment.lead(doc))
        count = int(segment.first_rows[doc + 1] - segment.first_rows[doc]) - 1
        if not count:
            return lead
        articles: list[Article] = []  # read together

        def read(at: int) -> Article:
            if not articles:
                articles[:] = self._articles(doc_id, count)
            return articles[at]

        return with_related(lead, Lazy(count, read))

    def _articles(self, doc_id: int, count: int) -> tuple[Article, ...]:
        segment, doc = self.locate(doc_id)
        articles = self._read(doc_id, read_related, segment.related(doc))
        if len(articles) != count:
            raise self.damaged(doc_id, f"{len(articles)} articles, not {count}")
        return articles

    def related(self, doc_id: int) -> list[msgspec.Raw]:
        """The related articles of a story, each still to be read; raises `IndexCorrupt`."""
        segment, doc = self.locate(doc_id)
        return self._read(doc_id, cut_related, segment.related(doc))

    def story(self, doc_id: int) -> Story:
        """The whole story with this document number; raises `IndexCorrupt`."""
        lead = self.lead(doc_id)
        return with_related(lead, tuple(lead.related))

    def _read(self, doc_id: int, read: Callable[[bytes], T], data: bytes) -> T:
        try:
            return read(data)
        except (msgspec.MsgspecError, ValueError) as error:
            raise self.damaged(doc_id, error) from error

    def damaged(self, doc_id: int, error: object) -> IndexCorrupt:
        """The error to raise if what is stored of a story makes no sense."""
        segment, doc = self.locate(doc_id)
        return segment.stored_file.corrupt(f"story {doc} cannot be read: {error}")

    def doc_id(self, story_id: str) -> int | None:
        """The document number of a story id."""
        for base, segment in zip(self.bases, self.segments, strict=True):
            entry = segment.find_term("id", story_id.encode())
            if entry is not None:
                for doc in segment.doc_ids("id", entry).tolist():
                    if doc not in segment.deleted:
                        return int(base + doc)
        return None

    def facet_counts(self, facet: Facet) -> I64:
        """int64[keys]: in how many stories each value of a facet is, deleted ones too."""
        values = self.facet(facet)
        counts = np.zeros(len(values.keys), np.int64)
        for segment, ordinals in zip(self.segments, values.ordinals, strict=True):
            counts[ordinals] += np.diff(segment.term_starts(facet)[: len(ordinals) + 1])
        return counts

    def prefixed(self, field: str, prefix: str) -> dict[str, int]:
        """The terms of a field that begin so, and in how many stories each is."""
        counts: dict[str, int] = {}
        for segment in self.segments:
            starts = segment.term_starts(field)
            for ordinal in segment.terms_with_prefix(field, prefix.encode()):
                term = _text(segment, segment.term_bytes(field, ordinal))
                df = int(starts[ordinal + 1]) - int(starts[ordinal])
                counts[term] = counts.get(term, 0) + df
        return counts

    def term_count(self) -> int:
        """The number of terms over all fields, those of several segments counted in each."""
        return sum(info.terms for segment in self.segments for info in segment.fields.values())

    def _keys(self, facet: Facet) -> tuple[list[str], list[npt.NDArray[np.intp]]]:
        terms = [
            [_text(segment, segment.term_bytes(facet, i)) for i in range(_terms(segment, facet))]
            for segment in self.segments
        ]
        if facet == "month":
            for segment, part in zip(self.segments, terms, strict=True):
                if not all(map(_MONTH.fullmatch, part)):
                    raise segment.terms_file.corrupt("a month is none")
        keys = sorted(set().union(*terms))
        places = {key: place for place, key in enumerate(keys)}
        return keys, [np.array([places[term] for term in part], np.intp) for part in terms]

    def numbers(self, field: str) -> F64:
        """float64[size]: a number of each story, NaN where it has none."""
        assert field in NUMBER_FIELDS
        if field not in self._numbers:
            self._numbers[field] = _floats(self.column(field, _NO_NUMBER))
        return self._numbers[field]

    @cached_property
    def groups(self) -> Groups:
        """Stories whose leads are the same."""
        return Groups(self)

    @cached_property
    def dates(self) -> I64:
        """int64[size]: microseconds since the year 1, UTC; `NO_DATE` where a story has none."""
        dates = self.column("published_at", _ABSENT_DATE)
        absent = dates == _ABSENT_DATE
        wrong = np.flatnonzero((dates > _LAST_DATE) & ~absent)
        if len(wrong):
            segment, _ = self.locate(int(wrong[0]))
            raise segment.documents_file.corrupt("a date is after the year 9999")
        return np.where(absent, NO_DATE, dates.astype(np.int64))

    @cached_property
    def months(self) -> tuple[int, I64]:
        """The month before the earliest story, counted from the year 0, and the stories' months.

        int64[size]: how many months after that one each story is dated, 0 without a date.
        """
        dated = self.dates != NO_DATE
        days = (self.dates[dated] // DAY).astype("timedelta64[D]")
        numbers = (_BEGIN + days).astype("datetime64[M]").astype(np.int64)
        before = int(numbers.min()) - 1 if len(numbers) else 0
        months = np.zeros(self.size, np.int64)
        months[dated] = numbers - before
        return before + _MONTHS_TO_1970, months

    def ranks(self, sort: Sort) -> I32:
        """int32[size]: the place of every story in this order, ties by doc id."""
        if sort not in self._ranks:
            order = np.argsort(self._sort_keys(sort), kind="stable")
            ranks = np.empty(self.size, np.int32)
            ranks[order] = np.arange(self.size, dtype=np.int32)
            self._ranks[sort] = ranks
        return self._ranks[sort]

    def _sort_keys(self, sort: Sort) -> AnyArray:
        if sort == "quality":
            return -self.numbers("quality")  # NaN sorts last
        dates = self.dates
        if sort == "oldest":
            return dates
        return np.where(dates == NO_DATE, NO_DATE, -dates)

    def column(self, field: str, absent: int) -> U64:
        """uint64[size]: a column of all stories; `absent` where a segment has none."""
        parts = [
            segment.column(field)
            if field in segment.columns
            else np.full(segment.doc_count, absent, np.uint64)
            for segment in self.segments
        ]
        return np.concatenate([np.empty(0, np.uint64), *parts])


def _text(segment: SegmentArrays, term: bytes) -> str:
    try:
        return term.decode()
    except UnicodeDecodeError as error:
        raise segment.terms_file.corrupt(f"a term is not UTF-8: {error.reason}") from error


def _terms(segment: SegmentArrays, field: str) -> int:
    info = segment.fields.get(field)
    return info.terms if info else 0


def _floats(sortable: U64) -> F64:
    """Whoosh's sortable form of floats, whose order is that of unsigned integers → floats.

    Positive numbers have the sign bit set, negative ones all bits turned round.
    """
    high = np.uint64(1 << 63)
    positive = sortable >= high
    bits = np.where(positive, sortable ^ high, ~sortable)
    floats: AnyArray = bits.view(np.float64)
    return floats


def open_snapshot(folder: str) -> Snapshot:
    """Open the newest generation; raises `IndexMissing`, `IndexCorrupt`.

    If opening finds it damaged, the one before is opened with a `DamageWarning` that
    names the file. The error is raised where that is damaged too.
    """
    newest = mf.newest_generation(folder)
    if newest is None:
        raise IndexMissing(folder)
    try:
        return Snapshot(folder, *open_generation(folder, newest))
    except IndexCorrupt as damage:
        if mf.newest_generation(folder) != newest:
            return open_snapshot(folder)  # a writer replaced it while it was being opened
        older = _open_older(folder, newest)
        if older is None:
            raise
        instead = f"opened generation {older.manifest.generation} instead of {newest}"
        warnings.warn(
            DamageWarning(damage, f"{instead}; `storydex rebuild` makes a new one"), stacklevel=2
        )
        return older


def _open_older(folder: str, newest: int) -> Snapshot | None:
    for generation in mf.generations(folder):
        if generation < newest:
            with suppress(IndexCorrupt):
                return Snapshot(folder, *open_generation(folder, generation))
    return None
