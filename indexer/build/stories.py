"""Stories in memory → a fresh generation of the index."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..codec import Segment
from ..codec.format import INDEX_NAME
from ..copies import without_copies
from ..disk import local_folder
from ..generation import manifest as mf
from ..generation.publish import Writer, locked_folder, open_writer
from ..generation.sources import NO_SOURCES, Sources
from ..languages import ENGLISH, Language
from ..model import Problems, Story
from ..ranking import NO_AVERAGES
from .basis import Basis
from .rebuild import failures_named, make_manifest
from .segment import SegmentBuilder
from .tuning import TUNING


def build_stories(
    stories: Iterable[Story], index: str | os.PathLike[str], language: Language = ENGLISH
) -> int:
    """Make a fresh index of stories in memory; returns its generation.

    For programs that have stories but no files. A later `rebuild` into the same folder
    makes it match the story files again. Raises `IndexLocked`, `BuildError`.
    """
    folder = local_folder(index)
    builder = SegmentBuilder(language)
    basis: Basis | None = None
    count = articles = 0

    def describe(
        generation: int, segments: list[dict[str, object]]
    ) -> tuple[mf.Manifest, Sources, Problems]:
        averages = NO_AVERAGES if basis is None else basis.averages
        made = make_manifest(generation, segments, "", False, count, articles, averages)
        return made, NO_SOURCES, Problems()

    def write(writer: Writer) -> Basis:
        common = basis or builder.basis()
        segment = Segment(INDEX_NAME, docs=builder.docs, rows=builder.rows)
        builder.write(Path(folder), segment.segment_id(), common)
        writer.keep(segment)
        return common

    with (
        failures_named(folder),
        locked_folder(folder) as number,
        open_writer(folder, number, fresh=True) as writer,
    ):
        writer.make_room()
        for story in stories:
            distinct = without_copies(story)
            count += 1
            articles += len(distinct.related)
            builder.add(distinct)
            if builder.words >= TUNING.segment_words:
                basis = write(writer)
        if builder.docs:
            basis = write(writer)
        return writer.publish(describe)
