"""The same amount is found however it is written, by plain arithmetic and by compiled loops."""

from __future__ import annotations

import pytest

import indexer
from tests.conftest import build

TITLES = [
    "Musk in $44bn deal for Twitter",
    "Musk in $44 billion deal for Twitter",
    "Musk in $44B deal for Twitter",
    "Musk in $44-billion deal for Twitter",
    "44 people lost a billion on Twitter, no deal",
    "5m jobs go",
    "5 million jobs go",
    "5mn jobs go",
    "Jobs under 5 m waves",
    "A £1.5bn loan",
    "A £1.5 billion loan",
    "The 2tn plan",
    "The 2 trillion plan",
    "A 100cr film",
    "A 100 crore film",
    "A 10% rise",
    "A 10 percent rise",
    "A 10 per cent rise",
    "A 10pc rise",
    "10 people rise",
]
MUSK, JOBS, LOAN, PLAN = TITLES[:4], TITLES[5:8], TITLES[9:11], TITLES[11:13]
FILM, PERCENT = TITLES[13:15], TITLES[15:19]

#: What is typed, and the titles found.
FOUND = [
    *[(query, MUSK) for query in ("$44bn", "44B", "44-billion twitter", "title:44bn", "+44bn")],
    *[(query, [*MUSK, TITLES[4]]) for query in ("$44 billion", "title:(44 billion)")],
    *[(query, MUSK) for query in ('"$44bn deal"', '"$44 billion deal"', '"44 deal"~1 musk')],
    *[(f"{side} NEAR/3 twitter", MUSK) for side in ("44bn", '"44 billion"', '"44B deal"')],
    *[(query, TITLES[4:5]) for query in ("twitter -$44bn", 'twitter -"$44 billion"')],
    *[(query, JOBS) for query in ("5mn", "5 million", '"5 million jobs"', "5 AND million")],
    *[(query, [*JOBS, TITLES[8]]) for query in ("5m", "5m jobs")],
    *[(query, LOAN) for query in ("£1.5bn", "1.5 billion", '"a £1.5bn loan"', "1.5bn loan")],
    *[(query, PLAN) for query in ("2tn", "2 trillion", '"2tn plan"', "2tn OR zebra")],
    *[(query, FILM) for query in ("100 crore", "100cr", '"100cr film"')],
    *[(way, PERCENT) for way in ("10%", "10 percent", "10 per cent", "10pc", "10 pct", "10% rise")],
    ("10％", PERCENT),
    *[(f'"{way} rise"', PERCENT) for way in ("10%", "10 percent", "10pc", "10 %")],
    *[(query, MUSK[:1]) for query in ("=44bn",)],
]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return build(tmp_path_factory.mktemp("amounts"), [{"title": title} for title in TITLES])


@pytest.fixture(scope="module", params=[True, False], ids=["compiled", "plain"])
def engine(request, index):
    with indexer.open_index(index, compiled=request.param) as engine:
        engine.warm_up()
        yield engine


@pytest.mark.parametrize(("query", "titles"), FOUND)
def test_an_amount_is_found_however_it_is_written(engine, query, titles):
    """As a word or two, in quotes, fields and exclusions, near others, with operators."""
    page = engine.search(query)
    found = [hit.story.title for hit in page.hits[: page.complete]]
    assert sorted(found) == sorted(titles)
    assert not page.notices
    for hit in page.hits:
        assert engine.explain(query, hit.story.id).score == pytest.approx(hit.score, rel=1e-5)


@pytest.mark.parametrize("query", [query for query, _ in FOUND])
def test_compiled_loops_find_what_plain_arithmetic_does(index, query):
    """The same stories, with the same scores and marks."""
    answers = []
    for compiled in (True, False):
        with indexer.open_index(index, compiled=compiled) as engine:
            engine.warm_up()
            hits = sorted(engine.search(query).hits, key=lambda hit: hit.story.id)
            told = [(hit.story.id, dict(hit.highlights)) for hit in hits]
            answers.append((told, [hit.score for hit in hits]))
    (told, scores), (told_plainly, scores_plainly) = answers
    assert told == told_plainly
    assert scores == pytest.approx(scores_plainly, rel=1e-5)


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("44bn", MUSK[0]), ("$44B twitter", MUSK[2]), ("twitter 44 billion", MUSK[1]),
        ('"$44bn deal"', MUSK[0]), ('"$44B deal"', MUSK[2]), ("5m", JOBS[0]),
        ("5 million jobs", JOBS[1]), ("10 per cent", PERCENT[2]), ('"10pc rise"', PERCENT[3]),
    ],
)  # fmt: skip
def test_an_amount_as_it_was_typed_comes_first(engine, query, title):
    """Before the same amount written in another way."""
    assert engine.search(query).hits[0].story.title == title


def test_an_amount_scores_no_less_than_its_number_and_unit_apart(engine):
    """A story that has both, but not as an amount, comes after those that have it."""
    assert engine.search("44 billion").hits[4].story.title == TITLES[4]


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ("44bn", "Musk in $<mark>44 billion</mark> deal for Twitter"),
        ("44 billion", "Musk in $<mark>44bn</mark> deal for Twitter"),
        ('"44bn deal"', "Musk in $<mark>44 billion deal</mark> for Twitter"),
        ("10pc", "A <mark>10 per cent</mark> rise"),
        ("10 per cent", "A <mark>10pc</mark> rise"),
        ("10%", "A <mark>10 per cent</mark> rise"),
        ("10pc", "A <mark>10%</mark> rise"),
        ("perc*", "A 10<mark>%</mark> rise"),
        ("1.5bn", "A £<mark>1.5 billion</mark> loan"),
    ],
)
def test_all_words_of_an_amount_are_marked(engine, query, marked):
    """Whichever way it is written."""
    assert marked in [hit.highlights["title"] for hit in engine.search(query).hits]


@pytest.fixture(scope="module", params=[True, False], ids=["compiled", "plain"])
def decimals(request, tmp_path_factory):
    titles = ["4.5 million jobs", "5 million jobs", "$30,5M film", "iOS 15.4", "0.5 percent rise"]
    folder = build(tmp_path_factory.mktemp("decimals"), [{"title": title} for title in titles])
    with indexer.open_index(folder, compiled=request.param) as engine:
        engine.warm_up()
        yield engine


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ("5 million", ["<mark>5</mark> <mark>million</mark> jobs"]),
        ('"5 million"', ["<mark>5 million</mark> jobs"]),
        ('"4 million"', []),
        ("4.5m", ["<mark>4.5 million</mark> jobs"]),
        ('"4.5 million jobs"', ["<mark>4.5 million jobs</mark>"]),
        ("4.5 jobs", ["<mark>4.5</mark> million <mark>jobs</mark>"]),
        ("30.5", ["$<mark>30,5</mark>M film"]),
        ("$30.5 million", ["$<mark>30,5M</mark> film"]),
        ("5m film", []),
        ("ios 15", ["<mark>iOS</mark> <mark>15</mark>.4"]),
        ('"ios 15.4"', ["<mark>iOS 15.4</mark>"]),
        ("4.*", ["<mark>4.5</mark> million jobs"]),
        ("5 percent", []),
        ("0.5%", ["<mark>0.5 percent</mark> rise"]),
    ],
)
def test_a_decimal_number_is_not_found_as_its_decimals(decimals, query, marked):
    """By what is before its point it is."""
    page = decimals.search(query)
    found = [hit.highlights["title"] for hit in page.hits][: page.complete]
    assert found == marked


def test_an_amount_is_no_slip_and_is_completed(engine):
    """It is not respelt, and the words after it are."""
    page = engine.search("44bn dael twiter")
    assert page.corrected == "44bn deal twitter" or page.suggestion == "44bn deal twitter"
    assert engine.search("43bn").suggestion is None
    assert "44bn" in engine.suggest("44b")


def test_an_amount_that_is_written_in_one_way_costs_nothing(tmp_path):
    """Its words are sought as any two: nothing is put beside them."""
    index = build(tmp_path, [{"title": "7 million jobs"}, {"title": "5bn"}])
    with indexer.open_index(index) as engine:
        why = engine.explain("7 million jobs", "0000.md")
    assert {part.text: part.fields for part in why.parts}["million"] == ("title",)


def test_synonyms_of_a_unit_still_apply(tmp_path):
    """Beside the other ways to write the amount."""
    titles = ["A 9bn fund", "A 9 billion fund", "A 9 milliard fund", "Nine funds"]
    index = build(tmp_path, [{"title": title} for title in titles])
    (tmp_path / "seeds" / "synonyms.yml").write_text("- [billion, milliard]\n")
    with indexer.open_index(index) as engine:
        found = [hit.story.title for hit in engine.search("9 billion").hits]
    assert sorted(found) == sorted(titles[:3])
