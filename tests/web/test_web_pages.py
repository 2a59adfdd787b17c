"""The pages that people read, without a script: everything is in the HTML."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from urllib.parse import parse_qs, quote, urlencode

import indexer
from tests.conftest import SEED_STORY, build, write_story
from tests.web.web_site import Page, read, visit


def submit(client, page, *more):
    """Send the form of a page with these fields besides, as a browser without scripts does."""
    return read(client, "/?" + urlencode([*page.fields(), *more]))


def test_a_search_shows_what_was_found_and_where(seed_index):
    """Headline with marked words, provider, date, and the articles that matched."""
    answer = visit(seed_index).get("/?q=microsoft+azure")
    page = Page(answer.text)
    assert "1 story for" in page.text
    assert "<mark>Microsoft</mark> dips even as" in answer.text
    assert "Seeking Alpha" in page.text
    assert "25 May 2022" in page.text
    assert "23 related articles match" in page.text
    assert "Datacenter Dynamics" in page.text
    assert f"/story/{SEED_STORY}?q=microsoft+azure" in page.links()
    assert "Read at seekingalpha.com" in page.text
    assert next(time["datetime"] for time in page.all("time")) == "2022-05-25T17:16:00Z"


def test_an_article_whose_title_does_not_match_says_where_it_does(tmp_path):
    """By the words of its excerpt round the first that matched; a title that matches is enough."""
    excerpts = [
        "R&D in <b>very</b> long words before it says that turbines turn. " + "More follows. " * 20,
        "Turbines, first of all.",
        "长" * 60 + " turbines",
        "Of turbines, too.",
    ]
    related = [{"title": f"Coverage {n}", "excerpt": text} for n, text in enumerate(excerpts)]
    related[3]["title"] = "Turbines"
    client = visit(build(tmp_path, [{"title": "Wind", "related": related}]))
    answer = client.get("/story/0000.md?q=turbines").text
    shown = re.findall('class="reason" dir="auto">(.*?)</span>', answer)
    assert sorted(shown) == [
        "<mark>Turbines</mark>, first of all.",
        "…<mark>turbines</mark>",
        f"…in very long words before it says that <mark>turbines</mark> turn."
        f"{' More follows.' * 6}…",
    ]


def test_title_and_text_of_a_result_begin_on_the_side_of_their_script(tmp_path):
    """The heading tells its direction, not the link in it, which aligns nothing."""
    story = {"title": "الرئيس يزور القاهرة", "excerpt": "قال الرئيس إن الزيارة مهمة"}
    page = read(visit(build(tmp_path, [story])), "/?q=" + quote("الرئيس"))
    assert [heading.get("dir") for heading in page.all("h3")] == ["auto"]
    assert {"class": "excerpt", "dir": "auto"} in list(page.all("p"))


def test_a_facet_shows_twelve_values_and_says_how_many_more_there_are(seed_index):
    """Thousands of providers would make every page megabytes."""
    page = read(visit(seed_index), "/?q=microsoft")
    assert len(page.boxes("provider")) == 12
    assert "and 10 more" in page.text


def test_a_chosen_value_is_listed_first_however_few_stories_it_has(client):
    """So that it can be taken back where it was chosen; the twelve largest stay below it."""
    page = read(client, "/?q=azure&provider=desk7.example&provider=-desk8.example")
    assert len(page.boxes("provider")) == 14
    assert page.boxes("provider")[:2] == ["desk7.example", "-desk8.example"]
    assert "and 19 more" in page.text
    assert ("provider", "desk7.example") in page.fields()


def test_a_value_is_chosen_however_it_is_written(tmp_path):
    """Case, spacing and `www.` make no other value, in an address, a count or a link."""
    story = {"provider": {"name": "www.The  Desk"}, "topics": ["Cloud  Wars"]}
    client = visit(build(tmp_path, [{**story, "title": "Azure one"}, {"title": "Azure two"}]))
    page = read(client, "/?provider=The+DESK&topic=CLOUD+wars")
    assert "1 story" in page.text
    chosen = [(name, value.casefold()) for name, value in page.fields()]
    assert {("provider", "www.the desk"), ("topic", "cloud wars")} & {*chosen}
    story_page = read(client, "/story/0000.md")
    assert {"/?provider=the+desk", "/?topic=cloud+wars"} <= set(story_page.links())


def test_a_box_that_is_ticked_adds_its_value_and_a_chip_removes_it(client):
    """The words and the other filters stay, and the address is that of the first page."""
    page = read(client, "/?q=azure&year=2021&sort=oldest&page=2")
    page = submit(client, page, ("provider", "zdnet.com"))
    assert "5 stories for" in page.text
    assert page.fields() == [
        ("q", "azure"), ("sort", "oldest"), ("provider", "zdnet.com"), ("year", "2021"),
    ]  # fmt: skip
    page = read(client, "/?q=azure&sort=oldest&year=2021")
    assert "15 stories for" in page.text
    assert "/?q=azure&sort=oldest" in page.links()


def test_a_value_can_be_left_out(client):
    """By the button beside it; the chip says so, and nothing else of that kind is lost."""
    page = read(client, "/?q=azure&topic=ai")
    buttons = [one for one in page.all("button") if one.get("name") == "provider"]
    assert {"value": "-zdnet.com", "aria-label": "Leave out ZDNet"}.items() <= buttons[2].items()
    page = submit(client, page, ("provider", "-zdnet.com"))
    assert "10 stories for" in page.text
    assert "Provider not ZDNet" in " ".join(page.text.split())
    assert ("provider", "-zdnet.com") in page.fields()
    both = read(client, "/?provider=zdnet.com&provider=-zdnet.com")
    assert both.fields() == [("provider", "-zdnet.com")]


def test_chips_name_two_values_of_a_kind_and_count_the_others(client):
    """Sixty chosen providers are one chip, and its link removes them."""
    page = read(client, "/?q=azure&" + "&".join(f"provider=desk{n}.example" for n in range(10, 15)))
    assert "Provider Desk 10 or Desk 11, +3" in " ".join(page.text.split())
    assert page.links().count("/?q=azure") >= 1


def test_a_provider_is_found_by_its_name_without_a_script(client):
    """However few stories it has, beside those that are chosen."""
    page = read(client, "/?q=azure&provider=zdnet.com&find=desk+2")
    assert page.boxes("provider")[0] == "zdnet.com"
    assert {*page.boxes("provider")[1:]} == {
        "desk2.example",
        *(f"desk{n}.example" for n in range(20, 30)),
    }
    assert ("find", "desk 2") in page.fields()
    assert "No provider of these stories" in read(client, "/?q=azure&find=zzz").text


def test_providers_of_one_name_are_told_apart(tmp_path):
    """By their domains, beside the results and a story: two sites of one newspaper."""
    desks = [{"name": "The Desk", "domain": f"desk{n}.example"} for n in (1, 2)]
    stories = [{"title": f"Azure {n}", "provider": desk} for n, desk in enumerate(desks)]
    stories[0]["related"] = [{"title": "Coverage", "provider": desks[1]}]
    client = visit(build(tmp_path, stories))
    for address in ("/?q=azure", "/story/0000.md"):
        assert "The Desk (desk1.example)" in read(client, address).text


def test_a_domain_breaks_after_its_dots(tmp_path):
    """In a narrow column a domain as label has places for a line to end, its text stays whole."""
    story = {"title": "Azure", "provider": {"domain": "markets.longnewspaper.example"}}
    answer = visit(build(tmp_path, [story])).get("/?q=azure").text
    assert ">markets.<wbr>longnewspaper.<wbr>example</bdi>" in answer


def test_a_page_stays_small_whatever_a_story_holds(tmp_path):
    """A title of 400 words and an excerpt of a book are cut; the page of the story has all."""
    long = "azure & <b> " * 3000
    stories = [
        {"title": f"{n} {long}", "excerpt": long, "topics": [f"{n} {m}" for m in range(50)],
         "related": [{"title": long, "excerpt": long}] * 40}
        for n in range(10)
    ]  # fmt: skip
    answer = visit(build(tmp_path, stories)).get("/?q=azure")
    assert answer.status_code == 200
    assert len(answer.data) < 60_000
    Page(answer.text)
    assert answer.text.count("<mark>") == answer.text.count("</mark>")


def test_a_facet_of_one_value_is_not_shown(client):
    """It would be no choice; but what is chosen can always be undone."""
    assert "facet-category" not in client.get("/?q=azure").text
    assert "facet-category" in client.get("/?q=azure&category=news").text


def test_months_appear_once_a_year_is_chosen(client):
    """Twelve values to narrow a year, named as people name them."""
    assert not read(client, "/?q=azure").boxes("month")
    page = read(client, "/?q=azure&year=2022&month=2022-03")
    assert "March 2022" in page.text


def test_pages_are_linked_both_ways(client):
    """Previous and next, for people and in the head for programs."""
    page = read(client, "/?q=azure&page=2")
    assert page.links("prev") == ["/?q=azure", "/?q=azure"]
    assert page.links("next") == ["/?q=azure&page=3", "/?q=azure&page=3"]
    assert "page 2 of 3" in page.text
    assert {"start": "11"}.items() <= next(o for o in page.all("ol") if "start" in o).items()
    assert not read(client, "/?q=azure&page=3").links("next")
    assert not read(client, "/?q=azure").links("prev")


def test_a_page_past_the_end_leads_back(client):
    """An old link into a result that has shrunk is no dead end."""
    page = read(client, "/?q=azure&page=9")
    assert "There is no page 9" in page.text
    assert "/?q=azure" in page.links()


def test_the_start_page_shows_the_newest_and_how_to_search(client):
    """Something to read before anything is typed."""
    page = read(client, "/")
    assert "Newest stories" in page.text
    assert "30 stories and 30 related articles" in page.text
    assert page.text.index("Azure report 27") < page.text.index("Azure report 25")
    assert "/help" in page.links()


def test_nothing_found_says_what_to_do(client):
    """Without this filter, without that one, with all stories."""
    page = read(client, "/?q=azure&provider=zdnet.com&year=1999")
    assert "Nothing in the archive matches these words with these filters" in page.text
    assert {"/?q=azure", "/?q=azure&year=1999", "/?q=azure&provider=zdnet.com"} <= set(page.links())


def test_a_better_spelling_is_searched_and_said_so(client):
    """Where what was typed finds nothing; its link keeps the filters."""
    page = read(client, "/?q=azzure&year=2021")
    assert "Nothing was found for" in page.text
    assert "/?q=azure&year=2021" in page.links()


def test_some_words_are_better_than_nothing_and_it_is_said(client):
    """No story has both words."""
    page = read(client, "/?q=azure+zebra")
    assert "No story has all of these words; showing stories with some of them." in page.text


def test_what_could_not_be_read_is_said_and_the_rest_is_shown(client):
    """400 for programs that look, a page with a notice for people."""
    page = read(client, "/?q=azure&since=soon", 400)
    assert "since was left out" in page.text
    assert "30 stories for" in page.text


def test_an_address_past_the_limit_is_refused_as_a_page(client):
    """For people, with what to do."""
    assert "8,192" in read(client, "/?q=" + "x" * 8192, 414).text


def test_forms_carry_the_state_of_the_page(client):
    """New words keep filters and dates, new dates keep words and filters."""
    page = read(client, "/?q=azure&provider=zdnet.com&since=2021-01-01&sort=oldest&page=2")
    assert page.fields() == [
        ("q", "azure"), ("sort", "oldest"), ("provider", "zdnet.com"), ("since", "2021-01-01"),
    ]  # fmt: skip
    owned = [one for one in page.all("input") + page.all("select") if one["name"] != "q"]
    assert {one["form"] for one in owned} == {"search"}


def test_the_search_can_be_followed_and_taken_along(client):
    """Feeds and exports of what the page shows."""
    page = read(client, "/?q=azure&year=2021&page=2")
    assert "/feed.atom?q=azure&year=2021" in page.links()
    assert "/feed.json?q=azure&year=2021" in page.links("alternate")
    assert "/api/v1/export?q=azure&year=2021&format=csv" in page.links()


def test_what_was_typed_can_be_searched_where_another_spelling_was(client):
    """By one link; the choice stays through filters and pages, the download has what is shown."""
    page = read(client, "/?q=turbnies")
    assert "Showing results for turbines" in page.text
    assert "Search instead for turbnies" in page.text
    assert "/api/v1/export?q=turbines&format=csv" in page.links()
    assert "/?q=turbnies&spelling=0" in page.links()
    page = read(client, "/?q=turbnies&spelling=0")
    assert "Did you mean turbines?" in page.text
    assert "/?q=turbines" in page.links()
    assert "Did you mean turbines?" in submit(client, page, ("topic", "cloud")).text


def test_what_was_published_lately_is_one_link_away(tmp_path):
    """The last 24 hours, week, month and year of the same search, whatever dates it had."""
    now = datetime.now(timezone.utc)
    ages = {
        "hours": 2,
        "day": 25,
        "days": 72,
        "weeks": 20 * 24,
        "months": 200 * 24,
        "old": 20000,
    }
    stories = [
        {"title": f"Azure, {name}", "publishedDateTime": (now - timedelta(hours=age)).isoformat()}
        for name, age in ages.items()
    ]
    client = visit(build(tmp_path, stories))
    page = read(client, "/?q=azure&since=2020&sort=oldest")
    links = [
        href for href in page.links() if parse_qs(href[2:]).get("since", ["2"])[0][-1] in "hdmy"
    ]
    assert len(links) == 4
    for href, total in zip(links, (1, 3, 4, 5), strict=True):
        assert parse_qs(href[2:])["sort"] == ["oldest"]
        page = read(client, href)
        assert f"{total} stor" in page.text
        assert [link["href"] for link in page.all("a") if "aria-current" in link] == [href]


def test_an_empty_archive_says_how_to_fill_it(tmp_path):
    """An index of no stories is an index."""
    assert "storydex rebuild" in read(visit(build(tmp_path, [])), "/").text


def test_the_help_page_explains_and_every_example_works(client):
    """Each example of the query language is a link to its search, and understood there."""
    page = read(client, "/help")
    assert "Where fewer than ten have all of them" in page.text
    links = {href for href in page.links() if href.startswith("/?q=")}
    for section in indexer.LANGUAGE:
        assert section.title in page.text
        for query, finds in section.examples:
            assert finds in page.text
            href = next(link for link in links if parse_qs(link[2:]) == {"q": [query]})
            assert 'class="notice"><code' not in client.get(href).text


def test_headings_and_labels_are_in_order(client):
    """One first heading, no level skipped, and a label for every field."""
    for path in ("/", "/?q=azure", "/?q=zebra", "/story/2021/story%2000.md", "/help", "/story/x"):
        page = Page(client.get(path).text)
        levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3", "h4")]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(b - a <= 1 for a, b in pairwise(levels)), (path, levels)
        labelled = {label.get("for") for label in page.all("label")}
        named = [one for one in page.all("input") + page.all("select") if "id" in one]
        assert {one["id"] for one in named} <= labelled
        assert all("id" in one for one in page.all("input") if one["type"] != "checkbox")
        ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(ids) == len(set(ids))


def test_a_new_generation_is_shown_without_a_restart(tmp_path):
    """A rebuild is seen by the next request."""
    index = build(tmp_path, [{"title": "Azure one"}])
    client = visit(index)
    assert "1 story for" in read(client, "/?q=azure").text
    write_story(tmp_path / "seeds", "two.md", title="Azure two")
    indexer.rebuild(tmp_path / "seeds", index, workers=1)
    assert "2 stories for" in read(client, "/?q=azure").text


def test_an_archive_can_have_a_name_of_its_own(index):
    """In the masthead and in the titles of pages."""
    answer = visit(index, TITLE="The <Daily> Index").get("/?q=azure")
    assert "<title>azure – The &lt;Daily&gt; Index</title>" in answer.text


def test_settings_come_from_the_environment(index, monkeypatch):
    """As WSGI servers start it: without a mapping."""
    from web import create_app

    monkeypatch.setenv("STORYDEX_INDEX", str(index))
    monkeypatch.setenv("STORYDEX_TITLE", "Archive")
    assert "<title>Archive</title>" in create_app().test_client().get("/").text


def test_stories_with_the_same_lead_are_one_result(tmp_path):
    """The page names the others, links to a list of each, and stays there."""
    lead = {"title": "Azure wins", "excerpt": "It has won.", "provider": {"name": "Alpha"}}
    copy = {
        "title": "Birds <i>sing",
        "provider": {"name": "Be<ta"},
        "webUrl": "https://b.example/1",
    }
    related = [{"title": "Birds <i>sing"}, copy]
    site = visit(build(tmp_path, [lead, {**lead, "related": related}]))
    page = read(site, "/?q=azure+OR+birds")
    assert "1 story for" in page.text
    assert "Also in 1 more story: Azure wins" in page.text
    assert "/story/0000.md?q=azure+OR+birds" in page.links()
    assert "Also at Be<ta" in page.text
    assert "/?q=azure+OR+birds&collapse=0" in page.links()
    page = read(site, "/?q=azure+OR+birds&collapse=0")
    assert "2 stories for" in page.text
    assert ("collapse", "0") in page.fields()
    assert "Also in" not in page.text
    page = read(site, "/story/0001.md")
    assert "Also at Be<ta" in page.text
    assert "1 article" in page.text
    lines = site.get("/api/v1/export?q=azure").text.splitlines()
    assert len(lines) == 1
    assert len(site.get("/api/v1/export?q=azure&collapse=0").text.splitlines()) == 2
    assert len(site.get("/feed.json?q=azure").json["items"]) == 1
    assert len(site.get("/feed.json?q=azure&collapse=0").json["items"]) == 2
    assert site.get("/api/v1/search?q=azure&collapse=0").json["total"] == 2


def test_links_have_previews(index, tmp_path):
    """What a messenger shows of a link: title, description, picture, public address."""
    stories = {"a b.md": {
        "title": "A & \"title\"", "excerpt": "What it says.",
        "publishedDateTime": "2022-05-01T00:00:00Z",
        "images": [{"url": "javascript:1"}, {"url": "https://img.example/1.png"}],
    }}  # fmt: skip
    client = visit(build(tmp_path, stories), BASE_URL="https://news.example/x", TITLE="News")
    found = read(client, "/story/a%20b.md?q=title").all("meta")
    meta = {one.get("property") or one.get("name"): one.get("content") for one in found}
    assert meta["og:title"] == 'A & "title"'
    assert meta["description"] == meta["og:description"] == "What it says."
    assert meta["og:url"] == "https://news.example/x/story/a%20b.md"
    assert meta["og:image"] == "https://img.example/1.png"
    assert meta["article:published_time"] == "2022-05-01T00:00:00Z"
    found = read(visit(index), "/?q=azure&year=2022").all("meta")
    meta = {one.get("property") or one.get("name"): one.get("content") for one in found}
    assert meta["description"] == "15 stories: azure · Year: 2022"
    assert meta["og:title"] == "azure · Year: 2022"
