"""Rebuilds that are killed at random moments: the index is the old one or the new one.

`python -m pytest tests/generation/test_kill.py --kill-rounds 300` is the long version.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


def play(folder: Path, *arguments: str) -> tuple[list[dict[str, str]], dict[str, int]]:
    """Run rounds in a process without threads; what was wrong, and what happened how often."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.generation.kills", str(folder), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *faults, counts = map(json.loads, done.stdout.splitlines())
    return faults, counts


def test_a_killed_rebuild_leaves_the_old_or_the_new(tmp_path: Path, request: pytest.FixtureRequest):
    """The index opens, is sound, holds what it held or what it should; the next writer tidies."""
    rounds = request.config.getoption("--kill-rounds")
    faults, counts = play(tmp_path, str(rounds))
    print(counts)
    assert not faults
    assert counts["old"] + counts["new"] == rounds
    assert counts["with leftovers"] > rounds // 10
    assert counts["done before it was killed"] < rounds // 2


def test_kills_find_what_is_broken_on_purpose(tmp_path: Path):
    """The same rounds notice a manifest that is published before the files it names."""
    faults, _ = play(tmp_path, "100", "--broken")
    assert faults
