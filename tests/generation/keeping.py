"""What the tests of crashes, faults and damage share: what an index holds, and is it sound."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import indexer

LOCK = ".storydex-lock"

#: Ids and titles; None where there is no index.
Stories = dict[str, str] | None


def stories_in(index: Path) -> Stories:
    """The stories that a search for everything finds; a warning of damage is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", indexer.DamageWarning)
        try:
            with indexer.open_index(index, compiled=False) as engine:
                page = engine.search("", facets=("published",), limit=1000, collapse=False)
                found = {hit.story.id: hit.story.title for hit in page.hits}
                assert len(found) == page.total == engine.info().stories
                assert sum(row.count for row in page.facets["published"]) == page.total
                return found
        except indexer.IndexMissing:
            return None


def fault_of(index: Path, *allowed: Stories) -> str:
    """What is wrong with an index that should be sound and hold one of these; empty: nothing."""
    try:
        found = stories_in(index)
        damaged = indexer.verify(index).damaged if found is not None else ()
    except indexer.StorydexError as error:
        return f"{type(error).__name__}: {error}"
    if found not in allowed:
        return f"holds {found}"
    return f"verify: {damaged}" if damaged else ""


def leftovers(index: Path) -> set[str]:
    """The files of a folder that neither of the newest two generations names."""
    names = {path.name for path in index.iterdir()} - {LOCK}
    manifests = sorted(
        (name for name in names if name.endswith(".json")), key=lambda name: int(name[9:-5])
    )
    for name in manifests[-2:]:
        manifest, _ = (index / name).read_bytes().rstrip().rsplit(b"\n", 1)
        names -= {name, *json.loads(manifest)["files"]}
    return names
