"""The fields of a story: how values are read, and which are dropped."""

from __future__ import annotations

from datetime import datetime

import pytest

from indexer.model import Article, Image, Provider, Story
from indexer.seeds import parse_story
from tests.seeds.reading import UTC, dropped, read, story_of


@pytest.mark.parametrize("text", ["2022", "Yes", "0x1F", "2022-05-25", "1_000", "'~'", "1:30"])
def test_plain_scalars_are_text_where_text_belongs(text):
    """A title or topic that YAML takes for a number, flag or date is text as written."""
    story, *_ = parse_story(f"title: {text}\ntopics: [{text}]".encode(), "a.yml")
    assert story is not None
    assert (story.title, story.topics) == (text.strip("'"), (text.strip("'"),))


def test_text_is_normalised():
    """Text is NFC, on one line, trimmed, and free of control characters."""
    story = story_of(
        'excerpt: " e\\u0301\\x1e\\x1f \\t\\0 b\\n\\nc\\x85 "\nbody: "a\\x0b\\r\\n\\tb\\x1f"'
    )
    assert story.excerpt == "é b c"
    assert story.body == "a \n\tb"


def test_null_and_empty_fields_are_absent():
    """Nothing, `~`, null, empty text and blank text are absent without a warning."""
    optional = [
        "excerpt", "quality", "heat", "published", "publishedDateTime", "webUrl", "provider",
        "topics", "images", "related", "type", "category",
    ]  # fmt: skip
    for nothing in ("", "~", "null", "''", "'  '"):
        assert story_of("\n".join(f"{field}: {nothing}" for field in optional)) == Story(
            "a.md", "T"
        )
    assert story_of("topics: []\nrelated: []\nimages: [~]\nprovider: {}") == Story("a.md", "T")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("49", 49), ("-1", -1), ("0", 0), ("1.5", 1.5), ("+7", 7), ("1_000", 1000), ("0x1F", 31),
        ("010", 8), ("1:30", 90), ("1.0e+3", 1000.0), ("!!int '5'", 5), ("9007199254740992", 2**53),
    ],
)  # fmt: skip
def test_numbers_are_those_of_yaml(text, number):
    """A number is an integer or float in any notation of YAML 1.1."""
    assert story_of(f"quality: {text}").quality == number


@pytest.mark.parametrize(
    "text",
    [
        "'49'", "high", ".inf", "-.Inf", ".nan", "yes", "true", "2022-05-25", "1e999", "0b_",
        "!!str 5", "9007199254740993", "[1]", "{a: 1}", "1:" * 40 + "1",
    ],
)  # fmt: skip
def test_no_numbers_are_dropped(text):
    """Quoted digits, booleans, infinities and inexact integers are not numbers."""
    assert dropped(f"quality: {text}") == ["quality"]
    assert dropped(f"heat: {text}") == ["heat"]


@pytest.mark.parametrize("text", ["0", "-5", "1.5", "wide", "4294967296"])
def test_picture_sizes_are_positive_integers(text):
    """A size that is none is dropped, the picture stays."""
    result = read(f"images: [{{url: 'https://i.example/a', width: {text}, height: 7}}]")
    assert [warning.field for warning in result.warnings] == ["images[0].width"]
    assert result.story is not None
    assert result.story.images == (Image("https://i.example/a", height=7),)


def test_long_numbers_take_no_time():
    """A sexagesimal number that takes an hour to compute is refused before it is computed."""
    assert dropped(f"quality: {'1:' * 2_000_000}1") == ["quality"]


def test_flags_are_booleans_of_yaml():
    """true, no, Off and their like are booleans; text and numbers are not."""
    image = "images: [{{url: 'https://i.example/a', isCached: {}}}]"
    for text, flag in (("no", False), ("Off", False), ("FALSE", False), ("yes", True)):
        assert story_of(image.format(text)).images[0].is_cached is flag
    for text in ("'false'", "0", "n", "maybe"):
        assert dropped(image.format(text)) == ["images[0].isCached"]


@pytest.mark.parametrize(
    "text", ["false", "'false'", '"no"', "0", "'0'", "Off", "n", "NO", "No", "' false '"]
)
def test_a_story_is_not_public_however_that_is_written(text):
    """A quoted, numeric or short no to `published` is a no."""
    result = read(f"published: {text}")
    assert result.story is not None
    assert result.story.published is False
    assert result.warnings == ()


@pytest.mark.parametrize("text", ["true", "'true'", "yes", "1", "On", "~", "''", ""])
def test_a_story_is_public_where_nothing_else_is_said(text):
    """A yes in any notation, or nothing at all, leaves a story public."""
    assert story_of(f"published: {text}").published is True


@pytest.mark.parametrize("text", ["flase", "maybe", "2", "[no]", "{a: b}", "unpublished"])
def test_what_cannot_be_read_is_not_public(text):
    """A value of `published` that says neither yes nor no counts as no, with a warning."""
    result = read(f"published: {text}")
    assert result.story is not None
    assert result.story.published is False
    assert [warning.field for warning in result.warnings] == ["published"]


@pytest.mark.parametrize("text", ["true", "'true'", "1", "yes", "treu"])
def test_drafts_are_not_public(text):
    """`draft`, unless it says no, keeps a story from being public, whatever `published` says."""
    for fields in (f"draft: {text}", f"published: true\ndraft: {text}"):
        result = read(fields)
        assert result.story is not None
        assert result.story.published is False
    assert story_of("draft: false").published is True


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2022-05-25T17:16:00Z", datetime(2022, 5, 25, 17, 16)),
        ("2022-05-25t17:16:00z", datetime(2022, 5, 25, 17, 16)),
        ("'2022-05-25T17:16:00Z'", datetime(2022, 5, 25, 17, 16)),
        ("2022-05-25T17:16:00", datetime(2022, 5, 25, 17, 16)),
        ("2022-05-25 17:16", datetime(2022, 5, 25, 17, 16)),
        ("2022/05/25 17:16", datetime(2022, 5, 25, 17, 16)),
        ("2022/5/25", datetime(2022, 5, 25)),
        ("2022-05-25", datetime(2022, 5, 25)),
        ("2022-5-5", datetime(2022, 5, 5)),
        ("2022-05-25T17:16:00.25Z", datetime(2022, 5, 25, 17, 16, 0, 250000)),
        ("2022-05-25T17:16:00.1234567899+00:00", datetime(2022, 5, 25, 17, 16, 0, 123456)),
        ("2022-05-25T17:16:00+05:30", datetime(2022, 5, 25, 11, 46)),
        ("2022-05-25T17:16:00-0800", datetime(2022, 5, 26, 1, 16)),
        ("2001-12-14 21:59:43.10 -5", datetime(2001, 12, 15, 2, 59, 43, 100000)),
        ("2001-12-14 21:59:43 +5:30", datetime(2001, 12, 14, 16, 29, 43)),
        ("20220525T171600Z", datetime(2022, 5, 25, 17, 16)),
        ("20220525", datetime(2022, 5, 25)),
    ],
)
def test_dates_are_read_as_utc(text, instant):
    """ISO 8601 and YAML timestamps are instants; without an offset they are UTC."""
    assert story_of(f"publishedDateTime: {text}").published_at == instant.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday", "2022-02-30", "2022-13-01", "0000-01-01", "2022-05-25T25:00:00Z", "2022",
        "1653498960", "25 May 2022", "2022-05-25T17:16:00+99:00", "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00", "25/05/2022", "２０２２-05-25", "[2022-05-25]",
    ],
)  # fmt: skip
def test_no_dates_are_dropped(text):
    """What is no day of the calendar is dropped with a warning."""
    assert dropped(f"publishedDateTime: {text}") == ["publishedDateTime"]


@pytest.mark.parametrize(
    "link",
    [
        "https://news.example", "HTTP://news.example:8080/a?b=c#d", "https://user@news.example/",
        "https://müller.example/käse?q=日本", "https://1.2.3.4/x", "https://a.example/?u=http://b",
    ],
)  # fmt: skip
def test_links_are_http_or_https(link):
    """Web addresses are kept as written."""
    assert story_of(f"webUrl: ' {link} '").web_url == link


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)", "ftp://a.example", "//a.example", "/path", "a.example", "https://",
        "https:///path", "https:/a.example", "https://a.example/a b", "https://a.example/\\x01",
        "https://a.example/\\u202egpj", "https://a.ex\\u2100ample/", "https://a.example\\\\@b/",
        "https://a.example:port/", "data:text/html,x", "https://<b>/", "https://?q", "https://[::x]/",
        "https://a.example/" + "x" * 4096,
    ],
)  # fmt: skip
def test_other_links_are_dropped(link):
    """Any other scheme, a missing host, blanks and invisible characters are refused."""
    for field in ("originalUrl", "webUrl", "ampWebUrl", "cdnAmpWebUrl"):
        assert dropped(f'{field}: "{link}"') == [field]


@pytest.mark.parametrize(
    ("written", "provider"),
    [
        ("{name: ZDNet, domain: zdnet.com}", Provider("ZDNet", "zdnet.com")),
        (
            "{name: ZDNet, domain: 'HTTPS://WWW.ZDNet.com.:443/path?q'}",
            Provider("ZDNet", "zdnet.com"),
        ),
        ("{domain: //www.zdnet.com/}", Provider("zdnet.com", "zdnet.com")),
        ("{domain: www.example}", Provider("www.example", "www.example")),
        ("{name: ' The  Hindu '}", Provider("The Hindu")),
        ("The Hindu", Provider("The Hindu")),
        ("{name: B, domain: Bücher.example}", Provider("B", "xn--bcher-kva.example")),
        ("{name: 2022}", Provider("2022")),
        ("{other: x}", None),
    ],
)
def test_providers_are_known_by_their_domain(written, provider):
    """A domain is brought to one form; without a name it serves as the name."""
    assert story_of(f"provider: {written}").provider == provider


@pytest.mark.parametrize(
    "domain",
    ["nodots", "a b.com", "-a.com", "a..com", "user@a.com", "a.com,b.com", "x" * 300, "https://"],
)
def test_no_domains_are_dropped(domain):
    """What cannot be a host is dropped; the provider goes by its name."""
    result = read(f"provider: {{name: N, domain: '{domain}'}}")
    assert [warning.field for warning in result.warnings] == ["provider.domain"]
    assert result.story is not None
    assert result.story.provider == Provider("N")


def test_topics_are_a_list_or_one_text():
    """Topics are kept once each, in order; one text is a list of one."""
    assert story_of("topics: [b, a, ' b ', ~, '']").topics == ("b", "a")
    assert story_of("topics: AI").topics == ("AI",)
    for text in ("政治、東京", "政治，東京", "政治، 東京", "政治,東京"):
        for quoted in (text, f'"{text}"', f"&t {text}"):  # an anchor is read by the events
            assert story_of(f"topics: {quoted}").topics == ("政治", "東京")
    result = read("topics: [a, [b], {c: d}]")
    assert [warning.field for warning in result.warnings] == ["topics[1]", "topics[2]"]


def test_related_articles_keep_their_fields():
    """A related article has the fields of a story; what is not known is ignored."""
    story = story_of(
        "related:\n"
        "- {title: A, excerpt: e, quality: 1, heat: 2, type: t, category: c, other: x,\n"
        "   publishedDateTime: 2022-05-25, originalUrl: 'http://o.example',\n"
        "   provider: P, images: [{url: 'http://i.example', isCached: no}]}"
    )
    assert story.related == (
        Article(
            "A",
            "e",
            datetime(2022, 5, 25, tzinfo=UTC),
            "http://o.example",
            type="t",
            category="c",
            quality=1,
            heat=2,
            provider=Provider("P"),
            images=(Image("http://i.example", is_cached=False),),
        ),
    )


def test_one_warning_for_one_fault():
    """A related article whose title is unusable is left out with a single warning."""
    warnings = read("related: [{title: [x], quality: 5}]").warnings
    assert list(map(str, warnings)) == [
        "a.md:3: related[0].title: text is expected here, not a list"
    ]


MARKS = "\u0301\u0316"


def test_marks_without_end_are_cut():
    """More combining marks on a letter than any script has take no time, and do not stay."""
    story = story_of("excerpt: E", body=f"x{MARKS * 800_000}y")
    assert story.body[0] == "x"
    assert story.body[-1] == "y"
    assert len(story.body) <= 32


def test_long_texts_keep_their_marks():
    """Words with a few marks on a letter are composed, in texts of any length."""
    story = story_of("excerpt: E", body=f"e{MARKS} " * 2000)
    assert story.body == " ".join(["\u00e9\u0316"] * 2000)
