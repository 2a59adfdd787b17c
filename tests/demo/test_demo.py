"""Invented stories: plausible, reproducible, and read back as they were made."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise
from pathlib import Path

import pytest

from indexer.demo import iter_demo_stories, write_demo
from indexer.demo.files import format_story
from indexer.demo.stories import PROVIDERS, providers
from indexer.demo.words import COUNTS, name_of
from indexer.errors import SeedError
from indexer.seeds import parse_story
from tests.conftest import seed_files
from tests.oracles.terms import terms_of


@pytest.fixture(scope="module")
def sample():
    """Three hundred stories."""
    return list(iter_demo_stories(300, 7))


def _texts(story):
    articles = (story, *story.related)
    return " ".join(f"{article.title} {article.excerpt}" for article in articles)


def test_series_belongs_to_its_seed(sample):
    """The same seed gives the same stories, whatever their number; another gives others."""
    assert list(iter_demo_stories(20, 7)) == sample[:20]
    assert not {story.id for story in iter_demo_stories(20, 8)} & {story.id for story in sample}


def test_written_stories_are_read_back(tmp_path):
    """Files hold what the stories do, without a single warning, and are found by id."""
    told: list[int] = []
    assert write_demo(tmp_path / "new" / "folder", 60, 7, told.append) == 60
    assert told == [50, 60]
    files = seed_files(tmp_path / "new" / "folder")
    results = [parse_story(Path(file.path).read_bytes(), file.id) for file in files]
    assert [result.warnings for result in results] == [()] * 60
    made = sorted(iter_demo_stories(60, 7), key=lambda story: story.id)
    assert [result.story for result in results] == made


def test_written_stories_look_like_real_ones(tmp_path):
    """Each file is front matter with the keys of real ones, `secured` too, which varies."""
    write_demo(tmp_path, 20, 7)
    secrets = set()
    for file in seed_files(tmp_path):
        lines = Path(file.path).read_text("utf-8").splitlines()
        assert lines[0] == "---"
        assert "---" in lines[1:]
        assert {"related:", "published: true"} & set(lines)
        secrets.update(line for line in lines if line.startswith("secured: "))
        assert 4_000 < file.size < 60_000
    assert len(secrets) == 20


def test_written_stories_are_the_same_for_a_seed(tmp_path):
    """Two folders made from one seed are equal, byte for byte."""
    contents = []
    for name in ("one", "two"):
        write_demo(tmp_path / name, 10, 3)
        files = seed_files(tmp_path / name)
        contents.append([(file.id, Path(file.path).read_bytes()) for file in files])
    assert contents[0] == contents[1]


def test_nothing_is_overwritten(tmp_path):
    """A folder that holds anything, even a hidden file, or a file is left alone."""
    (tmp_path / ".kept").write_text("mine")
    with pytest.raises(SeedError, match="not empty: give a new or empty folder"):
        write_demo(tmp_path, 1, 0)
    assert [path.name for path in tmp_path.iterdir()] == [".kept"]
    with pytest.raises(SeedError, match="not a folder"):
        write_demo(tmp_path / ".kept", 1, 0)
    with pytest.raises(SeedError, match="cannot be written"):
        write_demo(tmp_path / ".kept" / "below", 1, 0)


def test_stories_have_the_shape_of_an_archive(sample):
    """Related articles, providers, topics, dates and gaps are spread as in an archive."""
    counts = [len(story.related) for story in sample]
    assert (min(counts) >= 5, max(counts) <= 40) == (True, True)
    assert 22 < sum(counts) / len(counts) < 28
    assert {story.published_at.year for story in sample if story.published_at} == set(
        range(2019, 2026)
    )
    assert 0.03 < sum(not story.published for story in sample) / len(sample) < 0.2
    assert len({story.category for story in sample}) > 5
    assert len({topic for story in sample for topic in story.topics}) > 30
    for attribute in ("excerpt", "body", "category", "heat", "quality"):
        values = [getattr(story, attribute) for story in sample]
        assert any(values), attribute
        assert not all(values), attribute
    articles = [article for story in sample for article in story.related]
    for attribute in ("published_at", "provider", "images", "amp_web_url"):
        assert not all(getattr(article, attribute) for article in articles), attribute


def test_providers_are_skewed_and_reserved(sample):
    """Hundreds of providers, few of them large, all under a domain nobody can own."""
    ran = Counter(
        article.provider.domain
        for story in sample
        for article in story.related
        if article.provider is not None
    )
    assert len(providers()) == PROVIDERS
    assert len(ran) > 0.9 * PROVIDERS
    assert ran.most_common(1)[0][1] > 8 * sorted(ran.values())[len(ran) // 2] / 2
    addresses = [story.web_url for story in sample] + [str(domain) for domain in ran]
    assert all(".example" in str(address) for address in addresses)


def test_related_articles_share_words_with_their_story(sample):
    """The coverage of a story has more words in common with it than with the next."""
    own = other = 0
    for story, following in pairwise(sample):
        coverage = set(terms_of(" ".join(article.title for article in story.related)))
        own += len(coverage & set(terms_of(story.title)))
        other += len(coverage & set(terms_of(following.title)))
    assert own > 2 * other


def test_vocabulary_grows_and_is_skewed(sample):
    """Words follow Zipf's law roughly: few are common, new ones keep coming."""
    seen: Counter[str] = Counter()
    sizes = []
    for start in (0, 100, 200):
        for story in sample[start : start + 100]:
            seen.update(terms_of(_texts(story)))
        sizes.append(len(seen))
    assert sizes[1] - sizes[0] > 800
    assert sizes[2] - sizes[1] > 600
    rare = sum(count < 5 for count in seen.values())
    assert rare > 0.3 * len(seen)
    assert seen.most_common(1)[0][1] > 0.02 * seen.total()


def test_names_of_different_ranks_differ():
    """No two ranks share a name, as far as a corpus goes; some names have accents."""
    for kind, count in COUNTS.items():
        names = [name_of(kind, rank) for rank in range(min(3000, count))]
        assert len(set(names)) == len(names), kind
    assert any(not name_of("person", rank).isascii() for rank in range(100))


def test_sentences_begin_with_a_capital_and_leave_no_gap(sample):
    """Text reads as text: no gap is left open, no article stands before a vowel."""
    for story in islice(sample, 50):
        text = _texts(story)
        assert not {*"{}"} & {*text}
        assert story.title[0] == story.title[0].upper()
        for vowel in "aeiou":
            assert f" a {vowel}" not in text.lower(), text


def test_every_story_survives_its_file():
    """A story read from its own text is the story, body and quotes included."""
    for story in iter_demo_stories(30, 11):
        result = parse_story(format_story(story).encode(), story.id)
        assert result.story == story
