"""Amounts in quotes, and as they are typed in a clause."""

from __future__ import annotations

import pytest

from indexer.analysis import forms_of
from indexer.errors import QueryError
from indexer.query.grammar import MAX_CLAUSES
from indexer.query.nodes import Alternatives, Near, Phrase, Without, Word, scaled
from indexer.query.parser import parse


def phrases(query):
    """The phrases that a query in quotes stands for, the one typed first."""
    node = parse(query).node
    return [" ".join(part.words) for part in getattr(node, "parts", (node,))]


@pytest.mark.parametrize(
    ("typed", "others"),
    [
        ("$44bn deal", {"44 billion deal", "44 b deal"}),
        ("a €1.5 billion loan", {"a 1 1.5 bn loan", "a 1 1.5 b loan"}),
        ("5m jobs", {"5 million jobs", "5 mn jobs"}),
        ("$2 trillion plan", {"2 tn plan"}),
        ("up 10 per cent", {"up 10 percent", "up 10 pc", "up 10 pct"}),
        ("10% of", {"10 per cent of", "10 pc of", "10 pct of"}),
    ],
)
def test_amounts_in_quotes_are_written_in_any_way(typed, others):
    """The phrase as typed comes first."""
    _, *found = phrases(f'"{typed}"')
    assert {*found} == others
    assert all(part.exact for part in parse(f'"{typed}"').node.parts)


def test_amounts_of_a_phrase_are_written_alike():
    """No writer mixes 5m and 6 million."""
    found = phrases('"from $5m to $6bn"')
    assert found[:2] == ["from 5 m to 6 bn", "from 5 million to 6 billion"]
    assert len(found) == 4


def test_the_sign_after_a_number_is_the_word_percent():
    """Be it with a blank between; an amount without quotes, too."""
    assert phrases('"10% rise"') == phrases('"10 % rise"') == phrases('"10 percent rise"')
    assert parse("4.5%").node == Phrase(("4", "4.5", "percent"), joined=True)
    assert parse("10 %").node == parse("10 percent").node
    assert parse("25%20off").node == parse("25 20off").node


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("增长5%的", ["增", "长", "5", "percent", "的"]),
        ("12％増", ["12", "percent", "増"]),
        ("5%는", ["5", "percent", "는"]),
        ("plus 5 %, puis", ["plus", "5", "percent", "puis"]),
        ("um 5\u00a0%.)", ["um", "5", "percent"]),
        ("100%er", ["100", "er"]),
        ("of %s and %20", ["of", "s", "and", "20"]),
        ("#%*$@ you", ["you"]),
    ],
)
def test_the_sign_for_percent_as_other_languages_write_it(text, forms):
    """Scripts without blanks go on right after it; where a blank is before it, a comma follows."""
    assert forms_of(text) == forms


def test_what_is_no_amount_stays_as_it_is():
    """A unit without a number, a number without a unit, and what is to be as written."""
    for query in ('"a billion people"', '"10 people"', '"b 44"', '"x%"', "=44bn"):
        assert isinstance(parse(query).node, Word | Phrase)


def test_units_apart_from_a_number_may_be_others():
    """In quotes, too: metres, computers."""
    for query in ('"under 5 m waves"', '"ten 10 pc games"', '"5 B flats"'):
        assert isinstance(parse(query).node, Phrase)
    for query in ('"5m waves"', '"5 bn deal"', '"5-m waves"'):
        assert isinstance(parse(query).node, Alternatives)


def test_a_boost_counts_for_each_way():
    """All parts are weighed, and so are the words of a group."""
    node = parse('"44bn deal"^3').node
    assert {part.weight for part in node.parts} == {3.0}
    assert scaled(parse('"44bn deal"').node, 3.0) == node


def test_amounts_in_quotes_combine_as_other_phrases():
    """Near a word, excluded, and in a field."""
    assert isinstance(parse('"44bn" NEAR/5 deal').node, Near)
    assert isinstance(parse('-"44bn"').node, Without)
    node = parse('title:"44bn deal"~2').node
    assert isinstance(node, Alternatives)
    assert {(part.field, part.slop) for part in node.parts} == {("title", 2)}


def test_a_phrase_with_amounts_has_the_words_typed():
    """No more than any other, and no fewer, for the limit of a query."""
    words = "word " * (MAX_CLAUSES - 2)
    assert isinstance(parse(f'"{words} 44bn"').node, Alternatives)
    with pytest.raises(QueryError):
        parse(f'"{words} word 44bn"')
