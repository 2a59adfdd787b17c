"""Synonyms: a file beside the stories, read when searching."""

from __future__ import annotations

import os

import pytest
import yaml

import indexer
from indexer.query.nodes import Alternatives, Phrase, Word
from indexer.query.parser import parse
from indexer.query.synonyms import read_synonyms, with_synonyms
from tests.conftest import build, write_story

STORIES = {
    "a.md": {"title": "Car sales fall"}, "b.md": {"title": "Automobile makers worry"},
    "c.md": {"title": "A motor car of 1910"}, "d.md": {"title": "United Kingdom votes"},
    "e.md": {"title": "UK votes"}, "f.md": {"title": "Motor of a boat"},
    "g.md": {"title": "AT&T rises"}, "h.md": {"title": "Ma Bell rises"},
    "i.md": {"title": "Free wi-fi"}, "j.md": {"title": "Free WLAN"}, "k.md": {"title": "Free wifi"},
}  # fmt: skip
TEXT = (
    "- [Car, automobile, motor car]\n- uk: [united kingdom]\n- [AT&T, ma bell]\n- [wi-fi, WLAN]\n"
)


@pytest.fixture
def seeds(tmp_path):
    for name, fields in STORIES.items():
        write_story(tmp_path / "seeds", name, **fields)
    (tmp_path / "seeds" / "synonyms.yml").write_text(TEXT)
    return tmp_path / "seeds"


@pytest.mark.parametrize(
    ("query", "stories"),
    [
        ("car", "a b c"), ("automobiles", "a b c"), ("automobile", "a b c"), ("motor car", "a b c"),
        ("uk", "d e"), ("united kingdom", "d"), ('"car"', "a c"), ("car -boat", "a b c"),
        ("motor", "c f"), ("title:car", "a c"), ("uk votes", "d e"), ("+car", "a b c"),
        ("car OR votes", "a b c d e"), ("votes OR (motor car)", "a b c d e"), ("+votes -uk", ""),
        ("+car NOT automobile", ""), ("sales AND automobile", "a"), ("car OR =automobile", "a b c"),
        ("AT&T", "g h"), ("ma bell", "g h"), ("at&t rises", "g h"), ('"at&t"', "g"),
        ("wi-fi", "i j k"), ("wifi", "i j k"), ("wlan", "i j k"), ("free wifi -wlan", ""),
        ("=car OR =boat", "a c f"), ("(car -makers) OR boat", "a c f"), ("car^2 OR boat", "a c f"),
    ],
)  # fmt: skip
def test_words_find_what_they_stand_for(seeds, tmp_path, query, stories):
    """Groups and one-way entries apply to words, under operators too; the file is no story."""
    report = indexer.rebuild(seeds, tmp_path / "index")
    assert (report.indexed, len(report.rejected)) == (11, 0)
    with indexer.open_index(tmp_path / "index", compiled=False) as engine:
        hits = engine.search(query, spelling=False).hits
        assert " ".join(sorted(hit.story.id[0] for hit in hits)) == stories


def test_the_word_typed_comes_first_and_all_are_marked(seeds, tmp_path):
    """What a word stands for counts a little less, and is marked, too."""
    indexer.rebuild(seeds, tmp_path / "index")
    with indexer.open_index(tmp_path / "index", compiled=False) as engine:
        page = engine.search("automobile")
    assert page.hits[0].story.id == "b.md"
    assert all("<mark>" in hit.highlights["title"] for hit in page.hits)


def test_a_changed_file_counts_without_a_rebuild(seeds, tmp_path):
    """The file is read again when an engine looks for a new generation."""
    indexer.rebuild(seeds, tmp_path / "index")
    with indexer.open_index(tmp_path / "index", compiled=False) as engine:
        (seeds / "synonyms.yml").unlink()
        assert engine.search("car").total == 3
        assert engine.reload() is False
        assert engine.search("car", spelling=False).total == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("car: automobile", "no list"), ("- car", "entry 1: write"), ("- [car, 3]", "entry 1: 3"),
        ("- [a, b]\n- uk: [1.5]", "entry 2: 1.5"), ("- [a", "not YAML"), ("- [a, '!!']", "'!!'"),
        ("- a: b", "entry 1: write"), ("x" * ((1 << 20) + 1), "over 1 MiB"),
    ],
)  # fmt: skip
def test_a_faulty_file_is_named_and_stops_no_search(seeds, tmp_path, text, said):
    """Its path, the entry and the remedy; searching goes on without it."""
    (seeds / "synonyms.yml").write_text(text)
    with pytest.raises(indexer.SeedError, match=said) as caught:
        read_synonyms(seeds)
    assert "synonyms.yml" in str(caught.value)
    indexer.rebuild(seeds, tmp_path / "index")
    with (
        pytest.warns(UserWarning, match=r"synonyms\.yml.*searching without"),
        indexer.open_index(tmp_path / "index", compiled=False) as engine,
    ):
        assert engine.search("car").total == 2


@pytest.mark.parametrize(
    ("word", "others"), [("9/11", "911"), ("1.5bn", "15bn"), ("AT&T", "ATT"), ("24/7", "247")]
)
def test_what_signs_join_is_no_word_without_them(tmp_path, word, others):
    """`9/11` is never 911, neither where it is typed nor where it is found."""
    index = build(tmp_path, [{"title": title} for title in (word, others, "Gazillion")])
    (tmp_path / "seeds" / "synonyms.yml").write_text(f"- ['{word}', gazillion]\n")
    with indexer.open_index(index, compiled=False) as engine:
        for query, titles in ((word, {word, "Gazillion"}), (others, {others})):
            hits = engine.search(query, spelling=False).hits
            assert {hit.story.title for hit in hits} == titles
        assert engine.search("gazillion", spelling=False).total == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- - - &a [x, x]\n    - &b [*a, *a]\n", "line 2: an alias"),
        ("- - {<<: [&a {k: [x]}, *a]}\n", "line 1: an alias"),
        ("- " * 100_000, "nested too deep"),
        ("- - - " + "y, " * 100_000, "is no word"),
        ("- !!bool foo", "line 1: a tag"),
        ("\n- !!timestamp foo", "line 2: a tag"),
        (f"- [1{':01' * 250}.5, b]", "not YAML"),
        (f"- [{', '.join(f'w{n}' for n in range(100_000))}]", "256 at most"),
        (f"- {{k: [{', '.join(f'w{n}' for n in range(257))}]}}", "256 at most"),
        ("".join(f"- [car, a{n}]\n" for n in range(300)), "256 at most"),
        (
            "".join(
                f"- [car, {a}x{b}]\n" for a in "abcdefghijklmnopqr" for b in "abcdefghijklmnopqr"
            ),
            "256 at most",
        ),
        ("".join(f"- [{', '.join(f'{k}w{n}' for n in range(250))}]\n" for k in range(17)), "pairs"),
    ],
)
def test_no_file_takes_long_or_much_memory(seeds, text, said):
    """What aliases and long lists would come to is refused before it is worked out."""
    (seeds / "synonyms.yml").write_text(text)
    with pytest.raises(indexer.SeedError, match=said) as refused:
        read_synonyms(seeds)
    assert len(str(refused.value)) < 1000


def test_no_pipe_is_waited_for_and_no_link_followed(seeds):
    """What is no regular file is refused at once."""
    path = seeds / "synonyms.yml"
    path.rename(seeds / "words.yml")
    for make in (path.mkdir, lambda: path.symlink_to("words.yml"), lambda: os.mkfifo(path)):
        make()
        with pytest.raises(indexer.SeedError, match="no regular file"):
            read_synonyms(seeds)
        path.rmdir() if path.is_dir() else path.unlink()


def test_the_longest_words_in_a_row_count(tmp_path):
    """Of entries that overlap, the longest is taken."""
    (tmp_path / "synonyms.yml").write_text(
        yaml.safe_dump([["new york", "nyc"], {"new": ["young"]}])
    )
    parsed = with_synonyms(parse("new york -x new"), read_synonyms(tmp_path))
    assert parsed.plain == (
        Alternatives((Phrase(("new", "york")), Word("nyc", weight=0.8))),
        Alternatives((Word("new"), Word("young", weight=0.8))),
    )
    assert parsed.rest is not None
