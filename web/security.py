"""What keeps strangers' text harmless: headers for every response, checks for cells.

Stories come from anywhere. Templates escape everything and `indexer.safe_link` checks where
links lead; this module covers a formula in a spreadsheet cell, and sets a browser policy
under which injected markup could neither run nor load anything.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from flask import Flask, Response, abort, request
from werkzeug.sansio.utils import host_is_trusted

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

#: What a spreadsheet takes for the beginning of a formula; see OWASP, "CSV Injection".
_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


def protect(app: Flask, *, images: bool) -> None:
    """Set the security headers on every response, errors and static files included."""
    headers = dict(_HEADERS)
    headers["Content-Security-Policy"] = _POLICY.format(
        images="'self' https: http:" if images else "'self'"
    )

    # Below the app: to set them on its responses takes far longer, one by one.
    app.wsgi_app = _Headers(app.wsgi_app, [*headers.items()])  # type: ignore[method-assign]


class _Headers:
    """Adds headers to every answer of an app."""

    def __init__(self, inner: Any, headers: list[tuple[str, str]]) -> None:
        self._inner = inner
        self._headers = headers

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""

        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            return start_response(status, headers + self._headers, error)

        answer: Iterable[bytes] = self._inner(environ, start)
        return answer


#: Bytes of an address; servers and proxies between take no more either.
MOST_ADDRESS = 8192
_HOST = re.compile(
    r"((?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.IGNORECASE
)
_BAD_HOST = "storydex.bad_host"
#: What is asked by address from the same machine, by whatever name.
_OF_ANY_HOST = ("/livez", "/readyz")


class HostGuard:
    """Takes a `Host` that is none out of a request before anything reads it.

    What of Flask finds the route would fail on it before any error can be answered.
    """

    def __init__(self, inner: Any, hosts: Sequence[str]) -> None:
        self._inner = inner
        self._hosts = hosts

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        host = environ.get("HTTP_HOST", "none")
        if not _HOST.fullmatch(host) or not self._is_ours(host, environ.get("PATH_INFO", "")):
            environ["HTTP_HOST"] = "localhost"
            environ[_BAD_HOST] = True
        answer: Iterable[bytes] = self._inner(environ, start_response)
        return answer

    def _is_ours(self, host: str, path: str) -> bool:
        return not self._hosts or path in _OF_ANY_HOST or host_is_trusted(host, self._hosts)


def refuse_bad_requests(app: Flask, hosts: Sequence[str] = ()) -> None:
    """400 for a `Host` that is none or not one of `hosts`, 414 for an address that is too long."""
    app.wsgi_app = HostGuard(app.wsgi_app, hosts)  # type: ignore[method-assign]

    @app.before_request
    def check_request() -> None:
        if request.environ.get(_BAD_HOST):
            abort(400, "The Host of the request is none that is served here.")
        if len(request.query_string) + len(request.path) > MOST_ADDRESS:
            abort(
                414, f"The address is longer than {MOST_ADDRESS:,} bytes: ask for less at a time."
            )


def allow_origins(app: Flask, origins: Collection[str]) -> None:
    """Let scripts of these sites read what the API answers."""

    @app.after_request
    def name_origin(response: Response) -> Response:
        if origins and request.path.startswith("/api/"):
            response.vary.add("Origin")
            origin = request.headers.get("Origin", "")
            if origin in origins:
                response.headers["Access-Control-Allow-Origin"] = origin
        return response


def safe_cell(text: str) -> str:
    """Text for a CSV cell that no spreadsheet runs as a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
