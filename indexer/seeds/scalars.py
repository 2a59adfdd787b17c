"""The bytes of plain YAML: where a line ends, what a scalar is, which are blank.

Parts of the compiled loop of `transcode`. `text` is UTF-8 that ends with a line feed,
places in it are indices of bytes. Importing this module imports the compiler.
"""

# Argument types stand in the decorator of the loop.
# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: ANN001, ANN201

from __future__ import annotations

import numpy as np

from ..kernels.jit import inner

#: What is returned for what is not of the plain form.
ODD = -1

LF, SPACE, QUOTE, HASH, APOSTROPHE = 10, 32, 34, 35, 39
DASH, DOT, SLASH, ZERO, NINE, COLON = 45, 46, 47, 48, 57, 58
QUESTION, BACKSLASH, UNDERSCORE, DELETE = 63, 92, 95, 127
PLUS, BIG_T, SMALL_T, BIG_Z, SMALL_Z = 43, 84, 116, 90, 122


@inner
def byte(text, at):
    """A byte; an unsigned index is not looked at for being negative."""
    return text[np.uint64(at)]


@inner
def is_digit(c):
    """Whether it is 0 to 9."""
    return ZERO <= c <= NINE


@inner
def is_letter(c):
    """Whether it is a letter of ASCII."""
    return 97 <= c | 32 <= 122


@inner
def line_end(text, at):
    """Twice where the line feed is, and 1 if not all before it is ASCII.

    `ODD` if there is something in between that YAML refuses or breaks lines at.
    """
    foreign = 0
    while True:
        c = byte(text, at)
        if c < SPACE or c == DELETE:
            return at << 1 | foreign if c == LF else ODD
        if c >= 0xC2:
            foreign = 1
            d = byte(text, at + 1)
            if c == 0xC2 and d < 0xA0:  # C1 controls, next line among them
                return ODD
            if c == 0xE2 and d == 0x80 and 0xA8 <= byte(text, at + 2) <= 0xA9:  # U+2028, U+2029
                return ODD
            if c == 0xEF and d == 0xBB and byte(text, at + 2) == 0xBF:  # U+FEFF
                return ODD
            if c == 0xEF and d == 0xBF and byte(text, at + 2) >= 0xBE:  # U+FFFE, U+FFFF
                return ODD
        at += 1


@inner
def is_scalar(text, at, end):
    """Whether this is one scalar, with no more than simple escapes in it."""
    mark = byte(text, at)
    if mark in (QUOTE, APOSTROPHE):
        if end - at < 2 or byte(text, end - 1) != mark:
            return False
        at += 1
        while at < end - 1:
            c = byte(text, at)
            if c == BACKSLASH and mark == QUOTE:
                at += 1
                if at == end - 1 or byte(text, at) not in (QUOTE, BACKSLASH):
                    return False
            elif c == mark:
                at += 1
                if mark == QUOTE or at == end - 1 or byte(text, at) != mark:
                    return False
            at += 1
        return True
    signed = mark == DASH and at + 1 < end and is_digit(byte(text, at + 1))
    if not (signed or is_letter(mark) or is_digit(mark) or mark >= 0x80):
        return False
    while at < end:
        c = byte(text, at)
        if c == COLON and (at + 1 == end or byte(text, at + 1) == SPACE):
            return False
        if c == SPACE and (at + 1 == end or byte(text, at + 1) == HASH):
            return False
        at += 1
    return True


@inner
def space(text, at):
    """How many bytes a blank takes that begins here, 0 if none does."""
    c = byte(text, at)
    if c == SPACE:
        return 1
    if c < 0xC2:
        return 0
    d = byte(text, at + 1)
    if c == 0xC2 and d == 0xA0:
        return 2
    if c not in (0xE1, 0xE2, 0xE3):
        return 0
    e = byte(text, at + 2)
    if c == 0xE2:
        wide = (d == 0x80 and (0x80 <= e <= 0x8A or e == 0xAF)) or (d == 0x81 and e == 0x9F)
    else:
        wide = e == 0x80 and d == (0x9A if c == 0xE1 else 0x80)
    return 3 if wide else 0


@inner
def is_empty(text, at, end):
    """Whether a scalar stands for nothing: blank, or null."""
    mark = byte(text, at)
    if mark in (QUOTE, APOSTROPHE):
        at, end = at + 1, end - 1
        while at < end and byte(text, at) == SPACE:
            at += 1
        return at == end
    if end - at != 4 or mark | 32 != 110:
        return False
    rest = byte(text, at + 1) << 16 | byte(text, at + 2) << 8 | byte(text, at + 3)
    return rest == 0x756C6C or (mark == 78 and rest == 0x554C4C)
