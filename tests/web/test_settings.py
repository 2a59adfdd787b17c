"""Settings of file, environment and mapping; where the site stands for those outside."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from indexer import StorydexError
from tests.conftest import ROOT, build
from tests.web.web_site import Page, archive, site, visit
from web import create_app
from web.settings import SETTINGS, read_environment, read_settings
from web.watching import access_log, watched


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """An index of thirty stories."""
    return build(tmp_path_factory.mktemp("settings"), archive())


def test_variables_count_more_than_the_file(tmp_path, monkeypatch):
    """The file is named by a variable, too."""
    path = tmp_path / "storydex.toml"
    path.write_text('[serve]\ntitle = "File"\nhosts = ["a.example"]\nimages = false\nproxies = 2')
    monkeypatch.setenv("STORYDEX_SETTINGS", str(path))
    monkeypatch.setenv("STORYDEX_TITLE", "Variable")
    monkeypatch.setenv("STORYDEX_CORS", "https://x.example, https://y.example")
    settings = read_settings(None)
    assert (settings.title, settings.hosts, settings.proxies) == ("Variable", ("a.example",), 2)
    assert settings.images is False
    assert settings.cors == {"https://x.example", "https://y.example"}
    assert create_app().config["TITLE"] == "Variable"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[serve]\ncolour = 1", "colour: unknown: [serve] has index, title"),
        ("title = 'A'", "title: unknown: [serve] has"),
        ("[serve]\nproxies = -1", "proxies: '-1': write how many"),
        ("[serve]\nbase_url = 'news.example'", "base_url: 'news.example': write the public"),
        ("[serve]\nhosts = ['a b']", "hosts: \"['a b']\": 'a b' is no host"),
        ("[serve]\nimages = 'maybe'", "images: 'maybe': write 1 or 0"),
        ("[serve]\nhosts = ' , '", "hosts: ' , ': names no host"),
        ("[serve]\nreload_seconds = nan", "reload_seconds: 'nan': write seconds, from 0 to 86,400"),
        ("[serve]\nreload_seconds = inf", "reload_seconds: 'inf': write seconds"),
        ("[serve]\nreload_seconds = -1", "reload_seconds: '-1': write seconds"),
        ("[serve]\nreload_seconds = 'soon'", "reload_seconds: 'soon': write seconds"),
        ("[serve]\ntitle = 5", "title: '5': write text, in quotes"),
        ("[serve]\ntitle = ['A']", "title: \"['A']\": write text"),
        ("[serve]\nindex = 5", "index: '5': write the path of a folder, in quotes"),
        ("[serve", "not TOML"),
        ("serve = 1", "serve: give it as a table"),
    ],
)
def test_a_bad_file_is_named_with_key_and_remedy(tmp_path, text, said):
    """Whoever starts the server reads what to change."""
    path = tmp_path / "storydex.toml"
    path.write_text(text)
    with pytest.raises(StorydexError, match=re.escape(said)) as error:
        read_environment(str(path))
    assert str(path) in str(error.value)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    """Some editors write one."""
    path = tmp_path / "storydex.toml"
    path.write_text('[serve]\ntitle = "A"\n', "utf-8-sig")
    assert read_environment(str(path)) == {"TITLE": "A"}


def test_a_bad_variable_is_named():
    """As of the file."""
    with pytest.raises(StorydexError, match="STORYDEX_ACCESS_LOG: 'all': write off, on"):
        read_settings({"ACCESS_LOG": "all"})
    with pytest.raises(StorydexError, match="cannot be read"):
        read_environment("/nowhere.toml")


@pytest.mark.parametrize("key", ["index", "Index", "STORYDEX_INDEX", "storydex_base_url"])
def test_a_setting_under_another_name_is_named(key):
    """As a file or a variable has it: it would count for nothing, and another index be served."""
    name = key.upper().removeprefix("STORYDEX_")
    with pytest.raises(StorydexError, match=f"{key}: unknown: a mapping has it as {name}"):
        create_app({key: "https://news.example"})


@pytest.mark.parametrize("folder", [Path("news"), b"news", "news"])
def test_a_folder_may_be_given_as_any_path(folder):
    """And nothing else may: a number is no path."""
    assert read_settings({"INDEX": folder}).location == "news"
    with pytest.raises(StorydexError, match="STORYDEX_INDEX: '3': write the path"):
        read_settings({"INDEX": 3})


def test_the_documents_have_every_setting():
    """One table, all of them."""
    text = (ROOT / "docs" / "deploy.md").read_text()
    rows = re.findall(r"^\| `STORYDEX_(\w+)` \| (?:`(\w+)`)? ?\|", text, re.MULTILINE)
    assert {name for name, _ in rows} == {*SETTINGS, "HOST", "PORT", "SETTINGS"}
    assert all(key == name.lower() for name, key in rows if key)


def test_settings_that_are_no_mapping():
    """Whoever gives the folder alone reads how it is given."""
    with pytest.raises(StorydexError, match=r"\{'INDEX': 'index'\}"):
        create_app("index")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/archive/?q=azure", {}),
        ("/?q=azure", {}),
        ("/?q=azure", {"X-Forwarded-Prefix": "/archive"}),
        ("/?q=azure", {"X-Forwarded-Prefix": "/evil"}),
    ],
)
def test_a_site_below_a_path_links_to_itself(index, path, headers):
    """Whether the proxy takes the path off, and says so, or not."""
    client = visit(index, BASE_URL="https://news.example/archive", PROXIES=1)
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    links = [link for link in Page(answer.text).links() if link.startswith("/")]
    assert links
    assert all(link.startswith("/archive/") for link in links)


def test_forwarded_headers_are_believed_of_so_many_proxies(index):
    """And of none where no proxy is said to be there."""
    headers = {"X-Forwarded-Host": "news.example", "X-Forwarded-Proto": "https"}
    url = visit(index, PROXIES=1).get("/feed.json", headers=headers).get_json()["feed_url"]
    assert url == "https://news.example/feed.json"
    url = visit(index).get("/feed.json", headers=headers).get_json()["feed_url"]
    assert url == "http://localhost/feed.json"


def test_other_hosts_are_refused_where_hosts_are_listed(index):
    """Names below one that begins with a dot count; probes ask by address."""
    client = visit(index, HOSTS="news.example, .old.example")
    for host, status in (
        ("news.example", 200), ("news.example:8000", 200), ("a.old.example", 200),
        ("evil.example", 400), ("127.0.0.1", 400),
    ):  # fmt: skip
        assert client.get("/help", headers={"Host": host}).status_code == status
    assert client.get("/livez", headers={"Host": "127.0.0.1"}).status_code == 200


@pytest.mark.parametrize("queries", [True, False])
def test_the_access_log_has_a_line_for_each_request(index, queries):
    """The whole answer is in it, and what was searched for where that is asked for."""
    app, out = site(index), io.StringIO()
    app.wsgi_app = watched(app.wsgi_app, [access_log(queries=queries, to=out)])
    answer = app.test_client().get("/api/v1/export?q=azure")
    size = len(answer.data)
    line = json.loads(out.getvalue())
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/export", 200)
    assert (line["bytes"], line["client"]) == (size, "127.0.0.1")
    assert line["ms"] > 0
    assert ("azure" in out.getvalue()) is queries


def test_the_access_log_is_a_setting(index, capsys):
    """On standard output, off unless asked for."""
    visit(index).get("/help").close()
    assert capsys.readouterr().out == ""
    visit(index, ACCESS_LOG="on").get("/help?q=secret").close()
    out = capsys.readouterr().out
    assert json.loads(out)["path"] == "/help"
    assert "secret" not in out


def test_metrics_see_the_whole_answer(index):
    """A stream is counted at its end, with the time that it took."""
    client = visit(index)
    answer = client.get("/api/v1/export")
    assert 'endpoint="exports.export"' not in client.get("/metrics").text
    answer.data
    answer.close()
    assert (
        'storydex_http_requests_total{endpoint="exports.export",status="200"} 1.0'
        in client.get("/metrics").text
    )
