"""The `storydex` command, before anything of it is loaded.

It stands outside the packages, since importing one takes a while in which Ctrl-C may come.
"""

from __future__ import annotations

import os
import sys

_FAILED, _INTERRUPTED = 1, 130


def main() -> None:
    """Run the command; ends the process."""
    try:
        _open_closed_streams()
        _read_names_as_utf8()
        from indexer.cli import main as run
    except KeyboardInterrupt:
        raise SystemExit(_INTERRUPTED) from None
    except MemoryError:
        sys.stderr.write("storydex: out of memory: free some and try again\n")
        raise SystemExit(_FAILED) from None
    run(prog_name="storydex")


def _open_closed_streams() -> None:
    """Give a stream that was closed an end: the next file opened would be taken for it."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            mode = os.O_RDONLY if number == 0 else os.O_WRONLY
            os.dup2(os.open(os.devnull, mode), number)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8"))


def _read_names_as_utf8() -> None:
    """Begin again in UTF-8 mode (PEP 540) where the locale has names in another encoding.

    A story's id is the name of its file, and must not depend on who indexes it.
    """
    if sys.getfilesystemencoding() != "utf-8" and os.environ.get("PYTHONUTF8") != "1":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
