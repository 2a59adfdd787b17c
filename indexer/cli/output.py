"""Text on its way to a terminal, a pipe or a file.

Stories come from anywhere, so nothing of them reaches a terminal before `neutral`
has taken out what a terminal would obey.
"""

from __future__ import annotations

import os
import re
import sys

import click

#: Controls (Unicode category Cc), line and paragraph separators, bidirectional
#: overrides and isolates, and halves of surrogate pairs, which no encoding has.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BLANKS = frozenset("\t\n\v\f\r\x85\u2028\u2029")


def neutral(text: str) -> str:
    """The text on one line, without control characters a terminal would obey."""
    return _UNSAFE.sub(lambda found: " " if found[0] in _BLANKS else "\ufffd", text)


def write_out(text: str | bytes) -> None:
    """Write data to standard output at once.

    When whoever reads it has had enough (`storydex search … | head`), the rest is
    dropped: the command still ends with the status of what it did.
    """
    try:
        click.echo(text, nl=False)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_note(text: str) -> None:
    """Write one line to standard error, where everything goes that is not data."""
    click.echo(neutral(text), err=True)
