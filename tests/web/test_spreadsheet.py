"""Exports as spreadsheets, read by another library."""

from __future__ import annotations

import io
from datetime import datetime
from types import SimpleNamespace

import openpyxl
import pytest

from tests.conftest import build
from tests.web.web_site import archive, visit
from web import spreadsheet
from web.exports import CSV_COLUMNS, MOST_EXPORTS


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A client of a site over thirty stories, and one that would be a formula."""
    stories = archive()
    stories["formula.md"] = {
        "title": "=1+1", "excerpt": "x" * 40_000, "publishedDateTime": "1850-01-01T00:00:00Z",
    }  # fmt: skip
    return visit(build(tmp_path_factory.mktemp("xlsx"), stories))


def sheets(data):
    """Name and rows of each sheet."""
    book = openpyxl.load_workbook(io.BytesIO(data))
    return {sheet.title: list(sheet.values) for sheet in book}


def test_an_export_is_a_spreadsheet(client):
    """Texts, numbers, dates and truths under the columns of CSV."""
    answer = client.get("/api/v1/export?format=xlsx&q=%22report+3%22")
    assert answer.mimetype == spreadsheet.CONTENT_TYPE
    assert "stories report 3.xlsx" in answer.headers["Content-Disposition"]
    head, row = sheets(answer.data)["stories"]
    assert head == CSV_COLUMNS["stories"]
    cells = dict(zip(head, row, strict=True))
    assert cells["title"] == "Azure report 3"
    assert cells["published_at"] == datetime(2022, 3, 4, 10)
    assert cells["quality"] == 12
    assert cells["published"] is True
    assert cells["topics"] == "Cloud; AI"
    assert cells["heat"] is None


def test_a_cell_is_no_formula_and_not_too_long(client):
    """Text stays text, a date before those of spreadsheets too."""
    head, row = sheets(client.get("/api/v1/export?format=xlsx&until=1900").data)["stories"]
    cells = dict(zip(head, row, strict=True))
    assert cells["title"] == "=1+1"
    assert len(cells["excerpt"]) == 32_767
    assert cells["published_at"].startswith("1850-01-01")


def test_articles_are_rows(client):
    """As in CSV."""
    found = sheets(client.get("/api/v1/export?format=xlsx&rows=articles").data)["articles"]
    assert len(found) == 31


def test_a_long_table_goes_on_in_another_sheet():
    """A sheet holds so many rows, its head among them."""
    table = [("n",), *((number,) for number in range(5))]
    found = sheets(b"".join(spreadsheet.write("t", table, most=3)))
    assert {name: [row[0] for row in rows] for name, rows in found.items()} == {
        "t": ["n", 0, 1], "t 2": ["n", 2, 3], "t 3": ["n", 4],
    }  # fmt: skip


def test_without_the_library_it_says_so(client, monkeypatch):
    """The remedy is named, and the format that is always there."""
    monkeypatch.setattr(spreadsheet, "find_spec", lambda name: None)
    answer = client.get("/api/v1/export?format=xlsx")
    assert answer.status_code == 400
    assert "storydex[xlsx]" in answer.get_json()["detail"]


def test_an_export_that_fails_frees_its_place(client, monkeypatch):
    """However often: the others may export."""
    broken = SimpleNamespace(Workbook=None, __spec__=True)
    with monkeypatch.context() as patch:
        patch.setitem(__import__("sys").modules, "xlsxwriter", broken)
        for _ in range(MOST_EXPORTS + 1):
            with pytest.raises(TypeError):
                client.get("/api/v1/export?format=xlsx")
    assert client.get("/api/v1/export?format=xlsx").status_code == 200
