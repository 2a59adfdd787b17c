"""No file takes much time or memory, whatever it holds."""

from __future__ import annotations

import time

import pytest

from indexer.seeds import MAX_BYTES, parse_story

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
    "JSON": ('{"title": "T", "x": [', "1,", "1]}"),
    "a number": (_T + "quality: ", "1:", "1\n---\n"),
    "an address": (_T + "webUrl: http://a", ".", "\n---\n"),
    "a date": (_T + "date: ", "1", "\n---\n"),
    "colons": ("title: ", "a: ", ""),
    "tags of YAML": ("title: ", "!a ", ""),
}


def seconds(head: str, unit: str, tail: str, name: str) -> float:
    """The processor time that it takes to read such a file of a quarter of the largest size."""
    room = MAX_BYTES // 4 - len((head + tail).encode())
    data = (head + unit * (room // len(unit.encode())) + tail).encode()
    start = time.process_time()
    parse_story(data, name)
    return time.process_time() - start


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_take_little_longer_than_others(kind):
    """Each kind is read or refused in time that grows no faster than the file."""
    plain = seconds(_T + "---\n", "word and word, ", "", "a.md")
    for name in ("a.md", "a.yml"):
        assert seconds(*HOSTILE[kind], name) < _MOST * max(plain, 0.02)
