"""The benchmark runs end to end, and its engines find the same."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from benchmarks import corpus, judged, relevance, spelling
from benchmarks.cli import main
from benchmarks.curves import draw_curves
from benchmarks.engines import ENGINES
from benchmarks.goals import JUDGED_FROM, goals_of
from benchmarks.judged import TEST_COLLECTIONS
from benchmarks.queries import KINDS, QueryLog
from benchmarks.record import Record, read_record
from benchmarks.report import markdown, update_document
from benchmarks.run import works_of
from benchmarks.summary import percentile
from benchmarks.works import WORKS
from indexer.model import Story
from indexer.query.nodes import Fuzzy
from tests.oracles.brute_rows import fits

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
        assert set(engine.works) == set(works_of(name))
        assert all(work.median > 0 and work.queries for work in engine.works.values())


def test_tantivy_is_asked_all_that_storydex_is():
    """The engine that goals are about runs every work; others need not sort or read."""
    assert works_of("storydex") == works_of("tantivy") == [work.name for work in WORKS]
    assert "newest" not in works_of("fts5")


def test_engines_find_the_same(record: Record):
    """Totals and provider counts are equal."""
    (size,) = record.sizes
    differing = {
        (name, work): summary.differing
        for name, engine in size.engines.items()
        for work, summary in engine.works.items()
        if summary.differing
    }
    assert not differing
    assert all(size.engines["tantivy"].works[name].compared for name in ("any", "all", "filtered"))


def test_queries_find_something(record: Record):
    """The log is not made of queries without hits."""
    (size,) = record.sizes
    works = size.engines["tantivy"].works
    assert all(works[name].hits for name in ("any", "all", "phrase", "prefix", "newest"))


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
    assert "50 demo stories" in text


def _census() -> corpus.Census:
    return corpus.take_census(corpus.Source(1).stories(STORIES), STORIES, 20, 1)


def test_log_is_the_same_for_the_same_seed():
    """The same stories and seed draw the same queries, another seed draws others."""
    census = _census()
    log = QueryLog(census, 1).draw(5)
    assert log == QueryLog(census, 1).draw(5)
    assert log != QueryLog(census, 2).draw(5)
    assert [query.kind for query in log] == [kind for kind in KINDS for _ in range(5)]


def test_typed_words_become_the_terms_of_the_log():
    """What storydex is asked as text is what the peers are asked as terms."""
    for query in QueryLog(_census(), 1).draw(20):
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


def test_goals_are_told_for_large_corpora(record: Record):
    """A row a goal with what was measured; small corpora are not judged."""
    (size,) = record.sizes
    assert not list(goals_of(size))
    goals = list(goals_of(msgspec.structs.replace(size, stories=JUDGED_FROM)))
    assert [goal.work for goal in goals[:-1]] == [work.name for work in WORKS]
    assert goals[-1].most
    assert goals[-1].reached == (goals[-1].measured <= goals[-1].wanted)


def _write_data(folder: Path) -> None:
    """Collections as the relevance benchmark reads them, as small as can be."""
    for name in TEST_COLLECTIONS:
        (folder / "ir" / name).mkdir(parents=True)
        documents = [{"id": "1", "title": "", "text": "Rain in Spain"}, {"id": "2", "text": "Snow"}]
        (folder / "ir" / name / "corpus.jsonl").write_text("\n".join(map(json.dumps, documents)))
        (folder / "ir" / name / "queries.jsonl").write_text('{"id": "7", "text": "rain (heavy)"}')
        (folder / "ir" / name / "qrels.tsv").write_text("7\t1\t1\n7\t2\t0\n")
    (folder / "news").mkdir()
    titles = "".join(
        f"a,Harbour strike enters week {word}\n" for word in ("one", "two", "six", "ten")
    )
    path = folder / "news" / "uci-news-aggregator-part.csv"
    path.write_text("STORY,TITLE\n" + titles)
    (folder / "stories").mkdir()
    (folder / "stories" / "make_stories.py").write_text(_MAKER)


_MAKER = """
import datetime

def stories(data, count, seed):
    for number in range(count):
        entry = lambda title, url: {
            "title": title, "webUrl": url, "publishedDateTime": datetime.datetime(2022, 1, 1),
            "provider": {"name": "Daily", "domain": "www.daily.example"},
            "images": [{"url": "https://x.example/i", "width": 1, "height": 1, "isCached": True}],
        }
        lead = entry(f"Harbour strike number{number} enters day{number}", f"https://x.example/{number}")
        other = f"Dockers talks failed again{number} night{number}"
        related = [entry(other, f"https://y.example/{number}")]
        yield f"s-{number}", {**lead, "topics": ["Work"], "category": "news", "related": related}
"""


def test_relevance_is_judged_beside_peers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Every query set has a row with every engine, and the record says the same."""
    monkeypatch.setattr(judged, "STORIES", 30)
    _write_data(tmp_path / "data")
    arguments = ["--data", str(tmp_path / "data"), "--queries", "3", "--out", str(tmp_path)]
    result = CliRunner().invoke(relevance.main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "| queries | measure | number | storydex | bm25s | tantivy-py | goal |" in result.output
    (path,) = tmp_path.glob("relevance-*-1.json")
    made = msgspec.json.decode(path.read_bytes(), type=relevance.Record)
    scores = {score.name: score for score in made.scores}
    assert set(TEST_COLLECTIONS) < scores.keys()
    assert {"uci", "related 2", "question", "pasted", "lead 3"} < scores.keys()
    assert scores["pasted"].means["storydex"] == 1
    assert scores["time"].means == {"storydex": 1, "bm25s": 1, "tantivy-py": 1}


def test_ndcg_is_one_for_the_best_order():
    """The measure of test collections: 1 with all that is right in front, less below."""
    assert judged.ndcg_at_10(["a", "b", "c"], frozenset("ab")) == 1
    assert 0 < judged.ndcg_at_10(["c", "a", "b"], frozenset("ab")) < 1
    assert judged.ndcg_at_10([], frozenset("a")) == 0


def test_spelling_and_completions_are_measured():
    """Slips are one edit from their word and stand in no story; every kind has a score."""
    archive = [
        Story(id=f"{number}.md", title="Prime minister speaks of government", excerpt=f"w{number}")
        for number in range(30)
    ]
    words = spelling.count_words(archive)
    assert words.pairs["prime", "minister"] == words.stories["minister"] == 30
    for kind in spelling.KINDS:
        for typed, word in spelling.slips(words, kind, spelling.DRAWS[0], 30, seed=1):
            assert fits(Fuzzy(word, 1), typed)
            assert typed not in words.stories
    assert set(spelling.pairs(words, 50, seed=1)) >= {("prime", "minister")}
    answers = {"goverment": "government", "speks": None}
    score = spelling.measure(
        "one", 0.5, [("goverment", "government"), ("speks", "speaks")], answers.get
    )
    assert (score.asked, score.right) == (2, 0.5)
    assert "| one | 2 | 50.0% | ≥ 50% |" in spelling.markdown([score])
