"""The server that `storydex serve` starts: no client stops it for the others."""

from __future__ import annotations

import contextlib
import json
import re
import resource
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import build
from web.exports import MOST_EXPORTS

#: Text without a word: large for a client, little work for a rebuild.
_PADDING = ". " * 20_000
_IDLE_CONNECTIONS = 1000
SHORT_DEADLINE = """
import sys
from web import server
server.IDLE_SECONDS, server.CHECK_SECONDS = 1, 1
server.serve(sys.argv[1], port=0)
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Path:
    """Stories of 40 kB each: their export fits into no buffer between server and client."""
    folder = tmp_path_factory.mktemp("server")
    return build(folder, [{"title": f"Azure {n}", "body": _PADDING} for n in range(800)])


@contextlib.contextmanager
def starting(*command: str) -> Iterator[tuple[subprocess.Popen[str], tuple[str, int]]]:
    """Run a server in a process of its own; gives that and its address."""
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.PIPE, text=True)
    with process:
        try:
            line = process.stderr.readline()
            assert line.startswith("Serving on http://127.0.0.1:"), line
            yield process, ("127.0.0.1", int(line.rsplit(":", 1)[1]))
        finally:
            process.kill()


@contextlib.contextmanager
def serving(*command: str) -> Iterator[tuple[str, int]]:
    """Run a server in a process of its own; gives its address."""
    with starting(*command) as (_, address):
        yield address


def memory_and_written(process: int) -> tuple[int, int]:
    """The most memory that a process has had, and what it has written to files, in bytes."""
    folder = Path("/proc", str(process))
    try:
        status, io = ((folder / name).read_text() for name in ("status", "io"))
    except OSError:
        pytest.skip("the system does not say what a process takes")
    return (
        int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) * 1024,
        int(re.search(r"wchar: (\d+)", io)[1]),
    )


def ask(address: tuple[str, int], path: str) -> socket.socket:
    """Ask for a path and do not read the answer: the least that a client can buffer."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(30)
    client.connect(address)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: site\r\n\r\n".encode())
    return client


def get(address: tuple[str, int], path: str, timeout: float = 30) -> tuple[int, bytes, str]:
    """Status, body and Retry-After of an answer."""
    try:
        with urllib.request.urlopen(
            f"http://{address[0]}:{address[1]}{path}", timeout=timeout
        ) as answer:
            return answer.status, answer.read(), ""
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read(), refused.headers.get("Retry-After", "")


def seconds_to_answer(address: tuple[str, int]) -> float:
    """How long the server takes to say that it lives; less than it grants the others."""
    started = time.monotonic()
    assert get(address, "/livez", 10)[0] == 200
    return time.monotonic() - started


@contextlib.contextmanager
def many_files(number: int) -> Iterator[None]:
    """Let this process open so many files, and the processes that it starts."""
    limits = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number:
        pytest.skip(f"a process may open no more than {hard} files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, number), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_clients_that_do_not_read_and_idle_connections_stop_nobody(index):
    """Sixteen unread exports and a thousand silent connections: others are answered at once."""
    command = ("-m", "indexer", "--index", str(index), "serve", "--port", "0")
    with ExitStack() as stack:
        stack.enter_context(many_files(_IDLE_CONNECTIONS + 200))
        address = stack.enter_context(serving(*command))
        assert get(address, "/readyz", 120)[0] == 200
        for number in range(_IDLE_CONNECTIONS):
            stack.enter_context(socket.create_connection(address, timeout=30))
            if number % 100 == 0:  # no more at once than a system lets wait in a queue
                assert get(address, "/livez")[0] == 200
        exports = [stack.enter_context(ask(address, "/api/v1/export")) for _ in range(16)]
        statuses = sorted(export.recv(12)[-3:] for export in exports)
        assert statuses == [b"200"] * MOST_EXPORTS + [b"503"] * (16 - MOST_EXPORTS)
        assert min(seconds_to_answer(address) for _ in range(5)) < 1
        assert get(address, "/?q=azure")[0] == 200
        status, body, retry = get(address, "/api/v1/export?q=azure")
        assert (status, json.loads(body)["status"]) == (503, 503)
        assert int(retry) > 0


def test_an_export_that_is_not_read_lets_go_of_its_thread(index):
    """After a while without a byte it is ended, and others may export."""
    with serving("-c", SHORT_DEADLINE, str(index)) as address, ExitStack() as stack:
        for _ in range(MOST_EXPORTS):
            export = stack.enter_context(ask(address, "/api/v1/export"))
            assert export.recv(12) == b"HTTP/1.1 200"
        assert get(address, "/api/v1/export")[0] == 503
        status = 503
        for _ in range(60):
            status, body, _ = get(address, "/api/v1/export")
            if status == 200:
                break
            time.sleep(0.5)
        assert status == 200
        assert body.count(b"\n") == 800


def test_an_export_that_is_read_drop_by_drop_ends(index):
    """A client that takes a little now and then does not keep a thread for ever."""
    short = SHORT_DEADLINE.replace("server.IDLE_SECONDS,", "server.WRITE_SECONDS,")
    with serving("-c", short, str(index)) as address, ExitStack() as stack:
        clients = [stack.enter_context(ask(address, "/api/v1/export")) for _ in range(MOST_EXPORTS)]
        statuses = []
        for _ in range(40):  # for less time than what is idle is granted
            for client in clients:
                with contextlib.suppress(OSError):
                    client.recv(4096)
            statuses.append(get(address, "/api/v1/export?q=nothing")[0])
            if statuses[-1] == 200:
                break
            time.sleep(0.25)
        assert statuses[0] == 503
        assert statuses[-1] == 200


def test_a_long_address_is_refused(index):
    """Before anything reads it; the server goes on."""
    with serving("-m", "indexer", "--index", str(index), "serve", "--port", "0") as address:
        assert get(address, f"/?q={'a' * 100_000}")[0] == 414
        with socket.create_connection(address, timeout=10) as client, contextlib.suppress(OSError):
            client.sendall(b"GET /?q=" + b"a" * 10_000_000)
            assert client.recv(12)[9:10] == b"4"
        assert get(address, "/livez")[0] == 200


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "in chunks"])
def test_a_body_of_a_gigabyte_is_refused(index, chunked):
    """No address takes one: it is kept neither in memory nor on disk, though it goes on coming."""
    piece = bytes(1 << 20)
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(piece) * 1000}"
    framed = b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
    command = ("-m", "indexer", "--index", str(index), "serve", "--port", "0")
    with starting(*command) as (process, address):
        assert get(address, "/readyz", 120)[0] == 200
        before = memory_and_written(process.pid)
        with socket.create_connection(address, timeout=30) as client:
            client.sendall(f"POST / HTTP/1.1\r\nHost: site\r\n{length}\r\n\r\n".encode())
            with contextlib.suppress(ConnectionError):
                for _ in range(1000):
                    client.sendall(framed)
            assert client.recv(12) == b"HTTP/1.1 413"
        assert min(seconds_to_answer(address) for _ in range(3)) < 1
        after = memory_and_written(process.pid)
    assert after[0] - before[0] < 50 << 20
    assert after[1] - before[1] < 1 << 20


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("body", [b"", b"abc"])
def test_a_whole_request_that_asks_whether_to_go_on_is_answered(index, method, body):
    """At once, where nothing more is to come."""
    head = f"{method} /livez HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with (
        serving("-m", "indexer", "--index", str(index), "serve", "--port", "0") as address,
        socket.create_connection(address, timeout=10) as client,
    ):
        client.sendall(head.encode() + body)
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 100 ")
    assert b"HTTP/1.1 405 " in answer if method == "POST" else b"HTTP/1.1 200 " in answer


@pytest.mark.parametrize("end", [b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"\r\n\r\n"])
def test_an_address_may_have_letters_as_they_were_typed(index, end):
    """As `curl 'http://…/?q=zürich'` sends them; in the path, too."""
    with serving("-m", "indexer", "--index", str(index), "serve", "--port", "0") as address:
        for path, said in (
            ("/api/v1/search?q=zürich", '"query":"zürich"'),
            ("/api/v1/search?q=z%C3%BCrich+azure", '"query":"zürich azure"'),
            ("/api/v1/stories/zürich.md", "'zürich.md'"),
        ):
            with socket.create_connection(address, timeout=30) as client:
                client.sendall(b"GET " + path.encode() + end)
                answer = b"".join(iter(lambda client=client: client.recv(4096), b""))
            assert said in answer.decode()


def test_headers_that_drip_stop_nobody(index):
    """A hundred clients that send a letter now and then cost a connection each and no thread."""
    with serving("-m", "indexer", "--index", str(index), "serve", "--port", "0") as address:
        assert get(address, "/readyz", 120)[0] == 200
        with ExitStack() as stack:
            clients = [
                stack.enter_context(socket.create_connection(address, timeout=30))
                for _ in range(100)
            ]
            for letter in b"GET /":
                for client in clients:
                    client.sendall(bytes([letter]))
                assert min(seconds_to_answer(address) for _ in range(3)) < 1


def test_sigterm_finishes_what_was_received(index):
    """Forty requests that were sent before it are answered in full, and then the server ends."""
    command = ("-m", "indexer", "--index", str(index), "serve", "--port", "0")
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.PIPE, text=True)
    with process, ExitStack() as stack:
        stack.callback(process.kill)
        line = process.stderr.readline()
        address = "127.0.0.1", int(line.rsplit(":", 1)[1])
        assert get(address, "/readyz", 120)[0] == 200
        clients = []
        for number in range(40):
            client = stack.enter_context(socket.create_connection(address, timeout=30))
            wanted = f"GET /?q=azure&page={number + 1} HTTP/1.0\r\nHost: site\r\n\r\n"
            client.sendall(wanted.encode())
            clients.append(client)
        process.terminate()
        for client in clients:
            answer = b"".join(iter(lambda client=client: client.recv(1 << 16), b""))
            assert answer.startswith(b"HTTP/1.0 200")
            assert answer.rstrip().endswith(b"</html>")
        assert process.wait(20) == 0
