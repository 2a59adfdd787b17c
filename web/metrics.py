"""What operators watch: `/metrics`, `/livez`, `/readyz`.

`/livez` says that the process answers, `/readyz` that it has an index to answer from.
Labels take few values on purpose: nothing that a client chooses freely becomes one.
"""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import msgspec
from flask import Blueprint, Flask, Response, current_app, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from indexer import ResultPage, StorydexError

from .connection import current_connection
from .watching import ENDPOINT, Observer, access_log, watched

operations = Blueprint("operations", __name__)

EXTENSION = "storydex.metrics"
#: From a warm one-word query to one that deserves a look, in seconds.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The instruments of one app, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, buckets=_BUCKETS, registry=self.registry)
        self.requests = counter(
            "storydex_http_requests", "Requests answered.", ("endpoint", "status")
        )
        self.latency = histogram(
            "storydex_http_request_seconds",
            "Time from a request to the end of its answer.",
            ("endpoint",),
        )
        self.searches = histogram("storydex_search_seconds", "Time the engine took to answer.")
        self.empty = counter("storydex_searches_without_hits", "Searches that found nothing.")
        self.generation = gauge("storydex_index_generation", "Generation being searched.")
        self.stories = gauge("storydex_index_stories", "Stories being searched.")
        self.built = gauge(
            "storydex_index_built_timestamp_seconds",
            "When the generation being searched was built.",
        )
        self.fallback = gauge(
            "storydex_index_fallback",
            "1 if the newest generation is damaged and the one before is searched, else 0.",
        )
        self.damage = gauge(
            "storydex_index_damage",
            "1 if a file of the generation being searched has a wrong checksum, else 0.",
        )
        self.up = gauge("storydex_index_up", "1 if an index can be searched, else 0.")


def _current() -> Metrics:
    return cast(Metrics, current_app.extensions[EXTENSION])


def observe_search(page: ResultPage) -> ResultPage:
    """Count a search; gives the page back."""
    metrics = _current()
    metrics.searches.observe(page.took_ms / 1000)
    if not page.total:
        metrics.empty.inc()
    return page


def register(app: Flask, access: str = "off") -> None:
    """Count and time every request of an app; `access` is what its log has, see `settings`."""
    metrics = app.extensions[EXTENSION] = Metrics()

    @app.after_request
    def name_endpoint(response: Response) -> Response:
        request.environ[ENDPOINT] = request.endpoint
        return response

    def observe(environ: dict[str, Any], status: int, size: int, seconds: float) -> None:
        endpoint = environ.get(ENDPOINT) or "none"
        metrics.requests.labels(endpoint, str(status)).inc()
        metrics.latency.labels(endpoint).observe(seconds)

    observers: list[Observer] = [observe]
    if access != "off":
        observers.append(access_log(queries=access == "query"))
    app.wsgi_app = watched(app.wsgi_app, observers)  # type: ignore[assignment, method-assign]


class Health(msgspec.Struct, omit_defaults=True):
    """The health of the process; `damaged` is the newest generation if an older one is searched.

    `damaged_file` is a file of the one that is searched whose checksum was found wrong.
    """

    status: str
    generation: int | None = None
    damaged: int | None = None
    damaged_file: str | None = None


def _plain(document: Health) -> Response:
    response = Response(msgspec.json.encode(document), mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


@operations.get("/livez")
def livez() -> Response:
    """The process answers."""
    return _plain(Health("ok"))


@operations.get("/readyz")
def readyz() -> Response:
    """There is an index to search, at full speed; 503 until there is.

    Names the newest generation as `damaged` where the one before it is searched.
    """
    connection = current_connection()
    connection.warm_up()
    info = connection.info()
    return _plain(Health("ok", info.generation, info.damaged, connection.damaged_file()))


@operations.get("/metrics")
def metrics() -> Response:
    """Everything that was counted, for Prometheus."""
    instruments = _current()
    try:
        info = current_connection().info()
        damaged_file = current_connection().damaged_file()
    except StorydexError:
        instruments.up.set(0)
    else:
        instruments.up.set(1)
        instruments.generation.set(info.generation)
        instruments.stories.set(info.stories)
        instruments.fallback.set(info.damaged is not None)
        instruments.damage.set(damaged_file is not None)
        instruments.built.set(info.built_at.timestamp())
    response = Response(generate_latest(instruments.registry), content_type=CONTENT_TYPE_LATEST)
    response.headers["Cache-Control"] = "no-store"
    return response
