"""What docs/deploy.md says of proxies and of systemd, tried with these where they are installed."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cluster.nodes import free_port
from tests.conftest import ROOT, build
from tests.web.test_server import serving
from tests.web.web_site import Page, visit

TEXT = (ROOT / "docs" / "deploy.md").read_text("utf-8")
#: Ids that a proxy could take for something else.
ODD = ("a b", "50% off?", "c#1+1=2&x", "naïve-中文", "[x];y|z", "p%2Fq", "x~y,@:!$(z)*")


def blocks(language: str) -> list[str]:
    """The snippets of a language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


class Way(NamedTuple):
    """A proxy as it is documented: the port it listens on, and the path below it."""

    port: int
    path: str

    def get(self, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        """An answer, and its body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Host": f"news.example:{self.port}", **headers}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read()


def nginx(folder: Path, port: int, server: int) -> list[str]:
    """The command that runs nginx with the first snippet."""
    kept = "".join(
        f"{kind}_temp_path {folder / kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    snippet = blocks("nginx")[0].replace("127.0.0.1:8000", f"127.0.0.1:{server}")
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder / 'pid'}; error_log {folder / 'log'}; events {{}}\n"
        f"http {{ access_log off; {kept} server {{ listen 127.0.0.1:{port};\n{snippet}}} }}"
    )
    return ["nginx", "-e", str(folder / "log"), "-c", str(folder / "nginx.conf")]


def caddy(number: int) -> Callable[[Path, int, int], list[str]]:
    """The command that runs Caddy with a snippet, without certificates."""

    def command(folder: Path, port: int, server: int) -> list[str]:
        snippet = blocks("caddy")[number].replace("127.0.0.1:8000", f"127.0.0.1:{server}")
        snippet = snippet.replace(
            "news.example {", f"http://news.example:{port} {{\n    bind 127.0.0.1", 1
        )
        options = f"admin off\nauto_https off\nstorage file_system {folder / 'caddy'}"
        (folder / "Caddyfile").write_text(f"{{\n{options}\n}}\n{snippet}")
        return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]

    return command


WAYS = {
    "nginx": (nginx, "/archive"),
    "caddy": (caddy(0), ""),
    "caddy, below a path": (caddy(1), "/archive"),
}


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Path:
    """Stories with odd names."""
    folder = tmp_path_factory.mktemp("deploy")
    return build(folder, {f"{name}.md": {"title": f"Azure {name}"} for name in ODD})


@contextmanager
def behind(index: Path, name: str, folder: Path, settings: str) -> Iterator[Way]:
    """The shipped server behind a proxy."""
    make, path = WAYS[name]
    tool = name.split(",")[0]
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    (folder / "storydex.toml").write_text(settings)
    serve = ("serve", "--port", "0", "--settings", str(folder / "storydex.toml"))
    with ExitStack() as stack:
        address = stack.enter_context(serving("-m", "indexer", "--index", str(index), *serve))
        way = Way(free_port(), path)
        log = stack.enter_context((folder / "out").open("wb"))
        process = subprocess.Popen(
            make(folder, way.port, address[1]), stdout=log, stderr=log,
            # Where Caddy keeps what it was last told.
            env={**os.environ, "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)},
        )  # fmt: skip
        stack.callback(process.wait, 20)
        stack.callback(process.terminate)
        for _ in range(100):
            with suppress(OSError):
                if way.get(f"{path}/livez")[0].status == 200:
                    break
            assert process.poll() is None, (folder / "out").read_text()
            time.sleep(0.1)
        yield way


@pytest.mark.parametrize("name", WAYS)
def test_every_link_of_a_page_leads_through_the_proxy(index, tmp_path, name):
    """Stories with odd names, files and feeds too; what others read has the public address."""
    base = f"https://news.example{WAYS[name][1]}"
    settings = f'[serve]\nbase_url = "{base}"\nhosts = ["news.example"]\nproxies = 1\n'
    with behind(index, name, tmp_path, settings) as way:
        answer, page = way.get(f"{way.path}/?q=azure")
        links = {one for one in Page(page.decode()).links() if one.startswith("/")}
        assert sum("/story/" in one for one in links) >= len(ODD)
        assert {one: way.get(one)[0].status for one in links} == dict.fromkeys(links, 200)
        feed = json.loads(way.get(f"{way.path}/feed.json?q=azure")[1])
        assert feed["feed_url"] == f"{base}/feed.json?q=azure"
        again = way.get(f"{way.path}/?q=azure", **{"If-None-Match": answer.headers["ETag"]})
        assert again[0].status == 304
        assert b"Azure" not in way.get(f"{way.path}/?q=azure", Host="evil.example")[1]


@pytest.mark.parametrize("name", WAYS)
def test_without_a_public_address_links_have_that_of_the_proxy(index, tmp_path, name):
    """Its port included; what a client says of an address before it is not believed."""
    with behind(index, name, tmp_path, "[serve]\nproxies = 1\n") as way:
        said = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil"}
        feed = json.loads(way.get(f"{way.path}/feed.json", **said)[1])
        assert feed["feed_url"] == f"http://news.example:{way.port}{way.path}/feed.json"


def test_crawlers_are_told_of_paths_below_that_of_the_site(index):
    """For the file at the root of the host."""
    client = visit(index, BASE_URL="https://news.example/archive")
    assert "Disallow: /archive/api/\n" in client.get("/archive/robots.txt").text


def test_the_unit_is_one_that_systemd_understands(tmp_path):
    """The program it starts is elsewhere here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "storydex.service"
    unit.write_text(blocks("ini")[0].replace("/opt/storydex/bin/storydex", shutil.which("true")))
    done = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
