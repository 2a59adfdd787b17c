"""A folder with story files of every fault there is, and what is to be said of each.

For tests of the reader, of a rebuild and of the command line.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

#: Stands in every `secured` field; must not be found anywhere else, ever.
CANARY = "cAnArYs3cr3t+7f/Q=="


class Expected(NamedTuple):
    """What is to become of a file.

    `title` is that of the story, None if the file is rejected; `line` and `says` are of
    the rejection, `says` a part of its reason; `fields` are those dropped, in order.
    """

    title: str | None
    line: int = 0
    says: str = ""
    fields: tuple[str, ...] = ()


def front(fields: str, body: str = "") -> bytes:
    """Front matter of some fields, with a secret at the end."""
    return f"---\n{fields}\nsecured: {CANARY!r}\n---\n{body}".encode()


def nested(depth: int) -> str:
    """A list of so many lists inside each other."""
    return "[" * depth + "]" * depth


GOOD: dict[str, tuple[bytes, Expected]] = {
    "good/front.md": (front("title: Front matter", "A body.\n"), Expected("Front matter")),
    "good/bare.yml": (f"title: Bare\nsecured: {CANARY}\n".encode(), Expected("Bare")),
    "good/start.yaml": (b"---\ntitle: Marked start\n", Expected("Marked start")),
    "good/bom.txt": (b"\xef\xbb\xbf" + front("title: With BOM"), Expected("With BOM")),
    "good/crlf.markdown": (
        front("title: Windows", "Line\n").replace(b"\n", b"\r\n"),
        Expected("Windows"),
    ),
    "good/UPPER.MD": (front("title: Upper case suffix"), Expected("Upper case suffix")),
    "good/unpublished.md": (front("title: Draft\npublished: false"), Expected("Draft")),
    "good/secret-keys.yml": (
        f"title: x\nsecured:\n  {CANARY}: 1\n  {CANARY}: 2\n".encode(),
        Expected("x"),
    ),
    "good/alias.md": (front("x: &a One\ntitle: *a"), Expected("One")),
    "good/deep.md": (front(f"title: Deep\nx: {nested(31)}"), Expected("Deep")),
}

BAD: dict[str, tuple[bytes, Expected]] = {
    "bad/alias.md": (front("title: *a\nx: &a 1"), Expected(None, 2, "alias of nothing")),
    "bad/binary.txt": (b"title: a\n\x00\x01", Expected(None, 2, "control character")),
    "bad/deep.md": (front(f"title: Deep\nx: {nested(32)}"), Expected(None, 3, "deeper than 32")),
    "bad/empty.yml": (b"", Expected(None, 1, "no mapping")),
    "bad/empty-title.md": (front("category: news\ntitle: '  '"), Expected(None, 3, "no title")),
    "bad/latin1.md": (b"---\ntitle: Caf\xe9\n---\n", Expected(None, 2, "not UTF-8 at byte 15")),
    "bad/large.yml": (
        b"title: Large\nbody: " + b"x" * (4 << 20),
        Expected(None, 1, "over 4 MiB"),
    ),
    "bad/list.yml": (b"- title: One\n", Expected(None, 1, "no mapping")),
    "bad/no-title.md": (front("category: news"), Expected(None, 2, "no title")),
    "bad/notes.txt": (b"Just some notes.\n", Expected(None, 1, "no front matter")),
    "bad/object.md": (
        front("title: x\nx: !!python/object/apply:os.getcwd []"),
        Expected(None, 3, "tag"),
    ),
    "bad/quote.md": (
        front('category: news\ntitle: "never closed'),
        Expected(None, 3, "a quote that is not closed, opened in column 8"),
    ),
    "bad/secret-syntax.yml": (
        f"title: x\nsecured: '{CANARY}' {CANARY}\n".encode(),
        Expected(None, 2, "put the whole text in double quotes"),
    ),
    "bad/tab.yml": (b"title: x\n\tcategory: y\n", Expected(None, 2, "a tab in column 1")),
    "bad/two.yml": (b"title: One\n---\ntitle: Two\n", Expected(None, 2, "more than one")),
    "bad/unclosed.md": (b"---\ntitle: Unclosed\n", Expected(None, 1, "without its closing line")),
    "bad/unknown-tag.md": (front("title: !mine x"), Expected(None, 2, "tag")),
}

_RELATED = """title: Related
related:
  - title: Kept
    publishedDateTime: yesterday
    webUrl: ftp://files.example/x
    quality: "high"
  - excerpt: No title here
  - just text
  - title: Also kept
    provider: {name: [a], domain: "not a host!"}"""

WARNED: dict[str, tuple[bytes, Expected]] = {
    "warned/date.md": (
        front("title: Date\npublishedDateTime: 2022-02-30"),
        Expected("Date", fields=("publishedDateTime",)),
    ),
    "warned/duplicate.md": (
        front("title: One\ntitle: Two"),
        Expected("Two", fields=("title",)),
    ),
    "warned/duplicate-inside.md": (
        front("title: One\nx:\n  inner: 1\n  inner: 2"),
        Expected("One", fields=("x",)),
    ),
    "warned/link.md": (
        front("title: Link\nwebUrl: javascript:alert(1)\noriginalUrl: 'http://'"),
        Expected("Link", fields=("webUrl", "originalUrl")),
    ),
    "warned/number.md": (
        front("title: Number\nquality: many\nheat: true"),
        Expected("Number", fields=("quality", "heat")),
    ),
    "warned/related.md": (
        front(_RELATED),
        Expected(
            "Related",
            fields=(
                "related[0].publishedDateTime",
                "related[0].webUrl",
                "related[0].quality",
                "related[1].title",
                "related[2]",
                "related[3].provider.name",
                "related[3].provider.domain",
            ),
        ),
    ),
    "warned/shapes.md": (
        front(
            "title: Shapes\ntopics: {a: b}\nimages: [{width: 3}]\nexcerpt: [x]\n"
            "provider: {name: [x]}"
        ),
        Expected("Shapes", fields=("topics", "images[0].url", "excerpt", "provider.name")),
    ),
}

#: None of these is a story file.
IGNORED = {
    ".hidden.md": front("title: Hidden file"),
    ".git/config.yml": front("title: Hidden folder"),
    "picture.jpg": b"\xff\xd8",
    "script.py": b"title: not a story",
}


def write_bad_seeds(folder: str | os.PathLike[str]) -> dict[str, Expected]:
    """Write good, bad, warned and ignored files; returns what is expected, by story id."""
    stories = {**GOOD, **BAD, **WARNED}
    content = {name: data for name, (data, _) in stories.items()}
    for name, data in {**content, **IGNORED}.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return {name: expected for name, (_, expected) in stories.items()}
