"""Runs the front end on a production WSGI server; called by `storydex serve`.

One client must not be able to stop the server for the others. So a connection costs a file
descriptor and no thread until it has sent a request, there may be thousands of them, and
one over which nothing goes for a while is closed, even in the middle of an answer: a client
that does not read its export lets go of the thread that writes it.
"""

from __future__ import annotations

import logging
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn, cast

from flask import Flask
from waitress.adjustments import Adjustments
from waitress.server import MultiSocketServer, TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from indexer import StorydexError

from .app import create_app
from .connection import EXTENSION, Connection
from .settings import read_environment

THREADS = 8
#: Seconds after which a connection is closed over which nothing went.
IDLE_SECONDS = 20
#: Connections open at a time, if the system allows so many files.
MOST_CONNECTIONS = 4096
#: Files that are kept for other things: the index, answers too large for memory.
_OTHER_FILES = 256
#: No route takes a body.
_MOST_BODY_BYTES = 4096


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
    server = open_server(app, host, port)
    with _stopping_on_sigterm():
        for address in list_addresses(server):
            (report or _report)(f"Serving on {address}")
        # Waitress turns KeyboardInterrupt and SystemExit into an orderly shutdown.
        server.run()
    server.close()
    cast(Connection, app.extensions[EXTENSION]).close()


class _Server(TcpWSGIServer):
    """Listens at one address."""

    def maintenance(self, now: float) -> None:
        """Close the connections over which nothing went for `channel_timeout` seconds.

        Waitress itself spares those whose request is being answered, whether or not the
        answer is read; the time that it takes to make one does not count.
        """
        super().maintenance(now)
        for channel in list(self.active_channels.values()):
            # Held while an answer is being handed over, which counts as soon as it is sent.
            with channel.outbuf_lock:
                unread = channel.total_outbufs_len > 0
                if unread and channel.last_activity < now - self.adj.channel_timeout:
                    channel.will_close = True


def open_server(
    app: Flask, host: str, port: int, *, idle_seconds: float = IDLE_SECONDS
) -> MultiSocketServer:
    """A server that accepts connections and answers them once it is run."""
    settings = Adjustments(
        host=host,
        port=port,
        threads=THREADS,
        ident=None,
        asyncore_use_poll=True,  # select() ends at 1,024 files
        connection_limit=_allow_connections(),
        channel_timeout=idle_seconds,
        cleanup_interval=max(idle_seconds // 4, 1),
        max_request_body_size=_MOST_BODY_BYTES,
    )
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(settings.threads)
    sockets: dict[int, object] = {}
    servers = [
        _Server(app, sockets, dispatcher=dispatcher, adj=settings, sockinfo=address)
        for address in settings.listen
    ]
    listening = [(server.effective_host, server.effective_port) for server in servers]
    return MultiSocketServer(sockets, settings, listening, dispatcher, servers[0].log_info)


def _allow_connections() -> int:
    """Let this process open files enough for its connections; gives how many those may be."""
    wanted = MOST_CONNECTIONS + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    allowed = MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else soft - _OTHER_FILES
    return max(min(allowed, MOST_CONNECTIONS), THREADS)


def _warm_up(app: Flask) -> None:
    # Without an index there is nothing to warm: /readyz says so, and tries again.
    with suppress(StorydexError):
        cast(Connection, app.extensions[EXTENSION]).warm_up()


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def list_addresses(server: MultiSocketServer) -> Iterator[str]:
    """Where a server listens, as addresses of the web."""
    for host, port in server.effective_listen:
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
