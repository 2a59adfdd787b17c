"""One immutable generation of the index, open for reading; layer 4.

Columns are arrays over document numbers: `doc_id` is an index into them. They are
made when first asked for and kept as long as the snapshot.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from whoosh.reading import IndexReader, ReaderClosed, TermNotFound
from whoosh.scoring import BM25F
from whoosh.searching import Searcher

from .errors import IndexCorrupt
from .manifest import Manifest, newest_generation, read_manifest
from .model import Facet, Story
from .schema import LABEL_SEPARATOR, LABELLED, NUMBER_FIELDS, SCHEMA_VERSION, decode_story
from .store import open_segments, whoosh_reader

#: Stands for "no date" in the date column.
NO_DATE = np.iinfo(np.int64).max
_MISSING_COLUMN_DATE = (1 << 64) - 1


class FacetColumn(NamedTuple):
    """The values of one facet over all stories.

    keys: the distinct values, sorted; labels: how each is shown, parallel to keys
    owners: uint32[m], document numbers; ordinals: uint32[m], index into keys:
        story owners[i] has value keys[ordinals[i]]; sorted by ordinal, then owner
    """

    keys: list[str]
    labels: list[str]
    owners: npt.NDArray[np.uint32]
    ordinals: npt.NDArray[np.uint32]


class Snapshot:
    """A generation as it was published; later ones do not touch what it holds."""

    def __init__(self, folder: str, manifest: Manifest, reader: IndexReader) -> None:
        self.folder = folder
        self.manifest = manifest
        self.reader = reader
        self.searcher = Searcher(reader, weighting=BM25F())
        self._facets: dict[Facet, FacetColumn] = {}
        self._numbers: dict[str, npt.NDArray[np.float64]] = {}

    @property
    def size(self) -> int:
        """One more than the largest document number."""
        return int(self.reader.doc_count_all())

    def story(self, doc_id: int) -> Story:
        """The story with this document number; raises `IndexCorrupt`."""
        try:
            return decode_story(self.reader.stored_fields(doc_id)["story"])
        except (msgspec.MsgspecError, KeyError, ReaderClosed) as error:
            raise IndexCorrupt(self.folder, f"story {doc_id}", str(error)) from error

    def doc_id(self, story_id: str) -> int | None:
        """The document number of a story id."""
        return next(iter(self._postings("id", story_id)), None)

    def doc_frequency(self, field: str, term: str) -> int:
        """In how many stories a field has this term."""
        return int(self.reader.doc_frequency(field, term))

    def term_count(self) -> int:
        """The number of distinct terms over all fields. Reads the whole dictionary."""
        return sum(1 for _ in self.reader.all_terms())

    def facet(self, facet: Facet) -> FacetColumn:
        """The values of a facet."""
        if facet not in self._facets:
            self._facets[facet] = self._read_facet(facet)
        return self._facets[facet]

    def numbers(self, field: str) -> npt.NDArray[np.float64]:
        """float64[size]: a number of each story, NaN where it has none."""
        assert field in NUMBER_FIELDS
        if field not in self._numbers:
            column = np.full(self.size, np.nan)
            if self.reader.has_column(field):
                column[:] = list(self.reader.column_reader(field))
            self._numbers[field] = column
        return self._numbers[field]

    @cached_property
    def dates(self) -> npt.NDArray[np.int64]:
        """int64[size]: microseconds since the year 1, UTC; `NO_DATE` where a story has none."""
        if not self.reader.has_column("published_at"):
            return np.full(self.size, NO_DATE)
        values = list(self.reader.column_reader("published_at", translate=False))
        dates = np.array(values, dtype=np.uint64)
        return np.where(dates == _MISSING_COLUMN_DATE, NO_DATE, dates.astype(np.int64))

    def _postings(self, field: str, term: str) -> list[int]:
        try:
            return list(self.reader.postings(field, term).all_ids())
        except TermNotFound:
            return []

    def _read_facet(self, facet: Facet) -> FacetColumn:
        # Taken from the postings, so that counts and filters cannot disagree.
        keys, owners, counts = [], [], []
        for term in self.reader.lexicon(facet):
            key = term.decode()
            documents = self._postings(facet, key)
            if documents:
                keys.append(key)
                owners.append(np.array(documents, dtype=np.uint32))
                counts.append(len(documents))
        ordinals = np.repeat(np.arange(len(keys), dtype=np.uint32), counts)
        labels = self._labels(facet)
        every = np.concatenate(owners) if owners else np.empty(0, np.uint32)
        return FacetColumn(keys, [labels.get(key, key) for key in keys], every, ordinals)

    def _labels(self, facet: Facet) -> dict[str, str]:
        """The most frequent spelling of each key; the first in order of two alike."""
        source = "provider" if facet == "lead_provider" else facet
        best: dict[str, tuple[int, str]] = {}
        if source not in LABELLED:
            return {}
        for term in self.reader.expand_prefix("label", f"{source}{LABEL_SEPARATOR}"):
            _, key, spelling = term.decode().split(LABEL_SEPARATOR, 2)
            count = self.doc_frequency("label", term.decode())
            if count > best.get(key, (0, ""))[0]:
                best[key] = (count, spelling)
        return {key: spelling for key, (_, spelling) in best.items()}


def open_snapshot(folder: str) -> Snapshot:
    """Open the newest generation; raises `IndexMissing`, `IndexCorrupt`."""
    for _ in range(10):  # a writer may replace the generation while it is opened
        manifest = read_manifest(folder)
        if manifest.schema != SCHEMA_VERSION:
            raise IndexCorrupt(
                folder, "the index", f"made for schema {manifest.schema}, not {SCHEMA_VERSION}"
            )
        try:
            segments = open_segments(folder, manifest)
        except IndexCorrupt as error:
            damage = error
            if newest_generation(folder) != manifest.generation:
                continue
            raise
        return Snapshot(folder, manifest, whoosh_reader(folder, segments, manifest.generation))
    raise damage
