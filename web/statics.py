"""The files that pages load, under names that change with them; used by `app`.

A name has a digest of what is in the file, so a browser may keep it for a year, and each is
compressed once, when an app is made.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from flask import Blueprint, Flask, Response, abort, current_app, request

from .compression import Coding, accepted, compress

statics = Blueprint("statics", __name__)

EXTENSION = "storydex.statics"
_FOLDER = Path(__file__).parent / "static"
_FOREVER = "public, max-age=31536000, immutable"
_DIGEST_LENGTH = 10


class _File(NamedTuple):
    kind: str
    bodies: dict[Coding, bytes]
    cache: str


def register(app: Flask) -> None:
    """Read the files once; templates get their names as `static`."""
    files: dict[str, _File] = {}
    names: dict[str, str] = {}
    for path in sorted(_FOLDER.iterdir()):
        body = path.read_bytes()
        digest = hashlib.sha256(body).hexdigest()[:_DIGEST_LENGTH]
        names[path.name] = f"{path.stem}.{digest}{path.suffix}"
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        bodies = dict(_codings(body, kind))
        files[names[path.name]] = _File(kind, bodies, _FOREVER)
        files[path.name] = _File(kind, bodies, "no-cache")
    app.extensions[EXTENSION] = files
    app.jinja_env.globals["static"] = names


def _codings(body: bytes, kind: str) -> Iterator[tuple[Coding, bytes]]:
    yield "", body
    if not kind.startswith("image/x-icon"):
        for coding in accepted("gzip, br"):
            yield coding, compress(body, coding, best=True)


@statics.get("/static/<name>")
def static(name: str) -> Response:
    """A file by its own name or by the one that stands in pages."""
    file: _File | None = current_app.extensions[EXTENSION].get(name)
    if file is None:
        abort(404)
    wanted = accepted(request.headers.get("Accept-Encoding", ""))
    coding: Coding = next((one for one in wanted if one in file.bodies), "")
    response = Response(file.bodies[coding], content_type=_content_type(file.kind))
    if coding:
        response.headers["Content-Encoding"] = coding
    response.headers["Cache-Control"] = file.cache
    response.headers["Vary"] = "Accept-Encoding"
    return response


@statics.get("/favicon.ico")
def favicon() -> Response:
    """What browsers ask for where no page tells them of an icon."""
    return static("favicon.ico")


def _content_type(kind: str) -> str:
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
