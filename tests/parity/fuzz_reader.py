"""Mutated story files, read by the library first and by the events alone: must be the same.

    python -m tests.parity.fuzz_reader COUNT [SEED]

Prints every file that is read otherwise, and at last how many were read, how many of them
by the library and how many were rejected. The library runs in a process of its own, so
that a crash is told with the number of its file. Exit status: the number of differences.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys

import yaml

from indexer.demo import iter_demo_stories
from indexer.demo.files import format_story
from indexer.seeds import parse_story, yaml_fast
from tests.conftest import ROOT

#: YAML that is read in more than one way, or refused, somewhere.
FRAGMENTS = [
    *r"""
&a |*a|!!str |!x |? |: |- |#| #|"|'|\\|\\"|\\\\|\\ud83d|\\u0007|\\x41|\\N|\\/|[|]|{|}|,|[]|{}|[a, b]
{a: b}|[a?, b]|[0123]|>|>-|>2|%|@|`|~|null|yes|no|True|false|0123|0o7|0x1F|1:30|1_000|1e3|1.5|.5
-.5|1.|1.5e+3|.inf|.nan|+5|-0|08|9007199254740993|0b11|_5|1_00E0|- - a|title: 5|title:|type: ~
topics: [a, "b"]|topics: x|provider: Reuters|provider: {name: x, domain: y.z}|images: []
secured: {a: [b, {c: d}]}|published: "true"|draft: yes|quality: "5"|quality: 087|quality: 1e3
publishedDateTime: 2022-05-25|publishedDateTime: 2022-W01-1T10:37:34Z|webUrl: ftp://x.y
webUrl: HTTP://A.b
publishedDateTime: 0001-01-01T00:00:00+05:30|domain: WWW.Foo.com.|domain: a b|excerpt: a: b
excerpt: -a|excerpt: 'a''b'|excerpt: "a" # c|"title": x|? a|"a" :1|"a":1|1: a|<<: {a: b}
""".replace("\n", "|").strip("|").split("|"),
    "\n", "\n\n", "  ", "\n  ", "\t", "\r", "\n---\n", "\n...\n", "\x85", "\u2028", "\ufeff",
    "\x07", "\x7f", "\x00", "\uffff", "\xa0", "\u200b", "e\u0301", "\u0301", "\u212b", "\u3000",
    "\U0001f600", "x" * 1030 + ": 1\n", "k: " + "[" * 40 + "]" * 40 + "\n",
    "excerpt: |\n  a\n\n  b\n", "excerpt: >-\n  a\n   b\n",
    "excerpt: a\n  b\n\n  c\n", 'excerpt: "a\\\n  b"\n', "- " * 40000,
]  # fmt: skip


def base_texts() -> list[str]:
    """Short stories in the notations of several writers."""
    texts = [(ROOT / "seeds" / "000_810bd97e64a9d9b2.txt").read_text()]
    texts[0] = re.sub(
        r"(?s)(\nrelated:\n(?:  - .*?){3})\n  - .*?\n(?=\S)", r"\1\n", texts[0], count=1
    )
    for story in iter_demo_stories(12, seed=5):
        text = format_story(story)
        fields = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
        fields["related"] = fields.get("related", [])[:2]
        fronts = (
            yaml.safe_dump(fields, allow_unicode=True),
            yaml.safe_dump(fields, sort_keys=False, width=60),
            yaml.safe_dump(fields, indent=4, width=200),
            json.dumps(fields, indent=2, default=str) + "\n",
        )
        texts += [f"---\n{front}---\n" for front in fronts]
    return texts


def mutated(rng: random.Random, text: str) -> str:
    """The text with one to three changes: fragments, lines, indentation, characters, bits."""
    for _ in range(rng.choice((1, 1, 1, 1, 2))):
        kind, lines = rng.random(), text.split("\n")
        row, place = rng.randrange(len(lines)), rng.randrange(len(text) + 1)
        indent = len(lines[row]) - len(lines[row].lstrip(" -"))
        if kind < 0.2:  # mostly another text, or another number
            text = text[:place] + rng.choice("aZ09 é_.,;:'\u2019/-%+") + text[place + 1 :]
            continue
        if kind < 0.4:
            near = [at for at in (text.find(": ", place), text.find("\n", place)) if at >= 0]
            place = rng.choice(near or [place]) + rng.choice((0, 1, 2))
            text = text[:place] + rng.choice(FRAGMENTS) + text[place:]
            continue
        if kind < 0.55:
            lines.insert(row, " " * indent + rng.choice(FRAGMENTS))
        elif kind < 0.62:
            del lines[row]
        elif kind < 0.69:
            lines.insert(row, lines[rng.randrange(len(lines))])
        elif kind < 0.76:
            lines[row] = " " * rng.randrange(8) + lines[row].lstrip()
        elif kind < 0.9:
            lines[row] = lines[row].partition(": ")[0] + ": " + rng.choice(FRAGMENTS)
        else:
            data = bytearray(text.encode())
            if data:
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            text = data.decode("utf-8", "replace")
            continue
        text = "\n".join(lines) or "\n"
    return text


def compare(start: int, count: int, seed: int, told: int) -> int:
    """Read files from number `start` on both ways; returns the differences."""
    bases = base_texts()
    fast = rejected = different = 0
    for number in range(start, count):
        os.pwrite(told, b"%12d" % number, 0)
        rng = random.Random(seed * 10**9 + number)
        data = mutated(rng, rng.choice(bases)).encode("utf-8", "replace")
        name = rng.choice(("x.yml", "x.md"))
        plain, both = parse_story(data, name, fast=False), parse_story(data, name)
        rejected += plain.rejection is not None
        fast += plain.story is not None and yaml_fast.read(front_matter(data), name) is not None
        if repr(plain) != repr(both):
            different += 1
            print(f"file {number}: {data!r}\n{plain}\n{both}", flush=True)
    print(f"{count - start} read, {fast} by the library, {rejected} rejected, {different} differ")
    return different


def front_matter(data: bytes) -> str:
    """The mapping of a file that opens and closes with dashes, as its reader sees it."""
    text = data.decode().replace("\r\n", "\n").replace("\r", "\n").removeprefix("---\n")
    return text.split("\n---\n")[0] + "\n"


def main(count: int, seed: int = 1) -> int:
    """Compare `count` files; a child process does it, and a new one goes on after a crash."""
    told = os.memfd_create("told")
    start = different = 0
    while True:
        child = os.fork()
        if not child:
            os._exit(min(compare(start, count, seed, told), 99))
        status = os.waitpid(child, 0)[1]
        if os.WIFEXITED(status):
            return different + os.WEXITSTATUS(status)
        start = int(os.pread(told, 12, 0)) + 1
        different += 1
        print(f"crash at file {start - 1}: signal {os.WTERMSIG(status)}", flush=True)


if __name__ == "__main__":
    sys.exit(min(main(*map(int, sys.argv[1:])), 99))
