"""What several test modules share: writing stories and building indexes of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import indexer
from indexer.model import Rejection
from indexer.seeds import SeedFile, list_seed_files

ROOT = Path(__file__).parent.parent
SEED_STORY = "000_810bd97e64a9d9b2.txt"

# No test fails because a machine is slow: loops compile while the first examples run.
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("storydex", settings(), deadline=None, suppress_health_check=_SLOW)
settings.load_profile("storydex")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of this project's own tests."""
    parser.addoption(
        "--kill-rounds",
        type=int,
        default=20,
        metavar="N",
        help="how many rebuilds tests/generation/test_kill.py kills (default: 20)",
    )


@pytest.fixture
def alone():
    """No thread but this one: rebuilds fork, and nobody else catches warnings."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(60)
    assert threading.active_count() == 1


def write_story(folder: Path, name: str, /, **fields: Any) -> Path:
    """Write a story file; JSON is YAML, so any value comes through as it is."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    fields.setdefault("title", "A story")
    body = fields.pop("body", "")
    mapping = "\n".join(f"{key}: {json.dumps(value)}" for key, value in fields.items())
    path.write_text(f"---\n{mapping}\n---\n{body}", encoding="utf-8")
    return path


def seed_files(folder: Path, reject: Callable[[Rejection], None] = [].append) -> list[SeedFile]:
    """The story files of a folder, in the order of their ids."""
    found = list_seed_files(folder, reject)
    return sorted(map(found.file, range(len(found.ids))), key=lambda file: file.id)


def build(
    folder: Path, stories: Iterable[Mapping[str, Any]] | Mapping[str, Mapping[str, Any]]
) -> Path:
    """Index stories given as the fields of their files; returns the index folder."""
    named = (
        stories
        if isinstance(stories, Mapping)
        else {f"{number:04}.md": story for number, story in enumerate(stories)}
    )
    for name, story in named.items():
        write_story(folder / "seeds", name, **story)
    (folder / "seeds").mkdir(exist_ok=True)
    report = indexer.rebuild(folder / "seeds", folder / "index", workers=1)
    assert not report.rejected
    return folder / "index"


@pytest.fixture(scope="session")
def seed_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the project's own seeds."""
    index = tmp_path_factory.mktemp("seed") / "index"
    indexer.rebuild(ROOT / "seeds", index, workers=1)
    return index


@pytest.fixture
def seed_engine(seed_index: Path) -> Iterator[indexer.Engine]:
    """An engine over the project's own seeds."""
    with indexer.open_index(seed_index) as engine:
        yield engine
