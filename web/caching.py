"""Conditional requests: a page is a function of its address, the index generation and synonyms.

So the ETag is known before any search is done: a browser or feed reader that has the current
page costs a comparison, and an address that is asked for again, a copy.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timezone
from functools import wraps
from pathlib import Path
from typing import ParamSpec, cast

from flask import Flask, Response, current_app, g, make_response, request
from flask.typing import ResponseReturnValue

from .connection import current_connection, current_engine

P = ParamSpec("P")

EXTENSION = "storydex.answers"
#: Bytes of answers that are kept; those asked for last stay.
_MOST_KEPT = 16 << 20
_LARGEST_KEPT = 1 << 19

#: What of a request makes its address, as it came.
_ADDRESS = ("wsgi.url_scheme", "HTTP_HOST", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING")

#: What stands before a date in an address or a query.
_DATE_WORDS = ("since", "after", "until", "before", "date")

_HERE = Path(__file__).parent


class Answer:
    """An answer as it is sent, by content coding; "" is the answer itself."""

    def __init__(self, body: bytes, kind: str) -> None:
        self.kind = kind
        self.bodies = {"": body}


class Answers:
    """The answers that were given last, by their ETag; safe to share between threads."""

    def __init__(self, most: int = _MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, etag: str) -> Answer | None:
        """The answer with this ETag, if it is kept."""
        with self._lock:
            answer = self._kept.get(etag)
            if answer is not None:
                self._kept.move_to_end(etag)
            return answer

    def keep(self, etag: str, answer: Answer) -> None:
        """Keep an answer, and let go of those that were not asked for longest."""
        with self._lock:
            if etag not in self._kept and len(answer.bodies[""]) <= _LARGEST_KEPT:
                self._kept[etag] = answer
                self._size += len(answer.bodies[""])
            while self._size > self._most:
                self._size -= len(self._kept.popitem(last=False)[1].bodies[""])


def register(app: Flask) -> None:
    """Give an app its own answers."""
    app.extensions[EXTENSION] = Answers()


def read_fingerprint() -> str:
    """A digest of the shipped templates and static files: changes with each release."""
    digest = hashlib.sha256()
    for folder in ("templates", "static"):
        for path in sorted((_HERE / folder).iterdir()):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _current_etag() -> str:
    info = current_connection().info()
    # The time of building, too: a deleted index starts again at the first generation.
    parts = (
        current_app.config["FINGERPRINT"],
        current_engine().edition,
        info.built_at.isoformat(),
        # Feeds hold whole addresses: what one host was asked for is no answer of another.
        *(request.environ.get(name, "") for name in _ADDRESS),
        datetime.now(timezone.utc).strftime("%Y-%m-%dT%H") if _is_dated() else "",
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def _is_dated() -> bool:
    """Whether an address may say when, as `7d` or `yesterday`, which moves with time."""
    query = request.environ.get("QUERY_STRING", "").lower()
    return any(word in query for word in _DATE_WORDS)


def _kept_or_made(etag: str, make: Callable[[], Response]) -> Response:
    answers = cast(Answers, current_app.extensions[EXTENSION])
    answer = answers.get(etag)
    if answer is not None:
        response = Response(answer.bodies[""], content_type=answer.kind)
    else:
        response = make()
        if response.status_code != 200 or not response.is_sequence:
            return response
        answer = Answer(response.get_data(), response.headers["Content-Type"])
        answers.keep(etag, answer)
    # For `compression`, which adds to it.
    g.answer = answer
    return response


def conditional(
    max_age: int = 0,
) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, Response]]:
    """Decorate a view of the index: it answers 304 to a client that has the page.

    max_age: seconds
    """

    def decorate(view: Callable[P, ResponseReturnValue]) -> Callable[P, Response]:
        @wraps(view)
        def answer(*args: P.args, **kwargs: P.kwargs) -> Response:
            etag = _current_etag()
            if request.if_none_match.contains_weak(etag):
                response = Response(status=304)
            else:
                response = _kept_or_made(etag, lambda: make_response(view(*args, **kwargs)))
            if response.status_code in (200, 304):
                # Weak: the time a search took is part of the page.
                response.set_etag(etag, weak=True)
                response.headers["Cache-Control"] = f"max-age={max_age}" if max_age else "no-cache"
            return response

        return answer

    return decorate
