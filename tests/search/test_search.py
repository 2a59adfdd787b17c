"""Results: which stories, in what order, with which counts, proved against plain search."""

from __future__ import annotations

import gc
import os
import pickle
import tempfile
import threading
from copy import deepcopy
from pathlib import Path
from unittest.mock import patch

import pytest
import whoosh.index
from hypothesis import given, settings
from hypothesis import strategies as st

import indexer
from indexer.query.parser import parse
from indexer.search import find
from tests.conftest import SEED_STORY, build
from tests.corpora.archives import (
    CORPORA,
    FACET_NAMES,
    QUERIES,
    TYPED,
    WORDS,
    typed,
)
from tests.oracles.brute_force import FIRST, Corpus

PLENTY = settings(max_examples=40)


def opened(corpus):
    with tempfile.TemporaryDirectory() as folder:
        return indexer.open_index(build(Path(folder), corpus))


def ids(page):
    return sorted(int(hit.story.id[:4]) for hit in page.hits)


@PLENTY
@given(CORPORA, st.lists(QUERIES.map(typed) | TYPED, min_size=1, max_size=10))
def test_answers_equal_those_of_a_look_at_every_story(corpus, queries):
    """From story files to pages: which stories are found, their scores, their order."""
    # What nearness and breadth add has tests of its own.
    with (
        patch.object(find, "nearness", lambda *args: [1.0] * len(args[-1])),
        patch.object(find, "worth_of", lambda breadth: 1.0),
        opened(corpus) as engine,
    ):
        seen = Corpus([engine.get(f"{number:04}.md") for number in range(len(corpus))])
        for query in queries:
            parsed = parse(query)
            page = engine.search(query, limit=100, spelling=False, collapse=False)
            keys = seen.rank(parsed.node)
            complete = {*keys}
            if parsed.plain:
                enough = () if parsed.scored else (1,)
                _, complete, keys = seen.search(parsed.plain, parsed.rest, *enough)
            assert ids(page) == sorted(keys), query
            assert (page.total, page.complete) == (len(keys), len(complete))
            assert page.relaxed is (len(keys) > len(complete))
            if parsed.scored:
                best = sorted(keys.values(), reverse=True)
                found = [keys[int(hit.story.id[:4])] for hit in page.hits]
                assert found == pytest.approx(best, rel=1e-5)
                scores = [key % FIRST for key in best]
                assert [hit.score for hit in page.hits] == pytest.approx(scores, rel=1e-5)


@PLENTY
@given(
    CORPORA,
    st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join),
    st.dictionaries(
        st.sampled_from(FACET_NAMES),
        st.lists(
            st.sampled_from(["alpha.example", "beta.example", "Gamma", "AI", "cloud", "news",
                             "video", "2020", "2021-02", "true", "nothing"]),
            min_size=1, max_size=2,
        ),
        max_size=3,
    ),
    st.sampled_from([None, "2021-01-01"]),
    st.sampled_from([None, "2021-12-31"]),
)  # fmt: skip
def test_each_facet_count_is_what_a_click_gives(corpus, query, filters, since, until):
    """Each count equals the total after choosing that value alone in its facet."""
    span = {"since": since, "until": until}
    with opened(corpus) as engine:
        page = engine.search(query, filters=filters, facets=FACET_NAMES, **span)
        assert not any(rows.beyond for rows in page.facets.values())
        for facet, counts in page.facets.items():
            for row in counts:
                chosen = engine.search(query, filters={**filters, facet: [row.value]}, **span)
                assert chosen.total == row.count, (facet, row)
            # No value that a click would find is left out.
            others = {name: values for name, values in filters.items() if name != facet}
            free = engine.search(query, filters=others, facets=(facet,), **span).facets[facet]
            assert {(row.value, row.count) for row in counts if row.count} == {
                (row.value, row.count) for row in free
            }
            order = [(-row.count, row.label.casefold()) for row in counts]
            assert order == sorted(order)


@PLENTY
@given(CORPORA, st.sampled_from(indexer.SORTS), st.sampled_from(["", "cat", "dog OR the"]))
def test_pages_join_into_the_whole_result(corpus, sort, query):
    """Paging through any order shows each story once; export gives the same list."""
    with opened(corpus) as engine:
        whole = [hit.story.id for hit in engine.search(query, sort=sort, limit=100).hits]
        paged = [
            hit.story.id
            for offset in range(0, len(corpus), 2)
            for hit in engine.search(query, sort=sort, offset=offset, limit=2).hits
        ]
        request = indexer.SearchRequest(query=query, sort=sort)
        assert paged == whole == [hit.story.id for hit in engine.export(request)]


DATED = [
    {"title": "x a", "quality": 5, "publishedDateTime": "2020-01-01"},
    {"title": "x b"},
    {"title": "x c", "quality": -7.5, "publishedDateTime": "2022-01-01T00:00:01Z"},
    {"title": "x d", "quality": 5, "publishedDateTime": "2022-01-01T00:00:00Z"},
]


@pytest.mark.parametrize(
    ("sort", "order"), [("newest", "cdab"), ("oldest", "adcb"), ("quality", "adcb")]
)
def test_sorting(tmp_path, sort, order):
    """Dates and quality sort as they should; stories without a value come last."""
    with indexer.open_index(build(tmp_path, DATED)) as engine:
        for query in ("x", ""):
            titles = [hit.story.title[-1] for hit in engine.search(query, sort=sort).hits]
            assert "".join(titles) == order
        assert [hit.story.title[-1] for hit in engine.search("").hits] == list("cdab")


def test_finding_the_seed_story_through_its_related_articles(seed_engine):
    """A word only in related articles finds the story and names them, best first."""
    page = seed_engine.search("BeeKeeperAI")
    assert [hit.story.id for hit in page.hits] == [SEED_STORY]
    related = page.hits[0].related
    assert {article.provider.domain for article in related} == {"beckershospitalreview.com"}
    assert len(related) == 2
    assert all("<mark>BeeKeeperAI</mark>" in article.highlights["excerpt"] for article in related)


def test_the_seed_story_and_its_providers(seed_engine):
    """Provider facets count every provider that ran the story, shown by name."""
    page = seed_engine.search("provider:zdnet.com azure", facet_limit=100)
    assert page.total == 1
    assert "<mark>Azure</mark>" in page.hits[0].highlights["title"]
    labels = {row.value: row.label for row in page.facets["provider"]}
    assert len(labels) >= 20
    assert labels["zdnet.com"] == "ZDNet"
    assert labels["seekingalpha.com"] == "Seeking Alpha"
    (lead,) = seed_engine.search("", facets=("lead_provider",)).facets["lead_provider"]
    assert lead == indexer.FacetCount("seekingalpha.com", "Seeking Alpha", 1)


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        ({"sort": "best"}, "sort"), ({"facets": ["colour"]}, "facet"), ({"offset": -1}, "offset"),
        ({"facet_limit": -1}, "facet_limit"), ({"facet_limit": 1001}, "facet_limit"),
        ({"limit": -1}, "limit"), ({"limit": 10**6}, "limit"), ({"filters": {"x": ["y"]}}, "facet"),
        ({"filters": {"provider": "zdnet.com"}}, "provider"), ({"since": "soon"}, "since"),
        ({"until": "2022-02-30"}, "until"),
    ],
)  # fmt: skip
def test_bad_parameters_are_named(seed_engine, arguments, parameter):
    """A parameter that cannot be used is named in the error."""
    with pytest.raises(indexer.QueryError) as caught:
        seed_engine.search("azure", **arguments)
    assert caught.value.parameter == parameter


def test_whoosh_gives_the_same_matches(seed_index, seed_engine):
    """Whoosh's own tools open the same index and find the same stories."""
    with whoosh.index.open_dir(str(seed_index)).searcher() as searcher:
        from whoosh.query import And, Term

        assert (
            len(searcher.search(And([Term("kind", "lead"), Term("title", "azur")])))
            == seed_engine.search("title:azure").total
            == 1
        )


def test_get_suggest_and_more_like(tmp_path):
    """Stories by id, completions by frequency, spelling, and similar stories."""
    stories = {
        "a.md": {"title": "Microsoft buys quantum startup", "excerpt": "quantum chips"},
        "b.md": {"title": "Microsoft quantum chips ship", "excerpt": "quantum"},
        "c.md": {"title": "Micro breweries thrive", "excerpt": "beer"},
        "d.md": {"title": "Weather", "excerpt": "rain"},
    }
    with indexer.open_index(build(tmp_path, stories)) as engine:
        assert engine.get("c.md").title == "Micro breweries thrive"
        assert engine.get("none.md") is None
        assert engine.suggest("micr") == ("microsoft", "micro")
        assert engine.suggest("big micros") == ("big microsoft",)
        assert engine.suggest("") == engine.suggest("micros ") == ()
        assert engine.search("micorsoft").suggestion == "microsoft"
        assert engine.search("quantom weather").suggestion == "quantum weather"
        assert engine.search("microsoft").suggestion is None
        page = engine.search("micorsoft", spelling=False)
        engine.close()
        assert page.suggestion == "microsoft"
    with indexer.open_index(tmp_path / "index") as engine:
        assert [hit.story.id for hit in engine.more_like("a.md")] == ["b.md"]
        with pytest.raises(indexer.StoryNotFound):
            engine.more_like("none.md")


def test_nothing_is_better_than_stories_that_hardly_resemble(tmp_path):
    """A word or two in common among many is no resemblance."""
    stories = [
        {"title": "Orchid thieves raid greenhouse in Leiden", "excerpt": "police seek botanist"},
        {"title": "Orchid thieves caught after greenhouse raid", "excerpt": "at last"},
        {"title": "Ferry timetable changes", "excerpt": "the botanist at the harbour is late"},
        {"title": "Weather", "excerpt": "rain"},
    ]
    with indexer.open_index(build(tmp_path, stories)) as engine:
        (similar,) = engine.more_like("0000.md")
        assert similar.story.id == "0001.md"
        assert engine.more_like("0003.md") == ()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no list of open files")
def test_a_closed_engine_keeps_no_file_open(tmp_path):
    """Files of an index are let go with the engine and its hits, and not some time later."""
    stories = [{"title": f"cat {n}", "related": [{"title": "dog cat"}]} for n in range(3)]
    index = build(tmp_path, stories)
    gc.collect()
    gc.disable()
    try:
        engine = indexer.open_index(index)
        engine.warm_up()
        page = engine.search('cat "dog cat" d* -bird', facets=("provider", "year"))
        assert all(hit.highlights and hit.related[0].highlights for hit in page.hits)
        engine.suggest("ca")
        engine.more_like("0000.md")
        list(engine.export(page.request))
        assert open_files(index)
        engine.close()
        assert page.hits[0].story.title.startswith("cat")
        del page
        assert not open_files(index)
    finally:
        gc.enable()


def open_files(folder):
    """The files of a folder that this process has open, mapped ones too."""
    names = (Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
    files = [os.readlink(name) for name in names if os.path.lexists(name)]
    return [file for file in files if file.startswith(str(folder))]


def test_a_closed_engine_says_so(seed_index):
    """Using an engine after closing it is a clear error; hits got before still work."""
    engine = indexer.open_index(seed_index)
    hit = engine.search("azure").hits[0]
    engine.close()
    assert hit.related
    with pytest.raises(indexer.EngineClosed):
        engine.search("azure")


def test_many_threads_share_an_engine(seed_engine):
    """Concurrent searches get the answers they would get alone."""
    queries = ["azure", "BeeKeeperAI", "microsoft build", '"strategic cloud"', "nothing at all"]
    expected = {query: seed_engine.search(query).total for query in queries}
    wrong = []

    def work(query):
        for _ in range(10):
            page = seed_engine.search(query)
            if page.total != expected[query] or (page.hits and not page.hits[0].highlights):
                wrong.append(query)

    threads = [threading.Thread(target=work, args=(query,)) for query in queries * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_no_index(tmp_path):
    """A folder without an index is a clear error with the remedy."""
    with pytest.raises(indexer.IndexMissing, match="storydex rebuild"):
        indexer.open_index(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["offset", "limit", "facet_limit"])
@pytest.mark.parametrize("value", [1.5, True, None, "3"])
def test_what_is_no_whole_number_is_refused(seed_index, name, value):
    """A number of the wrong kind names its parameter."""
    with indexer.open_index(seed_index) as engine, pytest.raises(indexer.QueryError, match=name):
        engine.search("azure", **{name: value})


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('"cat cat"', ["b"]),
        ('"cat dog cat"', ["d"]),
        ('"cat cat"~1', ["b", "d"]),
        ('"run running runs"', ["e"]),
        ('"dog cat"', ["a", "d"]),
    ],
)
def test_a_phrase_may_repeat_a_word(tmp_path, query, found, compiled):
    """Each word of a phrase stands at a place of its own, after the one before."""
    titles = {"a": "dog cat", "b": "cat cat", "c": "cats, cat", "d": "cat dog cat",
              "e": "run, running runs"}  # fmt: skip
    index = build(tmp_path, {f"{name}.md": {"title": title} for name, title in titles.items()})
    with indexer.open_index(index, compiled=compiled) as engine:
        engine.warm_up()
        page = engine.search(query)
    assert sorted(hit.story.id for hit in page.hits) == [f"{name}.md" for name in found]


@pytest.mark.parametrize("copy", [pickle.dumps, deepcopy])
def test_pages_stay_with_their_index(tmp_path, copy):
    """Who wants to keep or send one is told how; the stories themselves can be kept."""
    story = {"title": "Azure", "related": [{"title": "Azure tiles"}]}
    with indexer.open_index(build(tmp_path, [story])) as engine:
        with pytest.raises(TypeError, match="hand over its location"):
            copy(engine)
        page = engine.search("azure")
        for one in (page, page.hits[0], page.hits[0].related[0], engine.search("absent")):
            with pytest.raises(TypeError, match="page_to_json"):
                copy(one)
        found = page.hits[0].story
        kept = copy(found)
        kept = pickle.loads(kept) if isinstance(kept, bytes) else kept
    assert kept == found
    assert kept.related[0].title == "Azure tiles"


def test_words_typed_apart_find_what_is_written_together(tmp_path):
    """As what is typed together finds what is written apart; not where both are usual words."""
    titles = ["WiFi at sea", "Wi-fi at home", "Face of a clock", "Facebook falls", "Facebook rises",
              "New port", "New port opens", "Newport votes", "A book"]  # fmt: skip
    with indexer.open_index(build(tmp_path, [{"title": t} for t in titles])) as engine:

        def found(query):
            page = engine.search(query, spelling=False)
            return sorted(hit.story.title for hit in page.hits[: page.complete])

        assert found("wi fi") == found("wifi") == found("wi-fi") == ["Wi-fi at home", "WiFi at sea"]
        assert found("face book") == ["Facebook falls", "Facebook rises"]
        assert found("new port") == ["New port", "New port opens"]
        page = engine.search("wi fi sea")
        assert page.complete == 1
        hit = page.hits[0]
        assert hit.highlights["title"] == "<mark>WiFi</mark> at <mark>sea</mark>"


def test_a_letter_alone_that_a_sign_joins_is_part_of_a_name(tmp_path):
    """Its words elsewhere are not found, and the name is marked as one."""
    titles = ["AT&T rises", "At the T junction", "Shops open 24/7", "Seven shops, 24 hours, 7 days",
              "Trump and Biden", "3.5 million", "3 of 5"]  # fmt: skip
    with indexer.open_index(build(tmp_path, [{"title": t} for t in titles])) as engine:

        def found(query):
            return [hit.highlights["title"] for hit in engine.search(query).hits]

        assert found("AT&T") == found("at&t") == ["<mark>AT&amp;T</mark> rises"]
        assert found("3.5") == ["<mark>3.5</mark> million"]
        assert found("24/7") == ["Shops open <mark>24/7</mark>"]
        # One that stands nowhere weighs as a word does: others are found without it.
        assert found("5/24/2022 shops") == found("shops")
        assert found("trump/biden") == ["<mark>Trump</mark> and <mark>Biden</mark>"]


def test_capitals_come_first_in_a_field_too(tmp_path):
    """`title:WHO` is an acronym in the title."""
    titles = ["Who is it and who was it", "A long headline about the WHO and others", "Nothing"]
    stories = [{"title": title} for title in titles] + [{"title": "x", "excerpt": "WHO says"}]
    with indexer.open_index(build(tmp_path, stories)) as engine:
        hits = engine.search("title:WHO").hits
        assert [hit.story.title for hit in hits] == [titles[1], titles[0]]
        assert engine.search("title:who").hits[0].story.title == titles[0]
