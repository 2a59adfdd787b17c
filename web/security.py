"""What keeps strangers' text harmless: headers for every response, checks for cells.

Stories come from anywhere. Templates escape everything and `indexer.safe_link` checks where
links lead; this module covers a formula in a spreadsheet cell, and sets a browser policy
under which injected markup could neither run nor load anything.
"""

from __future__ import annotations

from flask import Flask, Response

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

    @app.after_request
    def set_headers(response: Response) -> Response:
        for name, value in headers.items():
            response.headers[name] = value
        return response


def safe_cell(text: str) -> str:
    """Text for a CSV cell that no spreadsheet runs as a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
