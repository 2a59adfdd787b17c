"""Segments made by arrays are those that analysing token by token would make."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.analysis import WORD_PATTERN, cut, fold, is_acronym, iter_words, stem_of
from indexer.build.segment import SegmentBuilder
from indexer.codec.format import ROW_BITS, SATURATED, TEXT, TF_SHIFT
from indexer.codec.read import SegmentArrays
from indexer.codec.verify import verify_segment
from indexer.copies import MARKS, marks_of
from indexer.languages.english import light_form
from indexer.model import Article, Provider, Story
from indexer.ranking import Averages, factors, weight_codes
from indexer.schema import (
    CAPITAL,
    POSITION_GAP,
    create_schema,
    facet_values,
    fields_of,
    read_lead,
    read_related,
    rows_of,
    with_related,
)
from tests.codec.rows import positions_in
from tests.corpora.segments import make_stories

#: What cutting text into words could stumble over.
_ODD = [
    " ", "  ", "\n", "\t", "\xa0", "\u2028", "\x1e", "\x1f", "'", "’", "''", "-", "_", ".", ",",
    "azure", "Azure's", "AZURES", "dogs’", "o'neill", "l'", "'s", "naïve", "ﬁn", "ß", "İstanbul",
    "日本語", "カナ", "e\u0301", "\u0301", "नमस्ते", "१२", "3.14", "x" * 200, "Ⅷ", "a_b", "🙂",
    "U.S.", "clouds", "clouded", "Cloud", "computing", "computer", "(", ")", "“", "”", "—", "*",
    "!", "+", "#", "C++", ".NET", "U.S", "wi-fi", "10,000", "\u200b", "WHO", "1990",
    "’s", "’S", "-5", "$", "%", "WHO’s",
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


class _Found(NamedTuple):
    """A written form in a row: its fields, what its occurrences add up to, and positions."""

    bits: int
    t: float
    positions: list[int]


#: Term → written form → row.
_Text = dict[str, dict[str, dict[int, _Found]]]


def words_of(row: tuple[Any, ...]) -> Iterator[tuple[int, int, str, bool]]:
    """Field, position, written form of each word of a row, and whether it is an acronym."""
    position = 0
    for field, text in enumerate(row):
        names = list(filter(WORD_PATTERN.search, text)) if isinstance(text, tuple) else [text]
        for number, name in enumerate(names):
            position += POSITION_GAP if number else 0
            shouted = name.isupper() and name.count(" ") > 2
            for word in iter_words(name.lower() if shouted else name):
                yield field, position + word.position, fold(word.text), is_acronym(word.text)
            position += width_of(name)
        position += POSITION_GAP


def width_of(text: str) -> int:
    """How many positions a text takes."""
    return sum(cut(found).width for found in WORD_PATTERN.findall(text))


def sizes_of(stories: list[Story]) -> list[list[int]]:
    """How many words each field of each row has."""
    texts = [(*row[:-1], " ".join(row.about)) for story in stories for row in rows_of(story)]
    return [[width_of(text) for text in row] for row in texts]


def averages_of(stories: list[Story]) -> Averages:
    """The average lengths of fields, of a body over the rows that have one; 1 at least."""
    sizes = sizes_of(stories)
    bodies = sum(1 for row in sizes if row[2])
    counts = (len(sizes), len(sizes), max(1, bodies))
    totals = [sum(row[field] for row in sizes) for field in range(3)]
    return Averages(*(max(1.0, total / n) for total, n in zip(totals, counts, strict=True)))


def token_by_token(stories: list[Story], averages: Averages) -> _Text:
    """The text of stories, inverted one word after the other."""
    found: _Text = defaultdict(lambda: defaultdict(dict))
    adds = factors(np.array(sizes_of(stories)), averages).astype(float).tolist()
    rows = [row for story in stories for row in rows_of(story)]
    for number, row in enumerate(rows):
        for field, position, form, acronym in words_of(row):
            if form:
                places = found[stem_of(form)][form]
                bits, t, positions = places.get(number, _Found(0, 0.0, []))
                t += adds[number][field]
                places[number] = _Found(
                    bits | 1 << field | CAPITAL * acronym, t, [*positions, position]
                )
    return found


def check_text(arrays: SegmentArrays, expected: _Text) -> None:
    """The terms, forms, rows, fields, weights and positions of a segment are these."""
    assert arrays.field_terms(TEXT) == [term.encode() for term in sorted(expected)]
    for ordinal, (_, forms) in enumerate(sorted(expected.items())):
        entry = arrays.term_entry(arrays.fields[TEXT], ordinal)
        texts = sorted(forms, key=lambda form: (light_form(form), form))
        lights = sorted({light_form(form) for form in texts})
        known = arrays.forms_of(ordinal)
        assert [form.text for form in known] == texts
        assert [form.number for form in known] == list(range(len(texts)))
        assert [lights[form.group] for form in known] == [light_form(text) for text in texts]
        postings = sorted(
            (row, texts.index(form), *one) for form in forms for row, one in forms[form].items()
        )
        span = slice(entry.start, entry.end)
        assert arrays.row_ids(entry).tolist() == [row for row, *_ in postings]
        assert arrays.codes_of(entry).tolist() == [form for _, form, *_ in postings]
        assert (arrays.bits[span] & ROW_BITS).tolist() == [bits for _, _, bits, *_ in postings]
        places = [positions for *_, positions in postings]
        assert [
            positions_in(arrays, posting) for posting in range(entry.start, entry.end)
        ] == places
        tfs = [min(SATURATED, len(positions)) for positions in places]
        assert (arrays.bits[span] >> TF_SHIFT).tolist() == tfs
        codes = weight_codes(np.array([t for *_, t, _ in postings])).astype(int)
        assert np.abs(codes - arrays.weights[span]).max() <= 1
        assert arrays.df[ordinal] == len({arrays.docs_of_rows[row] for row, *_ in postings})
        assert arrays.cf[ordinal] == sum(map(len, places))
        for form in known:
            alike = [one for one in postings if known[one[1]].group == form.group]
            assert form.light_df == len({arrays.docs_of_rows[row] for row, *_ in alike})
            assert form.light_cf == sum(len(positions) for *_, positions in alike)


def values_of(story: Story) -> dict[str, set[bytes]]:
    """The terms of a story in the fields that are not text."""
    schema = create_schema()
    values: dict[str, set[bytes]] = {}
    for name, value in fields_of(story).items():
        if isinstance(value, list):
            values[name] = {text.encode() for text in value}
        elif value is not None:
            values[name] = {term for term, *_ in schema[name].index(value)}
    return values


def check_documents(arrays: SegmentArrays, stories: list[Story]) -> None:
    """Rows, lengths, fields, numbers and texts of each document are those of its story."""
    sizes = [1 + len(story.related) for story in stories]
    assert np.diff(arrays.first_rows).tolist() == sizes
    for number, name in enumerate(("title", "excerpt", "body")):
        assert arrays.words(name).tolist() == [row[number] for row in sizes_of(stories)]
    expected: dict[str, dict[bytes, list[int]]] = defaultdict(lambda: defaultdict(list))
    for doc, story in enumerate(stories):
        for name, terms in values_of(story).items():
            for term in sorted(terms):
                expected[name][term].append(doc)
        assert with_related(read_lead(arrays.lead(doc)), read_related(arrays.related(doc))) == story
    assert {*arrays.fields} - {TEXT} == {*expected}
    for name, terms in expected.items():
        assert arrays.field_terms(name) == sorted(terms)
        for term, docs in terms.items():
            assert arrays.doc_ids(name, arrays.find_term(name, term)).tolist() == docs
    for facet in facet_values(stories[0]):
        if facet in expected:
            offsets, ordinals = arrays.facet(facet)
            terms = arrays.field_terms(facet)
            for doc, story in enumerate(stories):
                found = ordinals[offsets[doc] : offsets[doc + 1]].tolist()
                assert [terms[n].decode() for n in found] == sorted(facet_values(story)[facet])
    for place, name in enumerate(MARKS):
        marks = [marks_of(story)[place] for story in stories]
        assert (name in arrays.columns) == any(marks)
        assert not any(marks) or arrays.column(name).tolist() == marks
    for name in {*arrays.columns} - {*MARKS}:
        for doc, story in enumerate(stories):
            value = fields_of(story)[name]
            kept = arrays.column(name)[doc]
            kind = create_schema()[name]
            wanted = arrays.column_default(name) if value is None else kind.to_column_value(value)
            assert kept == wanted


def check_built(parts: list[list[Story]], folder: Path) -> None:
    """Segments that one builder wrote, one after the other, are those of an oracle."""
    builder = SegmentBuilder()
    for number, stories in enumerate(parts):
        for story in stories:
            builder.add(story)
        basis = builder.basis()
        assert np.allclose(basis.averages, averages_of(stories))
        builder.write(folder, f"MAIN_{number}", basis)
        assert list(verify_segment(folder, f"MAIN_{number}")) == []
        arrays = SegmentArrays(folder, f"MAIN_{number}")
        check_text(arrays, token_by_token(stories, basis.averages))
        check_documents(arrays, stories)


@settings(max_examples=150)
@given(st.lists(_stories, min_size=1, max_size=5), st.lists(_stories, min_size=1, max_size=3))
@example([Story("a", "\x1e x \x1e", related=(Article("y"),))], [Story("b", "'")])
@example([Story("a", " ", related=(Article(" ", "y"), Article("")))], [Story("b", "x", "\x1e")])
@example([Story("a", "x", topics=("'", "y z", "", "y"), category="z")], [Story("b", "x x" * 300)])
def test_segments_are_those_of_the_analyzer(first, second):
    """Whatever the text, what arrays make is what a word after the other makes."""
    with tempfile.TemporaryDirectory() as folder:
        check_built([first, second], Path(folder))


def test_invented_stories_too(tmp_path):
    """So do those of stories as they usually are."""
    check_built([make_stories(200, seed=5)], tmp_path)
