"""The fast reader reads what the events say, and both read what PyYAML loads."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from urllib.parse import urlsplit

import msgspec
import pytest
import yaml
from hypothesis import given, settings

from indexer.model import Article, Provider, Story
from indexer.seeds import StoryRead, parse_story, yaml_fast
from indexer.seeds.values import BadValueError, is_visible, parse_instant
from tests.corpora.yaml_stories import (
    PLAIN_STORY,
    STORIES,
    STYLES,
    Dumper,
    field_notations,
    marred_texts,
)
from tests.seeds.bad_seeds import CANARY
from tests.seeds.reading import SEED, UTC


def _plain_text(value):
    kept = (" " if unicodedata.category(c) == "Cc" and c not in "\n\t" else c for c in value)
    return " ".join(unicodedata.normalize("NFC", "".join(kept)).split())


def _plain_instant(value):
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return None


def _plain_number(value):
    right = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if right and abs(value) <= 2**53 else None


def _plain_link(value):
    parts = urlsplit(value)
    return value if parts.scheme in ("http", "https") and parts.hostname else None


def _expected_fields(loaded):
    """The rules of the format, applied the slow way to what PyYAML loads."""
    readers = {
        "title": ("title", _plain_text),
        "excerpt": ("excerpt", _plain_text),
        "publishedDateTime": ("published_at", _plain_instant),
        "webUrl": ("web_url", _plain_link),
        "quality": ("quality", _plain_number),
    }
    fields = {
        attribute: read_value(loaded[key])
        for key, (attribute, read_value) in readers.items()
        if loaded.get(key) is not None
    }
    return {attribute: value for attribute, value in fields.items() if value not in (None, "")}


@settings(max_examples=200)
@given(STORIES, STYLES)
def test_stories_are_what_pyyaml_loads(fields, style):
    """However a story is written in YAML, it is read as PyYAML loads it."""
    text = yaml.dump(fields, Dumper=Dumper, **style)
    loaded = yaml.load(text, yaml.SafeLoader)
    topics = (_plain_text(topic) for topic in loaded.get("topics", ()))
    articles = map(_expected_fields, loaded.get("related", ()))
    expected = Story(
        id="a.md",
        topics=tuple(dict.fromkeys(topic for topic in topics if topic)),
        related=tuple(
            Article(**article) for article in articles if is_visible(article.get("title", ""))
        ),
        **_expected_fields(loaded),
    )
    result = parse_story(f"---\n{text}\n---\n".encode(), "a.md")
    assert result.rejection is None
    assert result.story == expected
    assert parse_story(text.encode(), "a.md").story == expected
    assert parse_story(text.encode(), "a.md", fast=False).story == expected
    assert CANARY not in repr(result)


@settings(max_examples=1000)
@given(marred_texts())
def test_the_fast_way_reads_what_the_events_are(text):
    """What is read without libyaml's events is what they would give, without a warning."""
    fast = parse_story(text.encode(), "a.yml")
    assert parse_story(text.encode(), "a.yml", fast=False) == fast
    if fast.story is not None:  # two lines of dashes make all after them body
        fast = fast._replace(story=msgspec.structs.replace(fast.story, body=""))
    assert CANARY not in repr(fast)


@settings(max_examples=3000)
@given(field_notations())
def test_values_of_the_fast_way_are_those_of_the_events(text):
    """Every kind of field, in every notation, right and wrong."""
    assert parse_story(text.encode(), "a.yml") == parse_story(text.encode(), "a.yml", fast=False)


def test_odd_characters_are_the_same_to_the_fast_way():
    """Controls, blanks, line breaks and marks of Unicode, in values wanted and not."""
    odd = [*range(0x20), *range(0x7F, 0xA2), 0xAD, 0x301, 0x1680, 0x180E, *range(0x1FFF, 0x2030)]
    odd += [*range(0x205E, 0x2062), 0x2FFF, 0x3000, 0x3001, 0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0xFFFE]
    odd += [0xFFFF, 0x10000, 0x1F642, 0x10FFFF]
    for character in map(chr, odd):
        for notation in ("{}", "'{}'", '"{}"'):
            value = notation.format(f"a{character}e{character}")
            for text in (f"title: {value}\n", f"title: T\nunknown: {value}\n"):
                data = text.encode()
                assert parse_story(data, "a.yml") == parse_story(data, "a.yml", fast=False)


def test_days_of_the_fast_way_are_those_of_the_calendar():
    """Every day of a month and some that are none, in years that are leap and not."""
    for year in (0, 1, 4, 1600, 1900, 1969, 1970, 2000, 2022, 2024, 2100, 9999):
        for month in range(14):
            for day in range(33):
                text = f"{year:04}-{month:02}-{day:02}T23:59:59-00:30"
                read = yaml_fast.read(f"title: T\npublishedDateTime: {text}", "a.yml")
                try:
                    expected = parse_instant(text)
                except BadValueError:
                    assert read is None
                else:
                    assert read is not None
                    assert read.story.published_at == expected


@pytest.mark.parametrize(
    "fields",
    [
        "title: null\nheat: 1",
        "title: Null\nheat: 1",
        "title: NULL\nheat: 1",
        "title: nuLL\nheat: 1",
        "title: 'null'\nheat: 1",
        *(f"{'k' * size}: x" for size in (99, 100, 101, 102, 1030)),
        *("\n".join(f"key{n}: x" for n in range(count)) for count in (31, 32, 33, 3000)),
        "\n".join(f"key{n % 20}: x" for n in range(21)),
        *(f"webUrl: https://a.example/{'x' * size}" for size in (4077, 4078, 4079)),
        *(
            f"provider:\n  name: N\n  domain: {('a.' * 200)[: size - 7]}example"
            for size in (252, 253, 254)
        ),
        *(f"provider:\n  name: N\n  domain: {'a' * size}.example" for size in (62, 63, 64)),
        *("title: " + "x" * size for size in (70_000, 300_000)),
        *("quality: " + "1234567890123456789"[:size] for size in (14, 15, 16, 17, 18)),
        *("heat: 0." + "1234567890123456789"[:size] for size in (13, 14, 15, 16, 17, 18)),
        *(f"quality: {number}" for number in (2**53, 2**53 + 1, -(2**53), "-0", "-0.0", "01")),
        "excerpt:\n  title: x",
        "excerpt:\n- x",
        "provider:\n- name: x",
        "topics:\n  name: x",
        "images:\n- x",
        "images:\n  url: https://i.example/",
    ],
)
def test_limits_of_the_fast_way_are_not_limits(fields):
    """What is too long or too much for it, or not in its place, is read all the same."""
    if not fields.startswith("title"):
        fields = f"title: T\n{fields}"
    nested = fields.replace("\n", "\n  ")
    for text in (f"{fields}\ncategory: C\n", f"title: T\nrelated:\n- {nested}\n"):
        data = text.encode()
        assert parse_story(data, "a.yml") == parse_story(data, "a.yml", fast=False)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN_STORY,
        SEED.read_text().split("\n---\n")[0].removeprefix("---\n"),
        "title:  “Blanks\u00a0 and\u2009 more” \u3000\nexcerpt:  'It''s  so '",
        "title: T\nprovider: P\ntopics: A\nquality: -1.25\nheat: 0\npublished: false",
        "title: T\npublishedDateTime: 2022-05-25",
        "title: T\npublishedDateTime: '2022-05-25 17:16:00.25+02:00'",
        "title: T\nexcerpt: ''\nwebUrl:\ncategory: null\ntopics:\n- ''",
    ],
)
def test_the_fast_way_is_taken(text):
    """Stories as they usually are need no events."""
    read = yaml_fast.read(text, "a.yml")
    assert read is not None
    assert read.story == parse_story(text.encode(), "a.yml", fast=False).story
    assert yaml.safe_load(text).get("secured", CANARY) not in repr(read)


@pytest.mark.parametrize(
    "text",
    [
        "title: T\nexcerpt: |\n  a\n  b\nquality: 1\n",
        "title: T\nexcerpt: >-\n  a\n  b\n\n  c\n",
        "title: T # a comment\n# another\nquality: 1\n",
        "title: T # a comment\nquality: 1\n",
        "title: T#1 a:b 'c' \"d\" - e\nquality: 1\n",
        "title: a: b\n",
        "title: T:\n",
        "title: T \nquality: 1\n",
        "title: T\nexcerpt: one\n  two\n",
        'title: T\nexcerpt: "one\n\n  two"\n',
        "title: T\nexcerpt: 'one\n  two'\n",
        'title: "T\\u00e9\\x41\\n"\n',
        "\ttitle: T\n",
        "title:\tT\n",
        "title: T\nquality: 1\t# tab\n",
        "title: T\ntopics: [a, b]\nprovider: {name: N}\n",
        "title: T\ntopics:\n-   a\n-\n  b\n",
        "? title\n: T\n",
        "'title': T\n\"quality\": 1\n",
        "title:    T\nquality:   1\n",
        "title: T\nsecured:  x\n",
        "  title: T\n  quality: 1\n",
        "title: T\nrelated:\n- title: A\n  quality: 1\n-   title: B\n    quality: 2\n",
    ],
)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("front", [True, False])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_odd_yaml_is_what_pyyaml_loads(text, ends, front, mark):
    """Block scalars, quotes, comments, tabs, line ends and marks of byte order."""
    whole = f"---\n{text}---\nBody.\n" if front else text
    data = (mark + whole.replace("\n", ends)).encode()
    name = "a.md" if front else "a.yml"
    result = parse_story(data, name)
    assert parse_story(data, name, fast=False) == result
    try:
        # The pure loader refuses tabs that libyaml lets pass.
        loaded = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        assert result.rejection is not None
        return
    topics = loaded.get("topics", ())
    expected = Story(
        id=name,
        topics=tuple(map(_plain_text, topics)),
        provider=Provider(**loaded["provider"]) if "provider" in loaded else None,
        related=tuple(Article(**article) for article in loaded.get("related", ())),
        body="Body." if front else "",
        **_expected_fields(loaded),
    )
    assert result == StoryRead(expected, None, ())
