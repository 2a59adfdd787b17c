"""Words that can be written in several ways."""

from __future__ import annotations

import indexer
from tests.conftest import build


def test_an_acronym_may_be_possessive(tmp_path):
    """`WHO's` is one as WHO is: stories that write it so come first."""
    titles = ["Who is chief", "A long headline about the chief of the WHO and others"]
    with indexer.open_index(build(tmp_path, [{"title": title} for title in titles])) as engine:
        for query in ("WHO chief", "WHO's chief", "WHO’s chief"):
            assert engine.search(query).hits[0].story.title == titles[1]
    for written in ("WHO's", "WHO’s"):
        titles = ["Who is chief", f"A long headline about the {written} chief and others"]
        stories = [{"title": title} for title in titles]
        with indexer.open_index(build(tmp_path / written, stories)) as engine:
            assert engine.search("WHO chief").hits[0].story.title == titles[1]


def test_initials_may_be_possessive(tmp_path):
    """The `s` of `U.S.'s` need not be there, as of any other word."""
    titles = ["U.S. plan", "The US's plan", "The U.S.'s plan", "Tell us a plan"]
    with indexer.open_index(build(tmp_path, [{"title": title} for title in titles])) as engine:
        for query in ("U.S.'s plan", "U.S.’s plan", "U.S's plan"):
            page = engine.search(query)
            assert page.complete == 4
            assert page.hits[-1].story.title == titles[3]


def test_a_number_makes_no_headline_of_an_acronym(tmp_path):
    """`WHO 2021` has one; several words in capitals tell nothing."""
    titles = ["Who won in 2021", "A long headline about what the WHO did in 2021"]
    with indexer.open_index(build(tmp_path, [{"title": title} for title in titles])) as engine:
        for query in ("WHO 2021", "WHO – 2021", "WHO 2021 中国", "WHO AND 2021"):
            assert engine.search(query).hits[0].story.title == titles[1]
        assert engine.search("WHO WON").hits[0].story.title == titles[0]


def test_numbers_with_any_dash_are_one(tmp_path):
    """As with a hyphen; the last number of what is typed is completed."""
    titles = ["Season 2021-22 ends", "22 players left in 2021"]
    with indexer.open_index(build(tmp_path, [{"title": title} for title in titles])) as engine:
        for dash in "-‒–−":
            assert [hit.story.title for hit in engine.search(f"2021{dash}22").hits] == titles[:1]
            assert engine.suggest(f"2021{dash}2")


def test_degrees_are_found_however_they_are_written(tmp_path):
    """With the sign, without, or apart; not the letter before the number."""
    titles = [
        "40°C in London",
        "40C in Rome",
        "40 C in Athens",
        "Poco C40 with 40 gifts, vitamin C",
    ]
    with indexer.open_index(build(tmp_path, [{"title": title} for title in titles])) as engine:
        for query in ("40°C", "40˚C", "40C"):
            assert {hit.story.title for hit in engine.search(query).hits} == {*titles[:3]}
