"""The one engine that all threads of an app share; used by every view.

It is opened when first needed and follows the index: a newer generation is picked up
within `RELOAD_SECONDS`, and a missing or damaged index is tried again as often, so
that the front end recovers by itself once somebody has built one.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import suppress
from typing import cast

from flask import current_app
from msgspec.structs import replace

from indexer import Engine, IndexInfo, SearchRequest, StorydexError, find_damage, open_index

from .published import PublishedEngine

EXTENSION = "storydex.connection"

AnyEngine = Engine | PublishedEngine

_log = logging.getLogger("storydex.web")


class Connection:
    """Opens, shares and renews an engine; safe to use from any thread."""

    def __init__(
        self, location: str, reload_seconds: float, *, published_only: bool = False
    ) -> None:
        self._location = location
        self._interval = reload_seconds
        self._published_only = published_only
        self._lock = threading.Lock()
        self._engine: AnyEngine | None = None
        self._failure: StorydexError | None = None
        self._checked = float("-inf")
        self._described: tuple[AnyEngine, int, IndexInfo] | None = None
        self._closed = threading.Event()
        #: A generation and the file of it that is damaged, once that was found.
        self._damage: tuple[int, str] | None = None

    def engine(self) -> AnyEngine:
        """The engine at a recent generation; raises what `open_index` raises."""
        engine = self._engine
        if engine is None:
            return self._open()
        if self._is_due() and self._lock.acquire(blocking=False):
            try:
                self._reload(engine)
            finally:
                self._lock.release()
        return engine

    def warm_up(self) -> None:
        """Open the engine and load its compiled loops; raises what `open_index` raises."""
        self.engine().warm_up()

    def info(self) -> IndexInfo:
        """Describe the generation being served; asks the engine once until it may be another."""
        engine = self.engine()
        generation = engine.generation
        described = self._described
        if described is None or described[0] is not engine or described[1] != generation:
            described = (engine, generation, engine.info())
            self._described = described
        return described[2]

    def damaged_file(self) -> str | None:
        """The file of the generation being served that was found damaged, if one was."""
        damage = self._damage
        return damage[1] if damage and damage[0] == self.info().generation else None

    def check_files(self) -> None:
        """Read every file of each generation that is served once; returns when it is closed.

        For a thread of its own, which then has the lowest priority.
        """
        with suppress(AttributeError, OSError):  # not every system has priorities of threads
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        sound: set[tuple[str, str]] = set()
        checked = 0
        while not self._closed.wait(self._interval or 1):
            # What cannot be opened or read is told by every request.
            with suppress(StorydexError, OSError):
                generation = self.info().generation
                if generation != checked:
                    found = find_damage(self._location, generation, sound)
                    checked = generation
                    if found is not None:
                        self._damage = generation, found.file
                        _log.warning("%s is damaged (%s): rebuild", found.file, found.reason)

    def discard(self) -> None:
        """Forget an engine that found its index damaged; the next request opens it anew.

        It is not closed: other threads may be in the middle of a search.
        """
        self._engine = None

    def close(self) -> None:
        """Close the engine; for when no request is being answered any more."""
        self._closed.set()
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def _is_due(self) -> bool:
        return time.monotonic() - self._checked >= self._interval

    def _open(self) -> AnyEngine:
        with self._lock:
            if self._engine is not None:
                return self._engine
            # An unreachable cluster may take seconds to fail: those who waited for
            # the lock share the failure instead of queueing up to repeat it.
            if self._failure is not None and not self._is_due():
                raise self._failure.with_traceback(None)
            try:
                engine = open_index(self._location)
                self._engine = PublishedEngine(engine) if self._published_only else engine
            except StorydexError as failure:
                self._failure = failure
                raise
            finally:
                self._checked = time.monotonic()
            self._failure = None
            return self._engine

    def _reload(self, engine: AnyEngine) -> None:
        self._checked = time.monotonic()
        try:
            engine.reload()
        except StorydexError as failure:
            # The name only: messages hold the location, which may hold a password.
            _log.warning("reload failed (%s); the open generation serves", type(failure).__name__)
        # The generation may be the same and no longer the newest.
        self._described = None


def current_connection() -> Connection:
    """The connection of the app that answers this request."""
    return cast(Connection, current_app.extensions[EXTENSION])


def current_engine() -> AnyEngine:
    """The engine of the app that answers this request."""
    return current_connection().engine()


def as_listed(wanted: SearchRequest) -> SearchRequest:
    """The search of which the page of a request lists the stories.

    Where nothing was found and another spelling was surely meant, that is listed.
    """
    if not wanted.query or not wanted.spelling:
        return wanted
    page = current_engine().answer(replace(wanted, facets=(), offset=0, limit=0))
    return replace(wanted, query=page.corrected or wanted.query)
