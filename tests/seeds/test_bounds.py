"""No file takes much time or memory, whatever it holds."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

import indexer
from indexer.seeds import MAX_BYTES, parse_story
from tests.conftest import ROOT

#: The time that a hostile file may take, in times of a plain one of the same size; to read
#: that takes about a fiftieth of a second.
_MOST = 100
_T = "---\ntitle: T\n"
#: Kinds of files: how they begin, what is in them over and over, and how they end.
HOSTILE = {
    "blank lines": (_T + "---\n", "\n", ""),
    "blank lines of front matter": (_T, "\n", "---\n"),
    "blank lines first": ("", "\n", "---\ntitle: T\n---\n"),
    "blanks": ("title: T\n", " ", ""),
    "lines of blanks": (_T, " \n", "---\n"),
    "tabs": ("title: T\nx:\n", "\t", ""),
    "NULs": ("title: T\n", "\0", ""),
    "carriage returns": ("", "\r", ""),
    "comments": (_T, "#\n", "---\n"),
    "comments first": ("", "# x\n", _T + "---\n"),
    "comments in the body": (_T + "---\n", "#\n", ""),
    "marks": (_T + "---\nx", "\u0301\u0316", ""),
    "marks in a title": ("---\ntitle: x", "\u0301\u0316", "\n---\n"),
    "marks in topics": (_T + "topics:\n", "- x" + "\u0301\u0316" * 450 + "\n", "---\n"),
    "decomposed letters": (_T + "---\n", "e\u0301", ""),
    "invisible title": ("---\ntitle: ", "\u200b", "\n---\n"),
    "the same directive": ("", "%TAG !a! tag:x\n", "---\ntitle: T\n"),
    "directives": ("", "%FOO\n", "---\ntitle: T\n"),
    "items": (_T + "x:\n", "- a\n", "---\n"),
    "topics": (_T + "topics:\n", "- a\n", "---\n"),
    "topics in one text": (_T + 'topics: "', "a,", '"\n---\n'),
    "a flow list": (_T + "x: [", "a,", "]\n---\n"),
    "empty lists": (_T + "x: [", "[],", "]\n---\n"),
    "deep lists": (_T + "x: ", "[", ""),
    "deep block lists": (_T + "x:\n", "- ", ""),
    "deep mappings": (_T + "x: ", "{a: ", ""),
    "complex keys": (_T, "? ", ""),
    "questions": ("title: T\n", "?\n", ""),
    "the same key": ("title: T\n", "a: 1\n", ""),
    "the same title": ("", "title: T\n", ""),
    "related articles": (_T + "related:\n", "- {title: a}\n", "---\n"),
    "wrong related articles": (_T + "related:\n", "- {quality: x}\n", "---\n"),
    "domains": (_T + "related:\n", "- {title: a, provider: {domain: 漢字.example}}\n", "---\n"),
    "a long domain": (_T + "provider: {domain: ", "ü", "}\n---\n"),
    "escapes": (_T + 'excerpt: "', "\\u00e9", '"\n---\n'),
    "two halves": (_T + 'excerpt: "', "\\ud83d\\ude80", '"\n---\n'),
    "one half": (_T + 'excerpt: "', "\\ud83d", '"\n---\n'),
    "backslashes": (_T + 'excerpt: "', "\\\\", '"\n---\n'),
    "an open quote": (_T + 'excerpt: "', "x\n", "\n---\n"),
    "folded lines": (_T + "excerpt: >\n", "  a\n", "---\n"),
    "aliases": (_T + "a: &a 1\nx:\n", "- *a\n", "---\n"),
    "aliases of a long text": (_T + "a: &a " + "x" * 60_000 + "\nx:\n", "- *a\n", "---\n"),
    "merges": (_T + "a: &a {excerpt: x}\n", "<<: *a\n", "---\n"),
    "anchors": ("title: T\nx:\n", "- &a x\n", ""),
    "markers": (_T + "---\n", "---\n", ""),
    "dots": (_T + "---\n", "...\n", ""),
    "documents": ("title: T\n", "---\na: 1\n", ""),
    "lines with a colon": (_T + "---\n", "A: b\n", ""),
    "rules and colons": (_T + "---\n", "---\nA: b\n\n", ""),
    "secured": (_T + "---\n", "secured ", ""),
    "secured in prose": (_T + "---\n", "a secured: b c ", ""),
    "breaks": (_T + "---\nsecured", "\x85", ""),
    "ampersands": (_T + "---\nsecured", "&\n", ""),
    "signs of tags": (_T + "---\n", "<", ""),
    "open tags": (_T + "---\n", "<p ", ""),
    "open attributes": (_T + "---\n", '<p a="', ""),
    "tags": (_T + "---\n", "<b>", ""),
    "a tag of blanks": (_T + "---\n<p", " ", "<p>"),
    "open comments": (_T + "---\n", "<!--", ""),
    "scripts": (_T + "---\n", "<script>", ""),
    "entities": (_T + "---\n", "&amp;", ""),
    "numbers of characters": (_T + "---\n", "&#233;&#xe9;", ""),
    "numbers of characters in a text": (_T + 'excerpt: "', "&#233;", '"\n---\n'),
    "numbers of no character": (_T + "---\n", "&#1234567;", ""),
    "lines after a key": (_T + "---\nsecured\n", "!x\n", ""),
    "keys in prose": (_T + "---\n", "secured: ", ""),
    "sigmas": (_T + "---\n", "\u03a3", ""),
    "JSON": ('{"title": "T", "x": [', "1,", "1]}"),
    "a number": (_T + "quality: ", "1:", "1\n---\n"),
    "an address": (_T + "webUrl: http://a", ".", "\n---\n"),
    "a date": (_T + "date: ", "1", "\n---\n"),
    "colons": ("title: ", "a: ", ""),
    "tags of YAML": ("title: ", "!a ", ""),
}


#: Kinds whose units differ, with what makes a unit of its number.
DIFFERENT = {
    "words": lambda number: f"w{number:x} ",
    "words joined": lambda number: f"{number:x}-",
    "signs by number": lambda number: f"&#{200 + number % 60_000};",
    "letters of Chinese": lambda number: chr(0x4E00 + number % 20_000),
    "addresses": lambda number: f"https://d{number}.example/ ",
    "fields": lambda number: f"\n---\nk{number}: v\n",
}
#: Kinds that need much when they are indexed.
WORDY = {
    "letters": lambda _: "a ",
    "lines with a colon": lambda _: "A: b\n",
    "a long word": lambda _: "x",
    "a long word of ligatures": lambda _: "\ufdfa",
    "soft hyphens": lambda _: "a\xad",
    "joined letters": lambda _: "R&D ",
    "letters of Chinese": DIFFERENT["letters of Chinese"],
    "letters and digits": lambda number: f"{number % 29_000:x}zq ",
}
#: Bytes of memory that a process may take for one file.
_ROOM = 200 << 20


def seconds(head: str, unit: str, tail: str, name: str) -> float:
    """The processor time that it takes to read such a file of a quarter of the largest size."""
    room = MAX_BYTES // 4 - len((head + tail).encode())
    data = (head + unit * (room // len(unit.encode())) + tail).encode()
    return time_of(lambda: parse_story(data, name))


def time_of(work: Callable[[], object]) -> float:
    """The processor time that something takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


@pytest.fixture(scope="module")
def plain() -> float:
    """The processor time that a file of prose takes, not less than a fiftieth of a second."""
    return max(0.02, seconds(_T + "---\n", "word and word, ", "", "a.md"))


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_take_little_longer_than_others(kind, plain):
    """Each kind is read or refused in time that grows no faster than the file."""
    for name in ("a.md", "a.yml"):
        assert seconds(*HOSTILE[kind], name) < _MOST * plain


@pytest.mark.parametrize("kind", DIFFERENT)
def test_what_never_repeats_takes_little_longer(kind, plain):
    """What is remembered of things that come again is of no use here."""
    body = "".join(map(DIFFERENT[kind], range(MAX_BYTES // 16)))
    data = f"{_T}---\n{body}".encode()[: MAX_BYTES // 4]
    data = data.decode(errors="ignore").encode()
    assert time_of(lambda: parse_story(data, "a.md")) < _MOST * plain


def test_a_file_of_different_words_is_refused():
    """Neither the time nor the memory for a million terms is taken; prose is far from that."""
    letters = ["".join(word) for word in product("abcdefghijklmnop", repeat=4)]
    for words, most in (letters, 59_000), ([*map(hex, range(50_000))], 29_000):
        many, fewer = (f"{_T}---\n{' '.join(some)}".encode() for some in (words, words[:most]))
        rejection = parse_story(many, "a.md").rejection
        assert rejection.reason.startswith("more than 60,000 different words")
        assert parse_story(fewer, "a.md").story


@pytest.mark.parametrize("kind", WORDY)
def test_the_largest_files_are_indexed_in_little_memory(kind, tmp_path):
    """In a process of its own, whose memory is bounded as the whole of what it has and takes."""
    body = "".join(map(WORDY[kind], range(MAX_BYTES)))
    data = f"{_T}---\n{body}".encode()[:MAX_BYTES]
    (tmp_path / "a.md").write_text(data.decode(errors="ignore"), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tests.seeds.test_bounds", str(tmp_path), str(_ROOM)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def main() -> None:
    """Index a folder; fail if that took more memory than may be."""
    folder, room = Path(sys.argv[1]), int(sys.argv[2])
    indexer.write_demo(folder / "first", 1)
    indexer.rebuild(folder / "first", folder / "index", workers=1)  # all is loaded
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (folder / "a.md").rename(folder / "first" / "a.md")
    report = indexer.rebuild(folder / "first", folder / "index", workers=1)
    taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    assert report.indexed == 1, report
    assert taken < room, f"{taken:,} bytes"


if __name__ == "__main__":
    main()
