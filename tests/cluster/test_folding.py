"""Stories with the same lead are one on a cluster, too, and words are of the archive's language."""

from __future__ import annotations

import os

import pytest

import indexer
from tests.cluster.stories import SAME
from tests.cluster.test_parity import same
from tests.conftest import write_story
from tests.corpora.archives import FACET_NAMES


@pytest.fixture(scope="module")
def both(on_both, tmp_path_factory):
    folder = tmp_path_factory.mktemp("folding")
    for number, story in enumerate(SAME):
        write_story(folder / "seeds", f"{number:02}.md", **story)
    for number in range(12):
        write_story(folder / "seeds", f"more{number:02}.md", title=f"Owl {number}", topics=["Owls"])
    engines = on_both(folder / "seeds", folder / "index")
    with engines.folder, engines.cluster:
        yield engines


QUERIES = ["", "owls", "mill", "owls return", "herons mill", "owls herons zebra mill", "old -heron",
           "(owls herons) OR sold", "topic:birds", "owls return to the old mill sold"]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("sort", indexer.SORTS)
def test_folded_as_in_a_folder(both, query, sort):
    """Which is listed, the others that it names, totals and counts, page by page; or none is."""
    for collapse in (True, False):
        for offset, limit in ((0, 100), (0, 3), (2, 4)):
            how = {"sort": sort, "offset": offset, "limit": limit, "collapse": collapse}
            found, expected = same(both, query, facets=FACET_NAMES, **how)
            if sort != "relevance":
                order = [hit.story.id for hit in found.hits]
                assert order == [hit.story.id for hit in expected.hits]


@pytest.mark.parametrize(
    "filters",
    [
        {"topic": ["Mills"]},
        {"provider": ["beta.example"]},
        {"topic": ["-birds"]},
        {"year": ["2022"]},
    ],
)
def test_of_those_that_pass_the_filters(both, filters):
    """A story that is filtered out stands for none and is named by none."""
    for query in QUERIES:
        same(both, query, filters=filters, facets=FACET_NAMES, limit=50)
        same(both, query, filters=filters, facets=("topic",), since="2022-01", until="2022-05-02")


def test_dates_are_those_of_the_stories_listed(both):
    """Whatever is the order, by which another may be listed for its group."""
    for query in QUERIES:
        for sort in indexer.SORTS:
            for collapse in (True, False):
                request = indexer.SearchRequest(query=query, sort=sort, collapse=collapse)
                expected = both.folder.histogram(request)
                assert both.cluster.histogram(request) == expected, (query, sort, collapse)


def test_an_export_folds(both):
    """Each group once, the story that a page lists, with the others."""
    for query in QUERIES:
        for collapse in (True, False):
            request = indexer.SearchRequest(query=query, collapse=collapse)
            found, expected = (
                sorted(
                    (hit.story.id, *(one.id for one in hit.also_in)) for hit in one.export(request)
                )
                for one in both
            )
            assert found == expected, query


def test_many_groups_are_counted_part_by_part(both, monkeypatch):
    """As there are archives with more than a cluster tells of at a time."""
    monkeypatch.setattr("indexer.cluster.folding._AT_A_TIME", 1)
    for query in QUERIES:
        same(both, query, facets=FACET_NAMES, limit=50)


def test_a_change_of_one_story_folds_others(tmp_path, location):
    """Two become the same, or are told apart, without being read again."""
    seeds, index = tmp_path / "seeds", tmp_path / "index"

    def write(name, **story):
        path = write_story(seeds, name, **story)
        os.utime(path, (1_600_000_000, 1_600_000_000 + len(str(story))))

    def rebuilt(read):
        for place in (index, location):
            assert indexer.rebuild(seeds, place).indexed == read
        with indexer.open_index(index) as folder, indexer.open_index(location) as cluster:
            for query in ("", "mill"):
                told = [
                    sorted((hit.story.id, *sorted(one.id for one in hit.also_in)) for hit in
                           engine.search(query, limit=50).hits)
                    for engine in (folder, cluster)
                ]  # fmt: skip
                assert told[0] == told[1]
                assert folder.search(query).total == cluster.search(query).total
            return cluster.search("").total

    one = {"title": "Mill sold", "webUrl": "https://x.example/mill-1"}
    other = {"title": "The mill", "excerpt": "Now sold"}
    write("a.md", **one)
    write("b.md", **other)
    write("c.md", title="Something else")
    assert rebuilt(3) == 3
    # The address of one and the text of the other.
    write("c.md", **one | other)
    assert rebuilt(1) == 1
    write("c.md", title="Something else again")
    assert rebuilt(1) == 3
    write("d.md", **one)
    assert rebuilt(1) == 3
    (seeds / "a.md").unlink()
    assert rebuilt(0) == 3


def test_other_languages(on_both, tmp_path):
    """Stems and function words are those of the archive's language."""
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    (seeds / "storydex.toml").write_text('language = "de"\n')
    texts = ["Die Häuser am Fluss", "Ein Haus brennt", "Der Fluss und das Haus",
             "Häuserkampf in Köln", "Was der Minister sagte",
             "Die Minister sagen nichts"]  # fmt: skip
    for number, text in enumerate(texts):
        write_story(seeds, f"{number}.md", title=text, excerpt=texts[number - 1])
    both = on_both(seeds, tmp_path / "index")
    for query in ("haus", "häuser fluss", "title:häuser", '"das haus"', "der minister sagt",
                  "=häuser", "koln", "die", "haus*", "hauser~"):  # fmt: skip
        found, _ = same(both, query, limit=50, facets=FACET_NAMES)
        assert found.total or query == "die"
    assert sorted(both.cluster.suggest("minis")) == sorted(both.folder.suggest("minis"))
    explained = [one.explain("häuser fluss", "0.md") for one in both]
    assert explained[0].parts[0].fields == explained[1].parts[0].fields
