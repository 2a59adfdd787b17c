"""The command line as a process, and its small commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import indexer
from indexer.cli import main
from tests.cli.conftest import on_terminal, run, storydex
from tests.conftest import ROOT, write_story
from web import create_app


def test_info(index: Path):
    """`info` describes the index, for people and as JSON."""
    text = storydex("--index", index, "info").stdout
    assert "stories     3\n" in text
    described = json.loads(storydex("--index", index, "info", "--json").stdout)
    assert (described["stories"], described["generation"]) == (3, 1)


def test_verify_finds_nothing_wrong(index: Path):
    """A sound index is said to be so."""
    result = storydex("--index", index, "verify")
    assert result.exit_code == 0
    assert result.stdout.endswith("none is damaged\n")


def test_verify_names_the_damaged_file(index: Path):
    """One changed byte is found, and its file named: exit status 4."""
    segment = next(index.glob("*.pst"))
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    result = storydex("--index", index, "verify")
    assert result.exit_code == 4
    assert result.stdout.startswith(f"{segment.name}: ")
    assert "rebuild --full" in result.stderr


@pytest.mark.parametrize("command", [("search", "x"), ("info",), ("verify",), ("serve",)])
def test_no_index_is_exit_status_4(tmp_path: Path, command: tuple[str, ...]):
    """Where there is no index, the message says how to make one."""
    result = storydex("--index", tmp_path / "none", *command)
    assert result.exit_code == 4
    assert result.stdout == ""
    assert result.stderr.startswith("storydex: no index at ")
    assert "storydex rebuild" in result.stderr


def test_demo_writes_stories_that_can_be_indexed(tmp_path: Path):
    """`demo` writes as many stories as asked, none of which is rejected."""
    result = storydex("demo", tmp_path / "stories", "--stories", "20", "--seed", "7")
    assert result.exit_code == 0
    assert result.stdout.startswith("20 stories written")
    built = storydex("--index", tmp_path / "index", "rebuild", tmp_path / "stories")
    assert built.exit_code == 0
    assert built.stdout.startswith("20 stories indexed")


def test_serve_on_a_port_in_use_fails_in_one_line(seed_index: Path, tmp_path: Path):
    """An address that cannot be listened on is exit status 1, without a traceback."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, _, err = run("--index", seed_index, "serve", "--port", port)
    assert status == 1
    assert err.startswith(f"storydex: 127.0.0.1, port {port}: ")
    assert err.endswith(": choose another with --host or --port\n")
    assert err.count("\n") == 1


def test_serve_on_an_address_that_is_none_fails_in_one_line(seed_index: Path):
    """A name that nobody has is named."""
    status, _, err = run("--index", seed_index, "serve", "--port", 0, "--host", "999.1.1.1")
    assert status == 1
    assert err == (
        "storydex: 999.1.1.1, port 0: no address of this machine: "
        "choose another with --host or --port\n"
    )


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "0", "1e9", "x"])
def test_a_folder_is_looked_through_every_so_many_seconds(seconds: str, tmp_path: Path):
    """What is no such number is refused before anything is read."""
    result = storydex("--index", tmp_path / "index", "rebuild", "--watch", "--poll", seconds)
    assert result.exit_code == 2
    assert "--poll" in result.stderr


ADDRESSES = [
    "elasticsearch://user:secret@localhost:9200/news",
    "https://user:secret@localhost/news",
    " S3://user:secret@localhost/news",
    "opensearch:/user:secret@localhost/news",
    "user:secret@opensearch://localhost/news",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("command", ["rebuild", "search x", "serve", "verify", "info"])
def test_an_index_is_a_folder(command, address, tmp_path, monkeypatch):
    """An address is refused by every command; no folder is made, no password told."""
    monkeypatch.chdir(tmp_path)
    for result in (
        storydex("--index", address, *command.split()),
        storydex(*command.split(), STORYDEX_INDEX=address),
    ):
        assert result.exit_code == 1
        assert "addresses cannot be used" in result.stderr
        assert "secret" not in result.output
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_folder_is_an_address(address, tmp_path, monkeypatch):
    """Nor is one made, or a password told, where Python or another argument gives it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seeds").mkdir()
    calls = [
        lambda: indexer.open_index(address),
        lambda: indexer.rebuild("seeds", address),
        lambda: indexer.rebuild(address, "index"),
        lambda: next(indexer.watch("seeds", address)),
        lambda: indexer.verify(address),
        lambda: indexer.write_demo(address, 1),
    ]
    for call in calls:
        with pytest.raises(indexer.StorydexError) as caught:
            call()
        assert "secret" not in str(caught.value)
    answer = create_app({"INDEX": address}).test_client().get("/readyz")
    assert (answer.status_code, "secret" in answer.text) == (503, False)
    assert [path.name for path in tmp_path.iterdir()] == ["seeds"]


def test_a_path_with_an_address_in_it_is_a_folder(tmp_path, seeds):
    """What begins as a path does is one."""
    folder = f"{tmp_path}/a://b"
    assert storydex("--index", folder, "rebuild", seeds).exit_code == 0
    assert storydex("--index", folder, "info").exit_code == 0


def test_a_query_that_begins_with_a_minus_sign(seed_index):
    """It is taken for an option, and the message says how to search for it."""
    result = storydex("--index", seed_index, "search", "-windows")
    assert result.exit_code == 2
    assert "storydex search -- -windows" in result.stderr
    assert storydex("--index", seed_index, "search", "--", "-windows").exit_code == 0


def test_version_and_help():
    """`--version`, `-h` and `--help` answer on standard output."""
    assert storydex("--version").stdout.startswith("storydex, version ")
    assert storydex("-h").stdout == storydex("--help").stdout
    for command in main.commands:
        result = storydex(command, "--help")
        assert result.exit_code == 0
        assert result.stdout.startswith("Usage: ")


def test_reader_that_stops_early(seed_index: Path):
    """`storydex search … | head -0` ends quietly, with the status of the search."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        status, _, err = run("--index", seed_index, "search", "azure", stdout=writing)
    finally:
        os.close(writing)
    assert (status, err) == (0, "")


def test_output_in_a_narrow_encoding(seed_index: Path):
    """Characters that the encoding of the terminal lacks do not end the command."""
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    status, out, err = run("--index", seed_index, "search", "volterra", env=env)
    assert (status, err) == (0, "")
    assert "Project Volterra" in out


def test_a_closed_standard_error(tmp_path: Path, seeds: Path):
    """What would be said there is lost, the exit status is not."""
    (seeds / "bad.md").write_text("no story")
    command = f'exec "{sys.executable}" -m indexer --index "$0/made" rebuild "$0/stories" 2>&-'
    done = subprocess.run(["sh", "-c", command, tmp_path], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith("3 stories indexed")


def test_a_locale_without_the_characters_of_a_name(tmp_path: Path):
    """Ids are UTF-8 whatever the locale: nothing changes between two of them."""
    write_story(tmp_path / "seeds", "zürich.md", title="One")
    plain = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    for counts in ("1 story indexed, 0 unchanged", "0 stories indexed, 1 unchanged"):
        command = ("--index", tmp_path / "index", "rebuild", tmp_path / "seeds")
        status, out, err = run(*command, env=plain)
        assert (status, err) == (0, "")
        assert out.startswith(counts)
        plain = {**os.environ, "LC_ALL": "C.UTF-8"}


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        ("KeyboardInterrupt", 130, ""),
        ("MemoryError", 1, "storydex: out of memory: free some and try again\n"),
    ],
)
def test_what_happens_while_importing(
    seed_index: Path, tmp_path: Path, error: str, status: int, told: str
):
    """Ctrl-C and a lack of memory before the command has begun give no traceback."""
    (tmp_path / "numpy.py").write_text(f"raise {error}")
    code = "import storydex_command; storydex_command.main()"
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", code, "info"], env=env, cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, "", told)


def test_progress_is_for_terminals(tmp_path: Path, seeds: Path):
    """A bar appears on a terminal's standard error, and nowhere else."""
    shown = on_terminal("--index", tmp_path / "a", "rebuild", seeds, TERM="xterm")
    assert "3/3" in shown
    env = {**os.environ, "FORCE_COLOR": "1"}
    _, out, err = run("--index", tmp_path / "b", "rebuild", seeds, env=env)
    assert err == ""
    assert "\x1b" not in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "a\udcff", "--json"],
        ["search", "azure", "--json", "--provider", "\udcff"],
        ["search", "azure", "--provider", "\udcff"],
        ["search", "title:\udcff*"],
        ["search", '"azure \udcff"', "--json"],
    ],
)
def test_arguments_that_are_not_utf_8(index: Path, arguments: list[str]):
    """Nothing typed is an error, whatever its bytes."""
    status, out, err = run("--index", index, *arguments)
    assert (status, err) in [(0, ""), (0, "provider=\ufffd: fits no story of this archive\n")]
    assert "--json" not in arguments or json.loads(out)["total"] in (0, 3)


def test_folders_whose_names_are_not_utf_8(tmp_path: Path, seeds: Path):
    """They are read and written like any other, and shown with U+FFFD."""
    folder = seeds.rename(seeds.with_name("s\udcff"))
    index = ("--index", tmp_path / "i\udcff")
    for indexed, unchanged in ((3, 0), (0, 3)):
        status, out, _ = run(*index, "rebuild", folder)
        assert status == 0
        assert out.startswith(f"{indexed} stories indexed, {unchanged} unchanged")
    assert run(*index, "verify")[0] == 0
    for arguments in (["info"], ["info", "--json"]):
        status, out, _ = run(*index, *arguments)
        assert status == 0
        assert "s\ufffd" in out
    assert os.listdir(tmp_path / "i\udcff")
