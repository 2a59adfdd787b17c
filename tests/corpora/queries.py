"""Query trees of every kind of node, for Hypothesis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from indexer.query.nodes import (
    All,
    Compound,
    DateRange,
    Either,
    Everything,
    Fuzzy,
    Keyword,
    Near,
    Node,
    NumberRange,
    Pattern,
    Phrase,
    Present,
    Without,
    Word,
)
from indexer.schema import NUMBER_FIELDS, TEXT_FIELDS
from tests.corpora.segments import WORDS

_WEIGHTS = st.sampled_from((1.0, 1.0, 0.5, 3.0, 0.0))
_FIELDS = st.none() | st.sampled_from(TEXT_FIELDS)
#: Keys, domains, names and words of names, patterns, and values that no story has.
KEYWORDS = (
    Keyword("provider", "alpha.example"), Keyword("provider", "www.Beta.example"),
    Keyword("provider", "Alpha News"), Keyword("provider", "news"), Keyword("provider", "*a*"),
    Keyword("lead_provider", "beta.example"), Keyword("lead_provider", "gamma"),
    Keyword("topic", "AI"), Keyword("topic", "cl*"), Keyword("topic", "absent"),
    Keyword("category", "News"), Keyword("published", "yes"), Keyword("published", "false"),
    Keyword("year", "2021"), Keyword("month", "2020-0?"),
)  # fmt: skip
_PATTERNS = ("c*", "ca*", "do*", "zebu*", "x*", "?a*", "*o*", "*d", "f?s*", "zz*", "m??n", "*")
_NUMBERS = st.none() | st.sampled_from((-3.5, -3.0, 0.0, 5.0, 5.5, 79.0, 100.0))
_EPOCH = datetime(2020, 1, 1, tzinfo=timezone.utc)
_DAYS = st.none() | st.integers(0, 800).map(lambda days: _EPOCH + timedelta(days))


def words_of(words: Sequence[str], *, exact: bool = False) -> st.SearchStrategy[Node]:
    """Leaves that are words and phrases; also as written if `exact`. The first words more."""
    written = st.booleans() if exact else st.just(False)
    word = st.sampled_from((*words[:5], *words, "absent"))
    phrase = st.lists(st.sampled_from((*words[:5], "absent")), min_size=2, max_size=3).map(tuple)
    single = st.builds(Word, word, _FIELDS, _WEIGHTS, written)
    leaves = st.builds(Phrase, phrase, st.integers(0, 3), _FIELDS, _WEIGHTS, written)
    if not exact:
        return single | single | leaves
    patterns = st.lists(word | st.sampled_from(("c*", "?a*")), min_size=2, max_size=3).map(tuple)
    leaves |= st.builds(Phrase, patterns, st.integers(0, 3), _FIELDS, _WEIGHTS, written)
    leaves |= st.builds(
        Compound, word, st.lists(word, min_size=2, max_size=2).map(tuple), _FIELDS, _WEIGHTS
    )
    leaves |= st.builds(Word, word, st.none(), _WEIGHTS, st.just(False), st.just(True))
    side = st.builds(Word, word) | st.builds(Phrase, phrase) | st.just(Pattern("c*"))
    leaves |= st.builds(Near, side, side, st.integers(1, 5))
    return single | single | leaves | st.builds(Present, st.sampled_from(TEXT_FIELDS))


def leaves_of(words: Sequence[str], *, exact: bool = False) -> st.SearchStrategy[Node]:
    """Leaves of all kinds over some words."""
    near = st.sampled_from((*words, *(f"{word[:-1]}s" for word in words[:4]), "mood"))
    text = words_of(words, exact=exact)
    return st.one_of(
        text,
        text,
        st.builds(Pattern, st.sampled_from(_PATTERNS), _FIELDS, _WEIGHTS),
        st.builds(Fuzzy, near, st.integers(1, 2), _FIELDS, _WEIGHTS),
        st.sampled_from(KEYWORDS),
        st.builds(DateRange, _DAYS, _DAYS),
        st.builds(
            NumberRange, st.sampled_from(NUMBER_FIELDS), _NUMBERS, _NUMBERS,
            st.booleans(), st.booleans(),
        ),
        st.just(Everything()),
    )  # fmt: skip


def _combined(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(inner, min_size=1, max_size=4).map(tuple)
    return several.map(All) | several.map(Either) | st.builds(Without, inner, inner)


def trees_of(words: Sequence[str], *, exact: bool = False) -> st.SearchStrategy[Node]:
    """Trees of all kinds over some words."""
    return st.recursive(leaves_of(words, exact=exact), _combined, max_leaves=8)


#: Trees over the words of invented stories that Whoosh can be asked too.
QUERIES = trees_of(WORDS)
#: The same, and words sought as written.
EXACT_QUERIES = trees_of(WORDS, exact=True)
