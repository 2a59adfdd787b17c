"""The application factory: settings, one engine, and everything that answers requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, request

from . import (
    caching,
    compression,
    connection,
    display,
    exports,
    metrics,
    mounting,
    problems,
    security,
    spreadsheet,
    statics,
)
from .api import api
from .caching import read_fingerprint
from .connection import Connection
from .feeds import feeds
from .metrics import operations
from .settings import read_settings
from .views import pages


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """The web front end as a WSGI application.

    `config` has the keys of `settings`, above all `INDEX`, and may have any of Flask's;
    without it the environment is read. No index needs to exist yet: it is opened when
    first asked for. Raises `StorydexError` for a setting that cannot be read.
    """
    app = Flask(__name__, static_folder=None)
    app.jinja_environment = display.PageEnvironment
    settings = read_settings(config)
    app.config.update(config or {})
    app.config.update(
        TITLE=settings.title,
        BASE_URL=settings.base_url,
        IMAGES_SHOWN=settings.images,
        # What else makes another page of the same stories.
        FINGERPRINT=repr(
            (
                read_fingerprint(),
                settings.published_only,
                settings.title,
                settings.base_url,
                settings.images,
                spreadsheet.is_there(),
            )
        ),
    )
    app.extensions[connection.EXTENSION] = Connection(
        settings.location, settings.reload_seconds, published_only=settings.published_only
    )
    caching.register(app)
    compression.register(app)
    display.register(app)
    exports.register(app)
    problems.register(app)
    statics.register(app)
    security.refuse_bad_requests(app, settings.hosts)
    security.allow_origins(app, settings.cors)
    security.protect(app, images=settings.images)
    metrics.register(app, settings.access_log)
    mounting.register(app, settings)
    app.jinja_env.globals.update(
        title=settings.title, images=settings.images, spreadsheets=spreadsheet.is_there()
    )
    for blueprint in (pages, api, exports.exports, feeds, operations, statics.statics):
        app.register_blueprint(blueprint)

    @app.context_processor
    def mount_point() -> dict[str, str]:
        return {"root": request.script_root}

    return app
