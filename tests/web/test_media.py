"""Pages on paper, and in the few colours that a reader has chosen."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.conftest import build
from tests.web.web_site import site

STORY = "/story/2021/story%2000.md?q=azure"
CHOSEN = "/?q=azure&provider=zdnet.com&since=2021"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a fresh profile."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def paper(page: Page) -> Page:
    """A page as it is printed."""
    page.emulate_media(media="print")
    return page


@pytest.fixture(params=["light", "dark"])
def forced(page: Page, request: pytest.FixtureRequest) -> Page:
    """A page in colours that the reader has chosen."""
    page.emulate_media(forced_colors="active", color_scheme=request.param)
    return page


def style(place: Locator, name: str, pseudo: str = "") -> str:
    """A property of an element, or of what a style puts beside it, as it is shown."""
    return str(
        place.first.evaluate(
            "(it, [name, pseudo]) => getComputedStyle(it, pseudo || null)[name]", [name, pseudo]
        )
    )


def system(page: Page, colour: str) -> str:
    """A colour of the reader's, as numbers."""
    return str(
        page.evaluate(
            """colour => {
                const it = document.body.appendChild(document.createElement("i"));
                it.style.cssText = `forced-color-adjust: none; color: ${colour}`;
                const shown = getComputedStyle(it).color;
                it.remove();
                return shown;
            }""",
            colour,
        )
    )


def test_paper_has_the_addresses_of_all_articles(paper: Page, address: str):
    """Of stories and of related articles: paper cannot be clicked."""
    paper.goto(address + CHOSEN)
    for link in (".ways .outlet", ".matching a.title"):
        assert "example" in style(paper.locator(link), "content", "::after")
    paper.goto(address + STORY)
    for link in (".read", ".matching a.title", ".timeline .title a"):
        assert "example" in style(paper.locator(link), "content", "::after")
    assert style(paper.locator(".read"), "color") == "rgb(0, 0, 0)"
    expect(paper.locator(".back")).to_be_hidden()


def test_paper_says_what_is_folded_or_drawn_on_the_screen(paper: Page, address: str):
    """The numbers of the chart; the quality, of which the bar is a background."""
    paper.goto(address + CHOSEN)
    row = paper.locator(".when tbody tr").first
    assert row.bounding_box()["height"] > 5
    assert row.evaluate("it => it.checkVisibility({contentVisibilityAuto: true})")
    quality = paper.locator(".hit .quality .unseen").first
    assert quality.bounding_box()["width"] > 20
    assert style(quality, "clipPath") == "none"
    expect(paper.locator(".filters")).to_be_hidden()
    expect(paper.locator(".chips")).to_contain_text("ZDNet")


def test_what_is_chosen_is_seen_in_forced_colours(forced: Page, address: str):
    """A preset of dates, the page at hand, a suggestion: in the colour of what is selected."""
    forced.goto(address + "/?q=azure&since=1y")
    chosen = system(forced, "Highlight")
    assert style(forced.locator(".presets [aria-current]"), "backgroundColor") == chosen
    forced.goto(f"{address}/?q=azure&page=2")
    assert style(forced.locator(".pages [aria-current]"), "backgroundColor") == chosen
    box = forced.get_by_label("Search the archive")
    box.fill("")
    box.press_sequentially("azure rep")
    forced.get_by_role("option").first.wait_for()
    box.press("ArrowDown")
    option = forced.locator(".suggestions [aria-selected=true]")
    assert style(option, "backgroundColor") == chosen
    assert style(option, "color") == system(forced, "HighlightText")


def test_buttons_and_quality_are_seen_in_forced_colours(forced: Page, address: str):
    """The link to the outlet has an edge, and the bar the colours of text and page."""
    forced.goto(address + STORY)
    page_colour = system(forced, "Canvas")
    assert style(forced.locator(".read"), "borderTopColor") != page_colour
    assert style(forced.locator(".read"), "borderTopWidth") == "1px"
    forced.goto(address + CHOSEN)
    assert system(forced, "CanvasText") in style(forced.locator(".quality"), "backgroundImage")


def test_presets_do_not_lie_on_each_other(page: Page, address: str):
    """Each has its place in the row, in line with the other filters."""
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{address}/?q=azure")
    boxes = [one.bounding_box() for one in page.locator(".presets a").all()]
    in_row = [(a, b) for a, b in itertools.pairwise(boxes) if a["y"] == b["y"]]
    assert in_row
    assert all(a["x"] + a["width"] < b["x"] for a, b in in_row)
    assert boxes[0]["x"] == page.locator("#since").locator("..").bounding_box()["x"]


def test_the_date_of_a_story_stands_in_line_with_its_provider(page: Page, address: str):
    """On one line of the page of a story."""
    page.goto(address + STORY)
    provider, date = (
        page.locator(f".story header .byline {part}").bounding_box()
        for part in (".provider", "time")
    )
    assert abs(provider["y"] + provider["height"] / 2 - date["y"] - date["height"] / 2) < 3


@pytest.mark.parametrize("width", [320, 1000])
def test_the_name_of_a_chosen_facet_is_never_cut(page: Page, address: str, width: int):
    """However long the chosen value is, it is the value that goes on in the next line."""
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{address}/?topic=health&topic={'machine+learning+' * 12}&provider={'x' * 300}")
    for kind in page.locator(".chips .kind").all():
        assert kind.evaluate("it => it.getClientRects().length") == 1
        assert kind.bounding_box()["height"] < 1.6 * float(style(kind, "fontSize")[:-2])


def test_an_excluded_value_of_a_name_that_others_have_is_told_by_its_domain(tmp_path: Path):
    """Without the sign that leaves it out, which is none of its own."""
    names = [{"name": "The Times", "domain": f"{where}.example"} for where in ("in", "uk")]
    stories = [{"title": f"Azure {n}", "provider": names[n % 2]} for n in range(4)]
    page = site(build(tmp_path, stories)).test_client().get("/?q=azure&provider=-in.example").text
    assert "<bdi>The Times (in.example)</bdi>" in page
