"""Same answers where one segment has more rows and stories than 16 bits tell apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from indexer.codec import Segment
from indexer.codec.format import offsets_of
from indexer.codec.forms import arrange_forms
from indexer.codec.invert import Postings, RowPostings
from indexer.codec.stored import NO_RECORD, compress_records
from indexer.codec.verify import verify_segment
from indexer.codec.write import Documents, write_segment
from indexer.query.nodes import All, Either, Everything, Keyword, Pattern, Phrase, Without, Word
from indexer.ranking import LEAD_WEIGHT, WEIGHTS, Averages, factors, weight_codes, word_weight
from tests.corpora.segments import snapshot_of
from tests.parity.conftest import ask, check_tree, searchers_of

DOCS = 66_000
SIZES = 1 + np.arange(DOCS) % 3
FIRST_ROWS = np.append(0, np.cumsum(SIZES))
SIZE = int(FIRST_ROWS[-1])
ROWS = np.arange(SIZE)
AVERAGES = Averages(3.0, 1.0, 1.0)
#: The order of words in a title, after `whole`, which is there once, twice or three times.
ORDER = ("rim", "outer", "last", "tenth")


@pytest.fixture(scope="module")
def counts():
    """Word → int[SIZE], how often it is in each row."""
    places = {
        "whole": 1 + ROWS % 3,
        "rim": np.isin(ROWS % 65_536, (0, 65_534, 65_535)) | (ROWS == SIZE - 1),
        "outer": ((ROWS < 65_530) | (ROWS >= 131_072)) & (ROWS % 7 == 0),
        "last": (ROWS >= 131_072) & (ROWS % 4 == 0),
        "tenth": ROWS % 10 == 0,
    }
    return {word: found.astype(np.int64) for word, found in places.items()}


@pytest.fixture(scope="module")
def weights(counts):
    """Word → float[SIZE], what its occurrences in each row add up to, as it is kept."""
    lengths = np.zeros((SIZE, 4), np.int64)
    lengths[:, 0] = sum(counts.values())
    adds = factors(lengths, AVERAGES)[:, 0]
    return {word: WEIGHTS[weight_codes(adds * n)] * (n > 0) for word, n in counts.items()}


@pytest.fixture(scope="module")
def large(counts, weights, tmp_path_factory):
    """Titles "whole (whole whole) rim outer last tenth", each word where it is present."""
    folder = tmp_path_factory.mktemp("large")
    begins = dict(zip(counts, np.cumsum([0 * ROWS, *counts.values()], axis=0), strict=False))
    arranged = arrange_forms(list(counts))
    words = [text.decode() for text in arranged.written.texts]
    holders = {word: np.flatnonzero(counts[word]) for word in words}
    tfs = np.concatenate([counts[word][holders[word]] for word in words])
    steps = np.ones(tfs.sum(), np.uint32)
    steps[offsets_of(tfs)[:-1]] = np.concatenate([begins[word][holders[word]] for word in words])
    text = RowPostings(
        terms=arranged.terms,
        starts=np.cumsum([0, *(len(holders[word]) for word in words)]),
        rows=np.concatenate([holders[word] for word in words]).astype(np.uint32),
        forms=np.zeros(len(tfs), np.uint8), bits=np.ones(len(tfs), np.uint8),
        weights=weight_codes(np.concatenate([weights[word][holders[word]] for word in words])),
        tfs=tfs.astype(np.uint32), steps=steps, written=arranged.written,
    )  # fmt: skip
    docs = np.flatnonzero(np.arange(DOCS) % 999 == 998).astype(np.uint32)
    lengths = {name: np.zeros(SIZE, np.int64) for name in ("title", "excerpt", "body")}
    lengths["title"] += sum(counts.values())
    documents = Documents(
        first_rows=FIRST_ROWS.astype(np.uint32), lengths=lengths, columns={}, facets=("year",)
    )
    segment = Segment("MAIN", docs=DOCS, rows=SIZE)
    write_segment(
        folder, segment.segment_id(), documents, text=[text],
        fields=[Postings(name="year", terms=[b"2020"], starts=np.array([0, len(docs)]), docs=docs)],
        stored=compress_records([NO_RECORD] * DOCS),
    )  # fmt: skip
    assert list(verify_segment(folder, segment.segment_id())) == []
    return snapshot_of(folder, [segment], AVERAGES)


def by_story(rows: np.ndarray) -> np.ndarray:
    """The highest number of the rows of each story."""
    return np.maximum.reduceat(rows, FIRST_ROWS[:-1])


@pytest.fixture(scope="module")
def score(counts, weights) -> Callable[..., np.ndarray]:
    """Words → float[DOCS]: the best row of each story, by the formula."""

    def of(*words: str) -> np.ndarray:
        total = np.zeros(SIZE)
        for word in words:
            df, cf = int((counts[word] > 0).sum()), int(counts[word].sum())
            t = weights[word].astype(float)
            total += word_weight(SIZE, df, cf) * t / (t + 1.2)
        total[FIRST_ROWS[:-1]] *= LEAD_WEIGHT
        return by_story(total)

    return of


def expected_of(scores: np.ndarray, wanted: np.ndarray) -> dict[int, float]:
    """Story → score, of those wanted."""
    docs = np.flatnonzero(wanted)
    return dict(zip(docs.tolist(), scores[docs].tolist(), strict=True))


@pytest.mark.parametrize("every", [True, False], ids=["all", "any"])
@pytest.mark.parametrize(
    "wanted",
    [
        ["whole"], ["rim"], ["outer"], ["last"], ["rim", "whole"], ["outer", "tenth"],
        ["last", "outer"], ["rim", "last", "tenth"], ["whole", "tenth", "outer"],
    ],
)  # fmt: skip
def test_words_of_a_segment_of_several_chunks(large, counts, score, wanted, every):
    """Stories and scores are right wherever in a large segment the words are."""
    having = np.array([by_story(counts[word]) > 0 for word in wanted])
    inside = having.all(axis=0) if every else having.any(axis=0)
    node = (All if every else Either)(tuple(map(Word, wanted)))
    check_tree(large, node, expected_of(score(*wanted), inside))


def found_by_all(snapshot, node) -> list[int]:
    """The stories that both executors find, which must agree on their scores too."""
    plain, compiled = (ask(searcher, node, DOCS) for searcher in searchers_of(snapshot))
    assert sorted(plain.doc_ids) == sorted(compiled.doc_ids)
    scores = dict(zip(plain.doc_ids, plain.scores, strict=True))
    wanted = [scores[doc] for doc in compiled.doc_ids]
    assert np.allclose(compiled.scores, wanted, rtol=1e-5)
    return sorted(plain.doc_ids)


def test_phrases_of_a_segment_of_several_chunks(large, counts):
    """A phrase is found in each part of a large segment, and only where it stands."""
    has = {word: n > 0 for word, n in counts.items()}
    none = ~has["rim"] & ~has["outer"] & ~has["last"]
    cases = [
        (("whole", "rim"), 0, has["rim"]),
        (("rim", "outer"), 0, has["rim"] & has["outer"]),
        (("whole", "tenth"), 0, none & has["tenth"]),
        (("whole", "tenth"), 3, has["tenth"]),
        (("outer", "last", "tenth"), 0, has["outer"] & has["last"] & has["tenth"]),
        (("whole", "whole", "rim"), 0, has["rim"] & (counts["whole"] > 1)),
        (("tenth", "whole"), 3, np.zeros(SIZE, np.bool_)),
    ]
    for words, slop, rows in cases:
        stories = np.flatnonzero(by_story(rows)).tolist()
        assert found_by_all(large, Phrase(words, slop)) == stories, words


def test_other_queries_of_a_segment_of_several_chunks(large, counts, score):
    """Patterns, fields, values and exclusions reach every part of a large segment."""
    has = {word: by_story(n > 0) for word, n in counts.items()}
    assert found_by_all(large, Pattern("ri*")) == np.flatnonzero(has["rim"]).tolist()
    assert found_by_all(large, Everything()) == list(range(DOCS))
    without = Without(Word("rim"), Word("last"))
    check_tree(large, without, expected_of(score("rim"), has["rim"] & ~has["last"]))
    dated = np.arange(DOCS) % 999 == 998
    both = All((Word("whole"), Keyword("year", "2020")))
    check_tree(large, both, expected_of(score("whole"), dated))
    leads = counts["rim"] > 0
    leads[np.setdiff1d(ROWS, FIRST_ROWS[:-1])] = False
    titled = found_by_all(large, Word("rim", field="title"))
    assert titled == np.flatnonzero(by_story(leads)).tolist()
