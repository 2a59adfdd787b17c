"""Stories in memory → a fresh generation of the index."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..codec import Segment
from ..codec.format import INDEX_NAME
from ..generation import manifest as mf
from ..generation.lock import writer_lock
from ..generation.publish import Writer, open_writer
from ..generation.sources import NO_SOURCES, Sources
from ..model import Story
from .rebuild import failures_named, make_manifest
from .segment import SegmentBuilder
from .tuning import TUNING


def build_stories(stories: Iterable[Story], index: str | os.PathLike[str]) -> int:
    """Make a fresh index of stories in memory; returns its generation.

    For programs that have stories but no files. A later `rebuild` into the same folder
    makes it match the story files again. Raises `IndexLocked`, `BuildError`.
    """
    folder = os.fspath(index)
    builder = SegmentBuilder()
    count = articles = 0

    def describe(generation: int, segments: list[dict[str, object]]) -> tuple[mf.Manifest, Sources]:
        return make_manifest(generation, segments, "", False, count, articles), NO_SOURCES

    with failures_named(folder):
        os.makedirs(folder, exist_ok=True)
        with writer_lock(folder), open_writer(folder, fresh=True) as writer:
            for story in stories:
                count += 1
                articles += len(story.related)
                builder.add(story)
                if builder.words >= TUNING.segment_words:
                    _write_segment(folder, writer, builder)
            if builder.docs:
                _write_segment(folder, writer, builder)
            return writer.publish(describe)


def _write_segment(folder: str, writer: Writer, builder: SegmentBuilder) -> None:
    segment = Segment(INDEX_NAME, docs=builder.docs)
    builder.write(Path(folder), segment.segment_id(), writer.dictionary(1))
    writer.keep(segment)
