"""What writers mark as private is in nothing that storydex writes, says or is seen to run."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from indexer.codec import open_segments
from indexer.generation import manifest as mf
from indexer.generation.sources import read_sources
from tests.conftest import ROOT

CANARY = "Canaryxq7zk"
#: Front matter: what is not private of it is indexed, or the file is rejected.
FIELDS = (
    "secured: {c}", "Secured: '{c}'", "SECURED: [{c}, {{a: {c}}}]", "secured: &s {c}\nother: *s",
    "secured:\t{c}\t# {c}", "secured: |\n  {c}\n  title: {c}", "x: {{secured: {c}}}",
    "related:\n  - title: R\n    secured: {c}", "provider: {{name: N, secured: {c}}}",
    "? secured\n: {c}", '"\\x73ecured": {c}', "<<: {{secured: {c}, excerpt: E}}",
    "secured: {c}\nsecured: {c}", 'secured: "{c}', "secured: *{c}", "secured: !{c} x",
    "secured: {c}: {c}", "secured: {{{c}: 1, {c}: 2}}", "secured: {c}\nquality: high",
    "topics: ['secured: {c}']", "excerpt: 'secured: {c}'", "body: |\n  secured: {c}",
)  # fmt: skip
#: What follows the front matter: the file is rejected.
BEHIND = (
    "title: Second\nsecured: {c}", "prose\n---\n'Secured' : {c}", '{{"secured": "{c}"}}',
    "\tsecured:\t{c}", "text # secured: {c}", "<!-- secured: {c} -->", "&#115;ecured: {c}",
    "prose\n...\ntitle: Two\nnote: {c}", "&k secured: {c}", "foo Secured: {c}",
)  # fmt: skip
COMMANDS = (
    ("rebuild", "seeds"), ("rebuild", "seeds", "--full", "--json"), ("rebuild", "--warnings"),
    ("rebuild", "--warnings", "--json"), ("rebuild", "seeds", "--full", "--strict"),
    ("rebuild", "seeds", "--full", "--dry-run"), ("verify",), ("info",), ("info", "--json"),
    ("search", "public"), ("search", "public", "--json", "--limit", "1000"), ("search", "canar*"),
    ("search", "canary"), ("search", "public", "--explain"),
)  # fmt: skip
PAGES = (
    "/", "/?q=public", "/?q=canar*", "/story/front/0.md", "/api/v1/search?q=public&limit=100",
    "/api/v1/search?q=canar*", "/api/v1/suggest?q=canar", "/api/v1/stories/front/0.md",
    "/api/v1/stories/front/7.md", "/api/v1/facets/provider", "/api/v1/export?q=public",
    "/feed.atom?q=public", "/feed.json?q=public", "/metrics", "/readyz", "/nowhere",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with stories that hold a canary wherever a writer may have put it."""
    folder = tmp_path_factory.mktemp("canaries")
    stories = {f"front/{n}.md": f"{text}\n---\nPublic.\n" for n, text in enumerate(FIELDS)}
    stories |= {f"behind/{n}.txt": f"---\nPublic.\n{text}\n" for n, text in enumerate(BEHIND)}
    for name, text in stories.items():
        (folder / "seeds" / name).parent.mkdir(parents=True, exist_ok=True)
        whole = f"---\ntitle: A public story\n{text.format(c=CANARY)}"
        (folder / "seeds" / name).write_text(whole)
    (folder / "seeds" / "a.json.md").write_text(json.dumps({"title": "J", "secured": CANARY}))
    return folder


def run(place: Path, *arguments: str) -> str:
    """What a command says, and which commands are seen to run meanwhile."""
    command = [sys.executable, "-m", "indexer", *arguments]
    with subprocess.Popen(
        command, cwd=place, env=environment(place), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = process.stdout.read()
    assert "Traceback" not in said
    return said


def environment(place: Path) -> dict[str, str]:
    """With a place of its own for what is temporary."""
    (place / "tmp").mkdir(exist_ok=True)
    return {"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "TMPDIR": str(place / "tmp"),
            "PYTHONPATH": str(ROOT), "STORYDEX_INDEX": "index"}  # fmt: skip


@contextmanager
def served(place: Path) -> Iterator[tuple[str, int]]:
    """The address of a server, and its process; its log is the file `log`."""
    command = [sys.executable, "-m", "indexer", "serve", "--port", "0"]
    with (
        (place / "log").open("w") as log,
        subprocess.Popen(
            command, cwd=place, env=environment(place), stderr=subprocess.PIPE, stdout=log,
            text=True,
        ) as process,
    ):  # fmt: skip
        assert process.stderr is not None
        line = process.stderr.readline()
        try:
            yield line.split()[-1].rstrip("/"), process.pid
        finally:
            process.terminate()
            log.write(line + process.stderr.read())


def inside(index: Path) -> str:
    """All that an index holds, unpacked: terms, written forms, stored stories, what was wrong."""
    generation = mf.newest_generation(str(index))
    assert generation
    manifest = mf.read_manifest(str(index))
    found = [repr(manifest), repr(read_sources(str(index), generation))]
    segments = open_segments(str(index), mf.manifest_name(generation), manifest.segments)
    for segment in (held.arrays(index) for held in segments):
        found += [segment.dictionary.decode(errors="replace"), *segment.form_texts()]
        for doc in range(segment.doc_count):
            found += map(repr, (segment.lead(doc), segment.related(doc)))
        for field in segment.fields:
            found += [term.decode(errors="replace") for term in segment.field_terms(field)]
    return "\n".join(found)


def assert_clean(said: str, about: object) -> None:
    """No canary sings."""
    assert CANARY.lower() not in said.lower(), about
    assert CANARY[6:] not in said, about


def test_private_values_are_found_nowhere(place):
    """Index, output, logs, answers, temporary files, caches and the list of processes."""
    for arguments in COMMANDS:
        assert_clean(run(place, *arguments), arguments)
    said = inside(place / "index")
    assert said.count("A public story") >= len(FIELDS) // 2
    assert_clean(said, "the index")
    with served(place) as (address, process):
        for page in PAGES:
            with suppress(urllib.error.HTTPError), urllib.request.urlopen(address + page) as answer:
                assert_clean(answer.read().decode(), page)
        for file in ("cmdline", "environ"):
            assert_clean(Path(f"/proc/{process}/{file}").read_text(), file)
    for path in place.rglob("*"):
        if path.is_file() and "seeds" not in path.parts:
            assert_clean(path.read_bytes().decode("latin-1"), path)
        assert_clean(path.name, path)


def test_a_password_is_found_nowhere(tmp_path):
    """Of an address that nobody answers at, by each command: no output, no file has it."""
    location = f"opensearch://someone:{CANARY}@127.0.0.1:9/news"
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "a.md").write_text("---\ntitle: T\n---\n")
    for arguments in (("rebuild", "seeds"), ("search", "x"), ("info",), ("verify",)):
        assert_clean(run(tmp_path, "--index", location, *arguments), arguments)
    for path in tmp_path.rglob("*"):
        assert_clean(path.name, path)
        assert_clean(path.read_text() if path.is_file() else "", path)
