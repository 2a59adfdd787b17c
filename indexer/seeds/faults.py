"""Why a file is no story, in words that help: what is wrong, where, and what to do.

Nothing that the file says is repeated, for it may be private; single signs are named.
"""

from __future__ import annotations

import re
import unicodedata

import yaml

# Characters that look like a blank or like nothing. YAML takes some for line breaks and the
# others for letters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    "\u3000\ufeff\ufff9-\ufffb]"
)
_CONTROLS = {0x0: "NUL", 0x85: "next line", 0x1B: "escape", 0xFEFF: "byte order mark"}
# `key: text: more`, the text in no quotes.
_SECOND_COLON = re.compile(r"""[ ]*(?:-[ ]+)*[^\s"'\[{#][^:]*:[ ]+([^\s"'\[{|>&*!].*?):(?:[ ]|$)""")
# A text in no quotes that begins with a sign of YAML's own, and one that goes on after a closing
# quote or bracket: `key: *text`, `- "a" b`.
_SIGN_FIRST = re.compile(
    r"""[ ]*(?:-[ ]+)*(?:["']?[\w-]+["']?[ ]*:[ ]+)?([*&!%@`|>,\]}]|[-?:](?=\s|\Z)"""
    r"""|(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|\[[^\[\]]*\]|\{[^{}]*\})(?=[ ]*[^\s#:,\]}]))"""
)
_FIELD = re.compile(r"""["']?[\w-]+["']?[ ]*:(?:\s|\Z)""")
# The first sign on a line that is not blank and no comment.
_ANYTHING = re.compile(r"^[^\S\n]*([^\s#])", re.MULTILINE)


class RefusalError(Exception):
    """The file is not a story. `index` counts characters of the YAML text, if known."""

    def __init__(self, reason: str, index: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.index = index


def yaml_fault(text: str, error: yaml.MarkedYAMLError) -> RefusalError:
    """What is wrong with a text that is not YAML."""
    mark = error.problem_mark or error.context_mark
    index = mark.index if mark else None
    problem, context = str(error.problem or ""), str(error.context or "")
    if index is not None:
        found = _colon(text, index) if problem.startswith("mapping values") else None
        if found is None and "quoted scalar" in context and error.context_mark and _at_end(problem):
            place = error.context_mark.index
            column = place - _line_start(text, place) + 1
            found = RefusalError(
                f"a quote that is not closed, opened in column {column}: close it", place
            )
        if found is None and problem.startswith("found unknown escape"):
            found = RefusalError("a backslash in double quotes: write two, or single quotes", index)
        if found is None and text[index : index + 1] == "\t":
            column = index - _line_start(text, index) + 1
            found = RefusalError(f"a tab in column {column}: indent with blanks", index)
        if found := found or _first_sign(text, index):
            return found
    # libyaml's messages are fixed; those of the pure parser quote the file.
    said = f" ({problem})" if yaml.__with_libyaml__ and problem else ""
    advice = "check quotes, indentation and brackets here and just above"
    return RefusalError(f"not YAML{said}: {advice}", index)


def _at_end(problem: str) -> bool:
    return "end of stream" in problem or "document" in problem


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_at(text: str, index: int) -> str:
    end = text.find("\n", index)
    return text[_line_start(text, index) : end if end >= 0 else len(text)]


def _colon(text: str, index: int) -> RefusalError | None:
    line = _SECOND_COLON.match(_line_at(text, index)[:1000])
    if line is None:
        return None
    reason = f"put the text in quotes: it has a colon, in column {line.end(1) + 1}"
    return RefusalError(reason, index)


def _first_sign(text: str, index: int) -> RefusalError | None:
    start = _line_start(text, index)
    found = _SIGN_FIRST.match(_line_at(text, index)[:1000])
    if found is None or index < start + found.start(1):
        return None
    sign, last = found[1][0], found[1][-1]
    if len(found[1]) == 1:
        reason = f"put the text in quotes: it begins with `{sign}`, in column {found.start(1) + 1}"
    else:
        quotes = {'"': "single quotes", "'": "double quotes"}.get(sign, "quotes")
        reason = (
            f"put the whole text in {quotes}: it goes on after `{last}` in column {found.end(1)}"
        )
    return RefusalError(reason, index)


def with_invisible(text: str, refusal: RefusalError) -> RefusalError:
    """The refusal, with the invisible character on its line or the one before, if there is one.

    text: what the refusal's index counts in
    """
    end = min(refusal.index or 0, len(text))
    before = _line_start(text, max(_line_start(text, end) - 1, 0))
    after = text.find("\n", end)
    found = _INVISIBLE.search(text, before, after if after >= 0 else len(text))
    if found is None:
        return refusal
    code = ord(found[0])
    name = _CONTROLS.get(code) or unicodedata.name(found[0], "control character").lower()
    article = "an" if name[0] in "aeiou" else "a"
    column = found.start() - _line_start(text, found.start()) + 1
    hint = f"{article} {name} (U+{code:04X}) in column {column}: put a blank in its place"
    return RefusalError(f"{refusal.reason}; there is {hint}", found.start())


def first_sign(text: str, place: int = 0) -> int | None:
    """Where there is anything but blank lines and comments, None if nowhere.

    place: the begin of a line
    """
    found = _ANYTHING.search(text, place)
    return None if found is None else found.start(1)


def no_front_matter(text: str) -> str | None:
    """What a file begins with, if that is no front matter and no field, and what to do."""
    place = first_sign(text)
    if place is not None and _FIELD.match(text, place):
        return None
    begin = "" if place is None else text[place : place + 3]
    found = "TOML was found" if begin == "+++" else "JSON was found" if begin[:1] == "{" else ""
    return (
        f"no front matter{f' ({found})' if found else ''}: begin the file with a line `---`,"
        " the fields as `title: …`, one a line, and a second line `---`"
    )
