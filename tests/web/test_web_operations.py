"""Running the site: an index that is missing, damaged or new; caches, health, metrics."""

from __future__ import annotations

import gzip
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path

import brotli
import pytest
from prometheus_client.parser import text_string_to_metric_families

import indexer
from tests.conftest import build, write_story
from tests.web.web_site import archive, site, visit
from web import caching
from web.connection import Connection


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Path:
    """An index of thirty stories."""
    return build(tmp_path_factory.mktemp("operations"), archive())


def damage(index: Path) -> None:
    """Overwrite every file of an index."""
    for path in index.rglob("*"):
        if path.is_file():
            path.write_bytes(b"damaged")


def test_without_an_index_the_page_says_which_command_to_run(tmp_path):
    """503, a text for people, and nothing about where the index should be."""
    answer = visit(tmp_path / "secret-place").get("/")
    assert answer.status_code == 503
    assert "storydex rebuild" in answer.text
    assert "secret-place" not in answer.text
    assert answer.headers["Retry-After"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/api/v1/search", "/api/v1/export", "/readyz", "/feed.atom"])
def test_without_an_index_programs_get_a_problem(tmp_path, path):
    """503 with the same remedy."""
    answer = visit(tmp_path / "secret-place").get(path)
    assert answer.status_code == 503
    assert answer.mimetype == "application/problem+json"
    assert "storydex rebuild" in answer.text
    assert "secret-place" not in answer.text


def test_a_location_that_cannot_be_served_is_not_told(tmp_path):
    """Its address may hold a password."""
    answer = visit("opensearch://user:hunter2@127.0.0.1:1/news").get("/")
    assert answer.status_code == 503
    assert "hunter2" not in answer.text


def test_the_site_recovers_when_an_index_is_built(tmp_path):
    """Nothing needs to be restarted."""
    client = visit(tmp_path / "index")
    assert client.get("/readyz").status_code == 503
    build(tmp_path, [{"title": "Azure"}])
    assert client.get("/readyz").get_json() == {"status": "ok", "generation": 1}
    assert client.get("/?q=azure").status_code == 200


def test_the_site_recovers_from_a_damaged_index(tmp_path):
    """It says what is the matter, and serves again after a rebuild."""
    index = build(tmp_path, [{"title": "Azure"}])
    damage(index)
    client = visit(index)
    answer = client.get("/")
    assert answer.status_code == 503
    assert "storydex rebuild --full" in answer.text
    shutil.rmtree(index)
    indexer.rebuild(tmp_path / "seeds", index, workers=1)
    assert client.get("/").status_code == 200


def test_an_index_of_another_version_is_said_to_be_that(index, monkeypatch):
    """It is not damaged; building it again helps."""
    monkeypatch.setattr("indexer.generation.open.SCHEMA_VERSION", 9999)
    for path in ("/", "/api/v1/search"):
        answer = visit(index).get(path)
        assert answer.status_code == 503
        assert "made by another version of storydex" in answer.text
        assert "storydex rebuild --full" in answer.text
        assert "damaged" not in answer.text


def test_a_reload_that_fails_keeps_the_open_generation(tmp_path, caplog, monkeypatch):
    """An old answer is better than none; the log does not tell the location."""
    index = build(tmp_path, [{"title": "Azure"}])
    connection = Connection(str(index), 0)
    engine = connection.engine()

    def fail(self):
        raise indexer.IndexCorrupt("opensearch://u:hunter2@host", "x", "y")

    monkeypatch.setattr(type(engine), "reload", fail)
    with caplog.at_level(logging.WARNING):
        assert connection.engine() is engine
    assert "IndexCorrupt" in caplog.text
    assert "hunter2" not in caplog.text


def test_threads_share_one_engine(index):
    """Opened once, however many ask first."""
    connection = Connection(str(index), 60)
    engines = []
    threads = [
        threading.Thread(target=lambda: engines.append(connection.engine())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(engines) == 8
    assert len(set(map(id, engines))) == 1


def test_a_failure_to_open_is_shared_for_a_while(tmp_path):
    """An unreachable index is tried once an interval, not once a request."""
    connection = Connection(str(tmp_path / "index"), 60)
    with pytest.raises(indexer.IndexMissing):
        connection.engine()
    build(tmp_path, [{"title": "Azure"}])
    with pytest.raises(indexer.IndexMissing):
        connection.engine()


def test_the_process_is_alive_without_an_index(tmp_path):
    """Restarting it would not help."""
    assert visit(tmp_path / "none").get("/livez").status_code == 200


@pytest.mark.parametrize(
    "path", ["/?q=azure", "/story/2021/story%2000.md", "/api/v1/search?q=azure", "/feed.atom",
             "/feed.json", "/api/v1/suggest?q=az", "/api/v1/export"]
)  # fmt: skip
def test_who_has_the_page_is_told_so(index, path):
    """A conditional request costs a comparison: 304 and no body."""
    client = visit(index)
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert first.status_code == 200
    assert again.status_code == 304
    assert again.data == b""
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    assert again.headers["Content-Security-Policy"]


def test_another_address_or_generation_is_another_page(tmp_path):
    """An ETag stands for one address and one generation."""
    index = build(tmp_path, [{"title": "Azure"}])
    client = visit(index)
    tags = [client.get("/?q=azure").headers["ETag"], client.get("/?q=azur").headers["ETag"]]
    write_story(tmp_path / "seeds", "two.md", title="Azure two")
    indexer.rebuild(tmp_path / "seeds", index, workers=1)
    answer = client.get("/?q=azure", headers={"If-None-Match": tags[0]})
    assert answer.status_code == 200
    assert len({*tags, answer.headers["ETag"]}) == 3


@pytest.mark.parametrize("published_only", ["0", "1"])
def test_other_synonyms_make_another_page(tmp_path, published_only):
    """Be it that the page is kept by the server or by a browser; in every process the same."""
    index = build(tmp_path, [{"title": "Azure"}, {"title": "Cerulean"}])
    client = visit(index, PUBLISHED_ONLY=published_only)
    path = "/api/v1/search?q=cerulean"
    first = client.get(path)
    synonyms = tmp_path / "seeds" / "synonyms.yml"
    for text, total in (("- [azure, cerulean]", 2), ("- [azure, ceru-ean]", 1)):
        before = synonyms.stat() if synonyms.exists() else None
        synonyms.write_text(text)
        if before is not None:  # a copy may keep size and time stamp
            os.utime(synonyms, ns=(before.st_atime_ns, before.st_mtime_ns))
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert again.json["total"] == total
        other = visit(index, PUBLISHED_ONLY=published_only).get(path)
        assert other.headers["ETag"] == again.headers["ETag"]
        first = again


@pytest.mark.parametrize(
    "setting", [{"TITLE": "News"}, {"BASE_URL": "https://news.example"}, {"IMAGES": "0"}]
)
def test_other_settings_make_another_page(index, setting):
    """A browser that has the page of before the restart is given the new one."""
    tag = visit(index).get("/").headers["ETag"]
    assert visit(index, **setting).get("/", headers={"If-None-Match": tag}).status_code == 200


def test_an_index_that_was_deleted_and_rebuilt_is_another(tmp_path):
    """Generations start again at one; the time of building tells them apart."""
    index = build(tmp_path, [{"title": "Azure"}])
    tag = visit(index).get("/").headers["ETag"]
    shutil.rmtree(index)
    build(tmp_path, [{"title": "Azure"}])
    assert visit(index).get("/").headers["ETag"] != tag


def test_a_page_of_the_last_days_is_current_for_an_hour(index, monkeypatch):
    """Time goes on without another generation; what names no date stays."""
    client = visit(index)

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(hours=1)

    paths = ("/?since=7d", "/?q=since:7d", "/?q=azure")
    before = [client.get(path).headers["ETag"] for path in paths]
    monkeypatch.setattr(caching, "datetime", Later)
    after = [client.get(path).headers["ETag"] for path in paths]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, False, True]


def test_errors_have_no_etag(index):
    """Only what was answered as asked may be kept."""
    client = visit(index)
    for path in ("/?since=soon", "/story/none", "/api/v1/search?limit=x", "/nothing"):
        answer = client.get(path)
        assert "ETag" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/?q=azure", "/api/v1/search", "/feed.atom", "/livez",
                                  "/api/v1/export", "/static/app.js"])  # fmt: skip
def test_head_is_get_without_the_body(index, path):
    """Same status, same headers."""
    client = visit(index)
    head, get = client.head(path), client.get(path)
    assert head.status_code == get.status_code == 200
    assert head.data == b""
    assert head.headers.get("ETag") == get.headers.get("ETag")
    assert head.headers["Content-Type"] == get.headers["Content-Type"]


def test_an_answer_that_is_kept_is_the_same_for_whoever_may_have_it(index, monkeypatch):
    """Asked for again it is not made again; another host or coding has its own."""
    client = visit(index)
    first = client.get("/feed.json?q=azure")
    engine = type(client.application.extensions["storydex.connection"].engine())
    monkeypatch.setattr(engine, "answer", None)
    again = client.get("/feed.json?q=azure", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(again.data) == first.data
    assert client.get("/feed.json?q=azure").data == first.data
    assert client.get("/feed.json?q=azure", base_url="http://other.example").status_code == 500


@pytest.mark.parametrize(
    "path", ["/?q=azure", "/api/v1/search?q=azure", "/feed.atom", "/static/app.js"]
)
def test_answers_are_compressed_for_who_can_read_that(index, path):
    """With gzip or brotli, and caches are told that there are several."""
    client = visit(index)
    plain = client.get(path)
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["Vary"]
    for header, coding in (("gzip", "gzip"), ("gzip, deflate, br", "br"), ("br;q=0, *", "gzip")):
        packed = client.get(path, headers={"Accept-Encoding": header})
        assert packed.headers["Content-Encoding"] == coding
        assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 2
        unpack = gzip.decompress if coding == "gzip" else brotli.decompress
        assert len(unpack(packed.data)) == pytest.approx(len(plain.data), abs=20)
    assert "Content-Encoding" not in client.get(path, headers={"Accept-Encoding": "x"}).headers


def test_static_files_are_kept_for_good_under_their_version(index):
    """Their address changes with the release; without the version they are checked."""
    client = visit(index)
    page = client.get("/").text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    assert "immutable" in client.get(address).headers["Cache-Control"]
    assert "immutable" not in client.get("/static/base.css").headers.get("Cache-Control", "")


def test_metrics_count_requests_and_searches(index):
    """In the format of Prometheus, with few labels."""
    client = visit(index)
    client.get("/?q=azure")
    client.get("/?q=zebra")
    client.get("/nothing")
    text = client.get("/metrics").text
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["storydex_http_requests_total", "200", "pages.search"] == 2
    assert samples["storydex_http_requests_total", "404", "none"] == 1
    assert samples["storydex_searches_without_hits_total",] == 1
    assert samples["storydex_search_seconds_count",] == 2
    assert samples["storydex_index_stories",] == 30
    assert samples["storydex_index_up",] == 1
    assert "azure" not in text


@pytest.mark.filterwarnings("ignore::indexer.DamageWarning")
def test_operators_see_that_the_newest_generation_is_damaged(tmp_path):
    """The one before serves, which nobody would notice from the pages."""
    index = build(tmp_path, [{"title": "Azure"}])
    client = visit(index, RELOAD_SECONDS=0)
    assert client.get("/readyz").get_json() == {"status": "ok", "generation": 1}
    assert "storydex_index_fallback 0.0" in client.get("/metrics").text
    write_story(tmp_path / "seeds", "late.md", title="Late")
    indexer.rebuild(tmp_path / "seeds", index)
    newest = index / "storydex-2.json"
    newest.write_bytes(newest.read_bytes()[:-2])
    assert client.get("/readyz").get_json() == {"status": "ok", "generation": 1, "damaged": 2}
    assert "storydex_index_fallback 1.0" in client.get("/metrics").text
    indexer.rebuild(tmp_path / "seeds", index)
    assert client.get("/readyz").get_json() == {"status": "ok", "generation": 3}


def test_operators_see_that_a_file_is_damaged(tmp_path):
    """A server reads its files once in the background; a rebuild that mends them is seen."""
    index = build(tmp_path, [{"title": "Azure"}])
    app = site(index, RELOAD_SECONDS=0.05)
    connection = app.extensions["storydex.connection"]
    client = app.test_client()
    checker = threading.Thread(target=connection.check_files)
    file = index / "storydex-1.sources"
    file.write_bytes(file.read_bytes()[:-1] + b" ")
    assert client.get("/readyz").get_json() == {"status": "ok", "generation": 1}
    checker.start()
    try:
        wait_for(lambda: client.get("/readyz").get_json().get("damaged_file"), file.name)
        assert "storydex_index_damage 1.0" in client.get("/metrics").text
        with pytest.warns(indexer.DamageWarning):
            indexer.rebuild(tmp_path / "seeds", index)
        wait_for(lambda: client.get("/readyz").get_json(), {"status": "ok", "generation": 2})
        assert "storydex_index_damage 0.0" in client.get("/metrics").text
    finally:
        connection.close()
        checker.join(10)
    assert not checker.is_alive()


def wait_for(ask, wanted):
    """Ask until the answer is what is wanted, for ten seconds at most."""
    deadline = time.monotonic() + 10
    while (answer := ask()) != wanted:
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)


def test_metrics_work_without_an_index(tmp_path):
    """That is when somebody looks at them."""
    answer = visit(tmp_path / "none").get("/metrics")
    assert answer.status_code == 200
    assert "storydex_index_up 0.0" in answer.text


def test_two_apps_count_for_themselves(index):
    """Metrics belong to an app, not to the process."""
    one, other = site(index).test_client(), site(index).test_client()
    one.get("/")
    assert 'endpoint="pages.search"' not in other.get("/metrics").text


def test_crawlers_are_kept_from_combinations_of_filters(index):
    """There is no end to them."""
    assert "Disallow: /*?" in visit(index).get("/robots.txt").text


SERVE = "import sys, web; web.serve(location=sys.argv[1], host='127.0.0.1', port=0)"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_says_where_it_is_and_stops_when_told(index, number):
    """One line on standard error, answers, and an orderly end."""
    command = [sys.executable, "-c", SERVE, str(index)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stderr.readline()
            assert line.startswith("Serving on http://127.0.0.1:")
            address = line.split()[-1]
            with urllib.request.urlopen(f"{address}/readyz", timeout=10) as answer:
                assert answer.status == 200
                assert "Server" not in answer.headers
            process.send_signal(number)
            assert process.wait(timeout=60) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()
