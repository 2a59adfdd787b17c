"""An archive of a few stories to rebuild, and what a rebuild made of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import indexer
import indexer.build.workers
from indexer.build.tuning import Tuning
from tests.conftest import write_story

LONG_AGO = 1_600_000_000
#: More than what the time stamps of a file system are rounded to.
FINE_NS = 10_000_000
#: Files need not be seconds old to be taken for unchanged.
FINE = Tuning(clock_grain_ns=FINE_NS)


def written(folder: Path, name: str, **fields) -> Path:
    """A story file that was last changed long ago, as most of an archive is."""
    path = write_story(folder, name, **fields)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def counts(report):
    return report.indexed, report.unchanged, report.removed


def titles(index, query=""):
    with indexer.open_index(index) as engine:
        return sorted(hit.story.title for hit in engine.search(query, limit=1000).hits)


def rebuild(seeds, index, tuning=FINE, **options):
    return indexer.rebuild(seeds, index, tuning=tuning, **options)


@pytest.fixture
def looked_at(monkeypatch):
    """The ids of the files that are opened, where one process reads."""
    ids = []
    load_file = indexer.build.workers.load_file

    def load(path, story_id):
        ids.append(story_id)
        return load_file(path, story_id)

    monkeypatch.setattr(indexer.build.workers, "load_file", load)
    return ids


@pytest.fixture
def seeds(tmp_path):
    """Three stories, one in a subfolder."""
    for name in ("one.md", "two.yml", "deep/er/three.txt"):
        written(tmp_path / "seeds", name, title=f"Story {Path(name).stem}")
    return tmp_path / "seeds"
