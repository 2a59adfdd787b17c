"""Damage ends in an answer or in `IndexCorrupt`: what searches make of broken files."""

from __future__ import annotations

import subprocess
import sys

import pytest

import indexer
from tests.conftest import ROOT
from tests.search.mutations import rewrite, write_index

COUNT = 90


def test_damaged_files_end_in_an_answer_or_a_reason():
    """Bits, blocks, numbers and sizes that are wrong crash, hang or confuse no search."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.search.damage", str(COUNT), "1"],
        cwd=ROOT, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{COUNT} damages, 0 wrong\n"


@pytest.mark.parametrize("kind", ["date", "month"])
def test_dates_that_are_none_are_damage(tmp_path, kind):
    """A date beyond the calendar, or a month of other characters, is no answer and no crash."""

    def change(data, sections):
        if kind == "date":
            begin = sections["column.published_at"].offset
            data[begin : begin + 8] = (1 << 63).to_bytes(8, "little")
        else:
            assert b"2020-0" in data
            data[:] = data.replace(b"2020-0", b"20x0-0")

    index = write_index(tmp_path)
    path = max(index.glob("MAIN*.doc" if kind == "date" else "MAIN*.trm"), key=_bytes_of)
    rewrite(path, change)
    with (
        indexer.open_index(index, compiled=False) as engine,
        pytest.raises(indexer.IndexCorrupt, match=f"a {kind} is "),
    ):
        engine.histogram(indexer.SearchRequest()) if kind == "date" else engine.search(
            "", facets=("month",)
        )


@pytest.mark.parametrize("compiled", [True, False])
def test_a_facet_that_no_field_has_is_damage(tmp_path, compiled):
    """Lists of values by document, of a field that the terms do not have."""

    def change(data, sections):
        assert b'"name":"topic"' in data
        data[:] = data.replace(b'"name":"topic"', b'"name":"topiz"')

    index = write_index(tmp_path)
    rewrite(max(index.glob("MAIN*.trm"), key=_bytes_of), change)
    with indexer.open_index(index, compiled=compiled) as engine:
        engine.warm_up()
        with pytest.raises(indexer.IndexCorrupt, match="topic"):
            engine.search("", facets=("topic",))


def _bytes_of(path):
    return path.stat().st_size
