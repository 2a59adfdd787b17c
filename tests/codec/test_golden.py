"""An index written once and kept: what is in it is read as it was meant, by later versions too.

After a change of the format, which its version numbers tell, the index is written anew:
`python -m tests.codec.test_golden`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import indexer
from indexer.generation.manifest import GENERATION_VERSION
from indexer.schema import SCHEMA_VERSION
from tests.conftest import build

GOLDEN = Path(__file__).parent / "golden" / f"format-{GENERATION_VERSION}-schema-{SCHEMA_VERSION}"

STORIES = {
    "harbour.md": {
        "title": "Harbour opens after the storm",
        "excerpt": "Ferries sail again from Ostergaard",
        "body": "The quay was closed for two days.",
        "publishedDateTime": "2024-03-02T08:30:00Z",
        "quality": 71,
        "heat": -2.5,
        "provider": {"name": "The Lantern", "domain": "lantern.example"},
        "topics": ["Shipping", "Weather"],
        "category": "news",
        "related": [
            {
                "title": "Storm breaks a mast",
                "excerpt": "Nobody was hurt",
                "provider": {"name": "Coast Post", "domain": "coastpost.example"},
            },
            {"title": "Über-Fähre läuft aus", "excerpt": "Naïve café reopens"},
        ],
    },
    "library.md": {
        "title": "Library lends tools",
        "excerpt": "A storm of requests for drills",
        "published": False,
        "related": [{"title": "Drills for all"}],
    },
    "undated.md": {"title": "日本語 and storms"},
}


@pytest.fixture
def golden(tmp_path):
    """A copy of the index, for opening it may leave traces."""
    assert GOLDEN.is_dir(), f"no index of this format: run python -m {__name__}"
    return shutil.copytree(GOLDEN, tmp_path / "index")


def test_every_byte_is_as_it_was_written(golden):
    """`verify` agrees with what an earlier version wrote."""
    report = indexer.verify(golden)
    assert report.files > 5
    assert not report.damaged


def test_it_is_read_as_it_was_meant(golden):
    """Stories, matches, highlights, facets and order are those of an index made now."""
    with indexer.open_index(golden) as kept:
        page = kept.search("storm", facets=indexer.FACETS)
        assert [hit.story.id for hit in page.hits] == ["harbour.md", "undated.md", "library.md"]
        assert page.hits[0].highlights["title"] == "Harbour opens after the <mark>storm</mark>"
        assert page.hits[0].related[0].highlights["title"] == "<mark>Storm</mark> breaks a mast"
        assert [row.label for row in page.facets["provider"]] == ["Coast Post", "The Lantern"]
        assert [hit.story.id for hit in kept.search('"sail again"').hits] == ["harbour.md"]
        assert [hit.story.id for hit in kept.search("quality:>70").hits] == ["harbour.md"]
        assert kept.search("日本語").total == 1


def test_what_is_written_now_answers_alike(golden, tmp_path):
    """A new index of the same stories gives the same answers."""
    made = build(tmp_path / "new", STORIES)
    with indexer.open_index(golden) as kept, indexer.open_index(made) as new:
        for query in ("storm", "naive cafe", "provider:lantern.example", "dril*", "storm -mast"):
            one, other = kept.search(query), new.search(query)
            assert [hit.score for hit in one.hits] == [hit.score for hit in other.hits]
            assert [hit.story for hit in one.hits] == [hit.story for hit in other.hits]


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # the index notes where its stories came from
        index = build(Path(), STORIES)
        (index / ".storydex-lock").unlink()
        shutil.rmtree(GOLDEN.parent, ignore_errors=True)
        shutil.copytree(index, GOLDEN)
