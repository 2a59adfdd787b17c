"""Damage ends in an answer or in `IndexCorrupt`: what searches make of broken files."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT

COUNT = 90


def test_damaged_files_end_in_an_answer_or_a_reason():
    """Bits, blocks, numbers and sizes that are wrong crash, hang or confuse no search."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.search.damage", str(COUNT), "1"],
        cwd=ROOT, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{COUNT} damages, 0 wrong\n"
