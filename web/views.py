"""The pages that people read: search, story, help. Translate, ask once, render."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, render_template, request
from flask.typing import ResponseReturnValue
from msgspec.structs import replace

from indexer import LANGUAGE, QueryError, ResultPage, SearchRequest, StoryNotFound

from . import display, params
from . import page as shown
from .caching import conditional
from .connection import current_connection, current_engine
from .dates import read_chart
from .hits import read_hits, read_matches
from .metrics import observe_search

pages = Blueprint("pages", __name__)

_NO_ROBOTS = ("/api/", "/feed.", "/*?")


@pages.get("/")
@conditional()
def search() -> ResponseReturnValue:
    """The search page; what cannot be read of the address is left out and said so."""
    wanted, problems = params.read_request(request.args)
    wanted = replace(wanted, facets=shown.page_facets(wanted), facet_limit=shown.TOP_VALUES)
    try:
        page = observe_search(current_engine().answer(wanted))
    except QueryError as problem:
        typed = wanted.query
        page = current_engine().answer(params.without_query(wanted))
        return _render(page, (*problems, problem), typed), 400
    return _render(page, problems, wanted.query), 400 if problems else 200


def _render(page: ResultPage, problems: tuple[QueryError, ...], typed: str) -> str:
    wanted = page.request
    # What is counted beside the list is counted of what it lists.
    listed = replace(wanted, query=page.corrected or page.query)
    find = params.read_text(request.args, "find")[: params.MAX_VALUE_LENGTH]
    found = None
    if find:
        limited = replace(listed, facet_limit=shown.FOUND_VALUES)
        found = current_engine().values_of(limited, "provider", find)
    shown_dates = current_engine().histogram(listed)
    return render_template(
        "search.html",
        page=page,
        hits=read_hits(page, images=current_app.config["IMAGES_SHOWN"]),
        typed=typed,
        problems=problems,
        info=current_connection().info(),
        find=find,
        dates=_form_dates(wanted),
        public=shown.public_url(shown.search_url(wanted)),
        chart=read_chart(shown_dates, wanted),
        presets=shown.list_presets(wanted, params.read_text(request.args, "since")),
        groups=shown.list_groups(page, found),
        chips=shown.list_chips(page),
        orders=shown.list_orders(wanted),
        pages=shown.list_pages(page),
        describe=shown.describe,
        url=shown.search_url,
        follow=shown.follow_url,
        params=params,
    )


def _form_dates(wanted: SearchRequest) -> dict[str, str]:
    days = {"since": wanted.since, "until": wanted.until}
    return {name: day.isoformat()[:10] if day else "" for name, day in days.items()}


@pages.get("/story/<path:story_id>")
@conditional()
def story(story_id: str) -> ResponseReturnValue:
    """Everything about one story; with `q`, what of it matches first, and the way back."""
    params.refuse_others(request.args, params.STORY_PARAMETERS)
    engine = current_engine()
    found = engine.get(story_id)
    if found is None:
        raise StoryNotFound(story_id)
    ordered = display.in_time(found.related)
    last = max(-(-len(ordered) // params.ARTICLES_SHOWN), 1)
    number = params.read_number(request.args, "page", 1, 1, last)
    first = (number - 1) * params.ARTICLES_SHOWN
    query = params.read_text(request.args, "q")
    hit = engine.hit_of(story_id, query) if query else None
    images = current_app.config["IMAGES_SHOWN"]
    return render_template(
        "story.html",
        public=shown.public_url(shown.story_url(story_id)),
        preview=display.picture(found) if images else None,
        story=found,
        typed=query,
        matches=read_matches(hit) if hit else None,
        articles=ordered[first : first + params.ARTICLES_SHOWN],
        number=number,
        last=last,
        similar=engine.more_like(story_id, limit=4),
        story_url=shown.story_url,
        way_back=shown.search_url(SearchRequest(query=query)),
    )


@pages.get("/saved")
def saved() -> str:
    """The searches that this browser has saved; its script lists them."""
    return render_template("saved.html")


@pages.get("/help")
def help_page() -> ResponseReturnValue:
    """What can be typed."""
    return render_template("help.html", language=LANGUAGE)


@pages.get("/robots.txt")
def robots() -> Response:
    """Crawlers would find no end in combinations of filters."""
    lines = [f"Disallow: {shown.path_of(path)}" for path in _NO_ROBOTS]
    return Response("\n".join(["User-agent: *", *lines, ""]), mimetype="text/plain")
