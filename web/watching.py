"""Sees whole requests, from the first look at them to the last byte handed over; for `metrics`.

Also the access log: a line of JSON for each, without what was searched for unless asked.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Where an app leaves the name of what answers.
ENDPOINT = "storydex.endpoint"


class Access(msgspec.Struct, omit_defaults=True):
    """A line of the access log; `ms` and `bytes` are those of the whole answer."""

    time: datetime
    method: str
    path: str
    status: int
    bytes: int
    ms: float
    client: str
    query: str | None = None


#: What is called with a request, its status, its bytes and its seconds.
Observer = Callable[[dict[str, Any], int, int, float], None]


def watched(inner: WSGIApplication, observers: list[Observer]) -> WSGIApplication:
    """A WSGI app of which every answer is seen once it is over, or its reader is gone."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = _Answer(environ, observers)

        def start(
            status: str, headers: list[tuple[str, str]], error: OptExcInfo | None = None
        ) -> Callable[[bytes], object]:
            answer.status = int(status[:3])
            answer.length = next((v for k, v in headers if k.lower() == "content-length"), "")
            return start_response(status, headers, error)

        answer.body = inner(environ, start)
        return answer

    return answer


class _Answer:
    """The body of an answer, counted as it is taken."""

    def __init__(self, environ: WSGIEnvironment, observers: list[Observer]) -> None:
        self.body: Iterable[bytes] = ()
        self.status = 500
        self.length = ""
        self._environ = environ
        self._started = time.perf_counter()
        self._observers = observers
        self._size = 0
        self._seen = False

    def __iter__(self) -> Iterator[bytes]:
        for part in self.body:
            self._size += len(part)
            if self.length == str(self._size):
                self._end()
            yield part
        self._end()

    def close(self) -> None:
        """What servers call at the end, however it came."""
        try:
            close = getattr(self.body, "close", None)
            if close is not None:
                close()
        finally:
            self._end()

    def _end(self) -> None:
        if not self._seen:
            self._seen = True
            seconds = time.perf_counter() - self._started
            for observe in self._observers:
                observe(self._environ, self.status, self._size, seconds)


def access_log(*, queries: bool, to: TextIO | None = None) -> Observer:
    """Writes a line for each request, by default to standard output."""
    encode, lock = msgspec.json.Encoder().encode, threading.Lock()

    def write(environ: dict[str, Any], status: int, size: int, seconds: float) -> None:
        line = Access(
            datetime.now(timezone.utc),
            environ.get("REQUEST_METHOD", ""),
            _read(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")),
            status,
            size,
            round(seconds * 1000, 1),
            environ.get("REMOTE_ADDR", ""),
            _read(environ.get("QUERY_STRING", "")) if queries else None,
        )
        with lock:
            print(encode(line).decode(), file=to or sys.stdout, flush=True)

    return write


def _read(text: str) -> str:
    """Text of WSGI, whose characters stand for bytes."""
    return text.encode("latin-1", "replace").decode("utf-8", "replace")
