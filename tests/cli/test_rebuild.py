"""`storydex rebuild`: what it prints where, and how it ends."""

from __future__ import annotations

import fcntl
import json
import signal
import time
from pathlib import Path

from tests.cli.conftest import run, start, storydex
from tests.conftest import write_story
from tests.seeds.bad_seeds import CANARY, write_bad_seeds


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
    assert result.stderr.startswith("odd.md:3: related[0].publishedDateTime: ")
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
    time.sleep(1)  # the watch may need a moment to be in place
    write_story(seeds, "new.md", title="New")
    assert process.stdout.readline().startswith("1 story indexed, 3 unchanged")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (0, "", "")


def test_interrupt_is_exit_status_130(tmp_path: Path, seeds: Path):
    """Ctrl-C ends a watch with 130 and no traceback."""
    process = start("--index", tmp_path / "index", "rebuild", seeds, "--watch")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (130, "")


def test_watch_and_dry_run_exclude_each_other(seeds: Path):
    """Watching without writing makes no sense: usage, exit status 2."""
    assert storydex("rebuild", seeds, "--watch", "--dry-run").exit_code == 2


def test_rebuild_to_a_full_disk(tmp_path: Path, seeds: Path):
    """Where its report cannot be written, the index is there all the same, and that is said."""
    with open("/dev/full", "w") as full:
        status, _, err = run("--index", tmp_path / "index", "rebuild", seeds, stdout=full)
    assert status == 1
    assert "No space left on device" in err
    assert "generation 1 serves" in err
    assert err.count("\n") == 1
    assert storydex("--index", tmp_path / "index", "search", "azure").exit_code == 0


def test_a_vanished_archive_needs_prune(tmp_path: Path):
    """Removing nearly all stories is exit status 1 and says how to go on."""
    for number in range(20):
        write_story(tmp_path / "seeds", f"{number}.md", title=f"Story {number}")
    command = ("--index", tmp_path / "index", "rebuild", tmp_path / "seeds")
    assert storydex(*command).exit_code == 0
    for path in (tmp_path / "seeds").iterdir():
        path.unlink()
    result = storydex(*command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "--prune" in result.stderr
    result = storydex(*command, "--prune")
    assert result.exit_code == 0
    assert result.stdout.startswith("0 stories indexed, 0 unchanged, 20 removed")


def test_warnings_are_listed_again(tmp_path: Path, seeds: Path):
    """Of all files of the index, of those read before too, until they are mended."""
    command = ("--index", tmp_path / "index", "rebuild")
    assert storydex(*command, "--warnings").exit_code == 4
    for name in ("odd", "other"):
        write_story(seeds, f"{name}.md", title=name, publishedDateTime="soon")
    storydex(*command, seeds)
    time.sleep(2.1)  # files this young are read again in any case
    (seeds / "bad.md").write_text("---\nexcerpt: no title\n---\n")
    write_story(seeds, "odd.md", title="mended")
    assert storydex(*command, seeds).exit_code == 3
    result = storydex(*command, "--warnings", "--dry-run", "--workers", "2")
    assert result.exit_code == 2
    assert "leave out --dry-run, --workers" in result.stderr
    seeds.rename(tmp_path / "away")
    result = storydex(*command, "--warnings")
    assert (result.exit_code, result.stderr) == (3, "")
    bad, other = result.stdout.splitlines()
    assert bad.startswith("bad.md:")
    assert other.startswith("other.md:3: publishedDateTime: ")
    found = json.loads(storydex(*command, "--warnings", "--json").stdout)
    assert [fault["path"] for fault in found["rejected"]] == ["bad.md"]
    assert [warning["path"] for warning in found["warnings"]] == ["other.md"]
    assert found["left_out"] == 0


def test_warnings_of_a_rejected_file_that_changed_nothing(tmp_path: Path, seeds: Path):
    """A file that is rejected is listed though the stories are the same; then it is gone."""
    command = ("--index", tmp_path / "index", "rebuild")
    storydex(*command, seeds)
    (seeds / "bad.md").write_text("---\nexcerpt: no title\n---\n")
    storydex(*command, seeds)
    assert storydex(*command, "--warnings").stdout.startswith("bad.md:")
    assert storydex(*command, seeds).stdout.endswith("generation 2\n")
    (seeds / "bad.md").unlink()
    storydex(*command, seeds)
    result = storydex(*command, "--warnings")
    assert (result.exit_code, result.output) == (0, "")
