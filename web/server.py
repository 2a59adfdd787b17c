"""Runs the front end on a production WSGI server; called by `storydex serve`."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn, cast

from flask import Flask
from waitress.server import BaseWSGIServer, MultiSocketServer, create_server

from indexer import StorydexError

from .app import create_app
from .connection import EXTENSION, Connection
from .settings import read_environment

THREADS = 8


def serve(
    location: str,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    report: Callable[[str], None] | None = None,
) -> None:
    """Serve the index at `location` until SIGINT or SIGTERM; port 0 takes a free one.

    `report` gets a line for each address once it accepts connections, by default on
    standard error. Raises OSError if the address is taken or not of this machine.
    """
    app = create_app({**read_environment(), "INDEX": location})
    # Waitress warns of a request that waits for a moment; that is what its queue is for.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    threading.Thread(target=_warm_up, args=(app,), daemon=True).start()
    server = create_server(app, host=host, port=port, threads=THREADS, ident=None)
    with _stopping_on_sigterm():
        for address in _list_addresses(server):
            (report or _report)(f"Serving on {address}")
        # Waitress turns KeyboardInterrupt and SystemExit into an orderly shutdown.
        server.run()
    server.close()
    cast(Connection, app.extensions[EXTENSION]).close()


def _warm_up(app: Flask) -> None:
    # Without an index there is nothing to warm: /readyz says so, and tries again.
    with suppress(StorydexError):
        cast(Connection, app.extensions[EXTENSION]).warm_up()


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _list_addresses(server: MultiSocketServer | BaseWSGIServer) -> Iterator[str]:
    if isinstance(server, MultiSocketServer):
        listening = [(str(host), int(port)) for host, port in server.effective_listen]
    else:
        listening = [(str(server.effective_host), int(server.effective_port))]
    for host, port in listening:
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _stopping_on_sigterm() -> Iterator[None]:
    """Make SIGTERM end the server as Ctrl-C does; only a main thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
