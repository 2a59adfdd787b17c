"""What becomes of front matter, and of whole files."""

from __future__ import annotations

from datetime import timezone

from indexer.model import Story
from indexer.seeds import StoryRead, parse_story
from tests.conftest import ROOT, SEED_STORY
from tests.seeds.bad_seeds import front

SEED = ROOT / "seeds" / SEED_STORY
UTC = timezone.utc


def read(fields: str, body: str = "") -> StoryRead:
    """What becomes of front matter with a title and these fields."""
    return parse_story(front(f"title: T\n{fields}", body), "a.md")


def story_of(fields: str, body: str = "") -> Story:
    """The story of such a file, which has nothing wrong in it."""
    story, rejection, warnings, _ = read(fields, body)
    assert rejection is None
    assert warnings == ()
    assert story is not None
    return story


def dropped(fields: str) -> list[str]:
    """The fields that are dropped from such a file."""
    result = read(fields)
    assert result.story is not None
    return [warning.field for warning in result.warnings]


def refused(data: bytes, name: str = "a.yml") -> str:
    """Where and why a file is refused."""
    story, rejection, warnings, _ = parse_story(data, name)
    assert story is None
    assert warnings == ()
    return str(rejection)
