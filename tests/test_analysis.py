"""Words and terms: what counts as the same word."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.analysis import (
    MAX_TERM_LENGTH,
    PART_SEPARATOR,
    POSITION_GAP,
    StemAnalyzer,
    WordAnalyzer,
    fold,
    iter_words,
    stem,
    terms_of,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zürich", "zurich"), ("Zu\u0308rich", "Zürich"), ("CAFÉ", "cafe"), ("Straße", "STRASSE"),
        ("Łódź", "lodz"), ("Ørsted", "orsted"), ("naïve", "naive"), ("ﬁnance", "finance"),
        ("Ａｚｕｒｅ", "azure"), ("O’Reilly", "OReilly"), ("O'Reilly's", "oreilly"),
        ("İstanbul", "istanbul"),
        ("Microsoft’s", "microsoft"), ("ΑΘΉΝΑ", "αθηνα"), ("Ёлка", "елка"),
    ],
)  # fmt: skip
def test_spellings_that_are_the_same_word(one, other):
    """Case, accents, ligatures, widths, apostrophes and possessives do not matter."""
    assert [fold(word.text) for word in iter_words(one)] == [fold(other)]


def test_forms_of_a_word_share_a_stem():
    """English inflections are found by one another."""
    assert len({stem(word) for word in ("connect", "Connected", "connecting", "connections")}) == 1


def test_words_of_a_text():
    """Text is cut at what is neither letter, digit nor mark; CJK into characters."""
    words = [
        word.text
        for word in iter_words("AI-assisted C7g, $1.14 don't हिन्दी 東京タワー x_y 9to5mac.com")
    ]
    assert words[:7] == ["AI", "assisted", "C7g", "1", "14", "don't", "हिन्दी"]
    assert words[7:] == ["東", "京", "タ", "ワ", "ー", "x", "y", "9to5mac", "com"]


def test_parts_are_far_apart():
    """Positions leave a hole between the parts of a field."""
    positions = [word.position for word in iter_words(f"a b{PART_SEPARATOR}c")]
    assert positions == [0, 1, 2 + POSITION_GAP]


@given(st.text())
def test_words_stand_where_they_say(text):
    """Offsets cut each word out of the text; positions grow by one."""
    words = list(iter_words(text.replace(PART_SEPARATOR, "")))
    plain = text.replace(PART_SEPARATOR, "")
    assert all(plain[word.start : word.end] == word.text for word in words)
    assert [word.position for word in words] == list(range(len(words)))


@given(st.text(min_size=1))
def test_folding_is_stable(word):
    """Folding twice changes nothing, and no term is longer than the limit."""
    assert fold(fold(word)) == fold(word)
    assert len(stem(word * 50)) <= MAX_TERM_LENGTH


@given(st.text())
def test_whoosh_analyzers_agree_with_the_plain_functions(text):
    """The analyzers that Whoosh runs give the terms that queries are made of."""
    assert [token.text for token in StemAnalyzer()(text)] == [
        term for term in terms_of(text) if term
    ]
    assert [token.text for token in WordAnalyzer()(text)] == [
        fold(word.text) for word in iter_words(text) if fold(word.text)
    ]


def test_analyzers_survive_pickling():
    """Whoosh keeps the schema, and so the analyzers, in its own table of contents."""
    assert pickle.loads(pickle.dumps(StemAnalyzer())) == StemAnalyzer() != WordAnalyzer()
