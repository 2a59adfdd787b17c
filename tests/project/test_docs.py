"""The documents are true: their code runs, their links lead somewhere, none is stale."""

from __future__ import annotations

import contextlib
import json
import os
import re
import runpy
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

import web
from indexer.codec.format import FORMAT_VERSION
from indexer.generation.manifest import GENERATION_VERSION
from indexer.schema import SCHEMA_VERSION
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def blocks(language: str) -> list[str]:
    """The code blocks of the README in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands(block: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with the output shown under it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def pattern(output: str) -> str:
    """Shown output as a pattern: an ellipsis stands for anything, on its own line for lines."""
    lines = [
        r"(?:.*\n)*?" if line == "…" else r".*?".join(map(re.escape, line.split("…"))) + r"\n"
        for line in output.splitlines()
    ]
    return "".join(lines)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the project's seeds, as the README has them."""
    shutil.copytree(ROOT / "seeds", tmp_path / "seeds")
    return tmp_path


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, its messages among its output."""
    env = {name: value for name, value in os.environ.items() if name != "STORYDEX_INDEX"}
    return subprocess.run(
        command, cwd=folder, env=env, text=True, check=False, timeout=120,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def storydex(command: str) -> list[str]:
    """A command of the README as this interpreter runs it."""
    words = shlex.split(command)
    assert Path(words[0]).name == "storydex"
    return [sys.executable, "-m", "indexer", *words[1:]]


def test_readme_commands(checkout: Path):
    """Each `storydex` command of the README prints what is shown under it."""
    ran = 0
    for block in blocks("console"):
        for command, output in commands(block):
            if command.startswith("storydex"):
                result = run(storydex(command.replace("/tmp/", f"{checkout}/")), checkout)
                shown = result.stdout.replace(f"{checkout}/", "/tmp/")
                assert result.returncode == 0, shown
                assert re.fullmatch(pattern(output), shown), shown
                ran += 1
    assert ran > 5


def test_readme_python(checkout: Path):
    """The README's Python finds the seed story."""
    (code,) = blocks("python")
    result = run([sys.executable, "-c", code], checkout)
    assert result.returncode == 0, result.stdout
    lines = result.stdout.splitlines()
    assert lines[:2] == ["1 indexed, 0 rejected", "1 stories, 1 with all the words"]
    assert "<mark>Azure</mark>" in result.stdout
    assert lines[-2].startswith("('microsoft'")
    assert lines[-1].endswith("in the story itself")


def test_readme_requests(seed_index: Path):
    """Every address that the README fetches answers."""
    client = web.create_app({"INDEX": str(seed_index)}).test_client()
    fetched = [
        shlex.split(command)[1]
        for block in blocks("console")
        for command, _ in commands(block)
        if command.startswith("curl ")
    ]
    assert fetched
    for address in fetched:
        answer = client.get(address.removeprefix("http://127.0.0.1:8000"))
        assert answer.status_code == 200, address
        assert answer.data


def test_readme_start_command(checkout: Path):
    """After its set-up, the first command of the README builds the index and serves it."""
    make, install, build, serve = blocks("sh")[0].strip().split(" && ")
    assert (make, install) == ("python3 -m venv .venv", ".venv/bin/pip install -q .")
    assert run(storydex(build), checkout).returncode == 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([*storydex(serve), "--port", str(port)], cwd=checkout)
    try:
        assert json.loads(fetch(f"http://127.0.0.1:{port}/api/v1/search?q=azure"))["total"] == 1
    finally:
        server.terminate()
        server.wait(timeout=30)


def fetch(address: str) -> bytes:
    """What a server that is starting up answers."""
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(URLError), urlopen(address, timeout=30) as answer:
            return bytes(answer.read())
        assert time.monotonic() < deadline, "the server does not start"
        time.sleep(0.1)


def test_ci_runs_the_command_of_the_readme():
    """`.ci/run` ends with the very line that the README gives for the tests."""
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert script.splitlines()[-1] == blocks("sh")[1].strip()


def test_generated_documents_are_up_to_date():
    """`python docs/generate.py` would change nothing."""
    documents = runpy.run_path(str(ROOT / "docs" / "generate.py"))["DOCUMENTS"]
    for name, make in documents.items():
        written = (ROOT / "docs" / name).read_text("utf-8")
        assert written == make(), f"docs/{name} is out of date: run `python docs/generate.py`"


def test_the_format_has_the_versions_that_it_says():
    """Those of segments, fields and generations, which readers compare."""
    text = (ROOT / "docs" / "index-format.md").read_text("utf-8")
    told = re.findall(r"^\| `(\w+_VERSION)` of `[\w/.]+`, (\d+) \|", text, re.MULTILINE)
    assert dict(told) == {
        "FORMAT_VERSION": str(FORMAT_VERSION),
        "SCHEMA_VERSION": str(SCHEMA_VERSION),
        "GENERATION_VERSION": str(GENERATION_VERSION),
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document: Path):
    """Every relative link and picture of a document is there."""
    text = re.sub(r"^```.*?^```$", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src(?:set)?="([^"]+)"', text)
    for link in links:
        if not re.match(r"https?:|#", link):
            assert (document.parent / link.partition("#")[0]).exists(), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_named_in_documents_exist(document: Path):
    """Every file of the project that a document names is there."""
    code = r"`((?:indexer|web|tests|docs|benchmarks)/[\w./-]+\.\w+)[ `]"
    for name in re.findall(code, document.read_text("utf-8")):
        assert (ROOT / name).exists(), name


def test_every_dependency_is_explained():
    """`docs/dependencies.md` has a line for each dependency, and for nothing else."""
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    needed = set(re.findall(r'^    "([A-Za-z0-9_-]+)>=', project, re.MULTILINE))
    table = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    explained = set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) | {"types-PyYAML"}
    assert explained == needed
