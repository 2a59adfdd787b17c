"""Words and terms: what counts as the same word."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.analysis import (
    MAX_TERM_LENGTH,
    WORD_PATTERN,
    StemAnalyzer,
    cut,
    fold,
    forms_of,
    iter_words,
    stem,
    well_formed,
)
from indexer.languages.english import FUNCTION_WORDS, light_form
from tests.oracles.terms import terms_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zürich", "zurich"), ("Zu\u0308rich", "Zürich"), ("CAFÉ", "cafe"), ("Straße", "STRASSE"),
        ("Łódź", "lodz"), ("Ørsted", "orsted"), ("naïve", "naive"), ("ﬁnance", "finance"),
        ("Ａｚｕｒｅ", "azure"), ("rock’n’roll", "rocknroll"), ("Don't", "dont"),
        ("Bundes\u00adgericht", "bundesgericht"), ("Micro\u200bsoft\u2060", "microsoft"),
        ("كـــتاب", "كتاب"), ("ﾄ", "ト"), ("ｶﾞ", "ガ"), ("10,000", "10.000"), ("10’000", "10000"),
        ("U.S.", "us"), ("👍🏽", "👍"),
        ("İstanbul", "istanbul"),
        ("Microsoft’s", "microsoft"), ("ΑΘΉΝΑ", "αθηνα"), ("Ёлка", "елка"),
        ("على", "علي"), ("مدرسة", "مدرسه"), ("ایران", "ايران"), ("کتاب", "كتاب"),
    ],
)  # fmt: skip
def test_spellings_that_are_the_same_word(one, other):
    """Case, accents, ligatures, widths, apostrophes and possessives do not matter."""
    assert [fold(word.text) for word in iter_words(one)] == [fold(other)]


def test_forms_of_a_word_share_a_stem():
    """English inflections are found by one another."""
    assert len({stem(word) for word in ("connect", "Connected", "connecting", "connections")}) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$1.14 don't x_y", "1 1.14 don't x y"),
        ("हिन्दी 東京タワー", "हिन्दी 東 京 タ ワ ー"),
        ("กรุง 서울", "ก รุ ง 서 울"),
        ("U.S. and U.S, e.g. Ph.D. a.b.cd v. 1.5", "U.S. and U.S e.g. Ph D a.b. cd v 1 1.5"),
        # A point or comma before one or two digits makes a decimal number.
        ("4.5m 1,234.5 24.12.2022 1.2.3", "4 4.5 m 4.5m 1,234 1,234.5 24 12 2022 1 2 3"),
        # What is below a blank parts words as blanks do.
        ("%\x080 5\x08%", "% 0 5 %"),
        # What is joined has its parts and itself.
        ("COVID-19 wi‑fi", "COVID 19 COVID-19 wi fi wi‑fi"),
        ("covid19 1990s", "covid 19 covid19 1990 s 1990s"),
        ("G20-summit", "G 20 G20 summit G20-summit"),
        ("a-b-c 2020-21", "a b a-b c b-c 2020 21"),
        # Keys are no words of letters and digits.
        ("a1b2c3d4", "a1b2c3d4"),
        # Elided articles.
        ("L’Oréal d'Ivoire O'Leary y'all", "Oréal L’Oréal Ivoire d'Ivoire Leary O'Leary y'all"),
        # Names of programming languages; emoji.
        ("C++, C# .NET asp.net #tag", "C++ C# NET .NET asp net tag"),
        ("fire🔥 👩‍🚀", "fire 🔥 👩‍🚀"),
    ],
)
def test_words_of_a_text(text, words):
    """Text is cut at what is neither letter, digit nor mark, and what is joined, twice."""
    assert [word.text for word in iter_words(text)] == words.split()


@given(st.text() | st.lists(st.sampled_from("aB1'’-.,+# \u00ad日한ก")).map("".join))
def test_words_stand_where_they_say(text):
    """Offsets cut each word out of the text; positions do not fall, and leave none out."""
    words = list(iter_words(text))
    assert all(text[word.start : word.end] == word.text for word in words)
    positions = [word.position for word in words]
    assert positions == sorted(positions)
    assert sorted(set(positions)) == list(range(len(set(positions))))


@given(st.text() | st.lists(st.sampled_from("aB1'’-.,+# \u00ad日한ก")).map("".join))
def test_a_query_for_a_text_has_words_of_it(text):
    """What a query is made of is found in the text itself."""
    words = {fold(word.text) for word in iter_words(text)}
    assert set(forms_of(text)) <= words
    for found in WORD_PATTERN.findall(text):
        assert cut(found).joined in {None, *words}


def test_lone_surrogates_can_be_encoded():
    """What is no text becomes a sign that says so."""
    assert well_formed("caf\udce9 é") == "caf\ufffd é"


@given(st.text(min_size=1))
def test_folding_is_stable(word):
    """Folding twice changes nothing, and no term is longer than the limit."""
    assert fold(fold(word)) == fold(word)
    assert len(stem(word * 50)) <= MAX_TERM_LENGTH


@given(st.text())
def test_whoosh_analyzer_agrees_with_the_plain_functions(text):
    """The analyzer that Whoosh runs gives the terms that queries are made of."""
    assert [token.text for token in StemAnalyzer()(text)] == list(filter(None, terms_of(text)))


def test_analyzers_survive_pickling():
    """Whoosh keeps the schema, and so the analyzers, in its own table of contents."""
    assert pickle.loads(pickle.dumps(StemAnalyzer())) == StemAnalyzer() != StemAnalyzer("german")


@pytest.mark.parametrize(
    "forms",
    [
        "cloud clouds clouded clouding", "compute computes computed computing",
        "company companies", "die dies died dying", "stop stops stopped stopping",
        "agree agrees agreed agreeing", "sky skies", "hope hopes hoped hoping",
        "fly flies flying", "process processes processed processing", "plan plans planned",
    ],
)  # fmt: skip
def test_inflections_have_the_same_light_form(forms):
    """Plurals and forms of verbs are alike."""
    assert len({light_form(form) for form in forms.split()}) == 1


@pytest.mark.parametrize(
    "words",
    [
        "compute computer computation", "connect connection", "news new", "general generous",
        "organ organic", "sing sin", "universe university", "process proceed",
    ],
)  # fmt: skip
def test_derived_words_have_light_forms_of_their_own(words):
    """What is another word, even with the same stem, is kept apart."""
    assert len({light_form(word) for word in words.split()}) == len(words.split())


@given(st.text("aeiouybdgklnrstwx", max_size=12).map(fold))
def test_light_forms_are_short(word):
    """A light form is no longer than its word but for a letter, and is one where the word is."""
    assert len(light_form(word)) <= len(word) + 1
    assert bool(light_form(word)) is bool(word)


def test_function_words_are_folded_words():
    """Each is what a word in a text becomes."""
    assert all(fold(word) == word for word in FUNCTION_WORDS)
    assert {"the", "of", "dont"} <= FUNCTION_WORDS
    assert not {"cloud", "us", "it's"} & FUNCTION_WORDS
