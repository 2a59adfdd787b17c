"""Segments made by arrays are those that analysing token by token would make."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from whoosh import fields, formats

from indexer.analysis import count_words
from indexer.build.segment import SegmentBuilder
from indexer.codec import Segment
from indexer.model import Article, Provider, Story
from indexer.schema import Texts, create_schema, encode_texts, fields_of, texts_of
from tests.corpora.segments import make_stories, snapshot_of

#: What cutting text into words could stumble over.
_ODD = [
    " ", "  ", "\n", "\t", "\xa0", "\u2028", "\x1e", "\x1f", "'", "’", "''", "-", "_", ".", ",",
    "azure", "Azure's", "AZURES", "dogs’", "o'neill", "l'", "'s", "naïve", "ﬁn", "ß", "İstanbul",
    "日本語", "カナ", "e\u0301", "\u0301", "नमस्ते", "१२", "3.14", "x" * 200, "Ⅷ", "a_b", "🙂",
]  # fmt: skip
_texts = st.one_of(st.lists(st.sampled_from(_ODD), max_size=12).map("".join), st.text(max_size=20))
_numbers = st.one_of(
    st.none(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)
)
_providers = st.builds(Provider, _texts, st.one_of(st.none(), st.just("a.example"), _texts))
_instants = st.one_of(
    st.none(), st.datetimes(min_value=datetime(1, 1, 2), timezones=st.just(timezone.utc))
)
_stories = st.builds(
    Story,
    id=st.uuids().map(str),
    title=_texts,
    excerpt=_texts,
    body=_texts,
    category=st.one_of(st.none(), _texts),
    published_at=_instants,
    quality=_numbers,
    heat=_numbers,
    published=st.booleans(),
    provider=st.one_of(st.none(), _providers),
    topics=st.lists(_texts, max_size=3, unique=True).map(tuple),
    related=st.lists(
        st.builds(Article, _texts, _texts, provider=st.one_of(st.none(), _providers)), max_size=3
    ).map(tuple),
)

_Postings = dict[tuple[str, bytes], dict[int, list[int]]]


def document_of(story: Story) -> dict[str, Any]:
    """The fields of a story as they are indexed and stored."""
    texts = texts_of(story)
    return {**fields_of(story), "texts": encode_texts(Texts(tuple(map(count_words, texts)), texts))}


def token_by_token(stories: list[Story]) -> tuple[_Postings, dict[str, list[int]]]:
    """Postings with positions (none where a field has none) and lengths, the slow way."""
    postings: _Postings = defaultdict(dict)
    lengths: dict[str, list[int]] = {}
    for name, field in create_schema().items():
        with_positions = isinstance(field.format, formats.Positions)
        for doc, story in enumerate(stories):
            value = document_of(story)[name]
            if value is None or not field.indexed or isinstance(field, fields.STORED):
                continue
            if isinstance(field, fields.NUMERIC):
                for term, *_ in field.index(value):
                    postings[name, term][doc] = []
                continue
            if isinstance(value, list):  # whole values
                for text in value:
                    postings[name, text.encode()][doc] = []
                continue
            tokens = 0
            for token in field.analyzer(value, positions=True, mode="index"):
                tokens += 1
                places = postings[name, token.text.encode()].setdefault(doc, [])
                if with_positions:
                    places.append(token.pos)
            if field.scorable:
                lengths.setdefault(name, [0] * len(stories))[doc] = tokens
    return postings, lengths


def built(stories: list[list[Story]], folder: Path) -> list[tuple[_Postings, Any, list[Any]]]:
    """The same of segments that one builder wrote, one after the other; and stored fields."""
    builder = SegmentBuilder()
    found = []
    for part in stories:
        for story in part:
            builder.add(story)
        segment = Segment("MAIN", docs=builder.docs)
        builder.write(folder, segment.segment_id())
        reader = snapshot_of(folder, [segment]).reader
        postings: _Postings = defaultdict(dict)
        for name, term in reader.all_terms():
            matcher = reader.postings(name, term)
            positions = isinstance(reader.schema[name].format, formats.Positions)
            while matcher.is_active():
                places = matcher.value_as("positions") if positions else []
                postings[name, term][matcher.id()] = list(places)
                matcher.next()
        totals = {
            name: reader.field_length(name)
            for name, field in create_schema().items()
            if field.scorable and reader.field_length(name)
        }
        found.append((postings, totals, [reader.stored_fields(doc) for doc in range(len(part))]))
    return found


@settings(max_examples=150)
@given(st.lists(_stories, min_size=1, max_size=5), st.lists(_stories, min_size=1, max_size=3))
@example([Story("a", "\x1e x \x1e", related=(Article("y"),))], [Story("b", "'")])
@example([Story("a", " ", related=(Article(" ", "y"), Article("")))], [Story("b", "x", "\x1e")])
def test_segments_are_those_of_the_analyzer(first, second):
    """Whatever the text, bulk postings equal running the schema's analyzer on each token."""
    with tempfile.TemporaryDirectory() as folder:
        found = built([first, second], Path(folder))
    for stories, (postings, totals, stored) in zip((first, second), found, strict=True):
        expected, lengths = token_by_token(stories)
        assert postings == expected
        assert totals == {name: sum(values) for name, values in lengths.items() if sum(values)}
        documents = list(map(document_of, stories))
        assert [one["texts"] for one in stored] == [one["texts"] for one in documents]
        assert [one["story"] for one in stored] == [one["story"] for one in documents]


def test_invented_stories_too(tmp_path):
    """So do those of stories as they usually are."""
    stories = make_stories(200, seed=5)
    ((postings, _, _),) = built([stories], tmp_path)
    assert postings == token_by_token(stories)[0]
