"""The engine over an index folder: parse → execute → page."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from ..analysis import well_formed
from ..errors import EngineClosed, IndexCorrupt, StoryNotFound
from ..generation import manifest as mf
from ..highlight.hits import make_hits
from ..model import (
    DateCounts,
    Explanation,
    FacetRows,
    Hit,
    IndexInfo,
    ResultPage,
    SearchRequest,
    Story,
)
from ..query.request import check, check_values, checked_limit, checked_text
from ..query.synonyms import synonyms_beside
from ..schema import SYNONYMS_NAME
from ..search.executor import CompiledLoops, Executor
from ..search.explain import explain
from ..search.facets import beginning, listed
from ..search.find import ENOUGH, Found, Searcher
from ..search.histogram import count_dates
from ..search.respell import Respelling, respell
from ..search.snapshot import Snapshot, open_snapshot
from ..search.suggest import RESEMBLANCE, complete, resembling
from .protocol import Engine


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
PLAIN_ONLY = CompiledLoops(_compiled_loops)


class _View(NamedTuple):
    """A snapshot and what runs queries over it."""

    snapshot: Snapshot
    searcher: Searcher
    published: tuple[int, int] | None
    damaged: int | None
    synonyms: tuple[int, int] | None


class LocalEngine(Engine):
    """The engine over an index folder. See `protocol.Engine` for what its methods do."""

    def __init__(self, folder: str, *, compiled: bool = True) -> None:
        self._folder = folder
        self._loops = COMPILED if compiled else PLAIN_ONLY
        self._compiled = compiled
        self._warm = False
        self._view: _View | None = self._open()

    def _open(self) -> _View:
        published = mf.published(self._folder)
        newest = mf.newest_generation(self._folder) or 0
        snapshot = open_snapshot(self._folder)
        seeds = snapshot.manifest.seeds
        stamp, synonyms = _stamp(seeds), synonyms_beside(seeds, snapshot.language)
        searcher = Searcher(Executor(snapshot, self._loops), synonyms)
        damaged = newest if newest > snapshot.manifest.generation else None
        return _View(snapshot, searcher, published, damaged, stamp)

    def warm_up(self) -> None:
        """Load what searches need, so that the first is as fast as the rest."""
        if self._compiled:
            self._loops.load()
        self._warm = True
        _warm_up(self._opened())

    @property
    def generation(self) -> int:
        """The number of the generation being searched."""
        return self._opened().snapshot.manifest.generation

    def answer(self, request: SearchRequest) -> ResultPage:
        """The same as `search`, for a request that was built before."""
        started = time.perf_counter()
        request = check(request)
        view = self._searched()
        limit = request.offset + request.limit
        found = view.searcher.find(request, limit)
        words, few = found.parsed.words, found.answer.complete < ENOUGH

        known: list[Respelling | None] = []

        def better() -> Respelling | None:
            if not known:
                view.snapshot.check_sizes()
                known.append(respell(view.searcher.selector, request.query, words, few=few))
                view.snapshot.check_sizes()  # what is past the end of a file reads as zeros
            return known[0]

        corrected = None
        notices = found.parsed.notices
        lacking = not (found.answer.complete or found.known)
        if request.spelling and lacking and (spelt := better()) and spelt.sure:
            meant = msgspec.structs.replace(request, query=spelt.text)
            other = view.searcher.find(meant, limit)
            if other.answer.complete:
                found, corrected = other, spelt.text
        answer = found.answer
        return ResultPage(
            request=request,
            total=answer.total,
            complete=answer.complete,
            hits=tuple(_hits(found, request.offset, view)),
            facets=found.filters.rows_of_each(view.snapshot, request, answer.counts),
            relaxed=found.relaxed,
            respelled=lambda: (spelt := better()) and spelt.text,
            took_ms=(time.perf_counter() - started) * 1000,
            generation=view.snapshot.manifest.generation,
            corrected=corrected,
            notices=notices,
        )

    def export(self, request: SearchRequest) -> Iterator[Hit]:
        """Every hit of the whole result in order; offset, limit and facets are ignored."""
        request = msgspec.structs.replace(check(request), facets=())
        view = self._searched()
        return _hits(view.searcher.find(request, view.snapshot.size), 0, view)

    def values_of(
        self, request: SearchRequest, facet: str, text: str = "", sort: str = "count"
    ) -> FacetRows:
        """The same as `facet_values`, at most `facet_limit` values of such a request."""
        request = check_values(request, facet, sort)
        (wanted,) = request.facets
        view = self._searched()
        found = view.searcher.find(request, 0)
        fitting = beginning(view.snapshot, wanted, checked_text("text", text))
        values, counts = view.snapshot.facet(wanted), found.answer.counts[0] * fitting
        return listed(values, counts, request.facet_limit, by_name=sort == "name")

    def histogram(self, request: SearchRequest) -> DateCounts:
        """How many of the stories found were published when, by day, month or year."""
        view = self._searched()
        return count_dates(view.snapshot, view.searcher.listed(check(request)))

    def suggest(self, text: str, *, limit: int = 8) -> tuple[str, ...]:
        """Ways to finish the last word of `text`, or the value of its last field, best first."""
        wanted = checked_text("text", text), checked_limit(limit)
        return complete(self._current().searcher.selector, *wanted)

    def more_like(self, story_id: str, *, limit: int = 5) -> tuple[Hit, ...]:
        """Stories that resemble this one, best first, or none; raises `StoryNotFound`."""
        view, limit = self._searched(), checked_limit(limit)
        doc_id = view.snapshot.doc_id(checked_text("story_id", story_id))
        if doc_id is None:
            raise StoryNotFound(story_id)
        searcher = view.searcher
        node = resembling(searcher.selector, view.snapshot.lead(doc_id))
        if node is None:
            return ()
        found = searcher.like(node, limit + 1)
        # The story itself comes first, or what resembles it more than it does itself.
        floor = RESEMBLANCE * max(found.answer.scores, default=0.0)
        others = (
            hit
            for hit, other in zip(_hits(found, 0, view), found.answer.doc_ids, strict=True)
            if other != doc_id and hit.score >= floor
        )
        return tuple(islice(others, limit))

    def explained(self, request: SearchRequest, story_ids: list[str]) -> dict[str, Explanation]:
        """What the scores of those stories that there are in such a search are made of."""
        view = self._searched()
        request = msgspec.structs.replace(check(request), facets=(), sort="relevance", offset=0)
        found = view.searcher.find(request, max(request.limit, 1))
        doc_ids = {one: view.snapshot.doc_id(checked_text("story_id", one)) for one in story_ids}
        return {
            one: explain(found, doc_id, one)
            for one, doc_id in doc_ids.items()
            if doc_id is not None
        }

    def get(self, story_id: str) -> Story | None:
        """The story with this id, or None."""
        snapshot = self._current().snapshot
        doc_id = snapshot.doc_id(checked_text("story_id", story_id))
        return None if doc_id is None else snapshot.story(doc_id)

    def hit_of(self, story_id: str, query: str) -> Hit | None:
        """The story with this id as a hit of a query, whether that finds it or not, or None."""
        view = self._searched()
        doc_id = view.snapshot.doc_id(checked_text("story_id", story_id))
        if doc_id is None:
            return None
        found = view.searcher.find(check(SearchRequest(query=query, facets=())), 0)
        return next(iter(make_hits(view.snapshot, found, [doc_id], [0.0])))

    def info(self) -> IndexInfo:
        """Describe the generation being searched."""
        view = self._current()
        snapshot, manifest = view.snapshot, view.snapshot.manifest
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
            damaged=view.damaged,
            language=snapshot.language.names,
        )

    def reload(self) -> bool:
        """Switch to the newest generation; true if it was not the one being searched.

        Hits and exports of the old generation stay usable. A changed file of synonyms counts
        from then on, too.
        """
        before = self._opened()
        if mf.published(self._folder) == before.published:
            if _stamp(before.snapshot.manifest.seeds) != before.synonyms:
                self._view = self._open()
            return False
        view = self._open()
        if self._warm:
            _warm_up(view)
        self._view = view
        # A damaged newest generation has that one opened again which is being searched.
        return view.snapshot.manifest != before.snapshot.manifest

    def close(self) -> None:
        """Release what the engine holds; calls after this raise `EngineClosed`."""
        self._view = None

    def _current(self) -> _View:
        """What is about to be read; raises `IndexCorrupt` if a file of it became shorter."""
        view = self._opened()
        view.snapshot.check_sizes()
        return view

    def _opened(self) -> _View:
        view = self._view
        if view is None:
            raise EngineClosed
        return view

    def _searched(self) -> _View:
        """What is about to be searched; the compiled loops are loaded for what comes next."""
        view = self._current()
        if self._compiled:
            self._loops.load_in_background()
        return view


def _warm_up(view: _View) -> None:
    """Make the first search as fast as the rest."""
    with suppress(IndexCorrupt):  # what is damaged is named by the search that needs it
        view.searcher.warm_up()


def _stamp(seeds: str) -> tuple[int, int] | None:
    """What changes with the file of synonyms; None without one."""
    try:
        status = os.stat(os.path.join(seeds, SYNONYMS_NAME))
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size


def _hits(found: Found, offset: int, view: _View) -> Iterator[Hit]:
    answer = found.answer
    return make_hits(view.snapshot, found, answer.doc_ids[offset:], answer.scores[offset:])
