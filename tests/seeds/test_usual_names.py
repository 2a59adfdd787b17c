"""The usual names of front matter, and other notations of the format's own fields."""

from __future__ import annotations

from datetime import datetime

import pytest

from indexer.model import Article, Image, Provider
from indexer.seeds import likely_field, parse_story
from tests.seeds.reading import UTC, dropped, read, story_of

DAY = datetime(2022, 5, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "attribute", "value"),
    [
        ("date: 2022-05-25", "published_at", DAY),
        ("description: D", "excerpt", "D"),
        ("summary: S", "excerpt", "S"),
        ("summary: S\ndescription: D", "excerpt", "D"),
        ("tags: [a, b]", "topics", ("a", "b")),
        ("categories: News", "topics", ("News",)),
        ("keywords: 'a, b,, c '", "topics", ("a", "b", "c")),
        ("author: Jane Doe", "provider", Provider("Jane Doe")),
        ("author: [Jane Doe, Joe]", "provider", Provider("Jane Doe")),
        ("author: {name: Jane, email: x}", "provider", Provider("Jane")),
        ("author: Jane\nsource: The News", "provider", Provider("The News")),
        ("source: 'https://www.n.example/a'", "provider", Provider("n.example", "n.example")),
        ("link: https://a.example/", "web_url", "https://a.example/"),
        ("canonical: https://a.example/", "web_url", "https://a.example/"),
        ("permalink: https://a.example/", "web_url", "https://a.example/"),
        ("image: https://a.example/i.png", "images", (Image("https://a.example/i.png"),)),
        (
            "image: {url: 'https://a.example/i.png', width: 5}",
            "images",
            (Image("https://a.example/i.png", 5),),
        ),
    ],
)  # fmt: skip
def test_usual_names_stand_in(fields, attribute, value):
    """Front matter that was written for other programs is understood."""
    assert getattr(story_of(fields), attribute) == value


@pytest.mark.parametrize(
    "fields",
    ["excerpt: own\ndescription: usual", "description: usual\nexcerpt: own"],
)
def test_the_formats_own_names_come_first(fields):
    """In whatever order they stand."""
    assert story_of(fields).excerpt == "own"


def test_a_usual_name_counts_where_the_own_is_of_no_use():
    """An empty field, or one that is dropped, leaves the other."""
    assert story_of("excerpt:\nsummary: S").excerpt == "S"
    result = read("publishedDateTime: soon\ndate: 2022-05-25")
    assert result.story is not None
    assert result.story.published_at == DAY
    assert [warning.field for warning in result.warnings] == ["publishedDateTime"]


def test_usual_names_of_related_articles():
    """They stand in there, too."""
    story = story_of(
        "related: [{title: A, date: 2022-05-25, summary: S, source: N, link: 'http://a.example'}]"
    )
    assert story.related == (
        Article("A", "S", DAY, web_url="http://a.example", provider=Provider("N")),
    )


@pytest.mark.parametrize("path", ["/a/:title/", "pretty", "/a/b.html", "img/x.png"])
def test_paths_are_of_no_use_without_a_base(path):
    """They are no fault: fields of these names mostly have paths."""
    for field in ("permalink", "image", "link"):
        story = story_of(f"{field}: {path}")
        assert (story.web_url, story.images) == (None, ())
        assert read(f"{field}: {path}").unused == (field,)
    assert dropped(f"webUrl: {path}") == ["webUrl"]


def test_several_categories():
    """The first is the category, the others are topics."""
    story = story_of("category: [News, Sport, Tennis]\ntopics: Sport, AI")
    assert (story.category, story.topics) == ("News", ("Sport", "AI", "Tennis"))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("Wed, 25 May 2022 17:16:00 +0200", datetime(2022, 5, 25, 15, 16)),
        ("25 May 2022 17:16 GMT", datetime(2022, 5, 25, 17, 16)),
        ("2022-05-25 17:16:00 UTC", datetime(2022, 5, 25, 17, 16)),
        ("2022-05-25 17:16:00.123 GMT", datetime(2022, 5, 25, 17, 16, 0, 123_000)),
        ("Wed, 25 May 2022 17:16:00 EST", datetime(2022, 5, 25, 22, 16)),
        ("Wed, 25 May 2022 17:16:00 -0000", datetime(2022, 5, 25, 17, 16)),
        ("2022-05", datetime(2022, 5, 1)),
    ],
)
def test_dates_of_mail_and_months(text, instant):
    """RFC 2822, and a month as its first day."""
    assert story_of(f"date: {text}").published_at == instant.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2022-13",
        "Wed, 32 May 2022 17:16:00 GMT",
        "25 Mai 2022 17:16 GMT",
        "1 May 22",
        "2022-05-25 UTC",
    ],
)
def test_no_dates_of_mail_and_months(text):
    """What is no day of the calendar is dropped, under whatever name."""
    assert dropped(f"date: {text}") == ["date"]


@pytest.mark.parametrize("link", ["https://a..b/", "https://.a.b/", "https://a.b:99999/"])
def test_addresses_that_lead_nowhere_are_dropped(link):
    """A host without one of its labels, and a port that there is not."""
    assert dropped(f"webUrl: {link}") == ["webUrl"]


@pytest.mark.parametrize("fast", [True, False])
def test_unused_keys_are_told(fast):
    """By name, those of related articles too, and never private ones."""
    text = (
        "title: T\nlayout: x\nsecured: a\nSecured: b\n'odd key!': c\n"
        "provider: {name: N, x: y}\nrelated: [{title: A, publishedDatetime: z}]\n"
    )
    unused = parse_story(text.encode(), "a.yml", fast=fast).unused
    assert unused == ("layout", "related[].publishedDatetime")


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("publisheddatetime", "publishedDateTime"),
        ("published_date_time", "publishedDateTime"),
        ("related[].publishedDateTme", "related[].publishedDateTime"),
        ("exerpt", "excerpt"),
        ("layout", None),
        ("lang", None),
    ],
)
def test_likely_fields(name, likely):
    """A name nearly like one of the format was probably meant for it."""
    assert likely_field(name) == likely
