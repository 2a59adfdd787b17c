"""The benchmark runs end to end, and its engines find the same."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import corpus
from benchmarks.cli import main
from benchmarks.curves import draw_curves
from benchmarks.engines import ENGINES
from benchmarks.queries import KINDS, QueryLog
from benchmarks.record import Record, read_record
from benchmarks.report import markdown, update_document
from benchmarks.summary import percentile
from benchmarks.works import WORKS

STORIES = 50


@pytest.fixture(scope="module")
def record_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record of a tiny run of all engines."""
    folder = tmp_path_factory.mktemp("benchmark")
    arguments = ["--stories", str(STORIES), "--queries", "6", "--runs", "1", "--budget", "5"]
    places = ["--work", str(folder / "work"), "--out", str(folder / "records")]
    result = CliRunner().invoke(main, arguments + places, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    (path,) = (folder / "records").iterdir()
    return path


@pytest.fixture(scope="module")
def record(record_file: Path) -> Record:
    """The same, read."""
    return read_record(record_file)


def test_every_engine_runs_every_work(record: Record):
    """A run of all engines has times for every work of each."""
    (size,) = record.sizes
    assert set(size.engines) == set(ENGINES)
    for name, engine in size.engines.items():
        expected = {work.name for work in WORKS if work.peers or name == "storydex"}
        assert set(engine.works) == expected
        assert all(work.median > 0 and work.queries for work in engine.works.values())


def test_engines_find_the_same(record: Record):
    """Totals, provider counts and, where the formula is the same, scores are equal."""
    (size,) = record.sizes
    differing = {
        (name, work): summary.differing
        for name, engine in size.engines.items()
        for work, summary in engine.works.items()
        if summary.differing
    }
    assert not differing
    assert size.engines["tantivy"].works["any"].compared


def test_queries_find_something(record: Record):
    """The log is not made of queries without hits."""
    (size,) = record.sizes
    works = size.engines["tantivy"].works
    assert all(works[name].hits for name in ("any", "all", "phrase", "prefix"))


def test_report_shows_every_work(record: Record):
    """The Markdown has a row for every work and a column for every engine."""
    report = markdown(record)
    for work in WORKS:
        assert f"| {work.title} |" in report
    assert "| storydex | tantivy-py | stock Whoosh | SQLite FTS5 |" in report


def test_size_with_whole_stories_is_told_apart(record: Record):
    """Beside tantivy's index of texts stands one that stores what storydex stores."""
    (size,) = record.sizes
    sizes = size.engines["tantivy"].bytes
    assert sizes["whole stories"] > sizes["total"]
    assert "with whole stories MB" in markdown(record)


def test_document_keeps_what_is_outside_the_markers(record: Record, tmp_path: Path):
    """Only the part between the markers is replaced."""
    document = tmp_path / "benchmarks.md"
    document.write_text(
        "before\n<!-- benchmarks: begin -->\nold\n<!-- benchmarks: end -->\nafter\n", "utf-8"
    )
    update_document(document, record, tmp_path / "benchmarks")
    text = document.read_text("utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "50 stories" in text


def test_log_is_the_same_for_the_same_seed():
    """The same stories and seed draw the same queries, another seed draws others."""
    census = corpus.take_census(corpus.stories_of(STORIES, 1), STORIES, 20, 1)
    log = QueryLog(census, 1).draw(5)
    assert log == QueryLog(census, 1).draw(5)
    assert log != QueryLog(census, 2).draw(5)
    assert [query.kind for query in log] == [kind for kind in KINDS for _ in range(5)]


def test_typed_words_become_the_terms_of_the_log():
    """What storydex is asked as text is what the peers are asked as terms."""
    census = corpus.take_census(corpus.stories_of(STORIES, 1), STORIES, 20, 1)
    for query in QueryLog(census, 1).draw(20):
        if query.form != "prefix":
            assert tuple(map(corpus.stem, query.words)) == query.terms


def test_curves_are_svg_with_a_text():
    """A picture is well-formed and says in words what it shows."""
    picture = draw_curves("Times <ms>", "ms", {"one": [(10, 0.5), (1000, 20)], "two": [(10, 0.5)]})
    root = ET.fromstring(picture)
    space = "{http://www.w3.org/2000/svg}"
    assert root.tag == f"{space}svg"
    description = root.find(f"{space}desc")
    assert description is not None
    assert "one: 0.5 ms at 10, 20 ms at 1,000 stories." in (description.text or "")


def test_percentile_is_a_value_of_the_sample():
    """The 99th of a hundred is the last but one, of few the last."""
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile([3, 1, 2], 0.99) == 3
