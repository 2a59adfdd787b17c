"""Better spellings: what is put right, by what, and when that is sure."""

from __future__ import annotations

import random
import time

import pytest

import indexer
from indexer.engine import PLAIN_ONLY
from indexer.query.parsed import TypedWord
from indexer.query.parser import parse
from indexer.search.executor import Executor
from indexer.search.find import Searcher
from indexer.search.respell import Respelling, respell
from indexer.search.snapshot import open_snapshot
from tests.conftest import build

# Titles, and in how many stories each stands.
TITLES = {
    "Government raises the minimum wage": 30,
    "Goverment shutdown looms": 1,
    "Governmant offices close": 1,
    "Hong Kong harbour reopens": 6,
    "King Kong returns to the screen": 3,
    "Kang wins the chess final": 9,
    "A hang glider lands": 20,
    "New York marathon": 12,
    "Airport delays": 15,
    "Port strike ends": 4,
    "Fresh air for schools": 4,
    "Vaccine trial for covid": 8,
    "Racine county fair": 40,
    "The weather in June": 60,
    "Clouds over the coast": 2,
    "Receive a prize": 10,
    "Message from the mayor": 25,
    "Scott wins": 5,
    "Scoop of ice": 5,
    "Pincher resigns, says Johnson": 1,
    "Pitcher throws a curve": 12,
    "Johnson wins": 20,
}


def selector_of(location):
    return Searcher(Executor(open_snapshot(str(location)), PLAIN_ONLY)).selector


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """An archive with known frequencies, and slips that stand in one story each."""
    titles = [title for title, count in TITLES.items() for _ in range(count)]
    random.Random(1).shuffle(titles)
    return build(tmp_path_factory.mktemp("respell"), [{"title": title} for title in titles])


@pytest.fixture(scope="module")
def selector(index):
    return selector_of(index)


def respelt(selector, query):
    better = respell(selector, query, parse(query).words)
    return better and better.text


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        # one slip of each kind; the first letter, too
        ("govrnment", "government"),
        ("govermnment", "government"),
        ("govennment", "government"),
        ("goverrnment", "government"),
        ("overnment", "government"),
        ("mhessage", "message"),
        ("ehather", "weather"),
        ("recieve", "receive"),
        # two slips, where nothing is one slip away, or only another slip
        ("gvernmnet", "government"),
        ("govermentt", "government"),
        # a slip that occurs somewhere, beside what is far more frequent
        ("goverment", "government"),
        # so few letters are put right by a frequent word alone
        ("jne", "june"),
        # torn apart, run together
        ("newyork", "new york"),
        ("newyork marathon", "new york marathon"),
        ("air port", "airport"),
        ("airport dela ys", "airport delays"),
        # by the words beside it, unknown or not
        ("covid vacine", "covid vaccine"),
        ("hong konk", "hong kong"),
        ("hong kang", "hong kong"),
        # a rare word beside others, which it never stands with
        ("pincher curve", "pitcher curve"),
        # several words; what is no word stays as it was
        ("goverment  (recieve) -june!", "government  (receive) -june!"),
        ("mesage's of 2031x", "message's of 2031x"),
    ],
)
def test_slips_are_put_right(selector, typed, meant):
    """The likeliest word that the archive knows takes the place of what was typed."""
    assert respelt(selector, typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "government", "kang", "hang glider", "scoop", "hong kong", "new york", "ice air",
        "johnson pincher",  # rare, but where it stands the other word does, too
        "cloud", "clouds",  # an inflection of a known word is none
        "zzzzzzzz", "x y", "2031", "jn", "日本", "", "???", "the of",
    ],
)  # fmt: skip
def test_what_is_right_or_like_nothing_stays(selector, typed):
    """No better spelling where words are known, too short, or near to none."""
    assert respelt(selector, typed) is None


@pytest.mark.parametrize(
    ("typed", "sure"),
    [
        ("recieve", True),
        ("recieve vacine", True),
        ("air port", False),
        ("goverment", False),  # it occurs
        ("recieve goverment", False),
        ("recieve zzzzzzzz", False),  # another word is still found nowhere
        ("scoot", False),  # Scott, and scoop
        ("jne", False),
    ],
)
def test_a_correction_is_sure_if_there_is_no_other(selector, typed, sure):
    """Sure: all that occurs nowhere is put right, and nothing else could have been meant."""
    better = respell(selector, typed, parse(typed).words)
    assert better is not None
    assert better.sure is sure


def test_words_in_quotes_are_put_right_in_place(selector):
    """Whatever words are given are put right where they stand."""
    query = 'title:"hong konk" fair'
    words = (TypedWord("hong", 7, 11), TypedWord("konk", 12, 16))
    assert respell(selector, query, words) == Respelling('title:"hong kong" fair', True)


def test_what_is_suggested_is_written_as_it_mostly_is(tmp_path):
    """`ukrain` is a slip itself, though its stem is that of a word in many stories."""
    titles = ["Ukraine votes"] * 200 + ["Ukrain votes"] * 2 + ["Videos"] * 30 + ["A video"] * 20
    found = selector_of(build(tmp_path, [{"title": title} for title in titles]))
    assert respelt(found, "ukrian") == "ukraine"
    assert respelt(found, "viedo") == "video"


def test_what_is_suggested_has_the_capitals_that_were_typed(tmp_path):
    """A query in capitals alone stays one: in others, WHO is an acronym and NOT an operator."""
    titles = ["The president of Ukraine votes not"] * 20 + ["Hong Kong who"] * 20
    found = selector_of(build(tmp_path, [{"title": title} for title in titles]))
    for query, meant in (
        ("UKRIANE WHO", "UKRAINE WHO"), ("Ukriane votes", "Ukraine votes"),
        ("Ukriane's votes", "Ukraine's votes"), ("Hongkong", "Hong Kong"), ("ukriane", "ukraine"),
        ("PRESIDENT OF UKRIANE VOTES NOT WHO", "PRESIDENT OF UKRAINE VOTES NOT WHO"),
    ):  # fmt: skip
        assert respelt(found, query) == meant


def test_a_word_of_one_story_is_no_suggestion_in_a_large_archive(tmp_path):
    """It may be a slip itself. Among a few stories it is better than nothing."""
    fillers = [{"title": f"filler {number}"} for number in range(120)]
    title = "Peculiar peculiar words"
    once = [{"title": title, "related": [{"title": title}] * 3}]
    assert respelt(selector_of(build(tmp_path / "few", once)), "peculier") == "peculiar"
    assert respelt(selector_of(build(tmp_path / "many", once + fillers)), "peculier") is None
    twice = once * 2 + fillers
    assert respelt(selector_of(build(tmp_path / "twice", twice)), "peculier") == "peculiar"


def test_where_many_stories_are_found_only_what_is_never_written_is_put_right(index, selector):
    """`messag` finds what `message` does, and is still a slip; `kang` may be meant."""
    for query, meant in (("messag", "message"), ("messags", None), ("hong kang", None)):
        better = respell(selector, query, parse(query).words, few=False)
        assert (better and better.text) == meant
    with indexer.open_index(index) as engine:
        assert engine.search("messag").suggestion == "message"
        assert engine.search("hong kang").suggestion == "hong kong"


def test_the_work_is_bounded(selector, monkeypatch):
    """Of a pasted text the first words are looked at, and no more than fits the budget."""
    letters = random.Random(3)
    nonsense = ["".join(letters.choices("aegmnorstv", k=9)) for _ in range(64)]
    query = " ".join(["recieve", *nonsense, "recieve"])
    started = time.thread_time()
    assert respelt(selector, query) == query.replace("recieve", "receive", 1)
    assert time.thread_time() - started < 1
    monkeypatch.setattr("indexer.search.respell._MOST_STEPS", 10)
    assert respelt(selector, "recieve") is None
    monkeypatch.setattr("indexer.search.occurrences._MOST_POSTINGS", 10)
    assert respelt(selector, "newyork") is None
