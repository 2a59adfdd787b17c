"""Patterns and near spellings: which terms they stand for, and what that may cost."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import indexer
from indexer.analysis import fold, iter_words
from indexer.engine import PLAIN_ONLY
from indexer.query.nodes import Fuzzy, Pattern
from indexer.search import expand, patterns
from indexer.search.executor import Executor
from indexer.search.find import Searcher
from indexer.search.snapshot import open_snapshot
from tests.cli.conftest import storydex
from tests.conftest import build
from tests.oracles.brute_rows import fits
from web import create_app

WORDS = sorted(
    {"cat", "cats", "catnip", "coat", "act", "taco", "zq", "zebra", "été", "étage", "日本", "naïve"}
    | {f"w{number}" for number in range(40)}
    | {f"{a}{b}{c}" for a in "abz" for b in "abq" for c in "abé"}
)
VOCABULARY = {fold(word.text) for text in WORDS for word in iter_words(text)}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """An index of two segments' worth of odd words, each in some story."""
    stories = [{"title": " ".join(WORDS[at::7]), "body": " ".join(WORDS)} for at in range(7)]
    return build(tmp_path_factory.mktemp("expand"), stories)


@pytest.fixture(scope="module")
def selector(index):
    """What finds words in the same."""
    return Searcher(Executor(open_snapshot(str(index)), PLAIN_ONLY)).selector


LETTERS = st.text("abctzqé日w019", min_size=1, max_size=7)
PATTERNS = st.builds(
    Pattern, st.text("*?abctzqéw01", min_size=1, max_size=8).map(lambda text: f"{text}*")
) | st.builds(Pattern, st.text("*?abctzqew01", min_size=1, max_size=8))
NEAR = st.builds(Fuzzy, LETTERS | st.sampled_from(WORDS), st.integers(1, 2))


@pytest.mark.parametrize(
    ("typed", "near", "far"),
    [
        ("azuer", {"azure", "azur"}, {"azurea"}),
        ("zaure", {"azure"}, {"azur"}),
        ("azure", {"azrue", "zazure", "azur", "azurea"}, {"azruea", "aruze"}),
        ("ca", {"ac", "cab"}, {"acb"}),
    ],
)
def test_swapped_neighbours_are_one_slip(tmp_path, typed, near, far):
    """`word~` finds words with a letter more, less or another, or two neighbours swapped."""
    with indexer.open_index(build(tmp_path, [{"title": word} for word in near | far])) as engine:
        found = {hit.story.title for hit in engine.search(f"{typed}~", limit=50).hits}
        assert found == near
        assert engine.search(f"{typed}~2", limit=50).total == len(near | far)


@given(PATTERNS | NEAR)
def test_patterns_stand_for_the_words_that_fit(selector, pattern):
    """Ruling words out by their letters loses none and adds none."""
    expected = {form for form in VOCABULARY if fits(pattern, form)}
    assert selector.expander.texts(pattern) == expected


@pytest.mark.parametrize("compiled", [False, True])
def test_a_wildcard_never_goes_back_over_what_it_has_read(tmp_path, compiled):
    """A pattern that would try 2^30 ways of not fitting a long word is answered, and marked."""
    long = "a" * 60
    location = build(tmp_path, [{"title": f"{long} cat", "body": f"{long} scat cot"}])
    with indexer.open_index(location, compiled=compiled) as engine:
        engine.warm_up()
        (hit,) = engine.search(f"{long} OR {'*?' * 15}zq OR c?t OR *cat").hits
    assert hit.highlights["title"] == f"<mark>{long}</mark> <mark>cat</mark>"
    assert hit.highlights["body"] == f"<mark>{long}</mark> <mark>scat</mark> <mark>cot</mark>"


def costly(monkeypatch):
    """A query of 256 different near spellings, on an index that allows ten."""
    monkeypatch.setattr(expand, "MAX_STEPS", 10 * 4 * 200)
    return " OR ".join(f"w{number}x~2" for number in range(256))


@pytest.mark.parametrize("compiled", [True, False])
def test_what_is_read_for_a_query_is_bounded(index, monkeypatch, compiled):
    """By patterns and several phrases or near words; plain words and one of these go on."""
    with indexer.open_index(index, compiled=compiled) as engine:
        engine.warm_up()
        queries = ["cat* zebra", '"ca* c*"', "cat NEAR/5 c*", '"cat c*"', "title:*a*"]
        queries += ["title:cat OR title:coat"]
        plain = ("cat zebra", '"cat catnip"', "zq OR zebra", "cat NEAR/5 coat", "=cat", "title:cat")
        assert all(engine.search(query).total for query in (*queries, *plain))
        monkeypatch.setattr(expand, "MAX_READ_STEPS", 4)
        more = ('"cat catnip" OR "catnip cats"', "cat NEAR/5 coat OR =cat") if compiled else ()
        for query in (*queries, *more):
            with pytest.raises(indexer.QueryTooCostly, match="as frequent as these"):
                engine.search(query)
        assert all(engine.search(query).total for query in plain)


def test_a_query_has_a_budget_of_work(index, monkeypatch):
    """Hundreds of near spellings are refused; a few, and the same again and again, are not."""
    query = costly(monkeypatch)
    with indexer.open_index(index) as engine:
        with pytest.raises(indexer.QueryTooCostly, match="too much work"):
            engine.search(query)
        assert engine.search(" OR ".join(["w5~"] * 256)).total == 7
        assert not issubclass(indexer.QueryTooCostly, indexer.QueryError)


def test_a_query_past_its_budget_is_a_problem_of_the_server(index, monkeypatch):
    """The API and the page say that the query is too costly, with status 503."""
    query = costly(monkeypatch)
    client = create_app({"INDEX": str(index)}).test_client()
    answer = client.get("/api/v1/search", query_string={"q": query})
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert "too costly" in json.loads(answer.data)["detail"]
    page = client.get("/", query_string={"q": query})
    assert page.status_code == 503
    assert "too costly" in page.text
    assert client.get("/api/v1/search?q=cat").status_code == 200


def test_only_the_first_words_are_respelt(index, monkeypatch):
    """A better spelling is sought for so many words of a query, however many there are."""
    sought = []
    texts = expand.Expander.texts
    monkeypatch.setattr(
        expand.Expander, "texts", lambda *given: sought.append(given) or texts(*given)
    )
    with indexer.open_index(index) as engine:
        page = engine.search(" ".join(["zebrq", *(f"nothing{n}" for n in range(250))]))
    assert page.suggestion.startswith("zebra nothing0 ")
    assert len(sought) <= 32


def test_too_costly_ends_the_command_with_status_1(index, monkeypatch):
    """It is no mistake of usage; the message says what to do."""
    result = storydex("--index", index, "search", costly(monkeypatch))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "too costly" in result.stderr


@pytest.mark.parametrize("block", [1, 3, 1000])
def test_postings_that_are_read_in_blocks_are_all_read(index, monkeypatch, block):
    """However few postings are read at a time, patterns find the same."""
    queries = ["a*", "*b*", "title:a*", "title:c?t*", '"zebra a*"', "a* -*q"]

    def found():
        with indexer.open_index(index, compiled=False) as engine:
            return [[hit.story.id for hit in engine.search(query).hits] for query in queries]

    monkeypatch.setattr(patterns, "_BRIDGED", 0)
    whole = found()
    assert any(whole)
    monkeypatch.setattr(patterns, "_BLOCK", block)
    assert found() == whole


def test_words_of_a_pattern_count_once_in_several_segments(tmp_path, monkeypatch):
    """A pattern may stand for as many words in an index of two segments as in one."""
    stories = {f"{letter}.md": {"title": f"w{letter}"} for letter in "abcdef"}
    build(tmp_path, {name: stories[name] for name in list(stories)[:4]})
    index = build(tmp_path, stories)
    monkeypatch.setattr(expand, "MAX_EXPANDED_TERMS", len(stories))
    with indexer.open_index(index, compiled=False) as engine:
        assert engine.info().segments == 2
        assert engine.search("w*").total == len(stories)
