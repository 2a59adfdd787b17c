"""Answers made smaller for clients that can read that: gzip, and brotli where it is installed.

The same text comes back in a tenth to a fifth of the bytes. Streams are sent as they are.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from typing import Any, Literal

from flask import Flask, Response, g, request

#: A content coding, "" for none.
Coding = Literal["", "gzip", "br"]

#: Below this an answer fits into one packet anyhow.
_SHORTEST = 860
#: Quick levels: higher ones take several times as long for a tenth of the bytes.
_GZIP_LEVEL, _BROTLI_LEVEL = 4, 4
_KINDS = ("text/", "application/json", "application/atom+xml", "application/feed+json",
          "application/problem+json", "application/opensearchdescription+xml",
          "image/svg+xml")  # fmt: skip


def _import_brotli() -> Any:
    try:
        import brotli
    except ImportError:
        return None
    return brotli


_brotli = _import_brotli()


def register(app: Flask) -> None:
    """Compress the answers of an app."""

    @app.after_request
    def compress_answer(response: Response) -> Response:
        kind = response.mimetype or ""
        if not kind.startswith(_KINDS):
            return response
        if "Vary" in response.headers:
            response.vary.add("Accept-Encoding")
        else:
            response.headers["Vary"] = "Accept-Encoding"
        if response.status_code == 304 or not response.is_sequence or response.content_encoding:
            return response
        codings = accepted(request.headers.get("Accept-Encoding", ""))
        body = response.get_data()
        if codings and len(body) >= _SHORTEST:
            answer = g.get("answer")
            # An answer that is kept is compressed once.
            packed = answer.bodies.get(codings[0]) if answer else None
            if packed is None:
                packed = compress(body, codings[0])
                if answer:
                    answer.bodies[codings[0]] = packed
            response.set_data(packed)
            response.headers["Content-Encoding"] = codings[0]
        return response


@lru_cache(256)
def accepted(header: str) -> tuple[Coding, ...]:
    """The codings that a client asks for, the smallest first."""
    qualities: dict[str, str] = {}
    for part in header.lower().split(","):
        name, _, quality = part.partition(";")
        qualities[name.strip()] = quality.replace(" ", "")
    known: tuple[Coding, ...] = ("br", "gzip") if _brotli else ("gzip",)
    refused = {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return tuple(
        name for name in known if qualities.get(name, qualities.get("*", "q=0")) not in refused
    )


def compress(body: bytes, coding: Coding, *, best: bool = False) -> bytes:
    """A body in this coding; `best` takes its time."""
    if coding == "br":
        packed: bytes = _brotli.compress(body, quality=11 if best else _BROTLI_LEVEL)
        return packed
    # Without a time of making, so that the same body is the same bytes.
    return gzip.compress(body, 9 if best else _GZIP_LEVEL, mtime=0)
