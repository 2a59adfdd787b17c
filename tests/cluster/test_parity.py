"""A cluster answers as an index folder does: stories, totals, counts, matches, marks, order."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import indexer
from indexer.query.language import LANGUAGE
from tests.cluster.stories import QUERIES, write_stories
from tests.conftest import ROOT, write_story
from tests.corpora.archives import FACET_NAMES, STORIES, TYPED, typed
from tests.corpora.archives import QUERIES as TREES
from tests.search import test_amounts as amounts
from tests.search.test_several_languages import ARCHIVES, FOUND, write_archive

CASES = next(
    (file for up in ROOT.parents if (file := up / "shared/cases/search.json").is_file()),
    Path("shared/cases/search.json"),
)
EXAMPLES = [example.query for section in LANGUAGE for example in section.examples]
DEMO = ["mayor", "council budget", '"city council"', "market*", "storm warning coast", "electon~"]


@pytest.fixture(scope="module")
def both(on_both, tmp_path_factory):
    folder = tmp_path_factory.mktemp("both")
    engines = on_both(write_stories(folder), folder / "index")
    with engines.folder, engines.cluster:
        yield engines


def told(page):
    """What a page says, but for scores, which are nearly the same."""
    return {
        "total": page.total,
        "complete": page.complete,
        "relaxed": page.relaxed,
        "suggestion": page.suggestion,
        "corrected": page.corrected,
        "notices": page.notices,
        "facets": page.facets,
        "beyond": {facet: rows.beyond for facet, rows in page.facets.items()},
    }


def shown(hit):
    """What is to be seen of a hit; articles that match alike may come in another order."""
    articles = sorted(
        (article.title, tuple(sorted(article.highlights.items()))) for article in hit.related
    )
    also = [story.id for story in hit.also_in]
    return hit.story, dict(hit.highlights), hit.spans, articles, also


def with_copies(hit):
    """A story and those with the same lead: of these any may be listed if they score the same."""
    return tuple(sorted([hit.story.id, *(story.id for story in hit.also_in)]))


def same(both, query, **options):
    """Ask both; returns the pages once they were compared."""
    try:
        expected = both.folder.search(query, **options)
    except indexer.StorydexError as error:
        with pytest.raises(type(error)):
            both.cluster.search(query, **options)
        return None
    found = both.cluster.search(query, **options)
    assert told(found) == told(expected), query
    order, expected_order = ([with_copies(hit) for hit in page.hits] for page in (found, expected))
    if expected.total <= len(expected.hits):
        assert sorted(order) == sorted(expected_order), query
    for hit, other in zip(found.hits, expected.hits, strict=True):
        # Where two swap places, they score nearly the same.
        assert hit.score == pytest.approx(other.score, rel=0.08, abs=0.02), query
    if expected.relaxed and len(query.split()) <= 3 and not options.get("offset"):
        # Those with all the words come first.
        whole = slice(expected.complete)
        assert {*order[whole]} == {*expected_order[whole]}, query
    shown_there = {hit.story.id: shown(hit) for hit in expected.hits}
    for hit in found.hits:
        assert shown(hit) == shown_there.get(hit.story.id, shown(hit)), query
    return found, expected


@pytest.mark.parametrize("query", [*EXAMPLES, *QUERIES, *DEMO])
def test_the_query_language(both, query):
    """Every node of it, plain and filtered, with all facets."""
    same(both, query, facets=FACET_NAMES, limit=100)


@pytest.mark.parametrize("sort", indexer.SORTS)
def test_orders_and_pages(both, sort):
    """Page by page, whatever the order."""
    for query in ("cloud", "azure covid zurich", "-azure", "azure OR deal OR the"):
        for offset in (0, 7, 25, 90):
            pages = same(both, query, sort=sort, offset=offset, limit=7)
            if sort != "relevance":
                assert [hit.story.id for hit in pages[0].hits] == [
                    hit.story.id for hit in pages[1].hits
                ]


FILTERS = [
    {"provider": ["alpha.example"]},
    {"provider": ["alpha.example", "beta.example"], "topic": ["cloud"]},
    {"provider": ["-alpha.example"], "published": ["true"]},
    {"topic": ["Law", "-ai"]},
    {"year": ["2022"], "type": ["nothing of the kind"]},
    {"provider": ["-*.example"]},
]


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("query", ["", "azure", "cloud zebra", "NOT azure"])
def test_filters_and_counts(both, filters, query):
    """A count is what choosing the value gives; excluded values are listed."""
    same(both, query, filters=filters, facets=FACET_NAMES, facet_limit=3)
    same(both, query, filters=filters, facets=(), since="2022-01", until="2022-05-30")


def test_what_filters_hide_is_not_misspelt(both):
    """Where filters leave nothing of what there is, no other spelling is searched in its place."""
    found, _ = same(both, "covid OR clowd", filters={"lead_provider": ["alpha.example"]})
    assert (found.total, found.corrected) == (0, None)
    assert same(both, "clowd", filters={"lead_provider": ["alpha.example"]})[0].corrected == "cloud"


def test_facet_values(both):
    """Searched by how words begin, sorted by count or name."""
    for facet in FACET_NAMES:
        for text in ("", "al", "Alpha T", "beta", "zzz", "?"):
            for sort in indexer.FACET_SORTS:
                for query in ("", "cloud", "azure zebra"):
                    asked = {"query": query, "sort": sort, "limit": 5}
                    found = both.cluster.facet_values(facet, text, **asked)
                    assert found == both.folder.facet_values(facet, text, **asked)


@pytest.mark.parametrize(
    "text",
    [
        "clo",
        "cloud pro",
        "azure cl",
        "provider:al",
        'topic:"cl',
        "exp",
        "expnse",
        "zzzz",
        "",
        "tit",
    ],
)
def test_completions(both, text):
    """The same words complete what was typed; those as frequent may come in another order."""
    assert sorted(both.cluster.suggest(text)) == sorted(both.folder.suggest(text))


def test_similar_stories(both):
    """Nearly the same ones resemble a story."""
    for story_id in ("0000.md", "0007.md"):
        found = [hit.story.id for hit in both.cluster.more_like(story_id)]
        assert found == [hit.story.id for hit in both.folder.more_like(story_id)]
    with pytest.raises(indexer.StoryNotFound):
        both.cluster.more_like("no such story")


@pytest.mark.parametrize(
    "query",
    ["azure", "azure cloud deal", '"cloud deal"', "the who", "azu*", "(azure aws) OR meta",
     "title:computing OR cloud"],
)  # fmt: skip
def test_explanations_add_up(both, query):
    """To the score of the hit, and name the same parts and fields."""
    for hit in both.cluster.search(query).hits[:3]:
        found = both.cluster.explain(query, hit.story.id)
        expected = both.folder.explain(query, hit.story.id)
        assert found.score == pytest.approx(hit.score, rel=0.01)
        assert found.article == expected.article
        assert [(part.text, part.fields) for part in found.parts] == [
            (part.text, part.fields) for part in expected.parts
        ]


def test_a_story_by_its_id(both):
    """Whole, as the file has it; or as a hit of a query that does not find it."""
    assert both.cluster.get("0000.md") == both.folder.get("0000.md")
    assert both.cluster.get("none.md") is None
    assert both.cluster.hit_of("none.md", "azure") is None
    assert shown(both.cluster.hit_of("0001.md", "covid")) == shown(
        both.folder.hit_of("0001.md", "covid")
    )


@pytest.mark.parametrize(
    "query", ["", "cloud", "azure covid zurich", "title:the OR azure", "(azure aws) OR meta"]
)
def test_an_export_is_the_whole_result(both, query):
    """Each story once, in the order of the pages."""
    request = indexer.SearchRequest(query=query, offset=5, limit=1)
    found = {hit.story.id: hit for hit in both.cluster.export(request)}
    pages = both.cluster.search(query, limit=500)
    assert list(found) == [hit.story.id for hit in pages.hits]
    expected = {hit.story.id: hit for hit in both.folder.export(request)}
    assert {one: shown(hit) for one, hit in found.items()} == {
        one: shown(hit) for one, hit in expected.items()
    }


def test_what_cannot_be_asked_is_refused(both):
    """In the same words."""
    for options in ({"sort": "best"}, {"limit": -1}, {"facets": ("colour",)}, {"offset": -1}):
        with pytest.raises(indexer.QueryError) as here:
            both.folder.search("x", **options)
        with pytest.raises(indexer.QueryError) as there:
            both.cluster.search("x", **options)
        assert str(here.value) == str(there.value)


@pytest.fixture(scope="module")
def generated(on_both, tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    stories = []

    @settings(max_examples=60, database=None, derandomize=True)
    @given(STORIES)
    def gather(story):
        stories.append(story)

    gather()
    for number, story in enumerate(islice(stories, 60)):
        write_story(folder / "seeds", f"{number:04}.md", **story)
    return on_both(folder / "seeds", folder / "index")


@settings(max_examples=60)
@given(st.lists(TREES.map(typed) | TYPED, min_size=1, max_size=3))
@example(["cat dog dog dog catty"])
def test_generated_queries(generated, queries):
    """Trees of words, phrases, fields and operators."""
    for query in queries:
        same(generated, query, spelling=False, limit=100, facets=("provider", "topic"))


@pytest.mark.skipif(not CASES.exists(), reason="the cases that are shared are not there")
def test_the_cases_that_people_expect(on_both, tmp_path):
    """Small archives, each with what must be found, and in which order."""
    for number, group in enumerate(json.loads(CASES.read_text("utf-8"))):
        folder = tmp_path / str(number)
        for name, fields in group["stories"].items():
            write_story(folder / "seeds", f"{name}.yml", **fields)
        both = on_both(folder / "seeds", folder / "index")
        for case in group["queries"]:
            found, expected = same(both, case["query"], limit=50)
            assert [hit.story.id for hit in found.hits] == [hit.story.id for hit in expected.hits]


@pytest.mark.parametrize(
    "wish",
    [{}, {"query": "mayor"}, {"query": "nothing-like-it"}, {"filters": {"topic": ("Politics",)}}],
)
def test_dates(both, wish):
    """By month, and by day within the two months that have most stories, chosen either way."""
    request = indexer.SearchRequest(**wish)
    found = both.cluster.histogram(request)
    assert found == both.folder.histogram(request)
    months = sorted(found.values, key=lambda one: one.count)[-1:] if found.unit == "month" else []
    for month in (one.value for one in months):
        filters = {**wish.get("filters", {}), "month": (month,)}
        within = indexer.SearchRequest(**{**wish, "filters": filters})
        assert both.cluster.histogram(within) == both.folder.histogram(within)
        assert both.cluster.histogram(within).unit == "day"


def test_stories_with_all_words_come_first(on_both, tmp_path):
    """In short queries, however much better others score, on every page of the result."""
    write_story(
        tmp_path / "seeds", "a.md", title="Story", body="long " * 300 + "owl heron", topics=["x"]
    )
    for number in range(14):
        write_story(tmp_path / "seeds", f"b{number:02}.md", title="Heron heron", excerpt="heron")
        for letter, title in (("c", "Owl"), ("d", "Something else"), ("e", "And more")):
            write_story(tmp_path / "seeds", f"{letter}{number:02}.md", title=title)
    both = on_both(tmp_path / "seeds", tmp_path / "index")
    for offset, limit in ((0, 3), (0, 40), (1, 3), (10, 3), (21, 5)):
        found, expected = same(both, "owl heron", offset=offset, limit=limit, facets=("topic",))
        assert found.relaxed
        assert [hit.story.id for hit in found.hits] == [hit.story.id for hit in expected.hits]
    assert both.cluster.search("owl heron").hits[0].story.id == "a.md"
    filtered = same(both, "owl heron", filters={"topic": ["x"]})[0]
    assert (filtered.total, filtered.complete) == (1, 1)


def test_several_languages(on_both, tmp_path):
    """The same forms of words are found in each."""
    for languages in ARCHIVES:
        folder = tmp_path / languages[0]
        write_archive(folder / "seeds", languages)
        both = on_both(folder / "seeds", folder / "index")
        assert both.cluster.info().language == both.folder.info().language
        for first, query, _ in FOUND:
            if first == languages[0]:
                found, expected = same(both, query, limit=50)
                assert {hit.story.id for hit in found.hits} == {
                    hit.story.id for hit in expected.hits
                }
                for hit in found.hits[:1]:
                    why = both.cluster.explain(query, hit.story.id)
                    assert why.score == pytest.approx(hit.score, rel=0.01)
        same(both, "the chevaux jounraux", limit=50)


def test_synonyms_of_another_language(on_both, tmp_path):
    """Synonyms are stemmed in the language of the index."""
    seeds = tmp_path / "seeds"
    for name, title in (("a.md", "Das Haus"), ("b.md", "Die Wohnung"), ("c.md", "Der Garten")):
        write_story(seeds, name, title=title)
    (seeds / "storydex.toml").write_text('language = "german"\n')
    (seeds / "synonyms.yml").write_text("- [Häuser, Wohnungen]\n")
    both = on_both(seeds, tmp_path / "index")
    assert same(both, "Haus")[0].total == 2


def test_amounts(on_both, tmp_path):
    """The same amounts are found however they are written, and explained alike."""
    for number, title in enumerate(amounts.TITLES):
        write_story(tmp_path / "seeds", f"{number:04}.md", title=title)
    both = on_both(tmp_path / "seeds", tmp_path / "index")
    for query, titles in amounts.FOUND:
        found, expected = same(both, query, limit=50)
        assert {hit.story.title for hit in found.hits[: found.complete]} == {*titles}, query
        for hit, other in zip(found.hits, expected.hits, strict=True):
            assert hit.score == pytest.approx(other.score, rel=0.02), query
        best = expected.hits[0].story.id
        told = [engine.explain(query, best) for engine in (both.folder, both.cluster)]
        parts = [[(part.text, part.fields) for part in why.parts] for why in told]
        assert parts[0] == parts[1], query
        assert told[1].score == pytest.approx(told[0].score, rel=0.02), query


def test_amounts_near_each_other(on_both, tmp_path):
    """Each way to write one is sought beside each of the other, and no cluster refuses that."""
    ways = [("10%", "5m"), ("10 percent", "5 million"), ("10pc", "5mn"), ("10 per cent", "5m")]
    for number, (share, jobs) in enumerate(ways):
        write_story(tmp_path / "seeds", f"{number}.md", title=f"A {share} rise of {jobs} jobs")
    both = on_both(tmp_path / "seeds", tmp_path / "index")
    assert same(both, '"10% rise" NEAR/5 "5m jobs"')[0].total == len(ways)
