"""Stored texts that are damaged: an error of one story, compiled or not."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.np.numpy_support import as_dtype

import indexer
from indexer import schema
from indexer.codec.positions_fast import PositionsTable
from indexer.codec.read import SegmentArrays
from indexer.highlight.fast import cut as cutting
from indexer.highlight.fast import explain as marking
from indexer.search.fast.lookup import SegmentTable
from tests.conftest import build
from tests.highlight.marked_story import STORY, marks


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 255))
@settings(max_examples=300)
def test_damaged_texts_are_named_not_followed(data, place, value):
    """Whatever the stored texts of a story are, reading them ends in an answer or an error."""
    texts = bytearray(_packed())
    texts[place % len(texts)] = value
    for candidate in (data, bytes(texts), bytes(texts)[: place % len(texts)]):
        count = explain_damaged(candidate)
        assert -1 <= count <= len(candidate)
        try:
            expected = schema.read_texts(candidate)
        except ValueError:
            continue
        assert (count == -1) == any(
            not 0 <= words <= len(text.encode()) for words, text in zip(*expected, strict=True)
        )


def test_texts_that_end_early_are_damaged():
    """What lies behind the texts of a story is not taken for a part of them."""
    assert explain_damaged(_packed()) == 1
    assert {explain_damaged(_packed()[:size]) for size in range(len(_packed()))} == {-1}


def explain_damaged(texts):
    """How many articles match in these texts, by a pattern that says the most different things."""
    buffers = marking.Buffers(1, len(texts) + 1, 1)
    query = np.array([1, 1, 3, 0, 0, 0, 0, np.float64(1.0).view(np.int64)])
    found = [[0, 0, 3, 0, 0], [0, 0, 4, 0, 9], [0, 0, 9, 0, 0], [0, 0, 0, 0, 0], [0, 0, -1, 0, 0]]
    marking.explain(
        SegmentTable.fill(**arrays_of(SegmentTable)),
        PositionsTable.fill(**arrays_of(PositionsTable)),
        buffers.table,
        query,
        np.empty((0, 3), np.int64),
        np.array([[0], [len(texts)]]),
        np.array(found),
        np.frombuffer(texts + bytes(cutting.PAD), np.uint8),
    )
    size = int(buffers.ends[0])
    assert size <= len(buffers.packed) - cutting.PAD
    # An array of four, of which the first is an array with an item for each article.
    return int.from_bytes(buffers.packed[2:6]) if size else -1


def arrays_of(table):
    """Arrays of a segment with one document and no terms."""
    return {
        name: np.zeros([1] * kind.ndim, as_dtype(kind.dtype))
        for name, kind in table.columns.items()
    }


def _packed():
    texts = ("é", "a b", "", "a", "x" * 40)
    return msgspec.msgpack.encode(schema.Texts((1, 2, 0, 1, 1), texts))


def test_damaged_texts_are_an_error(tmp_path, monkeypatch):
    """Texts that are damaged are an error of the index, compiled or not."""
    index = build(tmp_path, [STORY])
    for damaged in (b"\x92", _packed().replace(b"\xc3\xa9", b"\xc3\xff")):
        monkeypatch.setattr(SegmentArrays, "stored_texts", lambda *_: damaged)  # noqa: B023
        for compiled in (False, True):
            with indexer.open_index(index, compiled=compiled) as engine:
                engine.warm_up()
                (hit,) = engine.search("cloud").hits
                with pytest.raises(indexer.IndexCorrupt, match=r"\.sto"):
                    str(hit.highlights), [article.highlights for article in hit.related]
                with pytest.raises(indexer.IndexCorrupt, match=r"\.sto"):
                    str(hit.story)


def test_damage_of_one_story_spoils_no_other(tmp_path, monkeypatch):
    """On a page with a story that cannot be read, or whose texts are damaged, the rest is shown."""
    stories = [{**STORY, "title": f"Cloud {n}"} for n in range(4)]
    index = build(tmp_path, stories)
    stored = SegmentArrays.stored_texts

    def damaged(segment, doc):
        if doc == 1:
            raise segment.stored_file.corrupt("torn")
        return b"\x92" if doc == 2 else stored(segment, doc)

    expected = [marks(hit.highlights["title"]) for hit in hits_of(index, True)]
    assert expected == [["Cloud"]] * 4
    monkeypatch.setattr(SegmentArrays, "stored_texts", damaged)
    for compiled in (False, True):
        for doc, hit in enumerate(hits_of(index, compiled)):
            if doc in (1, 2):
                with pytest.raises(indexer.IndexCorrupt, match="torn" if doc == 1 else "cannot"):
                    str(hit.highlights)
                with pytest.raises(indexer.IndexCorrupt):
                    str(hit.related)
            else:
                assert hit.highlights["title"] == f"<mark>Cloud</mark> {hit.story.title[-1]}"
                assert [article.score for article in hit.related]


def hits_of(index, compiled):
    """The hits for a word, in the order of the stories."""
    with indexer.open_index(index, compiled=compiled) as engine:
        engine.warm_up()
        return engine.search("cloud", sort="oldest").hits
