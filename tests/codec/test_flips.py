"""Every byte of a small index, changed: `verify` names the file, nothing is wrong silently."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import indexer
from tests.conftest import build, write_story
from tests.generation.keeping import LOCK

FIRST = {
    "a.md": {"title": "Cat", "provider": {"name": "P", "domain": "p.example"}},
    "b.md": {"title": "Dog", "quality": 3},
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two generations that share a segment: a small story was added to a larger index."""
    folder = tmp_path_factory.mktemp("flips")
    location = build(folder, FIRST)
    write_story(folder / "seeds", "c.md", title="Cat and dog")
    indexer.rebuild(folder / "seeds", location, workers=1)
    assert len(list(location.glob("*.json"))) == 2
    return location


@contextmanager
def flipped(path: Path, offset: int, mask: int) -> Iterator[None]:
    """A file with some bits of one byte turned round."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        (byte,) = os.pread(descriptor, 1, offset)
        os.pwrite(descriptor, bytes([byte ^ mask]), offset)
        try:
            yield
        finally:
            os.pwrite(descriptor, bytes([byte]), offset)
    finally:
        os.close(descriptor)


def test_verify_names_the_file_of_every_flipped_byte(index: Path):
    """Of both generations; one byte at a time, another bit or several each time."""
    files = sorted(path for path in index.iterdir() if path.name != LOCK)
    flips = 0
    for path in files:
        for offset in range(path.stat().st_size):
            with flipped(path, offset, 1 << offset % 8 if offset % 3 else 0xFF):
                damaged = [damage.file for damage in indexer.verify(index).damaged]
            assert damaged == [path.name], offset
            flips += 1
    assert flips == indexer.verify(index).bytes
    assert not indexer.verify(index).damaged
