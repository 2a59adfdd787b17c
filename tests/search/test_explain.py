"""What scores are made of: it adds up, and says where the words stand."""

from __future__ import annotations

import pytest

import indexer
from tests.conftest import build

STORIES = {
    "lead": {
        "title": "Azure cloud deal grows", "excerpt": "Microsoft sells cloud services",
        "related": [{"title": "Ferry delayed again"}, {"title": "Cloud of dust over city"}],
    },
    "covered": {
        "title": "Evening briefing",
        "related": [{"title": "Weather"}, {"title": "Cloud on azure sea"}],
    },
    "half": {"title": "Azure tiles", "body": "Kitchen floors in blue"},
    "none": {"title": "Chess lessons"},
}  # fmt: skip
QUERIES = [
    "azure cloud", "azure", "the cloud of azure", "cloud OR ferry", '"azure cloud"', "clou*",
    "azur~", "azure -ferry", "title:cloud^3", "azure NEAR/2 sea", "microsoft azure cloud ferry",
    "azure kitchen floors tiles", "(azure OR chess) cloud",
]  # fmt: skip


@pytest.fixture(scope="module", params=[True, False], ids=["compiled", "plain"])
def engine(request, tmp_path_factory):
    index = build(tmp_path_factory.mktemp("explain"), {f"{k}.md": v for k, v in STORIES.items()})
    with indexer.open_index(index, compiled=request.param) as engine:
        engine.warm_up()
        yield engine


@pytest.mark.parametrize("query", QUERIES)
def test_parts_and_factors_add_up_to_the_score(engine, query):
    """The score of every hit is the sum of its parts times its factors."""
    page = engine.search(query)
    assert page.hits
    for hit in page.hits:
        why = engine.explain(query, hit.story.id)
        assert why.score == pytest.approx(hit.score, rel=1e-5)
        total = sum(part.score for part in why.parts)
        for _, factor in why.factors:
            total *= factor
        assert total == pytest.approx(why.score)


def test_the_article_and_the_fields_are_named(engine):
    """It says which article decides, and where in it each word stands."""
    why = engine.explain("azure cloud", "covered.md")
    assert why.article == 1
    assert {(part.text, part.fields) for part in why.parts} == {
        ("azure", ("title",)), ("cloud", ("title",)),
    }  # fmt: skip
    why = engine.explain("cloud", "lead.md")
    assert (why.article, why.parts[0].fields) == (None, ("title", "excerpt"))
    assert "lead" in dict(why.factors)
    assert str(why).endswith("in the story itself")


def test_words_that_stand_together_are_a_factor(engine):
    """Nearness is told."""
    assert "words near each other" in dict(engine.explain("azure cloud", "lead.md").factors)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("query", ["pox", '"monkey pox"', "monkey pox", "monk* pox"])
def test_of_stories_with_the_same_article_the_broader_comes_first(tmp_path, compiled, query):
    """The one whose lead is about it, then one with more articles that are; and it is told."""
    same = {"title": "Monkey pox spreads in many towns", "webUrl": "https://a.example/1"}
    stories = [
        {"title": "Drinks for summer evenings", "related": [same]},
        {
            "title": "Notes of today",
            "related": [same, {"title": "A note on monkey pox, at length"}],
        },
        {"title": "What to know of the monkey pox in the city", "related": [same]},
        {"title": "Chess lessons for beginners", "related": [{"title": "Pawns"}, same]},
    ]
    with indexer.open_index(build(tmp_path, stories), compiled=compiled) as engine:
        engine.warm_up()
        page = engine.search(query)
        order = [hit.story.id for hit in page.hits]
        assert order == ["0002.md", "0001.md", "0000.md", "0003.md"]
        told = {one: dict(why.factors) for one, why in engine.explain_page(page).items()}
        assert told["0002.md"]["how much of it matches"] > 1
        assert "how much of it matches" not in told["0000.md"]
        assert page.hits[2].score == page.hits[3].score


@pytest.mark.parametrize("compiled", [True, False])
def test_a_lead_is_not_broader_for_being_one(tmp_path, compiled):
    """What has nothing beside its best article is not weighed, be that the lead or another one."""
    stories = [
        {"title": "Monkey pox spreads"},
        {"title": "Drinks for summer", "related": [{"title": "Monkey pox spreads"}]},
    ]
    with indexer.open_index(build(tmp_path, stories), compiled=compiled) as engine:
        engine.warm_up()
        for hit in engine.search("monkey pox").hits:
            factors = dict(engine.explain("monkey pox", hit.story.id).factors)
            assert "how much of it matches" not in factors


def test_a_word_does_not_stand_near_itself(engine):
    """However often it is typed, and in whatever form."""
    why = engine.explain("kitchen azure azure clouds cloud", "lead.md")
    typed_once = engine.explain("kitchen azure cloud", "lead.md")
    near = "words near each other"
    assert dict(why.factors)[near] == dict(typed_once.factors)[near]


def test_what_does_not_match_scores_nothing(engine):
    """A story that was not found has no parts; an unknown one is an error."""
    why = engine.explain("azure", "none.md")
    assert (why.score, why.parts) == (0.0, ())
    with pytest.raises(indexer.StoryNotFound):
        engine.explain("azure", "absent.md")


def test_scores_are_explained_under_filters(tmp_path):
    """As they stand on the page: also of a story that is far down without the filters."""
    stories = [{"title": "Cloud azure " * 3} for _ in range(30)]
    last = {"title": "The azure cloud and much else that tells nothing", "topics": ["AI"]}
    with indexer.open_index(build(tmp_path, [*stories, last]), compiled=False) as engine:
        filters = {"topic": ["AI"]}
        page = engine.search("azure cloud", filters=filters)
        (hit,) = page.hits
        assert "words near each other" in dict(engine.explain_page(page)["0030.md"].factors)
        assert engine.explain_page(page)["0030.md"].score == pytest.approx(hit.score)
        why = engine.explain("azure cloud", "0030.md", filters=filters)
        assert why.score == pytest.approx(hit.score)
        assert engine.explain("azure cloud", "0030.md").score < hit.score
