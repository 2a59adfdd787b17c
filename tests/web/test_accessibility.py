"""What axe-core finds inaccessible: nothing, on any page and in any state."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Browser, Page

AXE = Path(AXE_FILE_PATH).read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: Whether scripts run, the width, the colours: one pair of ways or the other for each state.
WAYS = (
    [(True, 320, "light"), (False, 1440, "dark")],
    [(True, 1440, "dark"), (False, 320, "light")],
)
STATES = {
    "start": "/",
    "results": "/?q=azure",
    "filtered": "/?q=azure&provider=zdnet.com&provider=-nasdaq.com&year=2022&since=2022",
    "long facet": "/?q=azure&find=d",
    "none": "/?q=zebra&topic=cloud",
    "notices": "/?q=colour:azure+%22report&sort=worst",
    "page": "/?q=azure&page=2",
    "story": "/story/2021/story%2000.md?q=azure",
    "help": "/help",
    "saved": "/saved",
    "missing": "/story/none",
}


def faults(page: Page) -> list[str]:
    """What axe finds, and where."""
    page.evaluate(AXE)
    found = page.evaluate(
        "rules => axe.run({runOnly: {type: 'tag', values: rules}})", RULES
    )["violations"]  # fmt: skip
    return [
        f"{fault['id']}: {node['html'][:200]}: {node['failureSummary'][:300]}"
        for fault in found
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(browser: Browser, address: str, state: str):
    """With scripts and without, on a phone and a desk, light and dark; all that folds is open."""
    for scripted, width, scheme in WAYS[[*STATES].index(state) % 2]:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
        )
        page = context.new_page()
        if not scripted:
            page.route("**/*.js", lambda route: route.abort())
        page.goto(address + STATES[state])
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert not faults(page), (scripted, width, scheme)
        context.close()


def test_axe_finds_nothing_in_suggestions_and_saved_searches(browser: Browser, address: str):
    """What only a script shows."""
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(f"{address}/?q=azure")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_label("Search the archive").fill("az")
    page.locator("[role=option]").first.wait_for()
    page.get_by_label("Search the archive").press("ArrowDown")
    assert not faults(page)
    page.goto(f"{address}/saved")
    assert not faults(page)
    context.close()
