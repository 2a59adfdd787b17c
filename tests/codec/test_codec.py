"""The codec as Whoosh sees it: everything equals what Whoosh's own codec answers."""

from __future__ import annotations

import itertools
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from whoosh import index, query, sorting
from whoosh.query import spans

import indexer
from indexer import schema
from indexer.codec import Codec, Segment, merge
from indexer.codec.merge import merge_segments
from indexer.codec.read import SegmentArrays
from indexer.codec.verify import verify_segment
from tests.corpora.documents import WORDS, build, build_whoosh, convert, documents, publish

QUERIES: dict[str, query.Query] = {
    "term": query.Term("related", WORDS[3]),
    "rare term": query.Term("title", WORDS[-1]),
    "absent term": query.Term("title", "nowhere"),
    "term without lengths": query.Term("provider_name", WORDS[0]),
    "keyword": query.Term("provider", "p3.com"),
    "and": query.And([query.Term("related", WORDS[1]), query.Term("excerpt", WORDS[2])]),
    "or": query.Or([query.Term(f, w) for f in ("title", "related") for w in WORDS[5:9]]),
    "or with boosts": query.Or(
        [query.Term("title", WORDS[4], boost=3.0), query.Term("related", WORDS[30], boost=0.5)]
    ),
    "dismax": query.DisjunctionMax([query.Term("title", w) for w in WORDS[:6]]),
    "not": query.And([query.Term("related", WORDS[2]), query.Not(query.Term("title", WORDS[0]))]),
    "and not": query.AndNot(query.Term("related", WORDS[6]), query.Term("year", "2020")),
    "and maybe": query.AndMaybe(query.Term("year", "2021"), query.Term("title", WORDS[1])),
    "require": query.Require(query.Term("related", WORDS[1]), query.Term("published", "true")),
    "phrase": query.Phrase("related", [WORDS[0], WORDS[1]]),
    "phrase of three": query.Phrase("related", [WORDS[0], WORDS[1], WORDS[0]]),
    "phrase with slop": query.Phrase("related", [WORDS[2], WORDS[1]], slop=4),
    "phrase without lengths": query.Phrase("provider_name", [WORDS[0], WORDS[1]]),
    "span near": spans.SpanNear(
        query.Term("excerpt", WORDS[0]), query.Term("excerpt", WORDS[3]), slop=3, ordered=False
    ),
    "span first": spans.SpanFirst(query.Term("title", WORDS[0])),
    "prefix": query.Prefix("title", "co"),
    "prefix of keywords": query.Prefix("provider", "p1"),
    "wildcard": query.Wildcard("related", "?ub*"),
    "regex": query.Regex("title", "a.[ab]"),
    "fuzzy": query.FuzzyTerm("title", "cob"),
    "fuzzy 2": query.FuzzyTerm("related", "dxxa", maxdist=2),
    "term range": query.TermRange("related", "beb", "cof", endexcl=True),
    "open term range": query.TermRange("title", None, "ald", constantscore=False),
    "numeric range": query.NumericRange("quality", 10.0, 55.5),
    "open numeric range": query.NumericRange("quality", 50.0, None, startexcl=True),
    "date range": query.DateRange("published_at", datetime(2020, 6, 1), datetime(2021, 3, 4)),
    "every": query.Every(),
    "every of a field": query.Every("quality"),
    "constant": query.ConstantScoreQuery(query.Term("related", WORDS[2]), 2.5),
    "nested": query.And(
        [
            query.Or([query.Term("title", w) for w in WORDS[:3]]),
            query.Or(
                [query.Phrase("related", [WORDS[0], WORDS[0]]), query.Prefix("related", "du")]
            ),
            query.Not(query.NumericRange("quality", 20.0, 40.0)),
        ]
    ),
}


_DELETED = (("provider", "p4.com"), ("provider", "p17.com"))


def _kept(stories: list[dict[str, Any]]) -> list[dict[str, Any]]:
    gone = {provider for _, provider in _DELETED}
    return [story for story in stories if not gone & {*story["provider"]}]


def _arrays(one: index.FileIndex) -> list[SegmentArrays]:
    return [segment.arrays(Path(one.storage.folder)) for segment in one._segments()]


def _merged(folder: Path, one: index.FileIndex) -> index.FileIndex:
    """An index of one segment, merged of those of another."""
    folder.mkdir()
    segment = Segment("MAIN", docs=one.doc_count())
    merge_segments(folder, segment.segment_id(), _arrays(one))
    return publish(folder, [segment])


@pytest.fixture(scope="module", params=["1", "2", "9", "9 deleted", "9 deleted merged"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same documents in Whoosh's format and in ours."""
    folder = tmp_path_factory.mktemp("pair")
    count, *steps = request.param.split()
    stories = documents(700)
    theirs = build_whoosh(stories, int(count), _DELETED if "deleted" in steps else ())
    mine = convert(theirs, folder / "mine")
    if "merged" in steps:
        mine = _merged(folder / "merged", mine)
        # Whoosh's own format rounds lengths when it merges, ours forgets nothing.
        kept = _kept(stories)
        theirs = build_whoosh(kept, 1)
    return theirs, mine


def _hits(one: index.FileIndex, asked: query.Query, **options: Any) -> list[tuple[int, float]]:
    with one.searcher() as searcher:
        return [(hit.docnum, hit.score) for hit in searcher.search(asked, **options)]


def _same(mine: list[tuple[int, float]], theirs: list[tuple[int, float]]) -> None:
    assert [doc for doc, _ in mine] == [doc for doc, _ in theirs]
    assert [score for _, score in mine] == pytest.approx(
        [score for _, score in theirs], rel=1e-9, abs=1e-9
    )


@pytest.mark.parametrize("name", QUERIES)
def test_query_equals_whoosh(pair: Any, name: str) -> None:
    """Every kind of query finds the same documents with the same scores in either format."""
    theirs, mine = pair
    for limit in (None, 7):
        # Whoosh 3.54 fails an assertion when it skips blocks under a Require.
        options = {"limit": limit, "optimize": name != "require"}
        _same(_hits(mine, QUERIES[name], **options), _hits(theirs, QUERIES[name], **options))


def test_queries_find_something(pair: Any) -> None:
    """The queries that the formats are compared with are not vacuous."""
    _, mine = pair
    empty = {name for name, asked in QUERIES.items() if not _hits(mine, asked, limit=None)}
    assert empty <= {"absent term"}


def test_sorting_by_column_equals_whoosh(pair: Any) -> None:
    """Sorting by a date or a number, either way, gives the same order."""
    theirs, mine = pair
    for name, reverse in itertools.product(("published_at", "quality"), (False, True)):
        by = sorting.FieldFacet(name, reverse=reverse)
        options = {"sortedby": [by, sorting.FieldFacet("published_at")], "limit": None}
        expected = [doc for doc, _ in _hits(theirs, query.Every(), **options)]
        assert [doc for doc, _ in _hits(mine, query.Every(), **options)] == expected


def test_reader_equals_whoosh(pair: Any) -> None:
    """Terms, statistics, stored fields, lengths and columns are the same."""
    theirs, mine = pair
    with theirs.reader() as expected, mine.reader() as reader:
        assert set(reader.indexed_field_names()) == set(expected.indexed_field_names())
        assert list(reader.all_terms()) == list(expected.all_terms())
        assert reader.doc_count() == expected.doc_count()
        assert reader.doc_count_all() == expected.doc_count_all()
        assert list(reader.all_stored_fields()) == list(expected.all_stored_fields())
        for field in ("title", "related", "provider", "provider_name", "quality"):
            assert list(reader.lexicon(field)) == list(expected.lexicon(field))
            assert reader.field_length(field) == expected.field_length(field)
        for field in ("title", "excerpt", "provider"):
            lengths = [reader.doc_field_length(doc, field) for doc in range(700 // 9)]
            assert lengths == [expected.doc_field_length(doc, field) for doc in range(700 // 9)]
        for field in ("published_at", "quality"):
            raw = {"translate": False}
            ours, whooshs = reader.column_reader(field, **raw), expected.column_reader(field, **raw)
            assert list(ours) == list(whooshs)


def test_term_info_equals_whoosh(pair: Any) -> None:
    """Every statistic of every term is the same."""
    theirs, mine = pair
    names = (
        "weight",
        "doc_frequency",
        "min_length",
        "max_length",
        "max_weight",
        "min_id",
        "max_id",
    )
    with theirs.reader() as expected, mine.reader() as reader:
        for field, term in expected.all_terms():
            info, other = reader.term_info(field, term), expected.term_info(field, term)
            for name in names:
                assert getattr(info, name)() == getattr(other, name)(), (field, term, name)


def test_cursor_walks_and_seeks(tmp_path: Path) -> None:
    """A cursor visits the terms of its own field in order and finds the next term from a text."""
    mine = build(tmp_path / "mine", documents(50), 1)
    with mine.reader() as reader:
        cursor = reader.cursor("title")
        walked = [cursor.text(), *iter(cursor.next, None)]
        assert walked == [term.decode() for term in reader.lexicon("title")]
        assert not cursor.is_valid()
        assert cursor.find("bea!") == next(text for text in walked if text > "bea!")
        assert cursor.term_info().doc_frequency() == reader.doc_frequency("title", cursor.text())
        assert cursor.find("zzz") is None
        assert cursor.term_info() is None
        assert cursor.first() == walked[0]


def test_opens_in_a_fresh_process(tmp_path: Path) -> None:
    """Whoosh's `open_dir` needs nothing but the folder."""
    build(tmp_path / "mine", documents(40), 2)
    program = (
        "from whoosh import index, query; import sys\n"
        "with index.open_dir(sys.argv[1]).searcher() as searcher:\n"
        "    print(len(searcher.search(query.Every(), limit=None)))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "mine")]
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout == "40\n"


@pytest.mark.parametrize("batch", [merge._BATCH, 40])
def test_array_merge_equals_whoosh_merge(
    tmp_path: Path, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Merging by arrays gives the arrays that Whoosh's own merge gives.

    However many postings it takes at a time.
    """
    monkeypatch.setattr(merge, "_BATCH", batch)
    theirs = build_whoosh(documents(300), 3, _DELETED)
    (merged,) = _arrays(_merged(tmp_path / "merged", convert(theirs, tmp_path / "mine")))
    theirs.writer().commit(optimize=True)
    (expected,) = _arrays(convert(theirs, tmp_path / "whoosh"))
    assert list(verify_segment(merged.folder, merged.segment)) == []
    assert merged.fields == expected.fields
    for name in ("docs", "tfs", "lengths", "position_bits", "position_blocks", "position_widths"):
        assert np.array_equal(getattr(merged, name), getattr(expected, name)), name
    for name, info in expected.fields.items():
        assert [merged.term_entry(name, n) for n in range(info.terms)] == [
            expected.term_entry(name, n) for n in range(info.terms)
        ]
        if expected.has_facet(name):
            assert all(map(np.array_equal, merged.facet(name), expected.facet(name)))
    for name in expected.columns:
        assert np.array_equal(merged.column(name), expected.column(name))
    for doc in range(expected.doc_count):
        assert merged.stored_fields(doc) == expected.stored_fields(doc)


@pytest.mark.parametrize("deleted", [False, True])
def test_merging_changes_no_statistic(tmp_path: Path, deleted: bool) -> None:
    """Fields merged are those of one segment made of the same documents, however often."""
    stories = documents(200)
    many = build(tmp_path / "mine", stories, 5, _DELETED if deleted else ())
    if deleted:
        stories = _kept(stories)
    merge_segments(tmp_path, "MAIN_all", _arrays(many))
    merge_segments(tmp_path, "MAIN_again", [SegmentArrays(tmp_path, "MAIN_all")])
    (expected,) = _arrays(build(tmp_path / "one", stories, 1))
    for name in ("MAIN_all", "MAIN_again"):
        assert SegmentArrays(tmp_path, name).fields == expected.fields


def test_saturated_frequencies_keep_all_positions(tmp_path: Path) -> None:
    """A word that occurs 255 times or more counts 255, and each of its positions is kept."""
    counts = (1, 254, 255, 256, 300, 2)
    stories = [{"title": " ".join(["x"] * count + ["y"])} for count in counts]
    segments = _arrays(build(tmp_path / "mine", stories, 1))
    merge_segments(tmp_path, "MAIN_again", segments)
    again = SegmentArrays(tmp_path, "MAIN_again")
    for arrays in (*segments, again):
        entry = arrays.find_term("title", b"x")
        assert entry.cf == sum(counts)
        assert arrays.tfs[entry.start : entry.end].tolist() == [1, 254, 255, 255, 255, 2]
        for posting, count in enumerate(counts, entry.start):
            assert arrays.positions(posting) == list(range(count))
    assert list(verify_segment(tmp_path, "MAIN_again")) == []


def test_whoosh_cannot_write_an_index(tmp_path: Path) -> None:
    """It is told who can, and no file of a segment is made."""
    mine = build(tmp_path / "mine", documents(5), 1)
    before = {path.name for path in (tmp_path / "mine").glob("*_*")}
    with pytest.raises(indexer.BuildError, match="storydex rebuild"):
        mine.writer(codec=Codec())
    assert {path.name for path in (tmp_path / "mine").glob("*_*")} <= before | {"MAIN_WRITELOCK"}
    assert index.open_dir(str(tmp_path / "mine")).doc_count() == 5


def test_schema_facets_have_lists(tmp_path: Path) -> None:
    """Documents list their facet values in the order of terms."""
    stories = documents(60)
    mine = build(tmp_path / "mine", stories, 1)
    arrays = mine._segments()[0].arrays(tmp_path / "mine")
    offsets, ordinals = arrays.facet("provider")
    for doc, story in enumerate(stories):
        found = ordinals[offsets[doc] : offsets[doc + 1]].tolist()
        assert [arrays.term_bytes("provider", n).decode() for n in found] == story["provider"]
    assert arrays.stored_fields(3)["story"] == stories[3]["story"]
    with pytest.raises(KeyError):
        arrays.facet("id")
    assert schema.FACETS
