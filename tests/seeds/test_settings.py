"""`storydex.toml`: what it may say, and what is said of its faults."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

import indexer
from indexer.model import Image, Provider
from indexer.seeds import FIELDS, Settings, StoryRead, list_seed_files, parse_story, read_settings
from tests.seeds.reading import UTC


def told(tmp_path: Path, text: str, story: str, name: str = "a.md") -> StoryRead:
    """What becomes of a story beside these settings."""
    (tmp_path / "storydex.toml").write_text(text)
    return parse_story(story.encode(), name, settings=read_settings(tmp_path, FIELDS))


def test_fields_have_the_names_that_settings_give(tmp_path):
    """After the format's own, before the usual ones, and in related articles."""
    settings = '[fields]\nheadline = "title"\nlead = "excerpt"\ndescription = "body"\n'
    story = told(
        tmp_path,
        settings,
        "---\nheadline: H\nlead: L\nsummary: S\ndescription: D\nrelated: [{headline: R}]\n---\n",
    ).story
    assert story is not None
    assert (story.title, story.excerpt, story.body) == ("H", "L", "D")
    assert story.related[0].title == "R"
    own = told(tmp_path, settings, "---\nheadline: H\ntitle: T\n---\n").story
    assert own is not None
    assert own.title == "T"


def test_relative_addresses_have_the_base(tmp_path):
    """Of the format's own fields and of the usual ones."""
    story = told(
        tmp_path,
        'base_url = "https://news.example/blog/"\n',
        "---\ntitle: T\noriginalUrl: b.html\npermalink: /a/\nimage: i.png\n"
        "related: [{title: R, webUrl: '//other.example/'}, {title: S, webUrl: 'ftp://a'}]\n---\n",
    )
    assert story.story is not None
    assert story.story.web_url == "https://news.example/a/"
    assert story.story.original_url == "https://news.example/blog/b.html"
    assert story.story.images == (Image("https://news.example/blog/i.png"),)
    assert story.story.related[0].web_url == "https://other.example/"
    assert [warning.field for warning in story.warnings] == ["related[1].webUrl"]


def test_providers_are_named_and_their_subdomains_joined(tmp_path):
    """Whatever name the file gives."""
    story = told(
        tmp_path,
        '[providers]\n"news.example" = "The News"\n"MÜNCHEN.example" = "M"\n',
        "---\ntitle: T\nprovider: {name: x, domain: uk.news.example}\n"
        "related: [{title: R, provider: news.example}, {title: S, provider: {domain: "
        "xn--mnchen-3ya.example}}, {title: U, provider: {domain: oldnews.example}}]\n---\n",
    ).story
    assert story is not None
    assert [story.provider, *(article.provider for article in story.related)] == [
        Provider("The News", "news.example"),
        Provider("The News", "news.example"),
        Provider("M", "xn--mnchen-3ya.example"),
        Provider("oldnews.example", "oldnews.example"),
    ]


def test_the_file_name_gives_title_and_date(tmp_path):
    """Where the story has none, and only if the settings ask for it."""
    name, text = "posts/2022-05-25-some_title.md", "---\nexcerpt: E\n---\n"
    settings = 'file_name = ["title", "date"]\n'
    story = told(tmp_path, settings, text, name).story
    assert story is not None
    assert story.title == "Some title"
    assert story.published_at == datetime(2022, 5, 25, tzinfo=UTC)
    own = told(tmp_path, settings, "---\ntitle: T\ndate: 2021-01-01\n---\n", name).story
    assert own is not None
    assert (own.title, own.published_at) == ("T", datetime(2021, 1, 1, tzinfo=UTC))
    half = told(tmp_path, settings, "---\ntitle: T\n---\n", name).story
    assert half is not None
    assert half.published_at == datetime(2022, 5, 25, tzinfo=UTC)
    assert told(tmp_path, "", text, name).rejection is not None


def test_settings_say_which_files_are_read(tmp_path):
    """Other suffixes, and patterns of what is left out."""
    for name in ("a.mdx", "b.md", "drafts/c.mdx", "x/drafts/d.mdx", "x/tmp-e.mdx", "x/f.MDX"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("title: T")
    (tmp_path / "storydex.toml").write_text(
        'suffixes = [".mdx"]\nexclude = ["/drafts", "tmp-*", "nothing/**"]\n'
    )
    found = list_seed_files(tmp_path, [].append, read_settings(tmp_path, FIELDS))
    assert sorted(found.ids) == ["a.mdx", "x/drafts/d.mdx", "x/f.MDX"]
    assert found.passed_over == {".md": 1}


@pytest.mark.parametrize(
    ("pattern", "left_out", "kept"),
    [
        ("*.md", ["a.md", "x/a.md", ".md"], ["a.mdx", "a.md/x"]),
        ("/a.md", ["a.md"], ["x/a.md"]),
        ("a/", ["a", "x/a"], ["a.md"]),
        ("a/*.md", ["a/b.md"], ["a/b/c.md", "x/a/b.md"]),
        ("a/**", ["a/b", "a/b/c"], ["b/a"]),
        ("a/**/z.md", ["a/z.md", "a/b/z.md", "a/b/c/z.md"], ["z.md", "a/z.mdx"]),
        ("**/b/**/d", ["b/d", "a/b/c/d"], ["a/b", "d"]),
        ("a?c", ["abc", "x/a.c"], ["ac", "abbc"]),
        ("[ab]", ["[ab]"], ["a", "b"]),
        ("a.b", ["a.b"], ["axb"]),
        ("", [], ["a"]),
        # Which a regular expression would try in every way.
        ("*a*" * 20 + "b.md", ["a" * 40 + "b.md"], ["a" * 200 + ".md"]),
        ("**/" * 200 + "b", ["b", "a/b"], ["a/" * 200 + "c"]),
    ],
)
def test_patterns_of_what_is_left_out(pattern, left_out, kept):
    """`*` and `?` stay within a name; none takes long, whatever the names."""
    settings = Settings(exclude=(pattern,))
    assert [path for path in left_out if not settings.excludes(path)] == []
    assert [path for path in kept if settings.excludes(path)] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fields = ", "not TOML"),
        ("x = [\n1 2]", "line 2"),
        ("field = {}", "field: unknown: the settings are fields, exclude"),
        ('fields = "x"', "fields: give it as a table: a line `[fields]`"),
        ("[fields]\nx = 5", "fields.x: give a text in quotes"),
        ('[fields]\nx = "titel"', "fields.x: no field of the format: choose one of ampWebUrl"),
        ('[fields]\ntitle = "excerpt"', "fields.title: a name of the format already"),
        ('[fields]\nx = "secured"', "fields.x: `secured` is never read"),
        ('[fields]\nSecured = "title"', "fields.Secured: `secured` is never read"),
        ('exclude = "x"', 'exclude: give a list of texts: exclude = ["…"]'),
        ('suffixes = ["mdx"]', 'suffixes: write each like ".mdx"'),
        ('base_url = "/x"', "base_url: not an http or https address"),
        ('language = "tlhingan"', "language: 'tlhingan' is none: give one of english, arabic"),
        ('language = ["en", "tlhingan"]', "language: 'tlhingan' is none: give one of english"),
        ("language = [3]", "language: 3 is none: give one of english, arabic"),
        ("language = []", 'language: give one to 5: language = ["english", "french"]'),
        ('language = ["en", "English"]', "language: english is there twice: give it once"),
        ('language = ["en", "de", "fr", "es", "it", "nl"]', "language: give one to 5"),
        ('[providers]\n"a b" = "c"', "providers.a b: no domain"),
        ('file_name = ["body"]', "file_name: choose of title, date"),
    ],
)
def test_faults_of_settings_are_told(tmp_path, text, said):
    """With the file, the key or the line, and the remedy."""
    (tmp_path / "storydex.toml").write_text(text)
    with pytest.raises(indexer.SeedError, match=r"storydex\.toml: ") as caught:
        indexer.rebuild(tmp_path, tmp_path / "index")
    assert said in str(caught.value)


def test_what_is_no_file_of_settings_is_told_with_its_remedy(tmp_path):
    """A folder, a link or a pipe is to be replaced, a large file to be shortened."""
    path = tmp_path / "storydex.toml"
    for make in (path.mkdir, lambda: path.symlink_to("a.toml"), lambda: os.mkfifo(path)):
        make()
        with pytest.raises(indexer.SeedError, match="no regular file: replace it by one"):
            indexer.rebuild(tmp_path, tmp_path / "index")
        path.rmdir() if path.is_dir() else path.unlink()
    path.write_text("#" * ((1 << 20) + 1))
    with pytest.raises(indexer.SeedError, match="over 1 MiB: shorten it"):
        indexer.rebuild(tmp_path, tmp_path / "index")


def test_settings_may_begin_with_a_byte_order_mark(tmp_path):
    """Some editors write one, before stories and settings alike."""
    (tmp_path / "a.md").write_text("headline: Kangaroo\n", "utf-8-sig")
    (tmp_path / "storydex.toml").write_text('[fields]\nheadline = "title"\n', "utf-8-sig")
    assert indexer.rebuild(tmp_path, tmp_path / "index").indexed == 1


def test_changed_settings_read_the_files_again(tmp_path):
    """The index is as if it had been built anew; without a change nothing is read."""
    seeds, index = tmp_path / "seeds", tmp_path / "index"
    seeds.mkdir()
    (seeds / "a.md").write_text("---\ntitle: T\nlead: kangaroo\n---\n")

    def found(text: str | None) -> tuple[int, int, int]:
        if text is not None:
            (seeds / "storydex.toml").write_text(text)
        report = indexer.rebuild(seeds, index)
        with indexer.open_index(index) as engine:
            return report.indexed, report.unchanged, engine.search("kangaroo").total

    assert found(None) == (1, 0, 0)
    assert found('[fields]\nlead = "excerpt"\n') == (1, 0, 1)
    assert found(None) == (0, 1, 1)
    assert found("") == (1, 0, 0)
    (seeds / "storydex.toml").unlink()
    assert found(None) == (1, 0, 0)
