"""What fails, and what is said of it; by a server that answers as clusters in trouble do."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import indexer
from indexer.cluster.client import Cluster
from indexer.cluster.load import Loader, index_action, loading
from indexer.cluster.location import PASSWORD, USER, read_location
from tests.cluster.nodes import free_port
from web import create_app

Answer = tuple[int, object]
FINE: Answer = (200, {"version": {"distribution": "opensearch", "number": "2.19.1"}})


@contextmanager
def server(answer: Callable[[str, str, bytes], Answer | None]) -> Iterator[tuple[str, list]]:
    """A server and the headers that it was sent; it is a sound cluster where None is answered."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            seen.append(dict(self.headers))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, found = answer(self.command, self.path, body) or FINE
            data = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_HEAD = _answer  # noqa: N815, as the library names them

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{http.server_port}", seen
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


@pytest.fixture
def swift(monkeypatch):
    """Pauses are short."""
    monkeypatch.setattr("indexer.cluster.client._PAUSE", 0.001)
    monkeypatch.setattr("indexer.cluster.load._PAUSE", 0.001)


def test_where_nobody_answers(swift, caplog, tmp_path):
    """Said with the address, without the password, by Python, in logs and by the front end."""
    (tmp_path / "seeds").mkdir()
    address = f"opensearch://someone:hunter2@127.0.0.1:{free_port()}/news"
    with caplog.at_level(logging.DEBUG):
        for call in (
            indexer.open_index,
            indexer.verify,
            lambda place: indexer.rebuild(tmp_path / "seeds", place),
        ):
            with pytest.raises(indexer.ClusterError, match="nobody answers there") as caught:
                call(address)
            assert "127.0.0.1" in str(caught.value)
            assert "hunter2" not in repr(caught.value)
        answer = create_app({"INDEX": address}).test_client().get("/readyz")
    assert answer.status_code == 503
    assert "hunter2" not in answer.text + caplog.text
    assert "hunter2" not in f"{read_location(address)!r} {read_location(address)}"


def test_credentials_may_come_from_the_environment(monkeypatch):
    """They are sent, and need not stand in the location."""
    monkeypatch.setenv(USER, "someone")
    monkeypatch.setenv(PASSWORD, "hunter2")
    with server(lambda *request: None) as (host, seen):
        Cluster(read_location(f"opensearch://{host}/news"))
        Cluster(read_location(f"opensearch://other:p%40ss@{host}/news"))
    assert [headers["authorization"] for headers in seen] == [
        "Basic c29tZW9uZTpodW50ZXIy", "Basic b3RoZXI6cEBzcw==",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, {"error": "no"}), "access is refused: set STORYDEX_OPENSEARCH_USER"),
        ((403, {"error": "no"}), "access is refused"),
        ((503, {"error": {"reason": "no cluster manager"}}), "busy or incomplete"),
        ((200, {"version": {"number": "8.1.0"}}), "another engine 8.1.0 answers"),
        (
            (200, {"version": {"distribution": "opensearch", "number": "1.3.0"}}),
            "OpenSearch 2.11 is needed",
        ),
    ],
)
def test_a_server_that_cannot_be_asked(swift, answer, said):
    """The reason and the remedy."""
    with (
        server(lambda *request: answer) as (host, _),
        pytest.raises(indexer.ClusterError, match=said),
    ):
        indexer.open_index(f"opensearch://{host}/news")


def test_a_cluster_that_is_busy_is_asked_again(swift):
    """Three times in vain, then it answers."""
    statuses = iter([429, 503, 429])

    def answer(method, path, body):
        if path == "/news/_count" and (status := next(statuses, None)):
            return status, {"error": {"reason": "too many requests"}}
        return (200, {"count": 7}) if path == "/news/_count" else None

    with server(answer) as (host, _):
        cluster = Cluster(read_location(f"opensearch://{host}/news"))
        assert cluster.call(cluster.client.count, index="news")["count"] == 7


def test_a_node_that_goes_away_in_the_middle_is_no_refusal(swift):
    """What it was asked is asked again, and another node answers."""
    gone = {"type": "node_disconnected_exception", "reason": "[fetch/id] disconnected"}
    statuses = iter([500, 500])

    def answer(method, path, body):
        if path == "/news/_count" and (status := next(statuses, None)):
            return status, {"error": {"root_cause": [gone], **gone}, "status": status}
        return (200, {"count": 7}) if path == "/news/_count" else None

    with server(answer) as (host, _):
        cluster = Cluster(read_location(f"opensearch://{host}/news"))
        assert cluster.call(cluster.client.count, index="news")["count"] == 7


def test_documents_of_a_busy_node_are_sent_again(swift):
    """Those alone that it had no room for; all others once."""
    sent: list[str] = []
    lock = threading.Lock()

    def answer(method, path, body):
        if not path.startswith("/news/_bulk"):
            return None
        names = [json.loads(line)["index"]["_id"] for line in body.splitlines()[::2]]
        with lock:
            busy = {name for name in names if name.endswith("3") and sent.count(name) < 2}
            sent.extend(names)
        items = [
            {"index": {"status": 429 if name in busy else 201, "error": {"reason": "full"}}}
            for name in names
        ]
        return 200, {"errors": bool(busy), "items": items}

    with server(answer) as (host, _):
        cluster = Cluster(read_location(f"opensearch://{host}/news"))
        with loading(cluster, "news") as loader:
            for number in range(30):
                loader.add(index_action(f"{number}.md", str(number), b"{}"))
    assert sorted(set(sent), key=int) == [str(number) for number in range(30)]
    assert {name for name in sent if sent.count(name) == 3} == {"3", "13", "23"}
    assert sent.count("4") == 1


def test_documents_that_are_refused_are_named(swift):
    """By the story's file, with the cluster's reason."""

    def answer(method, path, body):
        refused = {"index": {"status": 400, "error": {"reason": "failed to parse"}}}
        fine = {"index": {"status": 201}}
        return (200, {"errors": True, "items": [fine, refused]}) if "_bulk" in path else None

    with server(answer) as (host, _):
        loader = Loader(Cluster(read_location(f"opensearch://{host}/news")), "news")
        loader.add(index_action("a.md", "1", b"{}"))
        loader.add(index_action("b.md", "2", b"{}"))
        with pytest.raises(indexer.BuildError, match=r"refused b\.md: failed to parse"):
            loader.finish()


_ENDS = """
import sys
from indexer.cluster.client import Cluster
from indexer.cluster.load import Loader, index_action
from indexer.cluster.location import read_location
loader = Loader(Cluster(read_location(sys.argv[1])), "news")
for number in range(1000):
    loader.add(index_action("a.md", str(number), b"{}"))
input()
"""


def test_a_program_that_ends_does_not_wait_for_a_cluster_that_is_silent():
    """As after a second interrupt: the first waits for what is being sent."""
    asked, over = threading.Event(), threading.Event()

    def answer(method, path, body):
        if "_bulk" in path:
            asked.set()
            over.wait()

    with server(answer) as (host, _):
        command = [sys.executable, "-c", _ENDS, f"opensearch://{host}/news"]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            try:
                assert asked.wait(60)
                process.stdin.write(b"\n")
                process.stdin.close()
                assert process.wait(60) == 0
            finally:
                over.set()
                process.kill()


def test_an_answer_of_a_part_is_said_to_be_one(on_both, tmp_path, monkeypatch):
    """Where the cluster had too little time; an export fails instead."""
    from indexer.cluster.find import Searcher
    from tests.conftest import write_story

    write_story(tmp_path / "seeds", "a.md", title="Cat")
    both = on_both(tmp_path / "seeds", tmp_path / "index")
    search = Searcher.search
    monkeypatch.setattr(
        Searcher, "search", lambda self, body: search(self, body) | {"timed_out": True}
    )
    page = both.cluster.search("cat")
    assert "totals and counts are too low" in page.notices[0].reason
    with pytest.raises(indexer.ClusterError, match="too busy"):
        list(both.cluster.export(indexer.SearchRequest(query="cat")))


def test_a_question_that_fails_among_others_is_asked_again(on_both, tmp_path, monkeypatch):
    """Questions about spelling are sent together; a busy node may refuse some of them."""
    import opensearchpy

    from tests.conftest import write_story

    for number in range(6):
        write_story(tmp_path / "seeds", f"{number}.md", title="green turbines", excerpt="wind")
    both = on_both(tmp_path / "seeds", tmp_path / "index")
    ask, refused = opensearchpy.OpenSearch.msearch, []

    def refuse_first(client, **options):
        answer = ask(client, **options)
        refused.append(answer["responses"][0])
        answer["responses"][0] = {"error": {"type": "rejected_execution"}, "status": 429}
        return answer

    monkeypatch.setattr(opensearchpy.OpenSearch, "msearch", refuse_first)
    assert both.cluster.search("green turbnes").suggestion == "green turbines"
    assert refused


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("opensearch://host/", "no usable name"),
        ("opensearch://host/News", "no usable name"),
        ("opensearch://user:hunter2@host:0/news", "no usable host"),
        ("opensearch://user:hunter2@/news", "no usable host"),
        ("opensearch://host:9200/news?shards=0", "shards of the cluster must be"),
        ("opensearch://host:9200/news?replicas=x", "replicas of the cluster must be"),
        ("opensearch://host:9200/news?colour=red", "'colour' is no setting"),
        ("opensearch://[::1/news", "cannot be read"),
    ],
)
def test_an_address_that_cannot_be_used(address, said):
    """Which part, and how to write it."""
    with pytest.raises(indexer.StorydexError, match=said) as caught:
        indexer.open_index(address)
    assert "hunter2" not in str(caught.value)


def test_an_address_of_several_hosts():
    """With settings of the indexes to be made."""
    found = read_location("opensearch+https://a:9201,b/news?shards=3&replicas=1&ca=/x.pem")
    assert found.hosts == (("a", 9201), ("b", 9200))
    assert (found.secure, found.shards, found.replicas, found.authorities) == (True, 3, 1, "/x.pem")
    assert str(found) == "opensearch+https://a:9201,b:9200/news"
