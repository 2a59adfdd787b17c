"""What keeps strangers' text harmless: headers for every response, checks for cells.

Stories come from anywhere. Templates escape everything and `indexer.safe_link` checks where
links lead; this module covers a formula in a spreadsheet cell, and sets a browser policy
under which injected markup could neither run nor load anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from flask import Flask, Response, abort, request
from werkzeug.sansio.utils import host_is_trusted

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

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
    policy = _POLICY.format(images="'self' https: http:" if images else "'self'")
    added = [*_HEADERS.items(), ("Content-Security-Policy", policy)]
    inner = app.wsgi_app

    # Below the app: to set them on its responses takes far longer, one by one.
    def protected(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(
            status: str, headers: list[tuple[str, str]], error: OptExcInfo | None = None
        ) -> Callable[[bytes], object]:
            return start_response(status, headers + added, error)

        return inner(environ, start)

    app.wsgi_app = protected  # type: ignore[method-assign]


#: Bytes of an address; servers and proxies between take no more either.
MOST_ADDRESS = 8192
_HOST = re.compile(
    r"((?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.IGNORECASE
)
_BAD_HOST = "storydex.bad_host"
#: What is asked by address from the same machine, by whatever name.
_OF_ANY_HOST = ("/livez", "/readyz")


def refuse_bad_requests(app: Flask, hosts: Sequence[str] = ()) -> None:
    """400 for a `Host` that is none or not one of `hosts`, 414 for an address that is too long."""
    inner = app.wsgi_app

    # What of Flask finds the route would fail on such a host before any error can be answered.
    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host, path = environ.get("HTTP_HOST", "none"), environ.get("PATH_INFO", "")
        ours = not hosts or path in _OF_ANY_HOST
        if not _HOST.fullmatch(host) or not (ours or host_is_trusted(host, hosts)):
            environ["HTTP_HOST"] = "localhost"
            environ[_BAD_HOST] = True
        return inner(environ, start_response)

    app.wsgi_app = guarded  # type: ignore[method-assign]

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
