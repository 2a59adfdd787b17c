"""Which words of a text are marked for a query."""

from __future__ import annotations

import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer import variants
from indexer.analysis import fold, stem_of
from indexer.highlight.marks import Marker
from indexer.languages import ENGLISH
from indexer.query.nodes import (
    All,
    DateRange,
    Either,
    Everything,
    Fuzzy,
    Keyword,
    Pattern,
    Phrase,
    Without,
    Word,
)
from tests.highlight.oracle import spans_of

TEXT = "Clouds over Zürich: the cloud's a low-code cloud, U.S. O'Reilly said; I'm happy in 日本."


def near(leaf):
    """The words near to one, of an index that has few."""
    return frozenset({"cloud", "clouds", "zurich", "日"} if leaf.distance > 1 else {"cloud"})


def marked(node, text=TEXT, place="title"):
    return [text[start:end] for start, end in spans(node, text, place)]


def spans(node, text, place):
    (found,) = Marker(node, near).spans([(text, place)])
    return list(found)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (Word("cloud"), ["Clouds", "cloud's", "cloud"]),
        (Word("clouding"), ["Clouds", "cloud's", "cloud"]),
        (Word("clouds", exact=True), ["Clouds"]),
        (Word("cloud", exact=True), ["cloud's", "cloud"]),
        (Word("zurich"), ["Zürich"]),
        (Word("us"), ["U.S."]),
        (Word("oreilly"), ["O'Reilly"]),
        (Word("im"), ["I'm"]),
        (Word("happiness"), ["happy"]),
        (Word("日"), ["日"]),
        (Phrase(("日", "本")), ["日本"]),
        (All((Word("日"), Word("本"))), ["日本"]),
        (Word("said", "excerpt"), []),
        (Word("said", "title"), ["said"]),
        (Word("the"), ["the"]),
        (Word("the", exact=True), ["the"]),
        (All((Word("the"), Word("said"))), ["said"]),
        (All((Word("the"), Word("over"))), ["over", "the"]),
        (All((Word("the"), Keyword("topic", "AI"))), ["the"]),
        (All((Word("the", "title"), Word("said"))), ["the", "said"]),
        (Phrase(("the", "cloud")), ["the cloud's"]),
        (Phrase(("the", "clouds"), exact=True), []),
        (Phrase(("low", "code", "clouds")), ["low-code cloud"]),
        (Phrase(("clouds", "zurich")), []),
        (Phrase(("clouds", "zurich"), slop=1), ["Clouds over Zürich"]),
        (Phrase(("cloud", "cloud"), slop=9), ["Clouds over Zürich: the cloud's a low-code cloud"]),
        (Phrase(("cloud", "cloud"), slop=2), []),
        (Phrase(("the", "cloud", "cloud"), slop=3), ["the cloud's a low-code cloud"]),
        (Pattern("cl*"), ["Clouds", "cloud's", "cloud"]),
        (Pattern("?loud"), ["cloud's", "cloud"]),
        (Pattern("*r?ch"), ["Zürich"]),
        (Pattern("*lly"), ["O'Reilly"]),
        (Pattern("[cl]*"), []),
        (Fuzzy("cluod", 1), ["cloud's", "cloud"]),
        (Fuzzy("cluod", 2), ["Clouds", "Zürich", "cloud's", "cloud", "日"]),
        (Without(Word("said"), Word("cloud")), ["said"]),
        (Without(Everything(), Word("cloud")), []),
        (Either((Word("said"), DateRange(None, None))), ["said"]),
        (Everything(), []),
    ],
)
def test_what_is_marked(node, expected):
    """What makes a story match is marked as it is written, and nothing else."""
    assert marked(node) == expected
    assert marked(All((node, Everything()))) == expected


def test_related_marks_in_related_articles_only():
    """A field is marked where the query names it: `related` in title and excerpt of an article."""
    node = All((Word("cloud", "related"), Word("said", "body"), Word("low")))
    assert marked(node, place="related") == ["Clouds", "cloud's", "low", "cloud"]
    assert marked(node, place="body") == ["low", "said"]
    assert marked(node, place="excerpt") == ["low"]


WORDS = [
    "cloud", "Clouds", "clouding", "CLOUD’S", "c.l.o", "O'Reilly", "oreilly", "o'", "'tis", "tis",
    "U.S.", "us", "U.S.A", "u.s.now", "Zürich", "zurich", "Zu\u0308rich", "İstanbul", "istanbul",
    "dying", "die", "vying", "ability", "able", "happy", "happiness", "the", "of", "日本",
    "日cloud", "cloud日", "ſky", "skies", "sky", "a_b", "low-code", "low", "code", "it's's",
    "rock'n'roll", "ß", "ss", "Kelvin", "ﬁre", "fire", "²", "2", "…", "“cloud”", "(cloud)",
    "x" * 60 + "-cloud", "мир", "Мира", "q\u0301’s", "naïve", "naive",
]  # fmt: skip
FORMS = sorted({fold(word) for word in WORDS} | {"us", "low", "code", "日", "本", "able", "c", "l"})
TEXTS = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join),
    st.lists(st.sampled_from([*WORDS, " ", "\n", "\xa0", ".", "'", "’", "  "]), max_size=14).map(
        "".join
    ),
    st.text(st.sampled_from("aAbscSé'’. -_日\u0301iİ²\n"), max_size=40),
)
FIELDS = st.sampled_from([None, None, "title", "body", "related"])
WORD = st.sampled_from(FORMS) | st.text("absci", min_size=1, max_size=4)
LEAVES = st.one_of(
    st.builds(Word, WORD, FIELDS, st.just(1.0), st.booleans()),
    st.builds(
        Phrase, st.lists(WORD, min_size=1, max_size=3).map(tuple), st.integers(0, 3), FIELDS,
        st.just(1.0), st.booleans(),
    ),
    st.builds(Pattern, st.text("*?clouabsi日", min_size=1, max_size=5), FIELDS),
    st.builds(Fuzzy, WORD, st.integers(1, 2), FIELDS),
    st.just(Everything()),
)  # fmt: skip
TREES = st.recursive(
    LEAVES,
    lambda below: st.one_of(
        st.builds(All, st.lists(below, max_size=3).map(tuple)),
        st.builds(Either, st.lists(below, max_size=3).map(tuple)),
        st.builds(Without, below, below),
    ),
    max_leaves=6,
)
PLACES = st.sampled_from(["title", "excerpt", "body", "related"])


@given(TREES, st.lists(TEXTS, min_size=1, max_size=4), st.lists(PLACES, min_size=2, max_size=2))
@settings(max_examples=600)
@example(Word("us"), ["u.s日 U.S日", "x U.S.", "a.b.c.d"], ["title"] * 2)
@example(Phrase(("cloud", "us")), ["us cloud us cloud  us", "cloud.us cloud u.s."], ["title"] * 2)
def test_marks_are_those_of_comparing_every_word(node, texts, places):
    """What a marker finds is what cutting the text and comparing word by word would find."""
    texts = [*texts, " ".join(texts)]
    places = [*places, *places][: len(texts) - 1] + places[:1]
    found = Marker(node, near).spans(list(zip(texts, places, strict=True)))
    for text, place, marked in zip(texts, places, found, strict=True):
        assert list(marked) == spans_of(node, near, text, place)


@given(st.lists(WORD, min_size=40, max_size=60, unique=True), TEXTS)
@settings(max_examples=50)
def test_queries_of_many_words_mark_the_same(words, text):
    """However many words are sought, each is found."""
    node = Either(tuple(map(Word, words)))
    assert spans(node, text, "body") == spans_of(node, near, text, "body")


SUFFIXES = [
    "", "s", "es", "ed", "ing", "ly", "y", "ies", "ied", "ization", "ational", "ator", "ability",
    "ible", "ibility", "fulness", "ousness", "iveness", "ally", "entli", "ement", "e", "er",
    "ness", "ity", "ical", "icate", "ative", "alize", "ogist", "ying", "bli", "eedly", "isation",
    "ise", "yse", "aemia", "tre", "bred", "logue", "men", "elled", "ours", "ence", "iallist",
]  # fmt: skip


@given(st.text("abcdeilnorstuvy", max_size=6), st.sampled_from(SUFFIXES))
@settings(max_examples=1000)
def test_words_begin_with_the_clue_of_their_stem(base, suffix):
    """Clues rule out no word of their stem."""
    word = base + suffix
    assert word.startswith(tuple(ENGLISH.beginnings(stem_of(word))))


@pytest.mark.parametrize(
    "word",
    [
        "skies", "dying", "idly", "gently", "singly", "ugly", "news", "i", "medallists",
        "panellist", "haemorrhage", "anaemic", "practise", "skilful", "licensee", "manoeuvres",
        "epicentres", *variants.FORMS, *variants.SPELLINGS,
    ],
)  # fmt: skip
def test_irregular_words_begin_with_the_clue_of_their_stem(word):
    """The same for the words that are in lists."""
    assert word.startswith(tuple(ENGLISH.beginnings(stem_of(word))))


def test_lower_case_keeps_the_length_of_a_text():
    """One letter alone becomes two in lower case, so that offsets stay."""
    assert [chr(code) for code in range(sys.maxunicode + 1) if len(chr(code).lower()) != 1] == [
        "\u0130"
    ]


def test_characters_that_fold_are_not_overlooked():
    """A word with any character of Unicode in it is found if it folds to the word sought."""
    for first in range(0x80, 0x3400, 0x100):
        letters = [chr(code) for code in range(first, first + 0x100)]
        text = " ".join([f"{letter}b a{letter}b ab{letter}" for letter in letters])
        assert spans(Word("ab"), text, "title") == spans_of(Word("ab"), near, text, "title")


def test_long_texts_take_no_more_time_than_their_length_asks_for():
    """A match in every other word, with blanks or without, does not make it slow."""
    for text in ("cloud us " * 30_000, "cloud-us-" * 30_000, "日" * 60_000):
        for node in (Word("cloud"), Word("日"), Phrase(("us", "cloud"), slop=10**9)):
            spans(node, text, "body")
