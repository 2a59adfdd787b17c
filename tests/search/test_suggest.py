"""Completions: what finishes a word or a field's value, and in which order."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import indexer
from indexer.build.stories import build_stories
from indexer.model import Story
from indexer.search.followers import Followers
from indexer.search.snapshot import open_snapshot
from tests.conftest import build

BBC = {"name": "BBC News", "domain": "bbc.com"}
TIMES = {"name": "The Times", "domain": "thetimes.example"}
ARCHIVE = [
    *({"title": "Hong Kong harbour", "provider": BBC, "topics": ["Café culture"]},) * 4,
    *({"title": "King Kong", "category": "Film", "provider": TIMES},) * 3,
    *({"title": "Kitchens of kings", "excerpt": "Hong. Kin of kings"},) * 12,
    *({"title": "Zürich’s government meets", "body": "The government of Zürich"},) * 15,
    {"title": "Goverment kitchn", "related": [{"title": "The lake of Zürich"}]},
    {
        "title": "Kongress",
        "topics": ["Climate"],
        "type": "report",
        "publishedDateTime": "2022-05-15",
    },
]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return build(tmp_path_factory.mktemp("suggest"), ARCHIVE)


@pytest.fixture(scope="module")
def engine(index):
    with indexer.open_index(index) as engine:
        yield engine


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("k", "kin"),
        ("hong k", "hong kong"),
        ("king k", "king kong"),
        ("Hong K", "Hong kong"),
        ('"hong k', '"hong kong'),
        ("meets hong ko", "meets hong kong"),
        ("of k", "of kings"),
        ("zurich g", "zurich government"),
        ("of z", "of zurich"),
        # only what stands right before counts
        ("hong, k", "hong, kin"),
        ("title:k", "title:kin"),
        ("intitle:k", "intitle:kin"),
        # a slip in what was typed; with the word before, too
        ("goevrn", "government"),
        ("zurich gvern", "zurich government"),
        ("hong kogn", "hong kong"),
        # and in a word before
        ("hnog k", "hong kong"),
        ("zurihc governm", "zurich government"),
    ],
)
def test_the_word_before_tells_what_comes_first(engine, typed, first):
    """Words that follow the one before come first, then those in most articles."""
    assert engine.suggest(typed)[:1] == (first,)


def test_no_slips_are_offered(engine):
    """Words of a single article are left out where others are far more frequent."""
    assert engine.suggest("gover") == ("government",)
    assert engine.suggest("goverm") == ("government",)
    assert engine.suggest("kitch") == ("kitchens",)
    assert engine.suggest("kongr") == ("kongress",)


def test_a_short_beginning_is_no_slip(engine):
    """What begins as typed is offered and nothing else, unless it is long and hardly occurs."""
    assert engine.suggest("kon") == ("kong", "kongress")
    assert engine.suggest("zog") == engine.suggest("hong ") == engine.suggest("qqqqqq") == ()


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("provider:bb", ("provider:bbc.com",)),
        ("provider:", ("provider:bbc.com", "provider:thetimes.example")),
        ("provider:news", ("provider:bbc.com",)),
        ("site:bb", ("site:bbc.com",)),
        ("kong -Source:bb", ("kong -Source:bbc.com",)),
        ("tag:cult", ('tag:"Café culture"',)),
        ("kong provider:tim", ("kong provider:thetimes.example",)),
        ("-provider:bb", ("-provider:bbc.com",)),
        ('provider:"the t', ("provider:thetimes.example",)),
        ("topic:c", ('topic:"Café culture"', "topic:Climate")),
        ("topic:cult", ('topic:"Café culture"',)),
        ('topic:"cafe c', ('topic:"Café culture"',)),
        ("category: f", ("category:Film",)),
        ("type:r", ("type:report",)),
        ("date:20", ("date:2022",)),
        ("since:>=2022-", ("since:>=2022-05",)),
        ("quality:>8", ()),
        ("provider:>b", ()),
        ("10,0", ()),
        ("at&t", ()),
        ("topic:x", ()),
        ("topic:climate k", ("topic:climate kin", "topic:climate kings")),
    ],
)
def test_values_of_fields_are_completed(engine, typed, found):
    """Those that begin so come first, the most frequent before others, in quotes if need be."""
    assert engine.suggest(typed, limit=2) == found


def test_names_of_fields_are_completed(engine):
    """After the words that begin so."""
    assert engine.suggest("prov") == ("provider:",)
    assert engine.suggest("kings cat") == ("kings category:",)
    assert engine.suggest("sit") == ("site:",)
    assert "title:" not in engine.suggest("ti")


def test_completions_are_as_many_as_wanted(engine):
    """And the first of them are the same, however many are wanted."""
    many = engine.suggest("k", limit=20)
    assert len(many) > 3
    assert engine.suggest("k", limit=3) == many[:3]
    assert engine.suggest("provider:", limit=1) == ("provider:bbc.com",)
    assert engine.suggest("prov", limit=0) == ()


def test_followers_are_read_until_it_is_clear(index, monkeypatch):
    """A few rows are enough for what nearly always follows, and none are read twice."""
    read = []
    snapshot = open_snapshot(str(index))
    related, lead = snapshot.related, snapshot.lead
    monkeypatch.setattr(snapshot, "related", lambda doc: read.append(doc) or related(doc))
    monkeypatch.setattr(snapshot, "lead", lambda doc: read.append(doc) or lead(doc))
    followers = Followers(snapshot)
    assert followers.after("of", lambda word: word[0] == "k").most_common(1)[0][0] == "kings"
    assert 0 < len(read) < 20
    before = len(read)
    followers.after("of", lambda word: word[0] == "k")
    assert len(read) == before
    assert followers.after("zurich", lambda word: word == "government")["government"] > 3
    assert not followers.after("nowhere", lambda word: True)


def test_what_was_deleted_is_not_read(tmp_path):
    """Texts of stories that are gone do not tell what follows."""
    seeds, index = tmp_path / "seeds", tmp_path / "index"
    seeds.mkdir()
    for number in range(30):
        title = "alpha beta" if number < 20 else "alpha bravo"
        (seeds / f"{number:02}.yml").write_text(f"title: {title}\n", encoding="utf-8")
    indexer.rebuild(seeds, index)
    for number in range(14):
        (seeds / f"{number:02}.yml").unlink()
    indexer.rebuild(seeds, index)
    snapshot = open_snapshot(str(index))
    assert Followers(snapshot).after("alpha", lambda word: True) == {"beta": 6, "bravo": 10}


def test_a_pair_that_is_rare_comes_first(tmp_path):
    """What stands with the word before in two of thousands of places, and not what is frequent."""
    titles = [f"Zebra crossing {n}" for n in range(2000)] + ["A quality of life"] * 20
    titles[700] = titles[1400] = "The zebra quagga"
    build_stories([Story(id=str(n), title=title) for n, title in enumerate(titles)], tmp_path)
    with indexer.open_index(tmp_path, compiled=False) as engine:
        assert engine.suggest("qua")[0] == "quality"
        assert engine.suggest("zebra qua")[0] == "zebra quagga"


@pytest.mark.parametrize(
    ("typed", "first"),
    [("wi-f", "wifi"), ("free wi-f", "free wifi"), ("covid-1", "covid19"), ("x-ra", "xray")],
)
def test_what_is_joined_is_completed_as_one(tmp_path, typed, first):
    """Its parts are no word before it."""
    index = build(tmp_path, [{"title": "Free Wi-Fi for COVID-19 patients, and an X-ray"}])
    with indexer.open_index(index) as engine:
        assert engine.suggest(typed)[:1] == (first,)


def test_what_resembles_a_story_is_the_same_in_every_process(tmp_path):
    """Of words that tell as much as others, those that stand first are searched."""
    titles = [" ".join(f"{a}{b}uz" for b in "abcdefgh") for a in "bcdfghjk"]
    story = {"title": "Zebra", "related": [{"title": title} for title in titles]}
    index = build(tmp_path, [story] * 2 + [{"title": "Other"}] * 60)
    code = (
        "import sys, indexer\n"
        "from indexer.search.suggest import resembling\n"
        "with indexer.open_index(sys.argv[1], compiled=False) as engine:\n"
        "    print(resembling(engine._view.selector, engine.get('0000.md')))\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code, index], check=True, capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1
    assert b"bauz" in found.pop()
