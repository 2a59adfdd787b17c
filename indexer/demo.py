"""Invented stories to explore and measure with; layer 3."""
from __future__ import annotations
from collections.abc import Callable, Iterator
from .model import Story
def iter_demo_stories(stories: int, seed: int) -> Iterator[Story]:
    """Placeholder."""
    raise NotImplementedError
def write_demo(folder: str, stories: int, seed: int, progress: Callable[[int], None] | None = None) -> int:
    """Placeholder."""
    raise NotImplementedError
