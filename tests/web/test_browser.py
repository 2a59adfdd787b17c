"""The site in a real browser, with its script and without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import SEED_STORY
from tests.web.web_site import serving, site


@pytest.fixture(scope="module")
def seed_site(seed_index: Path) -> Iterator[str]:
    """The address of a site over the real story."""
    with serving(site(seed_index)) as address:
        yield address


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def is_scripted(request: pytest.FixtureRequest) -> bool:
    """Whether pages run scripts: both are tried."""
    return bool(request.param)


@pytest.fixture
def page(browser: Browser, is_scripted: bool) -> Iterator[Page]:
    """A page of a fresh browser profile, with and without scripts; errors fail the test."""
    context = browser.new_context(java_script_enabled=is_scripted)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text)
            if message.type == "error" and "ERR_" not in message.text else None)  # fmt: skip
    yield page
    context.close()
    assert not errors


@pytest.fixture
def scripted(browser: Browser) -> Iterator[Page]:
    """A page with scripts."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_a_person_finds_a_story_and_narrows_by_provider(
    page: Page, seed_site: str, is_scripted: bool
):
    """Type, read, choose a provider, undo it; the address says it all."""
    page.goto(seed_site)
    page.get_by_label("Search the archive").fill("microsoft azure")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("1 story for")
    expect(page.locator(".hit h3")).to_contain_text("Microsoft dips even as Meta Platforms")
    expect(page.locator(".hit h3 mark").first).to_have_text("Microsoft")
    page.get_by_role("checkbox", name="Datacenter Dynamics").check()
    if not is_scripted:
        page.get_by_role("button", name="Apply filters").click()
    expect(page.get_by_role("checkbox", name="Datacenter Dynamics")).to_be_checked()
    page.wait_for_url("**provider=datacenterdynamics.com**")
    expect(page.locator(".chips li").first).to_contain_text("Datacenter Dynamics")
    expect(page.locator(".hit")).to_have_count(1)
    page.locator(".chips a").first.click()
    page.wait_for_url(f"{seed_site}/?q=microsoft+azure")


def test_a_person_reads_a_story_and_comes_back(page: Page, seed_site: str):
    """From the result to the story to everything on a topic."""
    page.goto(f"{seed_site}/?q=microsoft+azure")
    page.get_by_role("link", name="Microsoft dips even").first.click()
    assert page.url == f"{seed_site}/story/{SEED_STORY}?q=microsoft+azure"
    expect(page.locator(".timeline li")).to_have_count(23)
    page.get_by_role("link", name="Microsoft AI", exact=True).click()
    expect(page.locator(".chips")).to_contain_text("Microsoft AI")


def test_a_person_turns_pages(page: Page, address: str):
    """Next, and a page by its number."""
    page.goto(f"{address}/?q=azure")
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".pages [aria-current=page]")).to_contain_text("2")
    page.get_by_role("link", name="Page 3").click()
    expect(page.get_by_role("link", name="Next")).to_have_count(0)


def test_dates_narrow_the_result(page: Page, address: str, is_scripted: bool):
    """The words stay; an empty date does not count."""
    page.goto(f"{address}/?q=azure")
    page.get_by_label("From").fill("2022-01-01")
    if not is_scripted:
        page.get_by_role("button", name="Apply filters").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("15 stories")
    expect(page.locator(".chips")).to_contain_text("1 Jan 2022")


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_nothing_is_wider_than_the_screen(scripted: Page, seed_site: str, width: int):
    """No page scrolls sideways, from a small phone to a desk."""
    scripted.set_viewport_size({"width": width, "height": 800})
    for path in ("/?q=microsoft+azure&provider=zdnet.com", f"/story/{SEED_STORY}", "/help"):
        scripted.goto(seed_site + path)
        assert scripted.evaluate("document.documentElement.scrollWidth") <= width, path


def test_filters_fold_away_on_a_phone(page: Page, seed_site: str):
    """Results first; the filters are one tap away."""
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{seed_site}/?q=microsoft")
    nasdaq = page.locator(".facet-provider").get_by_role("checkbox", name="Nasdaq")
    expect(nasdaq).to_be_hidden()
    page.locator(".filters > summary").click()
    expect(nasdaq).to_be_visible()


def test_suggestions_are_chosen_with_the_keyboard(scripted: Page, address: str):
    """Slash, a few letters, down, enter."""
    scripted.goto(address)
    scripted.keyboard.press("/")
    box = scripted.get_by_label("Search the archive")
    expect(box).to_be_focused()
    box.press_sequentially("azure rep")
    option = scripted.get_by_role("option", name="azure report")
    expect(option).to_be_visible()
    expect(box).to_have_attribute("aria-expanded", "true")
    box.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    expect(box).to_have_value("azure report")
    box.press("Enter")
    scripted.wait_for_url(f"{address}/?q=azure+report")


def test_escape_gives_back_what_was_typed(scripted: Page, address: str):
    """And closes the list."""
    scripted.goto(address)
    box = scripted.get_by_label("Search the archive")
    box.press_sequentially("azure rep")
    scripted.get_by_role("option").first.wait_for()
    box.press("ArrowDown")
    box.press("Escape")
    expect(box).to_have_value("azure rep")
    expect(box).to_have_attribute("aria-expanded", "false")


def test_skip_links_lead_past_the_masthead(scripted: Page, seed_site: str):
    """The first stops of the Tab key: to the results, and to the filters."""
    scripted.goto(f"{seed_site}/?q=microsoft")
    scripted.keyboard.press("Tab")
    expect(scripted.get_by_role("link", name="Skip to results")).to_be_focused()
    scripted.keyboard.press("Enter")
    expect(scripted.locator("#results")).to_be_focused()


def test_results_change_in_place(scripted: Page, address: str):
    """The page is not loaded again; focus and scroll stay; Back and reload restore all."""
    scripted.goto(f"{address}/?q=azure")
    scripted.evaluate("window.same = true")
    box = scripted.get_by_role("checkbox", name="ZDNet")
    box.focus()
    scripted.evaluate("scrollTo(0, 150)")
    scripted.keyboard.press("Space")
    expect(scripted.get_by_role("heading", level=1)).to_contain_text("10 stories")
    expect(scripted.get_by_role("checkbox", name="ZDNet")).to_be_focused()
    assert scripted.evaluate("[window.same, scrollY]") == [True, 150]
    expect(scripted.get_by_role("status")).to_contain_text("10 stories")
    assert scripted.url == f"{address}/?q=azure&provider=zdnet.com"
    assert scripted.title() == "azure · Provider: ZDNet – Storydex"
    scripted.get_by_label("Sort by").select_option("oldest")
    scripted.wait_for_url("**sort=oldest")
    scripted.go_back()
    scripted.go_back()
    expect(scripted.get_by_role("heading", level=1)).to_contain_text("30 stories")
    expect(scripted.get_by_role("checkbox", name="ZDNet")).not_to_be_checked()
    assert scripted.evaluate("window.same")
    scripted.locator("#q").fill("absent")
    scripted.go_forward()
    expect(scripted.locator("#q")).to_have_value("azure")
    expect(scripted.get_by_role("checkbox", name="ZDNet")).to_be_checked()
    scripted.reload()
    expect(scripted.get_by_role("checkbox", name="ZDNet")).to_be_checked()


def test_a_late_answer_does_not_overtake_a_newer_one(scripted: Page, address: str):
    """The page shows what was asked for last, however slow the first answer is."""
    scripted.goto(f"{address}/?q=azure")
    scripted.route(
        "**provider=zdnet.com", lambda route: scripted.wait_for_timeout(600) or route.continue_()
    )
    scripted.get_by_role("checkbox", name="ZDNet").check()
    scripted.get_by_role("checkbox", name="2021").check()
    expect(scripted.get_by_role("heading", level=1)).to_contain_text("5 stories")
    scripted.wait_for_timeout(900)
    expect(scripted.get_by_role("heading", level=1)).to_contain_text("5 stories")


def test_a_provider_is_found_while_typing(scripted: Page, address: str):
    """However few stories it has; focus stays in the box, and the value can be left out."""
    scripted.goto(f"{address}/?q=azure")
    find = scripted.get_by_label("Find a provider")
    find.press_sequentially("desk 27", delay=30)
    expect(scripted.locator(".facet-provider li")).to_have_count(1)
    expect(find).to_be_focused()
    expect(find).to_have_value("desk 27")
    scripted.locator(".facet-provider li").hover()
    scripted.get_by_role("button", name="Leave out Desk 27").click()
    expect(scripted.get_by_role("heading", level=1)).to_contain_text("29 stories")
    expect(scripted.locator(".chips")).to_contain_text("not Desk 27")


def test_dragging_over_the_chart_chooses_dates(scripted: Page, address: str):
    """From one bar to another: the stories between; a bar alone is a link."""
    scripted.goto(f"{address}/?q=azure&year=2022")
    bars = scripted.locator(".when [data-day]")
    days = [bars.nth(at).get_attribute("data-day") for at in (2, 6)]
    boxes = [bars.nth(at).locator("path").bounding_box() for at in (6, 2)]
    for box, do in zip(boxes, (scripted.mouse.down, scripted.mouse.up), strict=True):
        assert box
        scripted.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5, steps=5)
        do()
    scripted.wait_for_url(f"**since={days[0]}&until={days[1]}**")
    expect(scripted.locator(".chips")).to_contain_text("2022")
    scripted.locator(".when a[href]").first.click()
    scripted.wait_for_url(f"**since={days[0]}&until={days[0]}**")


def test_the_chart_has_a_table(page: Page, address: str):
    """Whoever cannot see bars reads rows, with a keyboard and without a script."""
    page.goto(f"{address}/?q=azure")
    page.get_by_text("Stories by month as a table").click()
    page.get_by_role("link", name="March 2022").click()
    page.wait_for_url("**since=2022-03**")
    expect(page.get_by_role("heading", level=1)).to_contain_text("15 stories")


def test_searches_are_saved_named_and_removed(scripted: Page, address: str):
    """In this browser; each with its feeds."""
    scripted.goto(f"{address}/saved")
    expect(scripted.get_by_text("None so far")).to_be_visible()
    scripted.goto(f"{address}/?q=azure&provider=zdnet.com")
    scripted.get_by_role("button", name="Save", exact=True).click()
    expect(scripted.get_by_role("button", name="Saved", exact=True)).to_be_visible()
    scripted.goto(f"{address}/saved")
    name = scripted.get_by_label("Name")
    expect(name).to_have_value("azure · Provider: ZDNet")
    name.fill("Clouds of ZDNet")
    name.press("Tab")
    scripted.reload()
    feed = scripted.get_by_role("link", name="Atom").get_attribute("href")
    assert feed == "/feed.atom?q=azure&provider=zdnet.com"
    scripted.get_by_role("link", name="Clouds of ZDNet").click()
    expect(scripted.get_by_role("heading", level=1)).to_contain_text("10 stories")
    scripted.go_back()
    scripted.get_by_role("button", name="Remove Clouds of ZDNet").click()
    expect(scripted.get_by_text("None so far")).to_be_visible()


def test_a_link_is_copied(browser: Browser, address: str):
    """The public address, by one button, of a search and of a story."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    for path in ("/?q=azure&year=2022", "/story/2021/story%2000.md"):
        page.goto(address + path)
        page.get_by_role("button", name="Copy link").click()
        expect(page.get_by_role("button", name="Link copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == address + path
    context.close()


def test_tools_are_there_with_a_script_alone(page: Page, address: str, is_scripted: bool):
    """Without one, nothing is shown that does nothing."""
    page.goto(f"{address}/?q=azure")
    expect(page.get_by_role("button", name="Copy link")).to_have_count(int(is_scripted))
    page.goto(f"{address}/saved")
    expect(page.get_by_text("needs JavaScript")).to_have_count(int(not is_scripted))
