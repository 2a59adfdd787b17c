"""`storydex search`: what it prints where, and what it never prints."""

from __future__ import annotations

import html
import json
import os
from pathlib import Path

import pytest

from indexer.cli.output import neutral
from tests.cli.conftest import ESCAPES, on_terminal, run, storydex
from tests.conftest import SEED_STORY, build, write_story


def test_search_names_the_related_articles_that_match(seed_index: Path):
    """A story found through related articles says which."""
    result = storydex("--index", seed_index, "search", "BeeKeeperAI")
    assert result.exit_code == 0
    assert "Microsoft dips even as Meta Platforms picks Azure" in result.stdout
    assert "matched in 2 related articles:" in result.stdout
    assert "Startup, Microsoft collaborate to simplify AI healthcare research" in result.stdout
    assert "Microsoft collaboration to accelerate AI innovations in healthcare" in result.stdout
    assert "Becker's Hospital Review" in result.stdout


def test_search_counts_providers(seed_index: Path):
    """Provider counts follow the results."""
    lines = storydex("--index", seed_index, "search", "provider:zdnet.com azure").stdout
    results, providers = lines.split("\nProviders\n")
    assert results.startswith("1 story ")
    assert "  1  seekingalpha.com" in providers


def test_search_joins_words(seed_index: Path):
    """A query need not be quoted for the shell."""
    assert storydex("--index", seed_index, "search", "azure", "meta").stdout.startswith("1 story ")


def test_search_without_hits_is_done(seed_index: Path):
    """No hits is an answer: exit status 0."""
    result = storydex("--index", seed_index, "search", "zzzzqqq")
    assert result.exit_code == 0
    assert result.stdout.startswith("0 stories ")


def test_search_filters_sorts_and_pages(index: Path):
    """Options reach the engine; numbers go on from the offset."""
    result = storydex(
        "--index", index, "search", "azure", "--sort", "quality", "--limit", "1", "--offset", "1"
    )
    assert result.stdout.startswith("3 stories, here 2 to 2 ")
    assert " 2. Azure number 1\n" in result.stdout
    result = storydex("--index", index, "search", "azure", "--offset", "7")
    assert result.stdout.startswith("3 stories, none after 7 ")
    result = storydex("--index", index, "search", "azure", "--provider", "nobody.example")
    assert result.stdout.startswith("0 stories ")


@pytest.mark.parametrize(
    ("option", "day", "total"),
    [("--since", "2022-05-25", 1), ("--since", "2022-05-26", 0), ("--until", "2022-05", 1)],
)
def test_search_by_date(seed_index: Path, option: str, day: str, total: int):
    """Both ends are inclusive; a month means all its days."""
    result = storydex("--index", seed_index, "search", "azure", option, day, "--json")
    assert json.loads(result.stdout)["total"] == total


def test_search_json_has_the_shape_of_the_api(seed_index: Path):
    """`--json` prints one JSON document with the names the API uses."""
    result = storydex("--index", seed_index, "search", "azure", "--json")
    page = json.loads(result.stdout)
    names = "query total complete took_ms relaxed suggestion corrected notices hits"
    assert list(page) == [*names.split(), "facets", "facets_beyond"]
    assert page["hits"][0]["id"] == SEED_STORY
    assert len(page["facets"]["provider"]) == 20


def test_relaxed_results_are_announced_on_standard_error(seed_index: Path):
    """That words were dropped, and a better spelling, is no data."""
    result = storydex("--index", seed_index, "search", "azure zzzzqqq")
    assert result.stdout.startswith("1 story ")
    assert "some of them" in result.stderr


def test_search_json_explains_scores(seed_index: Path):
    """With `--explain`, as the API with `explain=1`."""
    result = storydex("--index", seed_index, "search", "azure", "--json", "--explain")
    hit = json.loads(result.stdout)["hits"][0]
    assert hit["explanation"]["score"] == pytest.approx(hit["score"], abs=2e-6)


@pytest.mark.parametrize(
    "arguments",
    [
        ("azure", "--sort", "best"),
        ("azure", "--since", "tomorrow"),
        ("azure", "--limit", "-1"),
        ("azure", "--limit", "1000000"),
        ("a" * 70_000,),
        ("azure", "--no-such-option"),
        (),
    ],
)
def test_usage_errors_are_exit_status_2(seed_index: Path, arguments: tuple[str, ...]):
    """What was asked wrongly is said on standard error, and nothing is printed."""
    result = storydex("--index", seed_index, "search", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr


def test_terminal_sequences_in_stories_are_neutralised(tmp_path: Path):
    """Nothing in a story can move the cursor, change colours or reverse the line."""
    nasty = "Azure \x1b[31mred\x07 \x9b2J \u202egnp \x1b]0;owned\x07"
    story = {
        "title": nasty,
        "excerpt": nasty,
        "provider": {"name": nasty, "domain": "x.example"},
        "webUrl": "https://x.example/\x1b[2J",
        "related": [{"title": nasty, "provider": {"name": nasty}}],
    }
    write_story(tmp_path / "seeds", "a.md", **story)
    write_story(tmp_path / "seeds", "bad\x1b[2J.md", title="")
    built = storydex("--index", tmp_path / "index", "rebuild", tmp_path / "seeds")
    shown = storydex("--index", tmp_path / "index", "search", "azure")
    for text in (built.stderr, built.stdout, shown.stdout, shown.stderr):
        assert not set(text) & set("\x1b\x07\x9b\u202e")
    assert "red" in shown.stdout


def test_control_characters_never_reach_a_terminal():
    """The last guard: whatever a terminal obeys becomes visible, and lines stay lines."""
    assert neutral("a\x1b[2Jb\x9bc\u202ed\udcff") == "a\ufffd[2Jb\ufffdc\ufffdd\ufffd"
    assert neutral("one\ntwo\tthree\u2028four") == "one two three four"
    assert neutral("Zürich 東京 👩‍💻") == "Zürich 東京 👩‍💻"


def test_markup_in_stories_is_text(tmp_path: Path):
    """Neither HTML nor Rich's own markup is acted upon or lost."""
    title = "Azure [bold]& <script>alert(1)</script> <mark>x</mark> [/]"
    write_story(tmp_path / "seeds", "a.md", title=html.escape(title))
    storydex("--index", tmp_path / "index", "rebuild", tmp_path / "seeds")
    assert f" 1. {title}\n" in storydex("--index", tmp_path / "index", "search", "azure").stdout


def test_results_keep_to_one_line_away_from_a_terminal(seed_index: Path):
    """Piped output does not wrap and has no colours, so that grep and cut can work on it."""
    status, out, _ = run(
        "--index", seed_index, "search", "azure", env={**os.environ, "COLUMNS": "40"}
    )
    assert status == 0
    assert any(len(line) > 150 for line in out.splitlines())
    assert "\x1b" not in out


def test_a_width_of_nothing_hides_nothing(seed_index: Path):
    """Some terminals say that they have no columns; the hits are shown all the same."""
    arguments = ("--index", seed_index, "search", "azure")
    _, usual, _ = run(*arguments, env={**os.environ, "COLUMNS": "40"})
    _, shown, _ = run(*arguments, env={**os.environ, "COLUMNS": "0"})
    assert shown.splitlines()[1:] == usual.splitlines()[1:]
    assert "Azure" in on_terminal(*arguments, COLUMNS="0", NO_COLOR="1")


def test_matches_are_bold_on_a_terminal(seed_index: Path):
    """On a terminal, lines wrap and the words that match stand out."""
    shown = on_terminal("--index", seed_index, "search", "azure", COLUMNS="80", NO_COLOR="")
    assert "\x1b[1mAzure\x1b[0m" in shown
    lines = [line for line in ESCAPES.sub("", shown).split("\r\n") if "https://" not in line]
    assert max(map(len, lines)) <= 80


def test_stories_with_the_same_lead_are_one_result(tmp_path: Path):
    """The others are named below it, and listed where that is asked for."""
    lead = {"title": "Azure wins", "excerpt": "It has won."}
    related = [{"title": "Birds sing"}, {"title": "Birds sing", "provider": {"name": "Beta"}}]
    index = build(tmp_path, [lead, {**lead, "related": related}])
    shown = storydex("--index", index, "search", "azure OR birds").stdout
    assert shown.startswith("1 story ")
    assert "    also in 1 more story:\n    - 0000.md\n" in shown
    assert "    - Birds sing\n      1 copy: Beta\n" in shown
    shown = storydex("--index", index, "search", "--no-collapse", "azure").stdout
    assert shown.startswith("2 stories ")
    assert "also in" not in shown
