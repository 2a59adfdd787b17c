"""Archives in other languages than English: stems, function words, marks, completions."""

from __future__ import annotations

import json

import pytest
import whoosh.index
import whoosh.qparser

import indexer
from indexer.analysis import LANGUAGES, fold, stem_of
from indexer.languages import language_name, language_of
from tests.conftest import build, write_story


@pytest.fixture
def opened(tmp_path):
    """Opens an index of stories with these titles in a language."""
    engines = []

    def open_(language, *titles):
        (tmp_path / "seeds").mkdir()
        (tmp_path / "seeds" / "storydex.toml").write_text(f"language = {json.dumps(language)}\n")
        index = build(tmp_path, [{"title": title} for title in titles])
        engines.append(indexer.open_index(index, compiled=False))
        return engines[0]

    yield open_
    for engine in engines:
        engine.close()


FOUND = [
    ("german", "Haus", "Die Häuser am Fluss"),
    ("de", "Windkraftanlage", "Streit um Windkraftanlagen"),
    ("de-AT", "Wählern", "Was die Wähler wollen"),
    ("French", "élection", "Les élections approchent"),
    ("fr", "nationale", "Un débat national"),
    ("es", "canción", "Las canciones del verano"),
    ("it", "ragazza", "Le ragazze del coro"),
    ("pt", "cidade", "As cidades crescem"),
    ("nl", "huis", "Nieuwe huizen en huizen"),
    ("ru", "русский", "О русских городах"),
    ("ru", "университет", "В университетах"),
    ("sv", "flickan", "Flickor sjunger"),
    ("fi", "talo", "Talossa palaa"),
    ("tr", "kitap", "Kitaplar okundu"),
    ("ar", "كتاب", "الكتاب الجديد"),
]


@pytest.mark.parametrize(("language", "query", "title"), FOUND)
def test_words_are_found_by_the_stems_of_the_language(opened, language, query, title):
    """And marked so; the index keeps its language, and so do later rebuilds of it."""
    engine = opened(language, title, "Other 1", "Other 2")
    page = engine.search(query)
    if language == "nl":  # of which Snowball keeps huiz apart
        page = engine.search("huizen")
    assert [hit.story.title for hit in page.hits] == [title]
    assert "<mark>" in page.hits[0].highlights["title"]
    assert page.complete == 1


def test_english_is_what_is_there_if_nothing_is_said(tmp_path):
    """German plurals are then words of their own."""
    index = build(tmp_path, [{"title": "Die Häuser am Fluss"}, {"title": "Houses on the river"}])
    with indexer.open_index(index, compiled=False) as engine:
        assert engine.search("haus", spelling=False).total == 0
        assert engine.search("house").total == 1


def test_function_words_of_the_language_need_not_be_there(opened):
    """They count almost nothing beside others, and are no words to mark."""
    engine = opened("de", "Häuser am Fluss", "Die und der", *[f"Auto {n}" for n in range(20)])
    page = engine.search("die häuser und der fluss")
    assert [hit.story.title for hit in page.hits] == ["Häuser am Fluss"]
    assert not page.relaxed
    # What is a function word in English is none here.
    assert engine.search("the auto").complete == 0


def test_the_written_form_comes_first(opened):
    """As in English; quotes mean the word as written."""
    engine = opened("de", "Häuser", "Haus", "Hauses")
    assert engine.search("haus").hits[0].story.title == "Haus"
    assert engine.search("häuser").hits[0].story.title == "Häuser"
    assert engine.search("haus").total == 3
    assert engine.search('"haus"').total == 1


def test_spelling_and_completions_know_the_language(opened):
    """A slip is put right, a word finished, and stories resemble each other by stems."""
    titles = [f"Regierung plant Windkraftanlagen {n}" for n in range(5)]
    engine = opened("de", *titles, "Ein Vogel")
    assert engine.search("windkraftalnagen").corrected == "windkraftanlagen"
    assert engine.suggest("windk") == ("windkraftanlagen",)


def test_synonyms_are_stemmed_as_the_texts_are(tmp_path, opened):
    """A word in any form stands for what its stem stands for."""
    (tmp_path / "synonyms.yml").write_text("- [Haus, Gebäude]\n")
    (tmp_path / "seeds").mkdir()
    (tmp_path / "synonyms.yml").rename(tmp_path / "seeds" / "synonyms.yml")
    (tmp_path / "seeds" / "storydex.toml").write_text('language = "de"\n')
    index = build(tmp_path, [{"title": "Ein Gebäude"}])
    with indexer.open_index(index, compiled=False) as engine:
        assert engine.search("häuser").total == 1


def test_another_language_has_all_stories_read_again(tmp_path):
    """The settings say how stories are read; the index is sound after merges and changes."""
    index = build(tmp_path, [{"title": "Die Häuser am Fluss"}])
    (tmp_path / "seeds" / "storydex.toml").write_text('language = "german"\n')
    assert indexer.rebuild(tmp_path / "seeds", index, workers=1).indexed == 1
    for number in range(4):
        write_story(tmp_path / "seeds", f"{number}.md", title=f"Häuser {number}")
        assert indexer.rebuild(tmp_path / "seeds", index, workers=1).indexed == 1
    with indexer.open_index(index, compiled=False) as engine:
        assert engine.search("haus").total == 5
        assert engine.info().language == "german"
    assert not indexer.verify(index).damaged
    with whoosh.index.open_dir(str(index)).searcher() as searcher:
        words = whoosh.qparser.QueryParser("title", searcher.schema).parse("haus")
        assert len(searcher.search(words)) == 5


@pytest.mark.parametrize("name", LANGUAGES)
def test_any_language_of_snowball(name):
    """Each is known by name, and stems what is folded."""
    assert language_name(name.upper()) == name
    language = language_of(name)
    assert all(word == fold(word) for word in language.function_words)
    assert language.stem_of("abc") == stem_of("abc", name)


def test_codes_of_languages():
    """ISO codes, with a country or without; anything else is none."""
    assert [language_name(text) for text in ("de", "DE_ch", "pt-BR", " nb ")] == [
        "german", "german", "portuguese", "norwegian",
    ]  # fmt: skip
    assert {language_name(text) for text in ("xx", "", "porter", "germanic")} == {None}
