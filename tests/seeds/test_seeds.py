"""Story files: what is read, what is dropped, what is refused."""

from __future__ import annotations

import os
import re
import time
import unicodedata
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

import indexer.seeds.events
from indexer.errors import SeedError
from indexer.model import Article, Image, Provider, Rejection, Story
from indexer.seeds import StoryRead, parse_story, plain_reader, read_story
from indexer.seeds.values import BadValueError, parse_instant
from tests.conftest import ROOT, SEED_STORY, seed_files
from tests.seeds.bad_seeds import BAD, CANARY, GOOD, WARNED, Expected, front, write_bad_seeds
from tests.seeds.entries import deny

SEED = ROOT / "seeds" / SEED_STORY
UTC = timezone.utc


@pytest.fixture(scope="session")
def plain():
    """The compiled reader of plain YAML."""
    return plain_reader()


def read(fields: str, body: str = "") -> StoryRead:
    """What becomes of front matter with a title and these fields."""
    return parse_story(front(f"title: T\n{fields}", body), "a.md")


def story_of(fields: str, body: str = "") -> Story:
    """The story of such a file, which has nothing wrong in it."""
    story, rejection, warnings = read(fields, body)
    assert rejection is None
    assert warnings == ()
    assert story is not None
    return story


def dropped(fields: str) -> list[str]:
    """The fields that are dropped from such a file."""
    result = read(fields)
    assert result.story is not None
    return [warning.field for warning in result.warnings]


def refused(data: bytes, name: str = "a.yml") -> str:
    """Where and why a file is refused."""
    story, rejection, warnings = parse_story(data, name)
    assert story is None
    assert warnings == ()
    return str(rejection)


# --- the real story ---------------------------------------------------------------


def test_real_story_is_read_whole():
    """A real story file is read with all its fields and nothing to warn of."""
    story, rejection, warnings = read_story(str(SEED), SEED.name)
    assert story is not None
    assert (rejection, warnings) == (None, ())
    assert story.id == SEED.name
    assert story.title.startswith("Microsoft dips even as Meta Platforms picks Azure")
    assert story.published_at == datetime(2022, 5, 25, 17, 16, tzinfo=UTC)
    assert story.provider == Provider("Seeking Alpha", "seekingalpha.com")
    assert story.topics == ("Microsoft AI", "AI")
    assert (story.quality, story.heat, story.published) == (49, -1, False)
    assert story.images[0].width == 750
    assert len(story.related) == 23
    assert story.related[0].provider == Provider("ZDNet", "zdnet.com")
    assert story.related[0].amp_web_url == (
        "https://www.zdnet.com/google-amp/article/microsoft-expands-its-ai-partnership-with-meta/"
    )


def test_real_story_without_libyaml(monkeypatch):
    """The pure parser, used where libyaml is missing, reads the same story."""
    fast = read_story(str(SEED), SEED.name)
    monkeypatch.setattr(indexer.seeds.events, "Parser", yaml.SafeLoader)
    assert read_story(str(SEED), SEED.name) == fast


def test_documented_example_is_read():
    """The story that docs/story-format.md shows is read whole."""
    document = (ROOT / "docs" / "story-format.md").read_text("utf-8")
    example = re.search(r"```yaml\n(.*?)```", document, re.DOTALL)
    assert example is not None
    story, rejection, warnings = parse_story(example[1].encode(), "a.md")
    assert (rejection, warnings) == (None, ())
    assert story is not None
    assert story.body.startswith("Text after the second line")
    assert story.provider == Provider("Tarnoport Courier", "tarnoport-courier.example")
    assert len(story.related) == len(story.images) == 1


# --- folders ----------------------------------------------------------------------


def test_folder_lists_story_files_by_id(tmp_path):
    """All story files are found, hidden and other files are not, in the order of ids."""
    expected = write_bad_seeds(tmp_path)
    files = seed_files(tmp_path)
    assert [file.id for file in files] == sorted(expected)
    for file in files:
        status = os.stat(file.path)
        assert (file.size, file.mtime_ns) == (status.st_size, status.st_mtime_ns)


def test_folder_order_is_that_of_whole_ids(tmp_path):
    """A folder and a file that begin alike are in the order of their ids, not of names."""
    for name in ("a.md", "a/z.md", "a-b/c.md", "a0.md", "B.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    ids = [file.id for file in seed_files(tmp_path)]
    assert ids == ["B.md", "a-b/c.md", "a.md", "a/z.md", "a0.md"]


def test_folder_links_are_not_followed(tmp_path):
    """Links to files or folders, inside or outside, are passed over; loops do no harm."""
    outside = tmp_path / "outside"
    seeds = tmp_path / "seeds"
    outside.mkdir()
    (seeds / "sub").mkdir(parents=True)
    (outside / "secret.md").touch()
    (seeds / "sub" / "real.md").touch()
    (seeds / "sub" / "loop").symlink_to(seeds)
    (seeds / "out").symlink_to(outside)
    (seeds / "out.md").symlink_to(outside / "secret.md")
    (seeds / "broken.md").symlink_to("nowhere")
    os.mkfifo(seeds / "pipe.md")
    assert [file.id for file in seed_files(seeds)] == ["sub/real.md"]


def test_folder_may_itself_be_a_link(tmp_path):
    """The folder given may be a link to a folder."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.md").touch()
    (tmp_path / "link").symlink_to("real")
    assert [file.id for file in seed_files(tmp_path / "link")] == ["a.md"]


def test_folder_missing_or_no_folder_is_an_error(tmp_path):
    """A folder that is not there, or is a file, is an error at once, with a remedy."""
    with pytest.raises(SeedError, match="no such folder: give the folder"):
        seed_files(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(SeedError, match="not a folder: give the folder"):
        seed_files(tmp_path / "file")


def test_unreadable_subfolder_does_not_stop_the_rest(tmp_path, monkeypatch):
    """A subfolder that cannot be listed is reported, and everything else is found."""
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.md").touch()
    deny(monkeypatch, "b")
    rejected = []
    files = seed_files(tmp_path, rejected.append)
    assert [file.id for file in files] == ["a/x.md", "c/x.md"]
    assert list(map(str, rejected)) == [
        "b/:1: cannot be read (Permission denied): check its permissions"
    ]


def test_names_that_cannot_be_ids_are_rejected(tmp_path):
    """A name that is not UTF-8 or has control characters is reported in readable form."""
    for name in (b"caf\xe9.md", b"two\nlines.md", "gut été\u202f1.md".encode()):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    rejected: list[Rejection] = []
    files = seed_files(tmp_path, rejected.append)
    assert [file.id for file in files] == ["gut été\u202f1.md"]
    assert sorted(rejection.path for rejection in rejected) == ["caf\\udce9.md", "two\\nlines.md"]
    assert all("rename it" in rejection.reason for rejection in rejected)


def test_file_that_vanishes_is_rejected(tmp_path):
    """A file that cannot be opened is a rejection of that file."""
    _, rejection, _ = read_story(str(tmp_path / "gone.md"), "gone.md")
    assert str(rejection) == (
        "gone.md:1: cannot be read (No such file or directory): check its permissions"
    )


# --- whole files ------------------------------------------------------------------


@pytest.mark.parametrize("name", [*GOOD, *BAD, *WARNED])
def test_each_kind_of_file(name, tmp_path):
    """Every file of the collection of faults is treated as it says there."""
    data, expected = {**GOOD, **BAD, **WARNED}[name]
    path = tmp_path / "file"
    path.write_bytes(data)
    result = read_story(str(path), name)
    rejection = result.rejection
    assert expected == Expected(
        title=result.story.title if result.story else None,
        line=rejection.line if rejection else 0,
        says=expected.says if rejection and expected.says in rejection.reason else "",
        fields=tuple(warning.field for warning in result.warnings),
    )
    assert CANARY not in repr(result)
    assert all(report.path == name for report in (rejection, *result.warnings) if report)


@pytest.mark.parametrize("name", list(BAD))
def test_rejections_without_libyaml(name, monkeypatch):
    """The pure parser refuses the same files, and quotes nothing of them either."""
    monkeypatch.setattr(indexer.seeds.events, "Parser", yaml.SafeLoader)
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    result = parse_story(BAD[name][0], name)
    assert result.rejection is not None
    assert CANARY not in repr(result)


@given(st.binary(max_size=200))
@example(b"---")
@example(b"---\n---")
@example(b"\xef\xbb\xbf")
@example(b'title: "\\UFFFFFFFF"')
@example(b"? title\n: x")
@example(b"title: T\n...\n")
def test_any_bytes_are_answered(data):
    """Whatever the bytes, there is either a story or a rejection at a line of the file."""
    story, rejection, _ = parse_story(data, "a.md")
    assert (story is None) != (rejection is None)
    if rejection is not None:
        assert 1 <= rejection.line <= len(data.splitlines()) + 1


def test_body_is_the_text_after_the_front_matter():
    """The body is trimmed, keeps its lines, and may hold lines of dashes."""
    assert story_of("", "\n\nOne\n\n---\n\tTwo\n\n").body == "One\n\n---\n\tTwo"
    assert story_of("body: Inside").body == "Inside"
    assert story_of("body: Inside", "After").body == "After"


def test_block_scalars_hold_lines_of_dashes():
    """Indented dashes in a block scalar do not end the front matter."""
    story = story_of("body: |\n  One\n  ---\n  Two\nexcerpt: >-\n  folded\n  text")
    assert (story.body, story.excerpt) == ("One\n---\nTwo", "folded text")


def test_comments_and_blank_lines_may_precede_front_matter():
    """Blank lines and comments before the opening line do no harm."""
    story, _, _ = parse_story(b"# from the archive\n\n---\ntitle: T\n---\nBody", "a.md")
    assert story == Story("a.md", "T", body="Body")


def test_line_numbers_are_those_of_the_file():
    """BOM, CRLF, lone CR, comments and odd Unicode line ends do not shift line numbers."""
    lines = ["# one", "---", "title: 'a \u2028 b'", "excerpt: x", "excerpt: y", "---", ""]
    for end in ("\n", "\r\n", "\r"):
        data = b"\xef\xbb\xbf" + end.join(lines).encode()
        assert refused(data).startswith("a.yml:5: `excerpt` occurs twice")


@pytest.mark.parametrize(
    "value",
    ["{*x: 1}", "[[a, {b: *x}]]", "{? [a] : b}", "{a: 1, a: 2}", "{a: [{b: 1, b: 2}]}", "!x y"],
)
def test_skipped_parts_are_checked_too(value):
    """Aliases, duplicate keys and unknown tags are refused in fields that are not read."""
    assert ":2:" in refused(f"title: T\nother: {value}\n".encode())
    assert ":2:" in refused(f"title: T\nsecured: {value}\n".encode())


def test_anchor_alone_is_harmless():
    """An anchor that nothing refers to changes nothing."""
    assert story_of("excerpt: &here text").excerpt == "text"


def test_many_faults_in_one_file_are_counted():
    """Past a thousand dropped fields, the rest are counted in one warning."""
    _, _, warnings = read("related:\n" + "  - {title: x, quality: y}\n" * 1500)
    assert len(warnings) == 1001
    assert str(warnings[-1]) == "a.md: …: 500 more fields were dropped"


# --- `secured` --------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "title: T\nsecured: {c}\n",
        "title: T\nsecured: *{c}\n",
        "title: T\nsecured: !{c} x\n",
        "title: T\nsecured: !{c}!x y\n",
        "title: T\nsecured: !cAnArYs3!x y\n",
        "title: T\nsecured: !<{c}\n",
        'title: T\nsecured: "{c}\n',
        'title: T\nsecured: "{c}\\q"\n',
        "title: T\nsecured: {c}: {c}\n",
        "title: T\nsecured: [{c}\n",
        "title: T\nsecured: @{c}\n",
        "title: T\nsecured: |{c}\n",
        "title: T\nsecured: |\n{c}\n{c}\n",
        "title: T\nsecured: {{a: {c}, a: {c}}}\n",
        "title: T\nsecured: {c}\nsecured: {c}\n",
        "title: T\n{c}: x\n{c}: y\n",
        "title: T\nsecured: {c}\n %{c}\n",
        "%{c} x\n---\ntitle: T\n",
        "title: T\nprovider: {{secured: {c}, name: N}}\n",
        "title: T\nrelated: [{{title: R, secured: {c}}}, {{secured: {c}}}]\n",
        "title: T\nwebUrl: {c}\nquality: {c}\npublishedDateTime: {c}\nprovider: {{domain: '{c}'}}",
    ],
)
@pytest.mark.parametrize("pure", [False, True])
def test_secret_is_nowhere(text, pure, monkeypatch):
    """No record, warning or rejection holds the secret, wherever the file goes wrong."""
    if pure:
        monkeypatch.setattr(indexer.seeds.events, "Parser", yaml.SafeLoader)
        monkeypatch.setattr(yaml, "__with_libyaml__", False)
    result = parse_story(text.format(c=CANARY).encode(), "a.yml")
    said = repr(result) + "".join(map(str, (result.rejection, *result.warnings)))
    assert CANARY[:8] not in said


# --- fields -----------------------------------------------------------------------


@pytest.mark.parametrize("text", ["2022", "Yes", "0x1F", "2022-05-25", "1_000", "'~'", "1:30"])
def test_plain_scalars_are_text_where_text_belongs(text):
    """A title or topic that YAML takes for a number, flag or date is text as written."""
    story, _, _ = parse_story(f"title: {text}\ntopics: [{text}]".encode(), "a.yml")
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
    """A sexagesimal number of any length is refused before it is computed."""
    started = time.perf_counter()
    assert dropped(f"quality: {'1:' * 200_000}1") == ["quality"]
    assert time.perf_counter() - started < 1


def test_flags_are_booleans_of_yaml():
    """true, no, Off and their like are booleans; text and numbers are not."""
    assert [story_of(f"published: {text}").published for text in ("no", "Off", "FALSE")] == [
        False
    ] * 3
    assert story_of("published: yes").published is True
    for text in ("'false'", "0", "n", "maybe"):
        assert dropped(f"published: {text}") == ["published"]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2022-05-25T17:16:00Z", datetime(2022, 5, 25, 17, 16)),
        ("2022-05-25t17:16:00z", datetime(2022, 5, 25, 17, 16)),
        ("'2022-05-25T17:16:00Z'", datetime(2022, 5, 25, 17, 16)),
        ("2022-05-25T17:16:00", datetime(2022, 5, 25, 17, 16)),
        ("2022-05-25 17:16", datetime(2022, 5, 25, 17, 16)),
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
        "2022-05", "1653498960", "2022-05-25T17:16:00+99:00", "0001-01-01T00:00:00+01:00",
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
        ("{name: B, domain: Bücher.example}", Provider("B", "bücher.example")),
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
    _, _, warnings = read("related: [{title: [x], quality: 5}]")
    assert list(map(str, warnings)) == ["a.md: related[0].title: text is expected here"]


# --- against PyYAML ---------------------------------------------------------------

_texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff\ufffe\uffff"), max_size=30
)
_odd = st.one_of(
    _texts, st.none(), st.booleans(), st.integers(), st.floats(), st.lists(st.integers())
)
_dates = st.one_of(
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)),
    st.datetimes(
        min_value=datetime(1900, 1, 3),
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
    ),
    st.dates(min_value=date(1, 1, 3)),
    _texts,
)
_links = st.sampled_from(
    ["https://a.example/x?y=z#1", "http://b.example", "ftp://a.example", "", "x"]
)
_names = st.one_of(
    _texts, st.sampled_from(["yes", "2022", "~", "- x", "a: b", "#c", "'", '"', "---"])
)
_article = st.fixed_dictionaries(
    {},
    optional={
        "title": _names,
        "excerpt": _texts,
        "publishedDateTime": _dates,
        "webUrl": _links,
        "quality": _odd,
        "secured": st.just(CANARY),
        "unknown": _odd,
    },
)
_stories = st.builds(
    lambda title, article, rest: {**article, **rest, "title": f"T {title}"},
    _names,
    _article,
    st.fixed_dictionaries(
        {},
        optional={
            "topics": st.lists(_names, max_size=3),
            "related": st.lists(_article, max_size=3),
        },
    ),
)
_styles = st.fixed_dictionaries(
    {
        "default_style": st.sampled_from([None, "'", '"', "|", ">"]),
        "default_flow_style": st.sampled_from([True, False, None]),
        "allow_unicode": st.booleans(),
        "indent": st.integers(2, 8),
        "width": st.sampled_from([20, 80, 4000]),
        "line_break": st.sampled_from(["\n", "\r\n"]),
    }
)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data):
        """Write every value out."""
        return True


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


@settings(max_examples=200, deadline=None)
@given(_stories, _styles)
def test_stories_are_what_pyyaml_loads(plain, fields, style):
    """However a story is written in YAML, it is read as PyYAML loads it."""
    text = yaml.dump(fields, Dumper=_Dumper, **style)
    loaded = yaml.load(text, yaml.SafeLoader)
    topics = (_plain_text(topic) for topic in loaded.get("topics", ()))
    articles = map(_expected_fields, loaded.get("related", ()))
    expected = Story(
        id="a.md",
        topics=tuple(dict.fromkeys(topic for topic in topics if topic)),
        related=tuple(Article(**article) for article in articles if "title" in article),
        **_expected_fields(loaded),
    )
    result = parse_story(f"---\n{text}\n---\n".encode(), "a.md")
    assert result.rejection is None
    assert result.story == expected
    assert parse_story(text.encode(), "a.md").story == expected
    assert parse_story(text.encode(), "a.md", plain).story == expected
    assert CANARY not in repr(result)


# Pieces of YAML that mean something, to be set into lines of the plain form.
_YAML_SIGNS = [
    '"', "'", "\\", "\n", " ", "  ", "- ", "-", ": ", ":", " #", "#", "~", "[]", "{}", "&a ", "*a",
    "!x ", "|\n", ">\n", "---\n", "...\n", "\t", "\r", "\x85", "\u2028", "\ufeff", "\xa0", "\x00",
    "title: x\n", "  title: y\n", "secured: x\n", "? ", "%", "@", ",", '\\"', "<<: x\n", "- a\n",
    "related:\n", "provider:\n", "null", "0x1F", "é", "🙂",
]  # fmt: skip
_PLAIN_STORY = f"""\
title: "A \\"quoted\\" title: with # signs"
excerpt: 'It''s plain'
publishedDateTime: 2022-05-25T17:16:00Z
webUrl: https://news.example/a?b=c#d
quality: -5

provider:
  name: The News
  domain: news.example
topics:
- AI
- "Cloud"
secured: "{CANARY}"
unknown: x
related:
  - title: One
    images:
      - url: "https://i.example/a.jpg"
        width: 10
        isCached: true
  - title: Two
    secured: "{CANARY}"
    provider:
      name: Other
"""


@st.composite
def _marred(draw):
    """The plain story with signs set in, pieces cut out and lines moved."""
    text = _PLAIN_STORY
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        change = draw(st.sampled_from(["set in", "cut", "indent", "repeat"]))
        if change == "set in":
            text = text[:at] + draw(st.sampled_from(_YAML_SIGNS)) + text[at:]
        elif change == "cut":
            text = text[:at] + text[at + draw(st.integers(1, 3)) :]
        else:
            lines = text.split("\n")
            number = draw(st.integers(0, len(lines) - 1))
            if change == "indent":
                lines[number] = " " * draw(st.integers(0, 5)) + lines[number].lstrip()
            else:
                lines.insert(draw(st.integers(0, len(lines))), lines[number])
            text = "\n".join(lines)
    return text


@settings(max_examples=1000, deadline=None)
@given(_marred())
def test_the_fast_way_reads_what_the_events_are(plain, text):
    """What is read without libyaml's events is what they would give, without a warning."""
    fast = parse_story(text.encode(), "a.yml", plain)
    assert parse_story(text.encode(), "a.yml") == fast
    if fast.story is not None:  # two lines of dashes make all after them body
        fast = fast._replace(story=msgspec.structs.replace(fast.story, body=""))
    assert CANARY not in repr(fast)


_BLANKS = " \u00a0\u1680\u2000\u2009\u200a\u202f\u205f\u3000"
_LETTERS = "aZ09é’ş漢🙂e\u0301\u200b\u200d\u00ad\ufe0f\ud7ff\ue000"
_field_texts = {
    "title": st.text(_LETTERS + _BLANKS + "\"'\\:#-,n\u0085\u2028\ufeff\ufffe\x7f\t", max_size=12),
    "body": st.text(_LETTERS + _BLANKS + "\"'\\:#-", max_size=12),
    "quality": st.one_of(
        st.from_regex(r"-?[0-9]{1,17}(\.[0-9]{0,17})?(e[+-]?[0-9])?", fullmatch=True),
        st.integers(-(10**17), 10**17).map(str),
        st.floats(-1e9, 1e9).map(repr),
        st.sampled_from(["1_0", "0x1F", "010", "1:30", ".5", "+5", "-0", "0.0", "-0.0", ".inf"]),
    ),
    "published": st.sampled_from(
        ["true", "false", "True", "FALSE", "yes", "no", "on", "truely", "tru", "null", "1"]
    ),
    "publishedDateTime": st.one_of(
        st.from_regex(
            r"(2[0-9]{3}|0000|0001|9999)-(0[0-9]|1[0-3])-([0-3][0-9])"
            r"([Tt ]([0-2][0-9]:[0-6][0-9](:[0-6][0-9](\.[0-9]{0,9})?)?)?"
            r"([Zz]|[ +-]([0-2][0-9])(:?[0-6][0-9])?)?)?",
            fullmatch=True,
        ),
        st.datetimes().map(datetime.isoformat),
        st.dates().map(date.isoformat),
        st.sampled_from([1600, 1700, 1900, 1904, 2000, 2022, 2024]).map("{}-02-29".format),
        st.integers(0, 10**9).map("2022-05-25T17:16:00.{}Z".format),
    ),
    "webUrl": st.from_regex(
        r"(https?|HTTP|ftp|htt|http:|)://[a-zA-Z0-9._@:é-]{0,8}([/?#][!-~é ]{0,8})?", fullmatch=True
    ),
    "provider": st.text(_LETTERS + _BLANKS, max_size=8),
    "topics": st.text(_LETTERS + _BLANKS, max_size=8),
    "unknown": st.text(_LETTERS + "\"'\\:# ", max_size=8),
}
_domains = st.one_of(
    st.from_regex(r"(www\.)?[a-zA-Z0-9é_-]{1,5}(\.[a-z0-9-]{0,4}){0,3}/?", fullmatch=True),
    st.integers(61, 65).map(lambda size: "a" * size + ".example"),
    st.integers(40, 70).map(lambda labels: "abc." * labels + "example"),
)


def _quoted(text, quote):
    """A text in a notation of YAML; that it may become another text is as well."""
    if quote == '"':
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return quote + text.replace("'", "''" if quote == "'" else "'") + quote


@st.composite
def _field_notations(draw):
    """A story with one field in some notation, alone or in a record of a record."""
    quote = draw(st.sampled_from(["", "'", '"']))
    lines = [f"{key}: {_quoted(draw(text), quote)}" for key, text in _field_texts.items()]
    domain = _quoted(draw(_domains), quote)
    pixels = draw(_field_texts["quality"])
    chosen = draw(
        st.sampled_from(
            [
                *lines,
                f"provider:\n  name: N\n  domain: {domain}",
                f"images:\n- url: https://i.example/\n  width: {pixels}",
                f"topics:\n- {_quoted(draw(_field_texts['topics']), quote)}\n- a\n- a",
            ]
        )
    )
    if draw(st.booleans()):
        chosen = "related:\n- title: A\n  " + chosen.replace("\n", "\n  ")
    return f"title: T\n{chosen}\n"


@settings(max_examples=3000, deadline=None)
@given(_field_notations())
def test_values_of_the_fast_way_are_those_of_the_events(plain, text):
    """Every kind of field, in every notation, right and wrong."""
    assert parse_story(text.encode(), "a.yml", plain) == parse_story(text.encode(), "a.yml")


def test_odd_characters_are_the_same_to_the_fast_way(plain):
    """Controls, blanks, line breaks and marks of Unicode, in values wanted and not."""
    odd = [*range(0x20), *range(0x7F, 0xA2), 0xAD, 0x301, 0x1680, 0x180E, *range(0x1FFF, 0x2030)]
    odd += [*range(0x205E, 0x2062), 0x2FFF, 0x3000, 0x3001, 0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0xFFFE]
    odd += [0xFFFF, 0x10000, 0x1F642, 0x10FFFF]
    for character in map(chr, odd):
        for notation in ("{}", "'{}'", '"{}"'):
            value = notation.format(f"a{character}e{character}")
            for text in (f"title: {value}\n", f"title: T\nunknown: {value}\n"):
                data = text.encode()
                assert parse_story(data, "a.yml", plain) == parse_story(data, "a.yml")


def test_days_of_the_fast_way_are_those_of_the_calendar(plain):
    """Every day of a month and some that are none, in years that are leap and not."""
    for year in (0, 1, 4, 1600, 1900, 1969, 1970, 2000, 2022, 2024, 2100, 9999):
        for month in range(14):
            for day in range(33):
                text = f"{year:04}-{month:02}-{day:02}T23:59:59-00:30"
                story = plain.read(f"title: T\npublishedDateTime: {text}", "a.yml")
                try:
                    expected = parse_instant(text)
                except BadValueError:
                    assert story is None
                else:
                    assert story is not None
                    assert story.published_at == expected


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
def test_limits_of_the_fast_way_are_not_limits(plain, fields):
    """What is too long or too much for it, or not in its place, is read all the same."""
    if not fields.startswith("title"):
        fields = f"title: T\n{fields}"
    nested = fields.replace("\n", "\n  ")
    for text in (f"{fields}\ncategory: C\n", f"title: T\nrelated:\n- {nested}\n"):
        data = text.encode()
        assert parse_story(data, "a.yml", plain) == parse_story(data, "a.yml")


@pytest.mark.parametrize(
    "text",
    [
        _PLAIN_STORY,
        SEED.read_text().split("\n---\n")[0].removeprefix("---\n"),
        "title:  “Blanks\u00a0 and\u2009 more” \u3000\nexcerpt:  'It''s  so '",
        "title: T\nprovider: P\ntopics: A\nquality: -1.25\nheat: 0\npublished: false",
        "title: T\npublishedDateTime: 2022-05-25",
        "title: T\npublishedDateTime: '2022-05-25 17:16:00.25+02:00'",
        "title: T\nexcerpt: ''\nwebUrl:\ncategory: null\ntopics:\n- ''",
    ],
)
def test_the_fast_way_is_taken(plain, text):
    """Stories as they usually are need no events; their `secured` is not even copied."""
    story = plain.read(text, "a.yml")
    assert story is not None
    assert story == parse_story(text.encode(), "a.yml").story
    kept = [array.tobytes() for array in vars(plain).values() if array.dtype == "uint8"]
    secret = yaml.safe_load(text).get("secured", CANARY).encode()
    assert len(kept) == 3
    assert not any(secret in data for data in kept)


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
def test_odd_yaml_is_what_pyyaml_loads(plain, text, ends, front, mark):
    """Block scalars, quotes, comments, tabs, line ends and marks of byte order."""
    whole = f"---\n{text}---\nBody.\n" if front else text
    data = (mark + whole.replace("\n", ends)).encode()
    result = parse_story(data, "a.yml")
    assert parse_story(data, "a.yml", plain) == result
    try:
        # The pure loader refuses tabs that libyaml lets pass.
        loaded = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        assert result.rejection is not None
        return
    topics = loaded.get("topics", ())
    expected = Story(
        id="a.yml",
        topics=tuple(map(_plain_text, topics)),
        provider=Provider(**loaded["provider"]) if "provider" in loaded else None,
        related=tuple(Article(**article) for article in loaded.get("related", ())),
        body="Body." if front else "",
        **_expected_fields(loaded),
    )
    assert result == StoryRead(expected, None, ())
