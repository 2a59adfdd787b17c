"""What the tests of the web front end share: an archive, a site over it, a strict reader."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from waitress.server import create_server

from web import create_app

ZDNET = {"name": "ZDNet", "domain": "zdnet.com"}
NASDAQ = {"name": "Nasdaq", "domain": "nasdaq.com"}
ALPHA = {"name": "Seeking Alpha", "domain": "seekingalpha.com"}


def archive() -> dict[str, dict[str, Any]]:
    """Thirty stories: two pages and a bit, three lead providers, two years."""
    stories: dict[str, dict[str, Any]] = {}
    for number in range(30):
        provider = (ZDNET, NASDAQ, ALPHA)[number % 3]
        stories[f"{2021 + number % 2}/story {number:02}.md"] = {
            "title": f"Azure report {number}" + (" on turbines" if number % 10 == 5 else ""),
            "excerpt": "A cloud provider signs a partnership.",
            "body": "The first paragraph.\n\nThe second paragraph.",
            "publishedDateTime": f"{2021 + number % 2}-03-{number % 28 + 1:02}T10:00:00Z",
            "webUrl": f"https://example.com/{number}",
            "category": "news",
            "type": "article",
            "quality": number * 4,
            "published": number % 5 != 0,
            "provider": provider,
            "topics": ["Cloud", "AI"] if number % 2 else ["Cloud"],
            "related": [
                {
                    "title": f"Coverage of azure by another desk, {number}",
                    "excerpt": "Meta chooses a cloud.",
                    "webUrl": f"https://other.example/{number}",
                    "publishedDateTime": "2022-03-02T08:00:00Z",
                    "provider": {"name": f"Desk {number}", "domain": f"desk{number}.example"},
                }
            ],
        }
    return stories


def site(index: Path | str, **config: Any) -> Flask:
    """An app over an index that looks for new generations at every request."""
    app = create_app({"INDEX": str(index), "RELOAD_SECONDS": 0, **config})
    # As in production: errors become responses.
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


def visit(index: Path | str, **config: Any) -> FlaskClient:
    """A client of such an app."""
    return site(index, **config).test_client()


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve an app on a free port; gives its address."""
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.close()
        server.task_dispatcher.shutdown()
        thread.join(timeout=5)


class Page(HTMLParser):
    """A page taken apart: its tags with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every element with this name."""
        return [attributes for name, attributes in self.tags if name == tag]

    def fields(self) -> list[tuple[str, str]]:
        """What a browser would send of the page's form, as name and value."""
        found, select = [], ""
        for tag, attributes in self.tags:
            select = attributes["name"] if tag == "select" else select
            value = attributes.get("value", "")
            if tag == "option" and "selected" in attributes:
                found.append((select, value))
            elif tag == "input" and (attributes["type"] != "checkbox" or "checked" in attributes):
                found.append((attributes["name"], value))
        return [(name, value) for name, value in found if value]

    def boxes(self, name: str) -> list[str]:
        """The values of the check boxes with this name."""
        boxes = (one for one in self.all("input") if one["type"] == "checkbox")
        return [one["value"] for one in boxes if one["name"] == name]

    def links(self, rel: str = "") -> list[str]:
        """Where its links lead; with `rel` only those that have it."""
        return [
            link["href"]
            for link in self.all("a") + self.all("link")
            if "href" in link and (not rel or rel in link.get("rel", "").split())
        ]


def get(client: FlaskClient, path: str, status: int = 200) -> Any:
    """Ask for JSON and expect a status."""
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return answer.get_json(force=True)


def problem(client: FlaskClient, path: str, status: int) -> Any:
    """Ask for something that fails, and expect a problem document of RFC 9457."""
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    document = json.loads(answer.data)
    assert document["status"] == status
    assert document["title"]
    assert document["type"]
    return document


def read(client: FlaskClient, path: str, status: int = 200) -> Page:
    """Get a page and take it apart."""
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    return Page(answer.text)
