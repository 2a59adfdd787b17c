"""The command line: what it prints where, and how it ends."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from indexer.cli import main
from indexer.cli.output import neutral
from tests.conftest import ROOT, SEED_STORY, write_story
from tests.seeds.bad_seeds import CANARY, write_bad_seeds

ESCAPES = re.compile("\x1b\\[[0-9;]*m")


def storydex(*arguments: str | Path, **environment: str) -> Result:
    """Run the command in this process."""
    env = {"STORYDEX_INDEX": None, **environment}
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env=env)


def start(*arguments: str | Path, **options) -> subprocess.Popen[str]:
    """Start the command as a process of its own, with pipes for its streams."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, "-m", "indexer", *map(str, arguments)]
    return subprocess.Popen(command, **{"cwd": ROOT, **streams, **options})


def run(*arguments: str | Path, **options) -> tuple[int, str, str]:
    """Run the command as a process of its own; returns status, output and messages."""
    process = start(*arguments, **options)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    """A folder of three good stories."""
    folder = tmp_path / "stories"
    for number in range(3):
        write_story(folder, f"{number}.md", title=f"Azure number {number}", quality=number)
    return folder


@pytest.fixture
def index(tmp_path: Path, seeds: Path) -> Path:
    """An index of them."""
    folder = tmp_path / "made"
    assert storydex("--index", folder, "rebuild", seeds).exit_code == 0
    return folder


# rebuild


def test_rebuild_says_what_it_did_on_standard_output(tmp_path: Path, seeds: Path):
    """The summary is data; there is nothing to say on standard error."""
    result = storydex("--index", tmp_path / "index", "rebuild", seeds)
    assert result.exit_code == 0
    assert result.stdout.startswith("3 stories indexed, 0 unchanged, 0 removed in ")
    assert result.stdout.endswith(": generation 1\n")
    assert result.stderr == ""


def test_rebuild_defaults_to_the_folders_seeds_and_index(tmp_path: Path, monkeypatch):
    """Without arguments `./seeds` goes into `./index`."""
    write_story(tmp_path / "seeds", "a.md", title="One")
    monkeypatch.chdir(tmp_path)
    assert storydex("rebuild").exit_code == 0
    assert storydex("search", "one").stdout.startswith("1 story ")
    assert (tmp_path / "index").is_dir()


def test_index_location_comes_from_the_environment(tmp_path: Path, seeds: Path):
    """`STORYDEX_INDEX` names the index; `--index` overrules it."""
    there, other = tmp_path / "there", tmp_path / "other"
    assert storydex("rebuild", seeds, STORYDEX_INDEX=str(there)).exit_code == 0
    assert storydex("info", STORYDEX_INDEX=str(there)).exit_code == 0
    assert storydex("--index", other, "info", STORYDEX_INDEX=str(there)).exit_code == 4


def test_rebuild_report_as_json(tmp_path: Path, seeds: Path):
    """`--json` prints the whole report, rejected files included."""
    (seeds / "bad.md").write_text("---\nexcerpt: no title\n---\n")
    result = storydex("--index", tmp_path / "index", "rebuild", seeds, "--json")
    assert result.exit_code == 3
    report = json.loads(result.stdout)
    assert (report["indexed"], report["generation"]) == (3, 1)
    assert report["rejected"][0]["path"] == "bad.md"


def test_rejected_files_are_named_each_on_a_line(tmp_path: Path):
    """One of every kind of bad file: all others are indexed, each bad one has its line."""
    expected = write_bad_seeds(tmp_path / "seeds")
    result = storydex("--index", tmp_path / "index", "rebuild", tmp_path / "seeds")
    assert result.exit_code == 3
    rejected = {name: want for name, want in expected.items() if want.title is None}
    lines = result.stderr.splitlines()[: len(rejected)]
    for line, (name, want) in zip(lines, sorted(rejected.items()), strict=True):
        assert line.startswith(f"{name}:{want.line}: ")
        assert want.says in line
    assert f"{len(expected) - len(rejected)} stories indexed" in result.stdout
    assert f"{len(rejected)} files rejected" in result.stdout
    assert CANARY not in result.output


def test_dropped_fields_are_warnings(tmp_path: Path, seeds: Path):
    """A bad field is named on standard error; the story is kept and the status is 0."""
    related = [{"title": "r", "publishedDateTime": "soon"}]
    write_story(seeds, "odd.md", title="Odd", related=related)
    result = storydex("--index", tmp_path / "index", "rebuild", seeds)
    assert result.exit_code == 0
    assert result.stderr.startswith("odd.md: related[0].publishedDateTime: ")
    assert "1 field dropped" in result.stdout


def test_strict_publishes_nothing(index: Path, seeds: Path):
    """With `--strict` a rejected file fails the rebuild; the old index still serves."""
    (seeds / "bad.md").write_text("no story")
    result = storydex("--index", index, "rebuild", seeds, "--strict")
    assert result.exit_code == 1
    assert result.stderr.startswith("storydex: ")
    assert "bad.md:1: " in result.stderr
    assert storydex("--index", index, "search", "azure").stdout.startswith("3 stories")


def test_dry_run_writes_nothing(tmp_path: Path, seeds: Path):
    """`--dry-run` says what would be done and leaves no trace."""
    result = storydex("--index", tmp_path / "index", "rebuild", seeds, "--dry-run")
    assert result.exit_code == 0
    assert "3 stories indexed" in result.stdout
    assert "Nothing was written" in result.stdout
    assert not (tmp_path / "index").exists()


def test_published_only_leaves_out_unpublished_stories(tmp_path: Path, seeds: Path):
    """`--published-only` keeps `published: false` out of the index."""
    write_story(seeds, "hidden.md", title="Azure hidden", published=False)
    result = storydex("--index", tmp_path / "index", "rebuild", seeds, "--published-only")
    assert "3 stories indexed" in result.stdout


def test_absent_seeds_folder_fails(tmp_path: Path):
    """A folder of stories that is not there is exit status 1, in one line."""
    result = storydex("--index", tmp_path / "index", "rebuild", tmp_path / "none")
    assert result.exit_code == 1
    assert result.stderr.startswith("storydex: ")
    assert result.stderr.count("\n") == 1


def test_a_second_writer_is_turned_away(index: Path, seeds: Path):
    """While another process writes the index, exit status 5."""
    with open(index / ".storydex-lock", "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        result = storydex("--index", index, "rebuild", seeds)
    assert result.exit_code == 5
    assert "try again" in result.stderr


def test_watch_rebuilds_after_a_change_and_stops_on_sigterm(tmp_path: Path, seeds: Path):
    """`--watch` reports each rebuild; SIGTERM ends it cleanly."""
    process = start("--index", tmp_path / "index", "rebuild", seeds, "--watch")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("3 stories indexed")
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:  # the watch may need a moment to be in place
        time.sleep(0.1)
    write_story(seeds, "new.md", title="New")
    assert process.stdout.readline().startswith("1 story indexed, 3 unchanged")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


def test_interrupt_is_exit_status_130(tmp_path: Path, seeds: Path):
    """Ctrl-C ends a watch with 130 and no traceback."""
    process = start("--index", tmp_path / "index", "rebuild", seeds, "--watch")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")


def test_watch_and_dry_run_exclude_each_other(seeds: Path):
    """Watching without writing makes no sense: usage, exit status 2."""
    assert storydex("rebuild", seeds, "--watch", "--dry-run").exit_code == 2


# search


def test_search_names_the_related_articles_that_match(seed_index: Path):
    """A story found through related articles says which."""
    result = storydex("--index", seed_index, "search", "BeeKeeperAI")
    assert result.exit_code == 0
    assert "Microsoft dips even as Meta Platforms picks Azure" in result.stdout
    assert "matched in 2 related articles:" in result.stdout
    assert "Startup, Microsoft collaborate to simplify AI healthcare research" in result.stdout
    assert "Microsoft collaboration to accelerate AI innovations in healthcare" in result.stdout
    assert "Becker's Hospital Review" in result.stdout


def test_search_counts_providers(seed_index: Path):
    """Provider counts follow the results."""
    lines = storydex("--index", seed_index, "search", "provider:zdnet.com azure").stdout
    results, providers = lines.split("\nProviders\n")
    assert results.startswith("1 story ")
    assert "  1  seekingalpha.com" in providers


def test_search_joins_words(seed_index: Path):
    """A query need not be quoted for the shell."""
    assert storydex("--index", seed_index, "search", "azure", "meta").stdout.startswith("1 story ")


def test_search_without_hits_is_done(seed_index: Path):
    """No hits is an answer: exit status 0."""
    result = storydex("--index", seed_index, "search", "zzzzqqq")
    assert result.exit_code == 0
    assert result.stdout.startswith("0 stories ")


def test_search_filters_sorts_and_pages(index: Path):
    """Options reach the engine; numbers go on from the offset."""
    result = storydex(
        "--index", index, "search", "azure", "--sort", "quality", "--limit", "1", "--offset", "1"
    )
    assert result.stdout.startswith("3 stories, here 2 to 2 ")
    assert " 2. Azure number 1\n" in result.stdout
    result = storydex("--index", index, "search", "azure", "--provider", "nobody.example")
    assert result.stdout.startswith("0 stories ")


@pytest.mark.parametrize(
    ("option", "day", "total"),
    [("--since", "2022-05-25", 1), ("--since", "2022-05-26", 0), ("--until", "2022-05", 1)],
)
def test_search_by_date(seed_index: Path, option: str, day: str, total: int):
    """Both ends are inclusive; a month means all its days."""
    result = storydex("--index", seed_index, "search", "azure", option, day, "--json")
    assert json.loads(result.stdout)["total"] == total


def test_search_json_has_the_shape_of_the_api(seed_index: Path):
    """`--json` prints one JSON document with the names the API uses."""
    result = storydex("--index", seed_index, "search", "azure", "--json")
    page = json.loads(result.stdout)
    assert list(page) == [
        "query", "total", "took_ms", "relaxed", "suggestion", "hits", "facets", "facets_beyond"
    ]  # fmt: skip
    assert page["hits"][0]["id"] == SEED_STORY
    assert len(page["facets"]["provider"]) == 20


def test_relaxed_results_are_announced_on_standard_error(seed_index: Path):
    """That words were dropped, and a better spelling, is no data."""
    result = storydex("--index", seed_index, "search", "azure zzzzqqq")
    assert result.stdout.startswith("1 story ")
    assert "some of them" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("azure", "--sort", "best"),
        ("azure", "--since", "tomorrow"),
        ("azure", "--limit", "-1"),
        ("azure", "--limit", "1000000"),
        ("a" * 5000,),
        ("azure", "--no-such-option"),
        (),
    ],
)
def test_usage_errors_are_exit_status_2(seed_index: Path, arguments: tuple[str, ...]):
    """What was asked wrongly is said on standard error, and nothing is printed."""
    result = storydex("--index", seed_index, "search", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr


def test_terminal_sequences_in_stories_are_neutralised(tmp_path: Path):
    """Nothing in a story can move the cursor, change colours or reverse the line."""
    nasty = "Azure \x1b[31mred\x07 \x9b2J \u202egnp \x1b]0;owned\x07"
    story = {
        "title": nasty,
        "excerpt": nasty,
        "provider": {"name": nasty, "domain": "x.example"},
        "webUrl": "https://x.example/\x1b[2J",
        "related": [{"title": nasty, "provider": {"name": nasty}}],
    }
    write_story(tmp_path / "seeds", "a.md", **story)
    write_story(tmp_path / "seeds", "bad\x1b[2J.md", title="")
    built = storydex("--index", tmp_path / "index", "rebuild", tmp_path / "seeds")
    shown = storydex("--index", tmp_path / "index", "search", "azure")
    for text in (built.stderr, built.stdout, shown.stdout, shown.stderr):
        assert not set(text) & set("\x1b\x07\x9b\u202e")
    assert "red" in shown.stdout


def test_control_characters_never_reach_a_terminal():
    """The last guard: whatever a terminal obeys becomes visible, and lines stay lines."""
    assert neutral("a\x1b[2Jb\x9bc\u202ed\udcff") == "a\ufffd[2Jb\ufffdc\ufffdd\ufffd"
    assert neutral("one\ntwo\tthree\u2028four") == "one two three four"
    assert neutral("Zürich 東京 👩‍💻") == "Zürich 東京 👩‍💻"


def test_markup_in_stories_is_text(tmp_path: Path):
    """Neither HTML nor Rich's own markup is acted upon or lost."""
    title = "Azure [bold]& <script>alert(1)</script> <mark>x</mark> [/]"
    write_story(tmp_path / "seeds", "a.md", title=title)
    storydex("--index", tmp_path / "index", "rebuild", tmp_path / "seeds")
    assert f" 1. {title}\n" in storydex("--index", tmp_path / "index", "search", "azure").stdout


def test_results_keep_to_one_line_away_from_a_terminal(seed_index: Path):
    """Piped output does not wrap and has no colours, so that grep and cut can work on it."""
    status, out, _ = run(
        "--index", seed_index, "search", "azure", env={**os.environ, "COLUMNS": "40"}
    )
    assert status == 0
    assert any(len(line) > 150 for line in out.splitlines())
    assert "\x1b" not in out


def test_matches_are_bold_on_a_terminal(seed_index: Path):
    """On a terminal, lines wrap and the words that match stand out."""
    shown = on_terminal("--index", seed_index, "search", "azure", COLUMNS="80", NO_COLOR="")
    assert "\x1b[1mAzure\x1b[0m" in shown
    lines = [line for line in ESCAPES.sub("", shown).split("\r\n") if "https://" not in line]
    assert max(map(len, lines)) <= 80


# the other commands


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
    assert err.startswith("storydex: ")
    assert err.count("\n") == 1


def test_clusters_are_not_searched_yet():
    """An `opensearch://` location reaches the engine, which says what it cannot do."""
    result = storydex("--index", "opensearch://user:secret@localhost:9200/news", "search", "x")
    assert result.exit_code == 1
    assert "secret" not in result.output


# as a process


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


def test_progress_is_for_terminals(tmp_path: Path, seeds: Path):
    """A bar appears on a terminal's standard error, and nowhere else."""
    shown = on_terminal("--index", tmp_path / "a", "rebuild", seeds, TERM="xterm")
    assert "3/3" in shown
    env = {**os.environ, "FORCE_COLOR": "1"}
    _, out, err = run("--index", tmp_path / "b", "rebuild", seeds, env=env)
    assert err == ""
    assert "\x1b" not in out


def on_terminal(*arguments: str | Path, **environment: str) -> str:
    """Run the command with all its streams on a terminal; returns what that shows."""
    master, slave = pty.openpty()
    env = {**os.environ, "TERM": "xterm", **environment}
    env = {name: value for name, value in env.items() if value}
    process = start(*arguments, stdin=slave, stdout=slave, stderr=slave, env=env)
    os.close(slave)
    shown = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # Linux: the other side is closed
            break
        if not data:
            break
        shown += data
    os.close(master)
    assert process.wait(timeout=60) == 0
    return shown.decode()


# names and arguments that are not UTF-8


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
    assert (status, err) == (0, "")
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
