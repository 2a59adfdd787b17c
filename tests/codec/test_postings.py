"""Terms, postings and positions are read as they were written."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.analysis import stem_of
from indexer.codec.format import MAX_FORMS, POSITION_BLOCK, TEXT, row_chunks
from indexer.codec.invert import Postings, chunk_runs
from indexer.codec.merge import merge_segments
from indexer.codec.read import SegmentArrays
from indexer.codec.verify import verify_segment
from indexer.errors import BuildError
from tests.codec.rows import inverted, positions_in, text_of, write_rows
from tests.corpora.documents import build, documents

_PLACES = st.lists(st.integers(0, 2**32 - 2) | st.integers(0, 40), min_size=1, max_size=300)
_TERM = st.lists(_PLACES.map(sorted), min_size=1, max_size=2 * POSITION_BLOCK)


def _write_positions(folder: Path, segment: str, lists: list[list[list[int]]]) -> None:
    """A segment whose term number t is in rows at the positions lists[t]."""
    rows = [
        {f"t{term}": places[row] for term, places in enumerate(lists) if row < len(places)}
        for row in range(max(map(len, lists)))
    ]
    write_rows(folder, segment, rows, range(len(rows) + 1))


@given(lists=st.lists(_TERM, min_size=1, max_size=3), data=st.data())
def test_positions_round_trip(
    tmp_path_factory: pytest.TempPathFactory, lists: list[list[list[int]]], data: st.DataObject
) -> None:
    """Positions of any size and number are read as written, one by one and many at a time."""
    folder = tmp_path_factory.mktemp("positions")
    _write_positions(folder, "MAIN_0", lists)
    arrays = SegmentArrays(folder, "MAIN_0")
    flat = [places for term in lists for places in term]
    assert list(verify_segment(folder, "MAIN_0")) == []
    assert [positions_in(arrays, posting) for posting in range(len(flat))] == flat
    begin = data.draw(st.integers(0, len(flat) - 1))
    end = data.draw(st.integers(begin + 1, len(flat)))
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=end - begin, max_size=end - begin)))
    wanted = [places for places, keep in zip(flat[begin:end], kept, strict=True) if keep]
    tfs, steps = arrays.steps_of(begin, end, kept)
    assert tfs.tolist() == list(map(len, wanted))
    assert steps.tolist() == [
        step for places in wanted for step in [places[0], *np.diff(places).tolist()]
    ]


def test_positions_take_the_bits_they_need(tmp_path: Path) -> None:
    """Numbers below 2^n take n bits; each block of postings has its own n."""
    small = [[3], [1, 2]] * POSITION_BLOCK
    _write_positions(tmp_path, "MAIN_0", [[*small, [1 << 20]]])
    arrays = SegmentArrays(tmp_path, "MAIN_0")
    assert arrays.position_widths.tolist() == [[2, 1], [2, 1], [21, 0]]
    assert np.diff(arrays.position_blocks).tolist() == [10, 10, 3]


def test_chunk_runs_leave_out_term_starts() -> None:
    """A run is noted where a term passes into another chunk, not where a term begins."""
    chunks = np.array([0, 1, 1, 3, 1, 0], np.uint16)
    first, runs, run_chunks = chunk_runs(chunks, np.array([0, 4, 5, 6]))
    assert first.tolist() == [0, 1, 0]
    assert runs.tolist() == [1, 3]
    assert run_chunks.tolist() == [1, 3]


@given(st.lists(st.integers(1, 70_000), max_size=12))
def test_chunks_never_divide_a_document(sizes: list[int]) -> None:
    """A chunk has as many documents as fit into 65,536 rows, whole; one at least."""
    first_rows = np.cumsum([0, *sizes]).astype(np.uint32)
    if max(sizes, default=0) > 65_536:
        with pytest.raises(ValueError, match="more than 65536 rows"):
            row_chunks(first_rows)
        return
    expected, rows = [0], 0
    for doc, size in enumerate(sizes):
        if rows + size > 65_536:
            expected.append(doc)
            rows = 0
        rows += size
    assert row_chunks(first_rows).tolist() == [*expected, len(sizes)]


#: Rows of which those of a story may not fit into the chunk that is begun.
_SIZES = (1, 65_000, 600, 65_536, 3, 70, 65_400, 200)


def _wide(folder: Path, segment: str, seed: int) -> dict[str, np.ndarray]:
    """A segment of several chunks; returns the rows that have each word."""
    first_rows = np.cumsum([0, *_SIZES])
    rows = int(first_rows[-1])
    chance = np.random.default_rng(seed)
    found = {
        "ab": np.arange(0, rows, 50),
        "bb": np.sort(chance.choice(rows, 1000, replace=False)),
        "cb": np.array([rows - 1]),
        "db": np.array([65_000, 65_001, 65_601]),
        "eb": np.array([5, 140_000]),
        "ebed": np.array([65_536, 65_601, 140_000]),
    }
    words: list[dict[str, list[int]]] = [{} for _ in range(rows)]
    for word, holders in found.items():
        for row in holders.tolist():
            words[row][word] = [row]
    keyword = Postings(
        name="k", terms=[b"x", b"y"], starts=np.array([0, 8, 9]),
        docs=np.array([*range(8), 7], np.uint32),
    )  # fmt: skip
    write_rows(folder, segment, inverted(words), first_rows, fields=[keyword], facets=["k"])
    return found


def _check_wide(arrays: SegmentArrays, found: dict[str, np.ndarray]) -> None:
    chunks = arrays.chunk_rows
    for term, forms in text_of(arrays).items():
        for form, postings in forms.items():
            assert [posting.row for posting in postings] == found[form].tolist()
        entry = arrays.find_term(TEXT, term)
        bounds = arrays.row_bounds(entry)
        assert (bounds[0], bounds[-1]) == (entry.start, entry.end)
        rows = np.repeat(chunks[:-1], np.diff(bounds)) + arrays.docs[entry.start : entry.end]
        assert np.array_equal(rows, arrays.row_ids(entry))


def test_several_chunks_of_rows(tmp_path: Path) -> None:
    """Rows past 65,536 keep their numbers, in one segment and after merging two."""
    found = _wide(tmp_path, "MAIN_0", 1)
    arrays = SegmentArrays(tmp_path, "MAIN_0", deleted=[2, 5])
    assert arrays.chunk_docs.tolist() == [0, 2, 3, 4, 7, 8]
    assert list(verify_segment(tmp_path, "MAIN_0")) == []
    _check_wide(arrays, found)
    other = _wide(tmp_path, "MAIN_1", 2)
    merge_segments(tmp_path, "MAIN_2", [arrays, SegmentArrays(tmp_path, "MAIN_1")])
    gone = np.isin(arrays.docs_of_rows, arrays.deleted)
    kept = np.flatnonzero(~gone)
    expected = {
        form: np.concatenate(
            [np.searchsorted(kept, np.intersect1d(kept, rows)), other[form] + len(kept)]
        )
        for form, rows in found.items()
    }
    merged = SegmentArrays(tmp_path, "MAIN_2")
    _check_wide(merged, expected)
    assert merged.doc_ids("k", merged.find_term("k", b"y")).tolist() == [5, 13]
    assert list(verify_segment(tmp_path, "MAIN_2")) == []


def test_a_story_with_too_many_rows_is_refused(tmp_path: Path) -> None:
    """One that fits into no chunk is not written, and nothing stays behind."""
    with pytest.raises(BuildError, match="too many related articles"):
        write_rows(tmp_path, "MAIN_0", [{"a": [0]}], [0, 1, 65_538])
    assert list(tmp_path.iterdir()) == []


def test_many_documents(tmp_path: Path) -> None:
    """Documents past 65,536 keep their numbers in fields that are not text."""
    docs = np.array([3, 65_535, 65_536, 140_000], np.uint32)
    keyword = Postings(name="k", terms=[b"x", b"y"], starts=np.array([0, 4, 5]),
                       docs=np.append(docs, docs[-1:]))  # fmt: skip
    write_rows(tmp_path, "MAIN_0", [], range(140_002), fields=[keyword], facets=["k"])
    arrays = SegmentArrays(tmp_path, "MAIN_0", deleted=[4, 65_536])
    merge_segments(tmp_path, "MAIN_1", [arrays])
    for name, expected in (("MAIN_0", docs), ("MAIN_1", [3, 65_534, 139_998])):
        arrays = SegmentArrays(tmp_path, name)
        assert arrays.doc_ids("k", arrays.find_term("k", b"x")).tolist() == list(expected)
        assert list(verify_segment(tmp_path, name)) == []


@pytest.mark.parametrize("docs", [0, 2])
def test_empty_segment(tmp_path: Path, docs: int) -> None:
    """A segment without documents, or whose documents have nothing, can be read and merged."""
    write_rows(tmp_path, "MAIN_0", [], range(docs + 1))
    assert list(verify_segment(tmp_path, "MAIN_0")) == []
    arrays = SegmentArrays(tmp_path, "MAIN_0")
    assert arrays.find_term(TEXT, b"a") is None
    assert merge_segments(tmp_path, "MAIN_1", [arrays, arrays]) == (2 * docs, 2 * docs)
    assert SegmentArrays(tmp_path, "MAIN_1").doc_count == 2 * docs
    assert list(verify_segment(tmp_path, "MAIN_1")) == []


def test_term_ranges(tmp_path: Path) -> None:
    """Prefixes of terms and of written forms are ranges, of ordinals and of places in order."""
    words = ["ape", "baked", "baking", "bat", "cat", "dog", "日本"]
    write_rows(tmp_path, "MAIN_0", [{word: [0] for word in words}], [0, 1])
    arrays = SegmentArrays(tmp_path, "MAIN_0")
    assert arrays.field_terms(TEXT) == [b"ape", b"bake", b"bat", b"cat", b"dog", "日本".encode()]
    assert arrays.terms_with_prefix(TEXT, b"") == range(6)
    assert arrays.terms_with_prefix(TEXT, b"ba") == range(1, 3)
    assert arrays.terms_with_prefix(TEXT, b"bb") == range(3, 3)
    assert arrays.terms_with_prefix("absent", b"") == range(0)
    assert arrays.forms_with_prefix(b"") == range(7)
    assert arrays.forms_with_prefix(b"bak") == range(1, 3)
    assert arrays.forms_with_prefix("日".encode()) == range(6, 7)
    ordered = [arrays.form_text(form) for form in arrays.form_order.tolist()]
    assert ordered == words
    text, starts = arrays.joined_forms()
    assert [text[begin:end] for begin, end in pairwise(starts.tolist())] == words
    assert arrays.form_terms(arrays.form_order).tolist() == [0, 1, 1, 2, 3, 4, 5]


def test_every_term_is_found_and_no_other(tmp_path: Path) -> None:
    """Looking up a term gives the entry at its ordinal, in its own field only."""
    mine = build(tmp_path / "mine", documents(200), 1)
    arrays = mine._segments()[0].arrays(tmp_path / "mine")
    for name, info in arrays.fields.items():
        for ordinal in range(info.terms):
            term = arrays.term_bytes(name, ordinal)
            assert arrays.find_term(name, term) == arrays.term_entry(info, ordinal)
            assert arrays.find_term(name, term + b"\0") is None
    assert arrays.find_term("year", b"p3.com") is None
    assert arrays.find_term("absent", b"p3.com") is None


def test_forms_are_told_apart(tmp_path: Path) -> None:
    """Each posting knows its written form, each form its light form's documents and occurrences."""
    rows = [
        {"clouds": [0, 4], "clouded": [2]},
        {"cloud": [1]},
        {"computer": [0]},
        {"computed": [0]},
    ]
    write_rows(tmp_path, "MAIN_0", rows, [0, 2, 4])
    assert list(verify_segment(tmp_path, "MAIN_0")) == []
    arrays = SegmentArrays(tmp_path, "MAIN_0")
    cloud, comput = arrays.find_term(TEXT, b"cloud"), arrays.find_term(TEXT, b"comput")
    assert [tuple(form) for form in arrays.forms_of(cloud.ordinal)] == [
        ("cloud", 0, 0, 1, 4), ("clouded", 1, 0, 1, 4), ("clouds", 2, 0, 1, 4),
    ]  # fmt: skip
    assert [tuple(form) for form in arrays.forms_of(comput.ordinal)] == [
        ("computed", 0, 0, 1, 1), ("computer", 1, 1, 1, 1),
    ]  # fmt: skip
    assert arrays.codes_of(cloud).tolist() == [1, 2, 0]
    assert (arrays.df[cloud.ordinal], arrays.cf[cloud.ordinal]) == (1, 4)


_ENDINGS = """
    e s es ed ing ly edly ingly ness al ally ality alism ation ations ator ative atively ate ated
    ating icate icated ical ically ful fulness ance ence er ers ered able ably ability ible ant
    ants antly ement ements ment ments ent ents ently ion ism isms ity ous ously ive ively ize
    izes izers ization
"""


def test_more_forms_than_are_told_apart(tmp_path: Path) -> None:
    """The last stands for all after it, also when segments are merged that have others."""
    endings = ["", *_ENDINGS.split()]
    words = sorted(f"xyzant{first}{second}" for first in endings for second in endings)
    alike = sorted({word for word in words if stem_of(word) == "xyzant"})
    assert len(alike) > MAX_FORMS + 20
    rows = [{word: [n] for n, word in enumerate(alike) if n % 2 == at} for at in (0, 1)]
    for number, row in enumerate(rows):
        write_rows(tmp_path, f"MAIN_{number}", [row, row], [0, 2])
    parts = [SegmentArrays(tmp_path, f"MAIN_{number}") for number in range(2)]
    merge_segments(tmp_path, "MAIN_m", parts)
    merge_segments(tmp_path, "MAIN_all", [SegmentArrays(tmp_path, "MAIN_m"), *parts])
    for name, rows in (("MAIN_m", 4), ("MAIN_all", 8)):
        assert list(verify_segment(tmp_path, name)) == []
        merged = SegmentArrays(tmp_path, name)
        (forms,) = text_of(merged).values()
        assert list(forms) == [text for text, *_ in merged.forms_of(0)]
        assert len(forms) == MAX_FORMS
        places: dict[int, list[int]] = {}
        for postings in forms.values():
            for posting in postings:
                places.setdefault(posting.row, []).extend(posting.positions)
        halves = [list(range(at, len(alike), 2)) for at in (0, 0, 1, 1)]
        assert [sorted(places[row]) for row in sorted(places)] == halves * (rows // 4)
