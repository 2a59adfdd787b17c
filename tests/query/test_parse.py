"""The query language: what is typed and which tree it becomes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import QueryError
from indexer.query.grammar import MAX_CLAUSES
from indexer.query.nodes import (
    Address,
    All,
    Compound,
    DateRange,
    Either,
    Everything,
    Fuzzy,
    Keyword,
    Near,
    NumberRange,
    Pattern,
    Phrase,
    Present,
    Without,
    Word,
    leaves,
    ranks,
    scaled,
)
from indexer.query.parsed import ParsedQuery
from indexer.query.parser import MAX_CHARACTERS, parse

A, B, C, D = map(Word, "abcd")
EXACT = Word("a", exact=True)
WIFI = Compound("wifi", ("wi", "fi"))
TICK = timedelta(microseconds=1)


def day(*numbers):
    return datetime(*numbers, tzinfo=timezone.utc)


def joined(*words):
    return Phrase(words, joined=True)


def quoted(*words, **options):
    return Phrase(words, exact=True, **options)


def near(word, distance=1, **options):
    return Either((Fuzzy(word, distance, **options), Word(word, **options)))


@pytest.mark.parametrize(
    ("typed", "node"),
    [
        ("", Everything()),
        ("  ", Everything()),
        ("*", Everything()),
        ("*:*", Everything()),
        ("!", Either(())),
        ("???", Either(())),
        ("a", A),
        ("a b", All((A, B))),
        ("a AND b", All((A, B))),
        ("a OR b", Either((A, B))),
        ("a b OR c d", Either((All((A, B)), All((C, D))))),
        ("a AND (b OR c)", All((A, Either((B, C))))),
        ("* a", A),
        ("a OR *", Either((A, Everything()))),
        # Words are folded and not stemmed.
        ("ZÜRICH’s", Word("zurich")),
        ("O'Reilly companies", All((Word("oreilly"), Word("companies")))),
        ("why?", Word("why")),
        # What a hyphen joins, or letters and digits, is one word or several in a row.
        ("wi-fi", WIFI),
        ("covid19", Compound("covid19", ("covid", "19"))),
        ("wi-fi^2", Compound("wifi", ("wi", "fi"), weight=2.0)),
        ("title:wi-fi", Compound("wifi", ("wi", "fi"), "title")),
        ('"wi-fi"', quoted("wi", "fi")),
        ("(wi-fi OR b)", Either((WIFI, B))),
        ("10,000", Word("10000")),
        # Other signs part words, and so does a hyphen where there are several.
        ("trump/biden", All((Word("trump"), Word("biden")))),
        # Letters and numbers beside these are one name.
        ("at&t deal", All((joined("at", "t"), Word("deal")))),
        ("title:R&D", Phrase(("r", "d"), field="title", joined=True)),
        ("trump/biden 24/7", All((Word("trump"), Word("biden"), joined("24", "7")))),
        ("a/c&d", joined("a", "c", "d")),
        ("a/c km/h", All((Compound("ac", ("a", "c")), Compound("kmh", ("km", "h"))))),
        ("twitter/x", All((Word("twitter"), Word("x")))),
        ("china/U.N.", All((Word("china"), Word("un", acronym=True)))),
        ("smith/O'Brien", All((Word("smith"), Word("obrien")))),
        ("suv/e-bike", All((Word("suv"), Compound("ebike", ("e", "bike"))))),
        ("python/C#", All((Word("python"), Word("c#")))),
        ("a/日本", All((A, Phrase(("日", "本"))))),
        ("1/2/3/4/5", All(tuple(map(Word, "12345")))),
        ("5/10\u0301", joined("5", "10")),
        ("us/uk b&", All((Word("us"), Word("uk"), B))),
        ("3.5 10:30", All((Word("3.5"), joined("10", "30")))),
        ("3-1 2022-05-31", All((joined("3", "1"), joined("2022", "05", "31")))),
        ("3\u20131 2021\u201322", All((joined("3", "1"), joined("2021", "22")))),
        ("us\u2013uk", All((Word("us"), Word("uk")))),
        ("40°C 104°F", All((Compound("40c", ("40", "c")), Compound("104f", ("104", "f"))))),
        ("-40.5°C", Without(Everything(), Compound("40.5c", ("40", "40.5", "c")))),
        ("-5％ a", parse("5% a").node),
        ("40°N c°c", All((Word("40"), Word("n"), Word("c"), Word("c")))),
        (
            "v2.0 $1.50bn",
            All((Compound("v2.0", ("v", "2", "2.0")), Compound("1.50bn", ("1", "1.50", "bn")))),
        ),
        ('"over 4.5"', quoted("over", "4", "4.5")),
        ("1,234.5 1.234,5 1.000", All((Word("1234.5"), Word("1234.5"), Word("1000")))),
        ("24.12.2022 1.2.3", All((joined("24", "12", "2022"), joined("1", "2", "3")))),
        ("example.com 7.", All((Word("example"), Word("com"), Word("7")))),
        ("-trump,biden", Without(Everything(), All((Word("trump"), Word("biden"))))),
        ("state-of-art", All((Word("state"), Word("of"), Word("art")))),
        # A script without blanks.
        ("日本語", Phrase(("日", "本", "語"))),
        ("서울", Phrase(("서", "울"))),
        # An article that is elided, initials, acronyms, languages.
        ("l'oréal", Word("oreal")),
        ("C++ c# .NET", All((Word("c++"), Word("c#"), Word(".net")))),
        ("WHO", Word("who", acronym=True)),
        ("WHO's EU’s", All((Word("who", acronym=True), Word("eu", acronym=True)))),
        ("U.S. tariffs", All((Word("us", acronym=True), Word("tariffs")))),
        ("WHO IS", All((Word("who"), Word("is")))),
        ("🔥", Word("🔥")),
        # Operators of other engines.
        ("a && b", All((A, B))),
        ("a || b", Either((A, B))),
        ("a | b", Either((A, B))),
        ("a|b", Either((A, B))),
        ("a AND AND b", All((A, B))),
        ("a OR OR b", Either((A, B))),
        ("a OR AND b", Either((A, B))),
        ("!a", Without(Everything(), A)),
        ("+a +b", All((A, B))),
        ("-+a", A),
        ("=As", Word("as", exact=True)),
        ("a NEAR/5 b", Near(A, B, 5)),
        ("a w/3 b c", All((C, Near(A, B, 3)))),
        ("a NEAR/500 b", Near(A, B, 30)),
        ('"a b" NEAR/2 c*', Near(quoted("a", "b"), Pattern("c*"), 2)),
        ("a NEAR/2 -b", Without(A, B)),
        ("a AROUND(2) b", Near(A, B, 2)),
        ("a NEAR/2 (b OR c)", Either((Near(A, B, 2), Near(A, C, 2)))),
        ("(a OR (b OR c)) w/2 d", Either((Near(A, D, 2), Near(B, D, 2), Near(C, D, 2)))),
        ("a NEAR/2 (b OR c d)", All((A, Either((B, All((C, D))))))),
        # Signs of East Asian keyboards, and of mathematics.
        ("（a OR b） c", All((C, Either((A, B))))),
        ("title：a", Word("a", "title")),
        ("＂a b＂", quoted("a", "b")),
        ("a －b", All((A, Without(Everything(), B)))),
        ("a −b", All((A, Without(Everything(), B)))),
        ("a −5", All((A, Word("5")))),
        ("publisher:a", Keyword("provider", "a")),
        ('"a * b"', quoted("a", "b", slop=1)),
        ('"a * * b"~1', quoted("a", "b", slop=2)),
        # of several operators the first counts
        ("a NEAR/5 OR b", Near(A, B, 5)),
        ("a w/5 || && b", Near(A, B, 5)),
        # What must not be there.
        ("-a", Without(Everything(), A)),
        ("NOT a", Without(Everything(), A)),
        ("a -b -c", All((A, Without(Everything(), Either((B, C)))))),
        ("a NOT (b c)", All((A, Without(Everything(), All((B, C)))))),
        ("NOT -a", A),
        ("(-a) b", All((B, Without(Everything(), A)))),
        # Phrases.
        ('"a b"', quoted("a", "b")),
        ('"a"', EXACT),
        ('"a b"~3', quoted("a", "b", slop=3)),
        ('"a b"~5000', quoted("a", "b", slop=30)),
        ("“a b”", quoted("a", "b")),
        ("«a b»", quoted("a", "b")),
        ('title:"a b"~1^2', quoted("a", "b", slop=1, field="title", weight=2.0)),
        ('"a be* c"', quoted("a", "be*", "c")),
        ('"be*"', Pattern("be*")),
        # Patterns are over words as written, near spellings too.
        ("Wör*", Pattern("wor*")),
        ("companies*", Pattern("companies*")),
        ("w?rd", Pattern("w?rd")),
        ("w**d", Pattern("w*d")),
        ("#wor*", Pattern("wor*")),
        ("wi-f*", Pattern("wif*")),
        ("title:wor*^2", Pattern("wor*", "title", 2.0)),
        ("azur~", near("azur")),
        ("Azur~2", near("azur", 2)),
        ("excerpt:azur~^3", near("azur", field="excerpt", weight=3.0)),
        ("wi-fi~", Either((Fuzzy("wifi", 1), WIFI))),
        # Weights multiply.
        ("a^2", Word("a", weight=2.0)),
        ("(a b^0.5)^3", All((Word("a", weight=3.0), Word("b", weight=1.5)))),
        ("(a -b)^3", Without(Word("a", weight=3.0), B)),
        ("((a^999)^999)^999", Word("a", weight=1e4)),
        # Fields of text.
        ("title:a", Word("a", "title")),
        ("TITLE:a", Word("a", "title")),
        ("related:a body:b", All((Word("a", "related"), Word("b", "body")))),
        ("title:(a b)", All((Word("a", "title"), Word("b", "title")))),
        ("title:(a OR b)^2", Either((Word("a", "title", 2.0), Word("b", "title", 2.0)))),
        ("title:(a -b)", Without(Word("a", "title"), Word("b", "title"))),
        ('title:("a)b" c) d', All((D, All((quoted("a", "b", field="title"), Word("c", "title")))))),
        # Values of facets are kept as typed.
        ("provider:ZDNet.com", Keyword("provider", "ZDNet.com")),
        ('topic:"Microsoft  AI"', Keyword("topic", "Microsoft  AI")),
        ("Provider:al*", Keyword("provider", "al*")),
        ("published:yes", Keyword("published", "yes")),
        ("topic:(a OR b)", Either((Keyword("topic", "a"), Keyword("topic", "b")))),
        ("provider:(a -b)", Without(Keyword("provider", "a"), Keyword("provider", "b"))),
        # Dates.
        ("date:2022", DateRange(day(2022, 1, 1), day(2023, 1, 1) - TICK)),
        ("date:2022-05", DateRange(day(2022, 5, 1), day(2022, 6, 1) - TICK)),
        ("date:>2022", DateRange(day(2023, 1, 1), None)),
        ("date:>=2022", DateRange(day(2022, 1, 1), None)),
        ("date:<2022", DateRange(None, day(2022, 1, 1) - TICK)),
        ("date:<=2022-05-01", DateRange(None, day(2022, 5, 2) - TICK)),
        ("since:2022-05", DateRange(day(2022, 5, 1), None)),
        ("until:2022-05", DateRange(None, day(2022, 6, 1) - TICK)),
        ("date:[2021 to 2022-05-31]", DateRange(day(2021, 1, 1), day(2022, 6, 1) - TICK)),
        ("date:2021..2022", DateRange(day(2021, 1, 1), day(2023, 1, 1) - TICK)),
        ("date:2021..", DateRange(day(2021, 1, 1), None)),
        ("date:..2021", DateRange(None, day(2022, 1, 1) - TICK)),
        ("date:9999-12", DateRange(day(9999, 12, 1), datetime.max.replace(tzinfo=timezone.utc))),
        ("date:>= 2022", DateRange(day(2022, 1, 1), None)),
        ("date: 2022", DateRange(day(2022, 1, 1), day(2023, 1, 1) - TICK)),
        ("after:2022", DateRange(day(2022, 1, 1), None)),
        ("before:2022", DateRange(None, day(2022, 1, 1) - TICK)),
        ("date:*", DateRange(None, None)),
        ("-date:*", Without(Everything(), DateRange(None, None))),
        ("quality:10..20.5", NumberRange("quality", 10, 20.5)),
        ("quality:*", NumberRange("quality", None, None)),
        ("body:*", Present("body")),
        ("topic:*", Keyword("topic", "*")),
        # Other names, and addresses.
        ("site:a.example", Keyword("provider", "a.example")),
        ("source: a.example", Keyword("provider", "a.example")),
        ("tag:a intitle:b", All((Keyword("topic", "a"), Word("b", "title")))),
        ("https://a.example/b?c=d", Address("https://a.example/b?c=d")),
        ("a.example/b", Address("a.example/b")),
        ("url:www.a.example/b", Address("www.a.example/b")),
        ("a.example", All((A, Word("example")))),
        ("date:[2021 TO 2022-05-31]", DateRange(day(2021, 1, 1), day(2022, 6, 1) - TICK)),
        ("date:[* TO 2021]", DateRange(None, day(2022, 1, 1) - TICK)),
        ("date:2022-05-01T10:30Z",
         DateRange(day(2022, 5, 1, 10, 30), day(2022, 5, 1, 10, 31) - TICK)),
        # Numbers.
        ("quality:>80", NumberRange("quality", 80, None, low_open=True)),
        ("quality:>=80", NumberRange("quality", 80, None)),
        ("quality:<80", NumberRange("quality", None, 80, high_open=True)),
        ("quality:<=80.5", NumberRange("quality", None, 80.5)),
        ("heat:-1", NumberRange("heat", -1, -1)),
        ("quality:[10 TO *]", NumberRange("quality", 10, None)),
        ("quality:[-1 TO 5]", NumberRange("quality", -1, 5)),
        # What is no syntax is words.
        ("AND", Word("and")),
        ("a OR", All((A, Word("or")))),
        ("OR a", All((Word("or"), A))),
        ("NOT", Word("not")),
        ("(a NOT )", All((A, Word("not")))),
        ("a or b", All((A, Word("or"), B))),
        ("a)", A),
        (") a (", A),
        ('"a', A),
        ("()", Either(())),
        ("a ~ ^ [", A),
        ("date:soon", All((Word("date"), Word("soon")))),
        ("date:<0001", All((Word("date"), Word("0001")))),
        ("date:[soon TO 2022]", All(tuple(map(Word, ("date", "soon", "to", "2022"))))),
        ("quality:good", All((Word("quality"), Word("good")))),
        ("nofield:a", All((Word("nofield"), A))),
        ("title: a", Word("a", "title")),
        ("title: ", Word("title")),
        ("note: a", All((Word("note"), A))),
        ("title:(a", All((Word("title"), A))),
        ("a:b", All((A, B))),
    ],
)  # fmt: skip
def test_each_form_becomes_its_node(typed, node):
    """Every form of the language becomes the tree that it says."""
    assert parse(typed).node == node


@pytest.mark.parametrize(
    ("typed", "plain", "rest"),
    [
        ("", (), None),
        ("a", (A,), None),
        ("b a b", (B, A, B), None),
        ("a wi-fi 日本", (A, WIFI, Phrase(("日", "本"))), None),
        ("a 日本-x", (A, Phrase(("日", "本")), Word("x")), None),
        ("a +b", (A,), B),
        ("a (b NEAR/2 c)", (A,), Near(B, C, 2)),
        ("a^2 b", (Word("a", weight=2.0), B), None),
        ("* a", (A,), None),
        ('a "b c" d', (A, D), quoted("b", "c")),
        ('a "b"', (A,), Word("b", exact=True)),
        ("a -b", (A,), Without(Everything(), B)),
        ("a title:b -c", (A,), Without(Word("b", "title"), C)),
        ("a topic:x", (A,), Keyword("topic", "x")),
        ("a b*", (A,), Pattern("b*")),
        ("a bird~", (A,), near("bird")),
        # Parentheses that hold plain words alone change nothing.
        ("a (b)", (A, B), None),
        ("a (b c)", (A, B, C), None),
        ("a (b (c d))", (A, B, C, D), None),
        ("(a b)^2", (Word("a", weight=2.0), Word("b", weight=2.0)), None),
        ("(a wi-fi)", (A, WIFI), None),
        ("a (b OR c)", (A,), Either((B, C))),
        ("a (b -c)", (A,), Without(B, C)),
        ("a -(b c)", (A,), Without(Everything(), All((B, C)))),
        ("a AND (b c)", (), All((A, All((B, C))))),
        ("a AND b c", (C,), All((A, B))),
        ("c a AND b", (C,), All((A, B))),
        ("NOT NOT a b", (B,), A),
        ("a OR b", (), Either((A, B))),
        ("a b OR c", (), Either((All((A, B)), C))),
        ("(a b)", (A, B), None),
        ("a) b", (A, B), None),
    ],
)
def test_plain_words_are_told_from_what_must_hold(typed, plain, rest):
    """Only words typed with nothing else may be left out."""
    parsed = parse(typed)
    assert (parsed.plain, parsed.rest) == (plain, rest)


@pytest.mark.parametrize(
    ("typed", "scored"),
    [
        ("", False), ("*", False), ("a", True), ("-a", False), ("(-a)", False), ("a -b", True),
        ("topic:a", False), ("topic:a b", True), ("date:2022 quality:>1", False), ("a*", True),
        ("topic:a OR b~", True), ("-(-a)", False),
    ],
)  # fmt: skip
def test_what_can_be_ranked(typed, scored):
    """Words that are wanted rank stories; filters and unwanted words do not."""
    assert parse(typed).scored is scored


def test_typed_words_stand_where_they_stand():
    """Words, in fields, groups and quotes too, are listed with their places."""
    text = 'a title:bc (wi-fi^2 OR "not this") no* topic:x -d'
    words = parse(text).words
    assert [word.text for word in words] == ["a", "bc", "wi-fi", "not", "this", "d"]
    assert all(text[word.start : word.end] == word.text for word in words)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("x" * 65537, "65,536"), ("(a* OR b*) " * 129, "256"),
        ("title:(" + "a " * 257 + ")", "256"), ("-a* " * 257, "256"), ('"a" ' * 257, "256"),
    ],
)  # fmt: skip
def test_limits_are_named(typed, said):
    """Passing a limit is an error that names the parameter and the limit."""
    with pytest.raises(QueryError, match=said) as caught:
        parse(typed)
    assert caught.value.parameter == "q"


def test_at_the_limits():
    """The longest query and the most clauses allowed are read."""
    assert len(parse("a " * 1000).plain) == 1000
    assert len(leaves(parse("(a* OR b*) " * (MAX_CLAUSES // 2)).node)) == MAX_CLAUSES
    assert parse("a" * MAX_CHARACTERS).scored


@pytest.mark.parametrize("typed", ["(" * 4000, "-" * 4000, "NOT " * 1000, '"' * 4001, "a(" * 250])
def test_deep_nesting_is_read(typed):
    """Thousands of brackets or signs exhaust nothing."""
    assert isinstance(parse(typed), ParsedQuery)


def test_deeper_parentheses_are_punctuation():
    """Past 32 levels words are read as if the parentheses were not there."""
    node = parse("(" * 40 + "a" + ")" * 40 + " -b").node
    assert node == All((A, Without(Everything(), B)))


def test_scaling_leaves_filters_alone():
    """Only what scores is weighted."""
    node = parse("(topic:a OR quality:>1 OR date:2022 OR * OR b)").node
    assert scaled(node, 2.0) == parse("(topic:a OR quality:>1 OR date:2022 OR * OR b^2)").node


def test_nodes_are_keys():
    """Equal trees have equal hashes, so that plans can be remembered."""
    typed = '(a OR "b c"~2) title:d* x~ topic:y quality:>1 since:2020 -z'
    assert len({parse(typed).node, parse(typed).node, parse("a").node}) == 2


SYNTAX = st.sampled_from(
    [" NEAR/3 ", " w/5 ",
     "azure", "zurich", "cloud", "AND", "OR", "NOT", "(", ")", '"', "-", "~", "~2", "^2", "*",
     "?", "[", "]", " TO ", ":", "title:", "title:(", "date:", "2022-05", "<0001", "quality:>",
     "provider:", "topic:(", " ", " ", "é", "日", "\\", "\x00", "“", "_", "'s"]
)  # fmt: skip


@given(st.lists(SYNTAX, max_size=25).map("".join) | st.text(max_size=60))
def test_whatever_is_typed_is_read(typed):
    """No text within the limits is an error, and a text always means the same."""
    parsed = parse(typed)
    assert parse(typed) == parsed
    assert parsed.scored is ranks(parsed.node)
    assert all(typed[word.start : word.end] == word.text for word in parsed.words)
    parts = [*parsed.plain] + ([] if parsed.rest is None else [parsed.rest])
    whole = parts[0] if len(parts) == 1 else All(tuple(parts))
    assert parsed.node == (whole if parts else Everything())
