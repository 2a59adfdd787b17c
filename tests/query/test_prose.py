"""Texts that are read as plain words: in capitals, written to be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.query.nodes import (
    Compound,
    Word,
)
from indexer.query.parser import parse


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("SENATE OR HOUSE AND NOT BOTH TODAY", "senate or house and not both today"),
        ("FED CUTS RATES -MORE TO COME", None),
        ("CATS AND DOGS", None),
        ("CATS AND DOGS or NOT BIRDS", None),
        ("日本 中国 韓国 台湾 OR 香港 OR 2020", None),
    ],
)
def test_a_longer_text_in_capitals_has_no_operators(typed, plain):
    """Headlines in capitals are not read as operators, other signs are as ever."""
    parsed = parse(typed)
    if plain is None:
        assert parsed.rest is not None or not parsed.plain
    else:
        assert parsed.plain == tuple(map(Word, plain.split()))
        assert parsed.rest is None
        assert all(typed[word.start : word.end] == word.text for word in parsed.words)


PROSE = 'he said "they will (not) go" and left the (old) house for a low-code world'


def test_a_text_that_was_written_to_be_read_has_plain_words_alone():
    """Quotes, parentheses and signs are punctuation in a text of ten words and more."""
    *words, low, code, world = PROSE.translate(str.maketrans('"()-', "    ")).split()
    parsed = parse(PROSE)
    joined = Compound(low + code, (low, code))
    assert parsed.plain == (*map(Word, words), joined, Word(world))
    assert (parsed.rest, parsed.scored) == (None, True)
    assert all(PROSE[word.start : word.end] == word.text for word in parsed.words)
    assert parse(PROSE.replace('"', "“")).plain == parsed.plain


@pytest.mark.parametrize(
    "typed",
    [
        f"{PROSE} OR more",
        f"{PROSE} -more",
        f"{PROSE} mor*",
        f"{PROSE} *ore",
        f"{PROSE} m?re",
        f"{PROSE} more~",
        f"{PROSE} more^2",
        f"{PROSE} topic:cloud",
        f"{PROSE} title:(world)",
        'he said "they will go and leave the old house for a world" today',
        'one two three four five six seven eight nine "ten eleven"',
    ],
)
def test_what_has_operators_fields_or_few_words_is_no_prose(typed):
    """A field, an operator, or fewer than ten words beside quotes: syntax is syntax."""
    assert parse(typed).rest is not None or not parse(typed).plain


PLAIN = st.lists(
    st.sampled_from(
        ["azure", "Zürich", "日本", "x2", "OR", "AND", "NOT", "or", "²", "ﬁne", "runs", "wi-fi",
         "U.S.", "why?", "o’reilly's", "a_b", "_", "3,5", "C&A"]
    ),
    max_size=6,
)  # fmt: skip


@given(PLAIN, st.sampled_from([" ", "  ", "\u3000", "\t"]))
def test_plain_words_mean_what_they_mean_with_syntax(words, space):
    """Words take a shorter way through the parser; it leads to where the long one does."""
    long = [word if word in ("OR", "AND", "NOT") else f"{word}^1" for word in words]
    text = space.join(words)
    short, full = parse(text), parse(" ".join(long))
    assert short[:4] == full[:4]
    assert all(text[word.start : word.end] == word.text for word in short.words)
    assert [word.text for word in short.words] == [word.text for word in full.words]
