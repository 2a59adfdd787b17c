"""The engine over an index folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar

from ..analysis import well_formed
from ..errors import IndexCorrupt
from ..generation import manifest as mf
from ..highlight.hits import make_hits
from ..model import DateCounts, Explanation, Hit, IndexInfo, SearchRequest, Story
from ..query.synonyms import synonyms_beside
from ..schema import SYNONYMS_NAME
from ..search.executor import CompiledLoops, Executor
from ..search.explain import explain
from ..search.find import ENOUGH, Found, Searcher
from ..search.histogram import count_dates
from ..search.respell import Respelling, respell
from ..search.snapshot import open_snapshot
from .base import Engine, View

T = TypeVar("T")


def _compiled_loops() -> Any:
    """Import what searches run compiled; where that is compiled first, in two halves at once."""
    from ..kernels.cache import compiling_beside

    with compiling_beside("indexer.search.count", "indexer.search.phrase_loops"):
        from ..search import loops, pattern_loops  # noqa: F401
    from ..search import fast

    return fast


#: Compiled code is the same for all engines of a process.
COMPILED = CompiledLoops(_compiled_loops)
#: For engines that never compile.
PLAIN_ONLY = CompiledLoops(None)


class _View(View):
    """A snapshot and what runs queries over it."""

    searcher: Searcher

    def __init__(self, folder: str, loops: CompiledLoops) -> None:
        self._folder = folder
        self.published = mf.published(folder)
        newest = mf.newest_generation(folder) or 0
        self.snapshot = self.values = open_snapshot(folder)
        self.generation = self.snapshot.manifest.generation
        self._damaged = newest if newest > self.generation else None
        seeds = self.snapshot.manifest.seeds
        self.stamp = _stamp(seeds)
        self.synonyms = synonyms_beside(seeds, self.snapshot.language)
        self.searcher = Searcher(Executor(self.snapshot, loops), self.synonyms)
        self.selector = self.searcher.selector

    def warm_up(self) -> None:
        """Make the first search as fast as the rest."""
        with suppress(IndexCorrupt):  # what is damaged is named by the search that needs it
            self.searcher.warm_up()

    def respelling(self, query: str, found: Found) -> Callable[[], Respelling | None]:
        """Looks for a better spelling when that is first asked for."""
        words, few = found.parsed.words, found.answer.complete < ENOUGH

        @cache
        def better() -> Respelling | None:
            self.snapshot.check_sizes()
            spelt = respell(self.selector, query, words, few=few)
            self.snapshot.check_sizes()  # what is past the end of a file reads as zeros
            return spelt

        return better

    def hits(self, found: Found) -> Iterator[Hit]:
        return make_hits(self.snapshot, found, found.answer.doc_ids, found.answer.scores)

    def hit(self, found: Found, story_id: str) -> Hit | None:
        doc_id = self.snapshot.doc_id(story_id)
        return None if doc_id is None else next(make_hits(self.snapshot, found, [doc_id], [0.0]))

    def all_hits(self, request: SearchRequest) -> Iterator[Hit]:
        return self.hits(self.searcher.find(request, self.snapshot.size))

    def dates(self, request: SearchRequest) -> DateCounts:
        return count_dates(self.snapshot, self.searcher.listed(request))

    def story(self, story_id: str) -> Story | None:
        doc_id = self.snapshot.doc_id(story_id)
        return None if doc_id is None else self.snapshot.story(doc_id)

    def explain(self, found: Found, story_id: str) -> Explanation | None:
        doc_id = self.snapshot.doc_id(story_id)
        return None if doc_id is None else explain(found, doc_id, story_id)

    def info(self) -> IndexInfo:
        snapshot, manifest = self.snapshot, self.snapshot.manifest
        return IndexInfo(
            location=well_formed(self._folder),
            stories=manifest.stories,
            articles=manifest.articles,
            terms=snapshot.term_count(),
            bytes=sum(entry.size for entry in manifest.files.values()),
            generation=manifest.generation,
            segments=len(snapshot.segments),
            built_at=manifest.built_at,
            seeds=manifest.seeds,
            published_only=manifest.published_only,
            damaged=self._damaged,
            language=snapshot.language.names,
        )


class LocalEngine(Engine):
    """The engine over an index folder. See `Engine` for what its methods do."""

    def __init__(self, folder: str, *, compiled: bool = True) -> None:
        self._folder = folder
        self._loops = COMPILED if compiled else PLAIN_ONLY
        self._warm = False
        self._view = _View(folder, self._loops)

    def _asked(self, question: Callable[[View], T]) -> T:
        """Raises `IndexCorrupt` if a file became shorter."""
        view = self._opened()
        view.snapshot.check_sizes()
        return question(view)

    def warm_up(self) -> None:
        """Load what searches need, so that the first is as fast as the rest."""
        self._loops.load()
        self._warm = True
        self._opened().warm_up()

    def reload(self) -> bool:
        """Switch to the newest generation; true if it was not the one being searched.

        Hits and exports of the old generation stay usable. A changed file of synonyms counts
        from then on, too.
        """
        before: _View = self._opened()
        if mf.published(self._folder) == before.published:
            if _stamp(before.snapshot.manifest.seeds) != before.stamp:
                self._view = _View(self._folder, self._loops)
            return False
        view = _View(self._folder, self._loops)
        if self._warm:
            view.warm_up()
        self._view = view
        # A damaged newest generation has that one opened again which is being searched.
        return view.snapshot.manifest != before.snapshot.manifest


def _stamp(seeds: str) -> tuple[int, ...] | None:
    """What changes with the file of synonyms; None without one."""
    try:
        status = os.stat(os.path.join(seeds, SYNONYMS_NAME))
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size
