"""The application factory: settings, one engine, and everything that answers requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, request

from . import connection, display, exports, metrics, problems, security
from .api import api
from .caching import read_fingerprint
from .connection import Connection
from .feeds import feeds
from .metrics import operations
from .settings import read_settings
from .views import pages

#: Static addresses carry the release's fingerprint, so a copy never goes stale.
_FOREVER = "public, max-age=31536000, immutable"


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """The web front end as a WSGI application.

    `config` has the keys of `settings`, above all `INDEX`, and may have any of Flask's;
    without it the environment is read. No index needs to exist yet: it is opened when
    first asked for.
    """
    app = Flask(__name__)
    app.config.update(config or {})
    settings = read_settings(config)
    app.config.update(
        TITLE=settings.title, BASE_URL=settings.base_url, FINGERPRINT=read_fingerprint()
    )
    app.extensions[connection.EXTENSION] = Connection(settings.location, settings.reload_seconds)
    display.register(app)
    exports.register(app)
    metrics.register(app)
    problems.register(app)
    security.protect(app, images=settings.images)
    app.jinja_env.globals.update(title=settings.title, images=settings.images)
    for blueprint in (pages, api, exports.exports, feeds, operations):
        app.register_blueprint(blueprint)
    _version_static_files(app)
    return app


def _version_static_files(app: Flask) -> None:
    fingerprint = app.config["FINGERPRINT"]

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values["v"] = fingerprint

    @app.after_request
    def keep_forever(response: Response) -> Response:
        versioned = request.args.get("v") == fingerprint
        if request.endpoint == "static" and response.status_code == 200 and versioned:
            response.headers["Cache-Control"] = _FOREVER
        return response
