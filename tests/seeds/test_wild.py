"""Files as they are found in real archives: what each kind gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.model import Provider
from indexer.seeds import StoryRead, parse_story
from tests.conftest import ROOT

# Beside the repository, where somebody has put them.
CASES = next(
    (folder for up in ROOT.parents if (folder := up / "shared/cases/files").is_dir()),
    Path("shared/cases/files"),
)

Check = Callable[[StoryRead], bool]


def refused(line: int, *parts: str) -> Check:
    """A file that is refused there, for a reason with these parts."""

    def check(result: StoryRead) -> bool:
        rejection = result.rejection
        return (
            rejection is not None
            and rejection.line == line
            and all(part in rejection.reason for part in parts)
        )

    return check


def has(warned: int = 0, **fields: object) -> Check:
    """A story with these fields and so many warnings."""

    def check(result: StoryRead) -> bool:
        story = result.story
        return (
            story is not None
            and len(result.warnings) == warned
            and all(getattr(story, name) == value for name, value in fields.items())
        )

    return check


def shared_title(result: StoryRead) -> bool:
    """A story whose related article has what the lead's fields are aliases of."""
    story = result.story
    return (
        story is not None
        and story.related[0].provider
        == story.provider
        == Provider("Harbour Post", "harbour.example")
        and story.related[0].published_at == story.published_at is not None
    )


def md(fields: str) -> str:
    """A file of these fields and a title, which is on line 2."""
    return f"---\ntitle: T\n{fields}\n---\n"


MÜNCHEN = Provider("M", "xn--mnchen-3ya.example")

#: Each kind of file: its name in the shared folder, and what it must give.
SHARED: dict[str, Check] = {
    "two-documents.yml": refused(4, "more than one YAML document"),
    "published-quoted.md": has(published=False),
    "draft.md": has(published=False),
    "published-misspelt.md": has(warned=1, published=False),
    "aliases-of-pyyaml.md": shared_title,
    "repeated-key.md": has(warned=1, title="t", body="b"),
    "surrogate-pair.md": has(title="Rocket 🚀 up"),
    "entities.md": has(excerpt="Fish & chips rise in Zürich, R&D up"),
    "closed-by-dots.md": has(title="t", body="body"),
    "provider-unicode.md": has(provider=MÜNCHEN),
    "provider-punycode.md": has(provider=MÜNCHEN),
    "toml.md": refused(1, "no front matter (TOML was found)"),
    "json.md": refused(1, "no front matter (JSON was found)"),
    "no-front-matter.md": refused(1, "no front matter"),
    "no-break-space-after-colon.md": refused(2, "no-break space (U+00A0) in column 7"),
    "line-separator.md": refused(2, "line separator (U+2028) in column 11"),
    "title-is-a-mapping.md": refused(5, "no title", "not a mapping"),
}

OWN: list[tuple[str, str, Check]] = [
    # More than one document.
    ("a.yml", "title: One\n--- # two\n{title: Two}\n", refused(2, "more than one")),
    ("a.md", "---\ntitle: One\n...\n\n---\nTitle: Two\nDraft: yes\n", refused(6, "more than one")),
    # Front matter that a post shows is code; behind a fence that is open, or closed, it is not.
    ("a.md", md("") + "So:\n\n```yaml\n---\ntitle: Two\ntags: x\n---\n```\n", has(title="T")),
    ("a.md", md("") + "  ~~~~ `x`\n---\ntitle: Two\n~~~\n~~~~~ \nend\n", has(title="T")),
    ("a.md", md("") + "```\n---\ntitle: Two\n", refused(7, "more than one")),
    ("a.md", md("") + "```\n~~~\n```\n---\ntitle: Two\n```\n", refused(9, "more than one")),
    ("a.md", md("") + "```\n---\n'\\x73ecured': x\n```\n", refused(7, "`secured` as a key")),
    # Not public.
    ("a.md", md("published: [no]"), has(warned=1, published=False)),
    ("a.md", md("draft: ture"), has(warned=1, published=False)),
    ("a.md", md("published: nope\ndraft: no"), has(warned=1, published=False)),
    # Aliases.
    (
        "a.md",
        "---\nbase: &b {excerpt: E, type: news}\ntitle: T\n<<: *b\ntype: blog\n---\n",
        has(title="T", excerpt="E", type="blog"),
    ),
    ("a.yml", "tags: &t [a, &x b]\ntitle: *x\ntopics: *t\n", has(title="b", topics=("a", "b"))),
    ("a.yml", "title: T\nx: &x [*x]\n", refused(2, "an alias of what it is a part of")),
    ("a.yml", "title: *n\n", refused(1, "an alias of nothing before it")),
    (
        "a.yml",
        "title: T\nx0: &x0 [a, b]\n"
        + "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 9)),
        refused(7, "aliases that expand without end"),
    ),
    # The same key again.
    ("a.md", "---\ntitle: One\ntitle: Two\n---\n", has(warned=1, title="Two")),
    ("a.yml", "title: T\nexcerpt: E\nexcerpt: ~\nseo: {a: 1, a: 2}\n", has(warned=2, excerpt="")),
    # Characters in two halves.
    ("a.yml", '{"title": "\\ud83d\\udE80\\uD83D\\ude80"}', has(title="🚀🚀")),
    ("a.yml", 'title: "a\\ud83d b"\nexcerpt: "\\\\ud83d \\ude80"\n', has(2, title="a b")),
    # HTML.
    (
        "a.md",
        '---\ntitle: "<b>Bo</b>ld &#8217;s"\nrelated: [{title: "a<br/>b &lt;c&gt;"}]\n---\n'
        "<p>One</p><p class='x>y'>Two</p>\n<!-- three --><script>four()</script>a < b, Vec<String>",
        lambda result: (
            result.story is not None
            and result.story.title == "Bold ’s"
            and result.story.related[0].title == "a b <c>"
            and result.story.body.split() == ["One", "Two", "a", "<", "b,", "Vec<String>"]
        ),
    ),
    ("a.yml", "title: ?x=1&copy=2 AT&T\n", has(title="?x=1&copy=2 AT&T")),
    # The end of the front matter.
    ("a.md", "---\ntitle: T\nbody: |\n  ...\n...  \nafter", has(title="T", body="after")),
    ("a.yml", "---\ntitle: T\n...\n# the end\n", has(title="T")),
    # Domains.
    ("a.md", md("provider: {name: M, domain: ＭÜＮＣＨＥＮ。example}"), has(provider=MÜNCHEN)),
    (
        "a.md",
        md("provider: {domain: xn--mnchen-3ya.example}"),
        has(provider=Provider("münchen.example", MÜNCHEN.domain)),
    ),
    (
        "a.md",
        md("provider: {name: C, domain: 'https://edition.cnn.com'}"),
        has(provider=Provider("C", "cnn.com")),
    ),
    (
        "a.md",
        md("provider: {name: C, domain: www.m.bbc.co.uk}"),
        has(provider=Provider("C", "bbc.co.uk")),
    ),
    (
        "a.md",
        md("provider: {name: C, domain: amp.co.uk}"),
        has(provider=Provider("C", "amp.co.uk")),
    ),
    ("a.md", md("provider: {name: C, domain: a..b}"), has(1, provider=Provider("C"))),
    ("a.md", md("provider: {name: C, domain: 'a.b:99999'}"), has(1, provider=Provider("C"))),
    # No front matter.
    ("a.txt", "\n+++\ntitle = 'T'\n", refused(2, "no front matter (TOML was found)")),
    ("a.markdown", '{"title": "T"}\n\nText.\n', refused(1, "no front matter (JSON was found)")),
    ("a.md", "Dear all,\n\nsee below: text\n", refused(1, "no front matter")),
    # Characters that cannot be seen.
    ("a.md", md("excerpt:\u3000E"), refused(3, "an ideographic space (U+3000) in column 9")),
    ("a.md", md("\u200bexcerpt: E\n:"), refused(3, "a zero width space (U+200B) in column 1")),
    # Titles.
    ("a.md", "---\nx: 1\ntitle: [a]\n---\n", refused(3, "no title", "not a list")),
    ("a.md", '---\nx: 1\ntitle: "\\u200b\\u3164 "\n---\n', refused(3, "no title")),
    # What is missing.
    ("a.md", md("excerpt: News: more"), refused(3, "quotes: it has a colon, in column 14")),
    ("a.md", md("items:\n  - excerpt: a b: c"), refused(4, "a colon, in column 17")),
    ("a.md", "---\ntitle: @home\n---\n", refused(2, "in quotes: it begins with `@`, in column 8")),
    ("a.md", md("x:\n\ty: 1"), refused(4, "a tab in column 1")),
    ("a.md", md("x: 1\n\ty: 1"), refused(4, "a tab in column 1")),
    # Headlines that YAML takes for something else.
    ("a.md", "---\ntitle: *Live* news\n---\n", refused(2, "it begins with `*`, in column 8")),
    ("a.md", "---\ntitle: *Live news\n---\n", refused(2, "put the text in quotes")),
    ("a.md", "---\ntitle: !Live news\n---\n", refused(2, "put the text in quotes")),
    ("a.md", "---\ntitle: #Live news\n---\n", refused(2, "no title", "if it begins with `#`")),
    ("a.md", "---\ntitle: > 50 dead\n---\n", refused(2, "it begins with `>`, in column 8")),
    ("a.md", md("topics:\n- a\n- % b"), refused(5, "it begins with `%`, in column 3")),
    (
        "a.md",
        md("excerpt: [Live] News"),
        refused(3, "in quotes: it goes on after `]` in column 15"),
    ),
    ("a.md", md('excerpt: "A" B'), refused(3, 'single quotes: it goes on after `"` in column 12')),
    ("a.md", md("excerpt: 'A' B"), refused(3, "double quotes: it goes on after `'` in column 12")),
    ("a.md", md('excerpt: "\\q"'), refused(3, "a backslash in double quotes")),
    ("a.md", md('excerpt: "A": B'), refused(3, "not YAML")),
]


@pytest.mark.skipif(not CASES.is_dir(), reason="there is no folder shared/cases/files")
def test_every_shared_case_is_checked():
    """Each file that lies there has an expectation; `soft-hyphen.md` is about analysis."""
    names = {path.name for path in CASES.iterdir()} - {"README.md", "soft-hyphen.md"}
    assert names == set(SHARED)


@pytest.mark.skipif(not CASES.is_dir(), reason="there is no folder shared/cases/files")
@pytest.mark.parametrize("name", SHARED)
def test_shared_cases(name):
    """Each file of the shared folder gives what is said of it."""
    result = parse_story((CASES / name).read_bytes(), name)
    assert SHARED[name](result), result


@pytest.mark.parametrize(("name", "text", "check"), OWN)
def test_own_cases(name, text, check):
    """Each kind of file, once more: read, or refused with a reason that helps."""
    result = parse_story(text.encode(), name)
    assert check(result), result
    assert parse_story(text.encode(), name, fast=False) == result
