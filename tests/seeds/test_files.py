"""Whole story files: what is read, what is refused, and what is told to nobody."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

import indexer.seeds.yaml
from indexer.model import Provider, Story
from indexer.seeds import parse_story
from tests.conftest import ROOT
from tests.seeds.bad_seeds import BAD, CANARY, GOOD, WARNED, Expected
from tests.seeds.reading import SEED, UTC, read, refused, story_of


def test_real_story_is_read_whole():
    """A real story file is read with all its fields and nothing to warn of."""
    story, rejection, warnings, _ = parse_story(SEED.read_bytes(), SEED.name)
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
    fast = parse_story(SEED.read_bytes(), SEED.name)
    monkeypatch.setattr(indexer.seeds.yaml, "Parser", yaml.SafeLoader)
    assert parse_story(SEED.read_bytes(), SEED.name) == fast


def test_documented_example_is_read():
    """The story that docs/story-format.md shows is read whole."""
    document = (ROOT / "docs" / "story-format.md").read_text("utf-8")
    example = re.search(r"```yaml\n(.*?)```", document, re.DOTALL)
    assert example is not None
    story, rejection, warnings, _ = parse_story(example[1].encode(), "a.md")
    assert (rejection, warnings) == (None, ())
    assert story is not None
    assert story.body.startswith("Text after the second line")
    assert story.provider == Provider("Tarnoport Courier", "tarnoport-courier.example")
    assert len(story.related) == len(story.images) == 1


@pytest.mark.parametrize("name", [*GOOD, *BAD, *WARNED])
def test_each_kind_of_file(name):
    """Every file of the collection of faults is treated as it says there."""
    data, expected = {**GOOD, **BAD, **WARNED}[name]
    result = parse_story(data, name)
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
    monkeypatch.setattr(indexer.seeds.yaml, "Parser", yaml.SafeLoader)
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
    story, rejection, *_ = parse_story(data, "a.md")
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
    story, *_ = parse_story(b"# from the archive\n\n---\ntitle: T\n---\nBody", "a.md")
    assert story == Story("a.md", "T", body="Body")


def test_line_numbers_are_those_of_the_file():
    """BOM, CRLF, lone CR, comments and odd Unicode line ends do not shift line numbers."""
    lines = ["# one", "---", "title: 'a \u2028 b'", "excerpt: x", "[excerpt]: y", "---", ""]
    for end in ("\n", "\r\n", "\r"):
        data = b"\xef\xbb\xbf" + end.join(lines).encode()
        assert refused(data).startswith("a.yml:5: a key that is no plain text")


@pytest.mark.parametrize("value", ["{? [a] : b}", "!x y", "[" * 40 + "]" * 40])
def test_skipped_parts_are_checked_too(value):
    """Complex keys, unknown tags and deep nesting are refused in fields that are not read."""
    assert ":2:" in refused(f"title: T\nother: {value}\n".encode())
    assert ":2:" in refused(f"title: T\nsecured: {value}\n".encode())


def test_anchor_alone_is_harmless():
    """An anchor that nothing refers to changes nothing."""
    assert story_of("excerpt: &here text").excerpt == "text"


def test_many_faults_in_one_file_are_counted():
    """Past a thousand dropped fields, the rest are counted in one warning."""
    warnings = read("related:\n" + "  - {title: x, quality: y}\n" * 1500).warnings
    assert len(warnings) == 1001
    assert str(warnings[-1]) == "a.md: …: 500 more fields were dropped"


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
        monkeypatch.setattr(indexer.seeds.yaml, "Parser", yaml.SafeLoader)
        monkeypatch.setattr(yaml, "__with_libyaml__", False)
    result = parse_story(text.format(c=CANARY).encode(), "a.yml")
    said = repr(result) + "".join(map(str, (result.rejection, *result.warnings)))
    assert CANARY[:8] not in said


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("a.yml", "title: Second\nsecured: {c}\n"),
        ("a.yml", "Text that is no mapping.\n"),
        ("a.yml", "\u00a0secured: {c}\n"),
        ("a.md", "title: Second\nsecured: {c}\n"),
        ("a.txt", "category: news\ntitle: Second\npublished: false\n"),
        ("a.md", "published: false\ntitle: Second\n"),
        ("a.md", "\n# note\n---\nexcerpt: x\n"),
        ("a.md", "prose\n---\ntitle: Two\npublished: false\n---\nx\n"),
        ("a.md", '{{"title": "Second", "secured": "{c}"}}\n'),
    ],
)
def test_a_second_document_is_never_text(name, after):
    """What looks like another story rejects the file; it is no body."""
    data = f"---\ntitle: T\n---\n{after.format(c=CANARY)}".encode()
    result = parse_story(data, name)
    assert result.story is None
    assert "more than one YAML document" in str(result.rejection)
    assert CANARY not in repr(result)


@pytest.mark.parametrize(
    "after",
    [
        "Some text.\n\n---\nnote: y\nsecured: {c}\n",
        "Text\n---\n  - 'secured' : {c}\n",
        "SECURED: {c}\n",
        "foo: {{a: 1, secured: {c}}}\n",
        "x: [secured: {c}]\n",
        "--- {{author: x, secured: {c}}}\n",
        "foo: {{a: b,\n  c: {{secured: {c}}}}}\n",
        "!!str secured: {c}\n",
        "&a secured: {c}\n",
        "\ufeffsecured: {c}\n",
        "foo: x\u0085secured: {c}\n",
        "foo: x\u2028secured: {c}\n",
        "\u00a0secured: {c}\n",
        "# secured: {c}\n",
        "> secured: {c}\n",
        "<!-- secured: {c} -->\n",
    ],
)
def test_secured_is_never_text(after):
    """`secured` as a key rejects the file, wherever in a body it stands."""
    result = parse_story(f"---\ntitle: T\n---\n{after.format(c=CANARY)}".encode(), "a.md")
    assert result.story is None
    assert result.rejection is not None
    assert CANARY not in repr(result)


@pytest.mark.parametrize("value", ["Canaryx7", "ABc9", "b3BhcXVl", "B3bh", "7x"])
def test_what_is_no_word_of_a_language_is_private_within_a_line(value):
    """Behind `secured:` a word that ends a line may be prose, but not one with a digit."""
    text = "---\ntitle: T\n---\nprose # secured: {}\n"
    assert parse_story(text.format(value).encode(), "a.md").story is None
    for word in ("Rolls-Royce", "Canary", "gold."):
        assert parse_story(text.format(word).encode(), "a.md").story


@pytest.mark.parametrize(
    "text",
    [
        # Other cases, quotes and escapes of the key.
        "Title: Second\nSecured: {c}\n",
        "prose\n\n---\nTitle: Two\nSecured: {c}\n---\n",
        "'Secured': {c}\n",
        '{{"Title": "x", "Secured": "{c}"}}',
        '{{"\\u0073ecured": "{c}"}}',
        '---\n"\\x73ecured": {c}\n',
        "foo Secured: {c}\n",
        # JSON, TOML, HTML.
        '[{{"secured": "{c}"}}]',
        'secured = "{c}"\n',
        "<p>secured: {c}</p>",
        "&#115;ecured: {c}",
        # Tabs, comments, complex keys, lists, anchors, tags.
        "\tsecured:\t{c}\n",
        "secured\t: {c}\n",
        "text # secured: {c}\n",
        "---\n? secured\n: {c}\n",
        "---\na:\n - b:\n    - secured : >\n        {c}\n",
        "&k secured: {c}\n",
        "!!str secured : {c}\n",
        # Documents that begin in other ways, or have other keys.
        "prose\n...\ntitle: Two\nnote: {c}\n",
        "--- # the second\nlead: x\nnote: {c}\n",
        "author: x\nlayout: y\nnote: {c}\n",
        "prose\n---\t\nheadline: x\nnote: {c}\n---\nbody\n",
        "PUBLISHED: false\nNote: {c}\n",
    ],
)
@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.yml"])
def test_no_writing_of_a_second_document_is_text(text, name):
    """However it is written and whatever comes before, the file is rejected."""
    result = parse_story(f"---\ntitle: T\n---\n{text.format(c=CANARY)}".encode(), name)
    assert result.story is None
    assert CANARY not in repr(result)


@pytest.mark.parametrize(
    "fields",
    [
        "Secured: {c}\nSECURED: {c}\n'secured': {c}\n",
        "secured: &s {{excerpt: {c}, a: [&t {c}]}}\n",
        "secured: {{a: &s {c}, b: *s, c: *unknown}}\n",
        "x: {{secured: {c}}}\ny: [{{Secured: {c}}}]\n",
        "? secured\n: {c}\n",
        '"\\x73ecured": {c}\n',
        "secured:\t{c}\t# {c}\n",
        "<<: {{secured: {c}, excerpt: E}}\n",
        "secured: |\n  {c}\n  title: {c}\n",
        "secured: [{c}, {{title: {c}}}]\n",
        "body: |\n  secured: {c}\n",
        "excerpt: 'secured: {c}'\n",
        "topics: ['Secured: {c}']\n",
        "provider: 'secured={c}'\n",
    ],
)
def test_what_is_private_is_no_part_of_a_story(fields):
    """`secured` in any case, notation and place of the front matter is in no record."""
    for fast in (True, False):
        text = f"---\ntitle: T\n{fields.format(c=CANARY)}---\nBody.\n"
        result = parse_story(text.encode(), "a.md", fast=fast)
        assert result.story is not None
        assert result.story.body == "Body."
        assert CANARY not in repr(result)


@pytest.mark.parametrize("alias", ["*s", "[*s]", "*t"])
def test_nothing_private_is_read_through_an_alias(alias):
    """An alias of `secured`, or of a part of it, rejects the file."""
    text = f"title: T\nsecured: &s [&t {CANARY}]\ntopics: {alias}\n"
    assert refused(text.encode()) == ("a.yml:3: an alias of what is private: write its value out")


def test_comments_behind_a_bare_file_are_no_text():
    """What follows the fields of a YAML file is a comment, and not shown."""
    story = parse_story(f"---\ntitle: T\n---\n# note {CANARY}\n".encode(), "a.yml").story
    assert story is not None
    assert story.body == ""


@pytest.mark.parametrize(
    "body",
    [
        "# Title\n\nText: with a colon.\n",
        "The deal is secured: nobody lost.\n---\nMore.",
        "Secured: the border is safe.\n- Secured: two contracts\n",
        "Intro\n\n```yaml\ntitle: x\n```\n",
        "Text\n\n---\n\nQ: What now?\nA: Nothing.\n",
        "Text\n\n---\n\nnote: one more thing.\n\nAnd text.\n",
        "It is now secured: nothing was lost.\nWhat was secured: 5 million dollars.\n",
    ],
)
def test_a_body_may_look_a_little_like_yaml(body):
    """Colons, headings and rules are text."""
    story = parse_story(f"---\ntitle: T\n---\n{body}".encode(), "a.md").story
    assert story is not None
    assert story.body == body.strip()


@pytest.mark.parametrize("after", ["", "\n\n", "# the end\n"])
def test_a_yaml_file_may_end_in_dashes(after):
    """Blank lines and comments after the closing line are no second document."""
    assert parse_story(f"---\ntitle: T\n---\n{after}".encode(), "a.yml").story is not None
