"""Files of an index that are cut short in the middle of a search: an error, not a signal."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, build

#: Cuts the files of an index after its sizes were looked at, and before they are read.
SEARCH = """
import os, sys
from pathlib import Path
import indexer
from indexer.codec.read import SegmentArrays

look = SegmentArrays.check_sizes

def cut(segment):
    look(segment)
    for path in Path(sys.argv[1]).glob("MAIN_*"):
        os.truncate(path, 70)

with indexer.open_index(sys.argv[1]) as engine:
    engine.warm_up()
    SegmentArrays.check_sizes = cut
    try:
        SEARCH
    except indexer.IndexCorrupt as error:
        print(error)
    SegmentArrays.check_sizes = look
    try:
        engine.get("0001.md")
    except indexer.IndexCorrupt as error:
        print(error)
"""
#: Reads past the end of a file that is none of an index's.
FOREIGN = """
import mmap, os, sys
from indexer.kernels import shrinking
shrinking.install()
with open(sys.argv[1], "r+b") as file:
    file.truncate(100_000)
    data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    file.truncate(0)
data[0]
"""


def run(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run some Python in a process of its own."""
    command = [sys.executable, "-c", code, str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="the signal is handled on Linux only")
@pytest.mark.parametrize(
    "search",
    [
        "print(engine.search('word rare', facets=indexer.FACETS).total)",
        "print(engine.search('\"word rare\"').total)",
        "print(engine.search('w* -absent', sort='newest').total)",
        "SegmentArrays.check_sizes = look; page = engine.search('word raer', spelling=False); "
        "SegmentArrays.check_sizes = cut; print(page.suggestion)",
        "print(len(list(engine.export(indexer.SearchRequest(query='word')))))",
    ],
)
def test_a_file_cut_during_a_search_is_an_error(tmp_path: Path, search: str):
    """Nor is what was read after the cut taken for an answer."""
    stories = [
        {"title": f"word {'rare' * (number % 7 == 0)} w{number}", "excerpt": f"text {number} " * 30}
        for number in range(600)
    ]
    index = build(tmp_path, stories)
    done = run(SEARCH.replace("SEARCH", search), index)
    assert (done.returncode, done.stderr) == (0, "")
    during, after = done.stdout.splitlines()
    assert "MAIN_" in during
    assert "cut short while it was open" in after


def test_files_of_others_are_left_alone(tmp_path: Path):
    """The process ends as it would without the handler."""
    (tmp_path / "file").touch()
    assert run(FOREIGN, tmp_path / "file").returncode == -signal.SIGBUS
