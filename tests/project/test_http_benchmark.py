"""The benchmark of pages and answers over HTTP runs, and what it says follows from what it saw."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

import indexer
from benchmarks import http_rates
from benchmarks.http import HttpRecord, main, measure, report
from benchmarks.http_peers import datasette
from benchmarks.http_rates import CLIENTS, Rate, compare, draw_rates, report_rates
from benchmarks.record import write_dated

STORIES = 60


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Path:
    """An index of invented stories."""
    folder = tmp_path_factory.mktemp("http")
    indexer.write_demo(folder / "seeds", STORIES)
    indexer.rebuild(folder / "seeds", folder / "index", workers=1)
    return folder / "index"


def _rates(**per_second: float) -> list[Rate]:
    return [
        Rate(name, clients, [value], value, 1000, 5)
        for name, value in per_second.items()
        for clients in CLIENTS
    ]


def test_a_peer_is_measured_in_the_same_run(index: Path, monkeypatch):
    """All works of ours, and requests a second of ours and of Datasette's, by clients."""
    monkeypatch.setattr(http_rates, "ROUNDS", 1)
    record = measure(index, 4, 1, ("datasette",))
    assert record.stories == STORIES
    assert {rate.name for rate in record.rates} == {
        "storydex, page", "storydex, API", "Datasette, page", "Datasette, JSON",
    }  # fmt: skip
    assert all(rate.per_second > 0 and rate.bytes > 1000 for rate in record.rates)
    text = report(record)
    assert f"Beside datasette {record.versions['datasette']}" in text
    assert "| storydex, page ÷ Datasette, page | 4 |" in text


def test_datasette_finds_what_has_all_the_words(index: Path, tmp_path: Path):
    """It searches the text of the stories, and does not list all of them."""
    with indexer.open_index(index) as engine, datasette(engine, tmp_path) as sites:
        title = engine.search("").hits[0].story.title
        site = sites["Datasette, JSON"]
        with urlopen(f"http://{site.address}{site.path(title)}") as answer:
            assert 0 < site.total(answer.read()) < STORIES / 2


def test_what_falls_short_is_said():
    """A goal is reached or missed by the requests a second of both."""
    rates = _rates(**{
        "storydex, API": 600.0, "storydex, page": 100.0, "OpenSearch": 150.0,
        "Datasette, page": 50.0,
    })  # fmt: skip
    api, page = (
        [one.reached for one in compare(rates) if one.ours == f"storydex, {kind}"]
        for kind in ("API", "page")
    )
    assert api == [True, True]
    assert page == [False, False]
    text = report_rates(rates)
    assert "| storydex, API ÷ OpenSearch | 1 | 4.0 | ≥ 3 | reached |" in text
    assert "| storydex, page ÷ Datasette, page | 4 | 2.0 | ≥ 20 | **missed** |" in text


def test_bars_are_as_long_as_what_they_show():
    """Half as many requests a second make a bar half as long; a text says the numbers."""
    root = ET.fromstring(draw_rates(_rates(**{"storydex, API": 600.0, "A & B": 300.0})))
    space = "{http://www.w3.org/2000/svg}"
    bars = [float(one.get("width")) for one in root.iter(f"{space}rect")][len(CLIENTS) :]
    assert bars[0] == pytest.approx(2 * bars[2])
    assert "A & B 300 (one client)" in root.find(f"{space}desc").text


def test_a_record_makes_its_report_again(tmp_path: Path):
    """Nothing is measured for it, so that a report and chart can be made anew."""
    rates = _rates(**{"storydex, API": 600.0})
    record = HttpRecord("2026-01-01", {}, STORIES, 4, [], 1, {"gzip": 1, "br": 1}, {}, rates)
    path = write_dated(record, record.date, tmp_path, "http-")
    result = CliRunner().invoke(main, ["--record", str(path), "--chart", str(tmp_path / "c.svg")])
    assert result.exit_code == 0, result.output
    assert "| storydex, API | 600 | 600 |" in result.output
    assert ET.parse(tmp_path / "c.svg").getroot() is not None


def test_an_unknown_peer_is_named():
    """With those there are."""
    result = CliRunner().invoke(main, ["--peers", "solr"])
    assert result.exit_code == 2
    assert "solr: none of datasette, opensearch" in result.output
