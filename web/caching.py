"""Conditional requests: a page is a function of its address and the index generation.

So the ETag is known before any search is done, and a browser or feed reader that has
the current page costs a comparison.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

from flask import Response, current_app, make_response, request
from flask.typing import ResponseReturnValue

from .connection import current_connection

P = ParamSpec("P")

_HERE = Path(__file__).parent


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
        str(info.generation),
        info.built_at.isoformat(),
        request.full_path,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


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
            unchanged = request.if_none_match.contains_weak(etag)
            response = Response(status=304) if unchanged else make_response(view(*args, **kwargs))
            if response.status_code in (200, 304):
                # Weak: the time a search took is part of the page.
                response.set_etag(etag, weak=True)
                response.headers["Cache-Control"] = f"max-age={max_age}" if max_age else "no-cache"
            return response

        return answer

    return decorate
