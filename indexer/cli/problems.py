"""What is wrong with story files, in as few lines as tell it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..model import BuildReport, FieldWarning
from ..model.reports import LINK

#: Places that are named of warnings that say the same.
MOST_PLACES = 3
#: Keys and suffixes that are named in their lines.
MOST_NAMES = 10

_NUMBER = re.compile(r"\[\d+\]")


def problem_lines(report: BuildReport) -> Iterator[str]:
    """Every file that was rejected, then warnings, those that say the same in one line."""
    yield from map(str, report.rejected)
    alike: dict[tuple[str, str], list[FieldWarning]] = {}
    for warning in report.warnings:
        field = _NUMBER.sub("[]", warning.field)
        alike.setdefault((field, warning.reason), []).append(warning)
    for (field, reason), warnings in alike.items():
        if len(warnings) <= MOST_PLACES:
            yield from map(str, warnings)
            continue
        places: dict[str, str] = {}
        for warning in warnings:
            places.setdefault(warning.path, warning.place)
        named = ", ".join([*places.values()][:MOST_PLACES])
        others = len(places) - MOST_PLACES
        more = f" and {others:,} more files" if others > 0 else ""
        yield f"{len(warnings):,} times: {field}: {reason} (in {named}{more})"


def note_lines(report: BuildReport) -> Iterator[str]:
    """What the files have that was not used, links, and files not read if no other is."""
    if report.unused:
        shown = [
            f"{key.name} ({key.files:,}{f', meant {key.likely}?' if key.likely else ''})"
            for key in sorted(report.unused, key=lambda key: key.likely is None)[:MOST_NAMES]
        ]
        more = len(report.unused) - len(shown)
        rest = f" and {more:,} more" if more else ""
        yield f"Keys that were not used, with the number of files: {', '.join(shown)}{rest}"
    others = dict(report.passed_over)
    if links := others.pop(LINK, 0):
        yield (
            f"{links:,} link{' was' if links == 1 else 's were'} passed over: "
            "put the files themselves into the folder"
        )
    if not report.indexed and not report.unchanged and others:
        counts = sorted(others.items(), key=lambda item: -item[1])[:MOST_NAMES]
        files = ", ".join(
            f"{count:,} {f'{suffix} ' if suffix else ''}{'file' if count == 1 else 'files'}"
            f"{'' if suffix else ' without a suffix'}"
            for suffix, count in counts
        )
        verb = "has" if sum(count for _, count in counts) == 1 else "have"
        yield (
            f"0 stories: {files} here {verb} no suffix that is read; "
            "name it in `suffixes` in storydex.toml"
        )
