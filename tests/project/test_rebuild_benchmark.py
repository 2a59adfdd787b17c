"""The benchmark of rebuilds runs end to end, and says so where it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.rebuild import main

#: A maker of stories, as the benchmark calls it.
_MAKER = """
import sys
from pathlib import Path
folder, options = Path(sys.argv[1]), dict(zip(sys.argv[2::2], sys.argv[3::2]))
folder.mkdir()
for number in range(int(options["--stories"])):
    related = "related:\\n  - title: Another\\n    provider: {name: A, domain: a.example}\\n"
    text = f"---\\ntitle: {options['--notation']} {number}\\n{related}---\\nBody.\\n"
    (folder / f"{number}.md").write_text(text)
"""


def test_every_job_is_measured(tmp_path: Path) -> None:
    """A small run has a row for each comparison, each stage and each goal."""
    pytest.importorskip("tantivy")
    (tmp_path / "maker.py").write_text(_MAKER)
    result = CliRunner().invoke(
        main,
        ["--stories", "12", "--notation", "mixed", "--archive", "0", "--runs", "1",
         "--maker", str(tmp_path / "maker.py"), "--work", str(tmp_path / "work"),
         "--out", str(tmp_path / "records")],
        catch_exceptions=False,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    for row in (
        "| storydex: 12 stories, mixed |", "| bare YAML events: 12 stories, mixed |",
        "| CSafeLoader and tantivy-py: 12 stories, mixed |", "| storydex, nothing compiled |",
        "| read YAML |", "| first rebuild of a new",
    ):  # fmt: skip
        assert row in result.output
    assert len(list((tmp_path / "records").iterdir())) == 1


def test_without_stories_nothing_is_measured(tmp_path: Path) -> None:
    """It is skipped with a reason, and leaves no record."""
    absent, out = str(tmp_path / "absent.py"), tmp_path / "records"
    result = CliRunner().invoke(main, ["--maker", absent, "--out", str(out)])
    assert result.exit_code == 0
    assert f"skipped: {absent} does not exist" in result.output
    assert not out.exists()
