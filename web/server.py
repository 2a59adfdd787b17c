"""Runs the front end on a production WSGI server; called by `storydex serve`.

One client must not be able to stop the server for the others. So a connection costs a file
descriptor and no thread until it has sent a request, there may be thousands of them, and
one over which nothing goes for a while is closed, even in the middle of an answer: a client
that does not read its export lets go of the thread that writes it.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import resource
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, cast

from flask import Flask
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import BaseWSGIServer, MultiSocketServer, create_server

from indexer import StorydexError

from .app import create_app
from .connection import EXTENSION, Connection
from .settings import read_environment

#: What a server has open, by file descriptor: connections and where it listens.
Connections = dict[int, object]

THREADS = 8
#: Seconds after which a connection is closed over which nothing went.
IDLE_SECONDS = 20
#: Seconds after which a connection is closed that has not taken the whole of its answers.
WRITE_SECONDS = 900
#: How often to look for such connections, in seconds.
CHECK_SECONDS = 5
#: After SIGTERM: how long connections are still taken, and how long requests are still answered.
LAST_ACCEPTS_SECONDS, FINISH_SECONDS = 0.3, 10
#: Connections open at a time, if the system allows so many files.
MOST_CONNECTIONS = 4096
#: Files that are kept for other things: the index, answers too large for memory.
_OTHER_FILES = 256
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
#: No route takes a body.
_MOST_BODY_BYTES = 4096


def serve(
    location: str,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    published_only: bool = False,
    settings: str | None = None,
    report: Callable[[str], None] | None = None,
) -> None:
    """Serve the index at `location` until SIGINT or SIGTERM; port 0 takes a free one.

    `published_only` leaves out stories that are not published, as the environment may;
    `settings` names a file of settings, which count less than the environment.
    `report` gets a line for each address once it accepts connections, by default on
    standard error. Raises OSError if the address is taken or not of this machine,
    and StorydexError for a setting that cannot be read.
    """
    config = {**read_environment(settings), "INDEX": location}
    if published_only:
        config["PUBLISHED_ONLY"] = "1"
    app = create_app(config)
    connection = cast(Connection, app.extensions[EXTENSION])
    threading.Thread(target=_warm_up, args=(app,), daemon=True).start()
    threading.Thread(target=connection.check_files, daemon=True).start()
    run_app(app, host, port, report or _report)
    connection.close()


def run_app(app: Flask, host: str, port: int, report: Callable[[str], None]) -> None:
    """Serve any app as `serve` does its own; returns when the process is told to end."""
    # Waitress warns of a request that waits for a moment; that is what its queue is for.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    connections: Connections = {}
    server = _open_server(app, host, port, connections)
    with _stopping_on_sigterm(connections), _closing_unread(connections):
        for address in _list_addresses(server):
            report(f"Serving on {address}")
        # Waitress turns KeyboardInterrupt and SystemExit into an orderly shutdown.
        server.run()
    server.close()


class Parser(HTTPRequestParser):  # type: ignore[misc]  # Waitress has no types
    """Reads an address that has letters as they were typed, too, as curl and scripts send it."""

    def parse_header(self, header_plus: bytes) -> None:
        """Read the first line and the headers of a request."""
        line, end, headers = header_plus.partition(b"\r\n")
        line = _NOT_ASCII.sub(lambda found: b"%%%02X" % ord(found[0]), line)
        super().parse_header(line + end + headers)


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection on which a whole request is answered though it asks whether to go on."""

    parser_class = Parser

    def send_continue(self) -> None:
        """Say that the body may come; it has come already, or there is none."""
        completed = self.request.completed
        super().send_continue()  # after which Waitress waits for a body in any case
        self.request.completed = completed


def _open_server(
    app: Flask, host: str, port: int, connections: Connections
) -> MultiSocketServer | BaseWSGIServer:
    """A server bound to its address, which answers once it is run.

    It notes in `connections` what it has open. Raises `OSError`.
    """
    try:
        server = create_server(
            app,
            map=connections,
            host=host,
            port=port,
            threads=THREADS,
            ident=None,
            asyncore_use_poll=True,  # select() ends at 1,024 files
            connection_limit=_allow_connections(),
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=CHECK_SECONDS,
            max_request_body_size=_MOST_BODY_BYTES,
            # The app believes them of as many proxies as settings say; else it does not read them.
            clear_untrusted_proxy_headers=False,
        )
        for one in connections.values():
            cast(Any, one).channel_class = Channel
        return server
    except (OSError, ValueError) as error:
        # The second is all that Waitress says of a name without an address.
        what = error.strerror if isinstance(error, OSError) else "no address of this machine"
        number = getattr(error, "errno", errno.EADDRNOTAVAIL)
        where = f"{host or repr(host)}, port {port}"
        raise OSError(number, f"{what}: choose another with --host or --port", where) from error


@contextmanager
def _closing_unread(connections: Connections) -> Iterator[None]:
    """While the block runs, close connections whose client does not read its answer.

    Or reads it a few bytes at a time. Waitress ends those that are idle, but waits for ever
    until it may write.
    """
    stopped = threading.Event()

    def watch() -> None:
        unsent: dict[HTTPChannel, float] = {}
        while not stopped.wait(CHECK_SECONDS):
            now = time.time()
            open_now = [one for one in list(connections.values()) if isinstance(one, HTTPChannel)]
            unsent = {
                one: unsent.get(one, now) for one in open_now if one.connected and _has_unsent(one)
            }
            for connection, since in unsent.items():
                _end_if_unread(connection, late=now - since > WRITE_SECONDS)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        stopped.set()


def _has_unsent(channel: HTTPChannel) -> bool:
    return bool(channel.total_outbufs_len)


def _end_if_unread(channel: HTTPChannel, *, late: bool) -> None:
    # While the lock is held, an answer may have been handed over that was not yet sent.
    with channel.outbuf_lock:
        idle = time.time() - channel.last_activity
        if channel.connected and _has_unsent(channel) and (late or idle > IDLE_SECONDS):
            # The server's own thread sees that the socket is dead, and lets go of it.
            with suppress(OSError):
                channel.socket.shutdown(socket.SHUT_RDWR)


def _allow_connections() -> int:
    """Raise the limit of open files; returns how many connections that allows."""
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


def _list_addresses(server: MultiSocketServer | BaseWSGIServer) -> Iterator[str]:
    if isinstance(server, MultiSocketServer):
        listening = [(str(host), int(port)) for host, port in server.effective_listen]
    else:
        listening = [(str(server.effective_host), int(server.effective_port))]
    for host, port in listening:
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _stopping_on_sigterm(connections: Connections) -> Iterator[None]:
    """Make SIGTERM end the server once it has answered what it received.

    Only a main thread may; a second SIGTERM ends it at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    finishing = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal finishing
        if finishing:
            raise SystemExit(0)
        finishing = True
        threading.Thread(target=_finish, args=(connections,), daemon=True).start()

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _finish(connections: Connections) -> None:
    """Let the server's thread answer what it has, then end it."""
    deadline = time.monotonic() + FINISH_SECONDS
    # What clients have sent already waits in the system, the longer the busier threads are.
    time.sleep(LAST_ACCEPTS_SECONDS)
    while time.monotonic() < deadline - FINISH_SECONDS / 2 and _any(connections, _waits_there):
        time.sleep(0.05)
    for connection in list(connections.values()):
        if isinstance(connection, BaseWSGIServer):
            connection.accepting = False
    while time.monotonic() < deadline and _any(connections, _is_busy):
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGTERM)


def _any(connections: Connections, said: Callable[[int, object], bool]) -> bool:
    return any(said(*one) for one in list(connections.items()))


def _waits_there(descriptor: int, connection: object) -> bool:
    """Whether a client waits to be taken where the server listens."""
    return isinstance(connection, BaseWSGIServer) and _is_readable(descriptor)


def _is_busy(descriptor: int, connection: object) -> bool:
    """Whether a connection has a request to be read or answered, or an answer to be sent."""
    return isinstance(connection, HTTPChannel) and bool(
        connection.requests or connection.total_outbufs_len or _is_readable(descriptor)
    )


def _is_readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return any(event & select.POLLIN for _, event in poll.poll(0))
