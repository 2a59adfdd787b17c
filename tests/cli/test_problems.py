"""What `rebuild` says of files that are not as they should be."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import storydex


def told(tmp_path: Path, files: dict[str, str]) -> list[str]:
    """The lines that a rebuild of these files writes to standard error."""
    for name, text in files.items():
        path = tmp_path / "seeds" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    result = storydex("--index", tmp_path / "index", "rebuild", tmp_path / "seeds")
    return result.stderr.splitlines()


def test_equal_warnings_are_one_line(tmp_path: Path):
    """With their number and the first three places; fewer than that are named one by one."""
    few = {f"few{n}.md": "title: T\nheat: x\n" for n in range(3)}
    many = {
        f"many{n}.md": "title: T\nrelated: [{title: A, quality: x}, {title: B, quality: x}]\n"
        for n in range(5)
    }
    reason = "not a number: write digits, without quotes"
    assert told(tmp_path, {**few, **many, "bad.md": "x: 1"}) == [
        "bad.md:1: no title: give the story a `title: …` with text",
        *[f"few{n}.md:2: heat: {reason}" for n in range(3)],
        f"10 times: related[].quality: {reason} "
        "(in many0.md:2, many1.md:2, many2.md:2 and 2 more files)",
    ]


def test_a_warning_names_the_line(tmp_path: Path):
    """That of the file, which has lines before the fields; in JSON and when listed again, too."""
    text = "\n# a\n---\ntitle: T\nrelated:\n- title: A\n  quality: x\n- excerpt: E\n---\n"
    lines = told(tmp_path, {"a.md": text})
    assert [line.split(": ")[0] for line in lines] == ["a.md:7", "a.md:8"]
    index, seeds = tmp_path / "index", tmp_path / "seeds"
    assert storydex("--index", index, "rebuild", "--warnings").stdout.splitlines() == lines
    for options in (["--warnings"], [seeds, "--full"]):
        told_again = json.loads(storydex("--index", index, "rebuild", "--json", *options).stdout)
        assert [warning["line"] for warning in told_again["warnings"]] == [7, 8]


def test_synonyms_that_cannot_be_read_are_a_line(tmp_path: Path):
    """Of a command, not one of Python's with a line of its source."""
    told(tmp_path, {"a.md": "title: T"})
    (tmp_path / "seeds" / "synonyms.yml").write_text("- [a, b")
    result = storydex("--index", tmp_path / "index", "search", "t")
    assert result.exit_code == 0
    (line,) = result.stderr.splitlines()
    assert line.startswith("storydex: ")
    assert line.endswith("; searching without synonyms")


def test_unused_keys_are_one_line(tmp_path: Path):
    """With the number of files that have them, the probably misspelt first."""
    files = {f"{n}.md": "title: T\nlayout: post\nsecured: x\n" for n in range(3)}
    assert told(tmp_path, {**files, "x.md": "title: T\nexerpt: E\n"}) == [
        "Keys that were not used, with the number of files: exerpt (1, meant excerpt?), layout (3)"
    ]


def test_links_are_told(tmp_path: Path):
    """To stories and folders, which are not read; those to other files are nobody's loss."""
    (tmp_path / "else/more").mkdir(parents=True)
    (tmp_path / "seeds").mkdir()
    for name in ("a.md", "b.jpg", "more", "loop"):
        to = name if name == "loop" else tmp_path / "else" / name
        (tmp_path / "seeds" / name).symlink_to(to)
    assert told(tmp_path, {"x.md": "title: T\n"}) == [
        "2 links were passed over: put the files themselves into the folder"
    ]


def test_files_that_are_not_read_are_told_where_no_other_is(tmp_path: Path):
    """An archive in files of another suffix."""
    assert told(tmp_path, {f"{n}.mdx": "" for n in range(3)} | {"a/b.rst": ""}) == [
        "0 stories: 3 .mdx files, 1 .rst file here have no suffix that is read; "
        "name it in `suffixes` in storydex.toml"
    ]
