"""Merging segments: what one built at once of the same stories has, and damaged files."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from indexer.codec import merge
from indexer.codec.files import SectionFile
from indexer.codec.format import TEXT, FileKind, file_name
from indexer.codec.merge import merge_segments
from indexer.codec.read import SegmentArrays
from indexer.codec.verify import verify_segment
from indexer.errors import IndexCorrupt
from indexer.model import Story
from tests.codec.rows import text_of
from tests.corpora.segments import basis_of, make_stories, write_segment_of

MERGED = "MAIN_merged"

#: Other forms of the words of the invented stories, so that terms have several, and light forms.
_FORMS = {
    "cat": ("cats", "cat"), "dog": ("dogs", "dogged", "dog"), "fish": ("fishing", "fish"),
    "bird": ("computing", "computers", "computed"), "sun": ("conventional", "convention"),
}  # fmt: skip


def inflected(stories: list[Story], seed: int) -> list[Story]:
    """The stories with words in several forms."""
    chance = random.Random(seed)

    def change(text: str) -> str:
        return " ".join(chance.choice(_FORMS.get(word, (word,))) for word in text.split())

    return [replace(story, title=change(story.title), body=change(story.body)) for story in stories]


def everything(arrays: SegmentArrays) -> dict[str, Any]:
    """All that a segment says."""
    fields = {
        name: {
            term: arrays.doc_ids(name, arrays.find_term(name, term)).tolist()
            for term in arrays.field_terms(name)
        }
        for name in arrays.fields
        if name != TEXT
    }
    terms = range(arrays.text_terms)
    return {
        "text": text_of(arrays),
        "forms": [arrays.forms_of(ordinal) for ordinal in terms],
        "statistics": [arrays.df.tolist(), arrays.cf.tolist()],
        "fields": fields,
        "facets": {
            name: [array.tolist() for array in arrays.facet(name)]
            for name in fields
            if arrays.has_facet(name)
        },
        "rows": arrays.first_rows.tolist(),
        "words": {name: arrays.words(name).tolist() for name in arrays.counted_fields},
        "columns": {
            name: (arrays.column(name).tolist(), arrays.column_default(name))
            for name in arrays.columns
        },
        "stored": [arrays.record(doc) for doc in range(arrays.doc_count)],
    }


def check_merge(
    folder: Path, stories: Sequence[Story], cuts: Sequence[int], deleted: set[int]
) -> None:
    """Write the stories in parts, merge them, and compare with those left written at once."""
    basis = basis_of(stories)
    bounds = sorted({0, *cuts, len(stories)})
    parts = []
    for begin, end in pairwise(bounds):
        segment = write_segment_of(folder, stories[begin:end], basis)
        gone = [doc - begin for doc in deleted if begin <= doc < end]
        parts.append(SegmentArrays(folder, segment.segment_id(), gone))
    left = [story for doc, story in enumerate(stories) if doc not in deleted]
    counts = merge_segments(folder, MERGED, parts)
    assert counts == (len(left), sum(1 + len(story.related) for story in left))
    assert list(verify_segment(folder, MERGED)) == []
    once = write_segment_of(folder, left, basis)
    merged = everything(SegmentArrays(folder, MERGED))
    assert merged == everything(SegmentArrays(folder, once.segment_id()))


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 40),
    cuts=st.lists(st.integers(1, 39), max_size=3),
    share=st.sampled_from([0, 0, 0.2, 0.7, 1]),
)
def test_a_merge_is_the_segment_built_at_once(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int, cuts: list[int], share: float
) -> None:
    """Terms, forms, statistics, rows, fields, weights, positions and texts, deletions too."""
    stories = inflected(make_stories(count, seed), seed)
    chance = random.Random(seed)
    deleted = {doc for doc in range(count) if chance.random() < share}
    cuts = [cut for cut in cuts if cut < count]
    check_merge(tmp_path_factory.mktemp("merge"), stories, cuts, deleted)


def test_a_merge_in_small_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many postings are taken at a time."""
    monkeypatch.setattr(merge, "_BATCH", 40)
    check_merge(tmp_path, inflected(make_stories(90, 5), 5), [20, 60], {3, 4, 61})


def test_a_merge_that_loses_some_light_forms_of_a_term(tmp_path: Path) -> None:
    """The first, one in the middle, or the last."""
    words = ("convent", "convention", "conventional", "conventionally")
    stories = [Story(f"{n}", word, body="and others") for n, word in enumerate(words * 2)]
    for gone in ({0, 4}, {1, 5}, {3, 7}, {0, 1, 4, 5}, {1, 2, 5, 6}):
        folder = tmp_path / "-".join(map(str, gone))
        folder.mkdir()
        check_merge(folder, stories, [3], gone)


def test_a_merge_of_merges(tmp_path: Path) -> None:
    """Nothing is forgotten or added, however often, nor where a field lost its last story."""
    stories = [Story("a", "Cat", quality=3, topics=("AI",)), Story("b", "Dog"), Story("c", "!")]
    basis = basis_of(stories)
    segment = write_segment_of(tmp_path, stories, basis)
    merge_segments(tmp_path, "MAIN_1", [SegmentArrays(tmp_path, segment.segment_id(), [0])])
    merge_segments(tmp_path, "MAIN_2", [SegmentArrays(tmp_path, "MAIN_1")])
    merge_segments(tmp_path, "MAIN_3", [SegmentArrays(tmp_path, "MAIN_2", [0])])
    once = write_segment_of(tmp_path, stories[1:], basis)
    expected = everything(SegmentArrays(tmp_path, once.segment_id()))
    for name in ("MAIN_1", "MAIN_2"):
        assert list(verify_segment(tmp_path, name)) == []
        assert everything(SegmentArrays(tmp_path, name)) == expected
    assert list(verify_segment(tmp_path, "MAIN_3")) == []
    assert SegmentArrays(tmp_path, "MAIN_3").text_terms == 0


def damaged_files(
    folder: Path, segment: str, kinds: tuple[FileKind, ...]
) -> Iterator[tuple[Path, bytes]]:
    """Files of which one number is wrong, section by section."""
    chance = random.Random(1)
    for kind in kinds:
        path = folder / file_name(segment, kind)
        whole = path.read_bytes()
        for section in SectionFile(folder, segment, kind).table.sections:
            width = np.dtype(section.dtype).itemsize
            size = int(np.prod(section.shape))
            for place in chance.sample(range(size), min(size, 3)):
                at = section.offset + width * place
                for value in (b"\xff" * width, bytes(width), chance.randbytes(width)):
                    yield path, whole[:at] + value + whole[at + width :]


def test_a_merge_survives_damage(tmp_path: Path) -> None:
    """A file that is wrong is named, or makes a wrong segment, but never a crash."""
    stories = inflected(make_stories(40, 2), 2)
    basis = basis_of(stories)
    names = [
        write_segment_of(tmp_path, part, basis).segment_id()
        for part in (stories[:20], stories[20:])
    ]
    kinds: tuple[FileKind, ...] = ("terms", "postings", "positions", "documents", "stored")
    named = set()
    for turn, (path, data) in enumerate(damaged_files(tmp_path, names[0], kinds)):
        target = tmp_path / f"{turn}"
        target.mkdir()
        whole = path.read_bytes()
        path.unlink()  # the file may still be mapped
        path.write_bytes(data)
        try:
            merge_segments(target, MERGED, [SegmentArrays(tmp_path, name) for name in names])
        except IndexCorrupt as error:
            named.add(error.file)
        path.unlink()
        path.write_bytes(whole)
    assert named == {file_name(names[0], kind) for kind in kinds}
