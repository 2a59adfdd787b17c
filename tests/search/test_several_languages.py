"""Archives in several languages: a word is found in each, in the forms that it has there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import indexer
from indexer.languages import language_of
from tests.conftest import write_story

#: Languages → titles of stories in them.
ARCHIVES = {
    ("english", "french"): [
        "The council has an expense", "Expenses of the mayors and of the council",
        "The news of the day", "A new bridge for the town", "What the bank sees in the data",
        "The date of the match", "A municipality is not a town",
        "Les nouveaux programmes et les journaux", "Un nouveau programme dans les écoles",
        "Le conseil municipal est dans la ville", "Les conseils municipaux et les chevaux",
        "Une nouvelle du monde", "Des nouvelles de la ville", "Le cheval et un journal",
        "Elle parle du programme avec eux", "Il faut parler de la ville",
    ],
    ("fr", "en"): [
        "The cat is jumping over the wall", "They jumped and they were running",
        "A jump for the cat and the dog", "Les sauteurs et les chevaux",
        "Un cheval dans la ville",
    ],
    ("en", "de"): [
        "The house on the river", "A wall of the city is old",
        "Die Häuser und der Fluss", "Ein Haus ist nicht alt", "Den Kindern und dem Hund",
        "Das Kind und der Wald", "A dog and the children", "Die Wolle der Schafe",
        "Was wir nicht wollen",
    ],
    ("german", "english"): [
        "The woman in the centers of the town", "These women have to go to the centre",
        "An aeroplane in the sky", "The aeroplanes and the airplane", "Die Katze und der Hund",
    ],
}  # fmt: skip
NOUVEAUX, NOUVEAU = (
    "Les nouveaux programmes et les journaux",
    "Un nouveau programme dans les écoles",
)
MUNICIPAL, MUNICIPAUX = ARCHIVES["english", "french"][9:11]
CHEVAL = "Le cheval et un journal"
HOUSES, HOUSE = "Die Häuser und der Fluss", "Ein Haus ist nicht alt"
WOMAN, WOMEN = ARCHIVES["german", "english"][:2]

#: First language, a query, and the stories that it finds.
FOUND = [
    ("english", "nouveaux", [NOUVEAUX, NOUVEAU]),
    ("english", "nouveau", [NOUVEAU, NOUVEAUX]),
    ("english", "cheval", [CHEVAL, MUNICIPAUX]),
    ("english", "chevaux", [MUNICIPAUX, CHEVAL]),
    ("english", "municipaux", [MUNICIPAUX, MUNICIPAL]),
    ("english", "parle", ["Elle parle du programme avec eux", "Il faut parler de la ville"]),
    # What the first language knows as well as before, and better than the other does.
    ("english", "expenses", ["Expenses of the mayors and of the council",
                             "The council has an expense"]),
    ("english", "nouvelles", ["Des nouvelles de la ville", "Une nouvelle du monde"]),
    ("english", "news", ["The news of the day"]),  # which French stems take for new
    ("english", "date", ["The date of the match"]),  # and this for data
    # As written: in quotes, after a sign of equality, in capitals, as a pattern.
    ("english", '"nouveaux"', [NOUVEAUX]), ("english", "=nouveaux", [NOUVEAUX]),
    ("english", '"nouveau programme"', [NOUVEAU]), ("english", "cheva*", [CHEVAL, MUNICIPAUX]),
    # In operators and fields.
    ("english", "title:chevaux", [MUNICIPAUX, CHEVAL]), ("english", "body:chevaux", []),
    ("english", "journaux -nouveau", [CHEVAL]), ("english", "programme AND nouveaux",
                                                 [NOUVEAUX, NOUVEAU]),
    ("english", "(cheval OR jument) conseil", [MUNICIPAUX]),
    ("english", "chevaux journaux", [CHEVAL]),
    # Function words of either tell nothing.
    ("english", "un chevaux dans the conseil", [MUNICIPAUX]),
    ("en", "wolle", ["Die Wolle der Schafe"]), ("en", "wollen", ["Was wir nicht wollen"]),
    ("fr", "jumps", ["A jump for the cat and the dog", "The cat is jumping over the wall",
                     "They jumped and they were running"]),
    ("fr", "runs", ["They jumped and they were running"]),
    ("fr", "chevaux", ["Les sauteurs et les chevaux", "Un cheval dans la ville"]),
    ("en", "haus", [HOUSE, HOUSES]), ("en", "häuser", [HOUSES, HOUSE]),
    ("en", "kind", ["Das Kind und der Wald", "Den Kindern und dem Hund"]),
    # English spellings and irregular forms, however differently they begin.
    ("german", "women", [WOMEN, WOMAN]), ("german", "woman", [WOMAN, WOMEN]),
    ("german", "center", [WOMAN, WOMEN]), ("german", "centre", [WOMEN, WOMAN]),
    ("german", "aeroplane", ["An aeroplane in the sky", "The aeroplanes and the airplane"]),
    ("en", "houses", ["The house on the river"]), ("en", "walls", ["A wall of the city is old"]),
]  # fmt: skip


def write_archive(folder: Path, languages: tuple[str, ...]) -> None:
    """Write the stories of an archive, and its settings."""
    folder.mkdir(parents=True)
    (folder / "storydex.toml").write_text(f"language = {json.dumps(languages)}\n")
    for number, title in enumerate(ARCHIVES[languages]):
        write_story(folder, f"{number:02}.md", title=title)


def texts_of(page):
    """The titles of what was found, in order."""
    return [hit.story.title for hit in page.hits]


@pytest.fixture(scope="module", params=[True, False], ids=["compiled", "plain"])
def engines(request, tmp_path_factory):
    """First language → an engine over an archive, of more than one segment."""
    engines = {}
    for languages in ARCHIVES:
        folder = tmp_path_factory.mktemp(languages[0])
        write_archive(folder / "seeds", languages)
        indexer.rebuild(folder / "seeds", folder / "index", workers=1)
        write_story(folder / "seeds", "one.md", title="Another one")
        indexer.rebuild(folder / "seeds", folder / "index", workers=1)
        engine = indexer.open_index(folder / "index", compiled=request.param)
        engine.warm_up()
        engines[languages[0]] = engine
    yield engines
    for engine in engines.values():
        engine.close()


@pytest.mark.parametrize(("first", "query", "titles"), FOUND)
def test_words_are_found_in_each_language(engines, first, query, titles):
    """Marked, scored as is explained, and nothing is put right or proposed."""
    engine = engines[first]
    page = engine.search(query, limit=50)
    # Those with some of the words come after.
    assert set(texts_of(page)[: page.complete]) == set(titles)
    assert (page.corrected, page.suggestion) == (None, None)
    for hit in page.hits:
        assert "<mark>" in hit.highlights["title"]
        why = engine.explain(query, hit.story.id)
        assert why.score == pytest.approx(hit.score, rel=1e-5)
        assert why.score > 0


def open_archive(folder, languages, titles):
    """An engine over stories with these titles."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "storydex.toml").write_text(f"language = {json.dumps(languages)}\n")
    for number, title in enumerate(titles):
        write_story(folder, f"{number:02}.md", title=title)
    indexer.rebuild(folder, folder.parent / "index", workers=1)
    return indexer.open_index(folder.parent / "index", compiled=False)


def test_the_word_as_typed_comes_first(tmp_path):
    """Be it the rarer form or the more frequent one; the others are as good as each other."""
    titles = ["Le cheval est dans le pré", *[f"Les chevaux sont dans {n}" for n in "abcdefg"]]
    with open_archive(tmp_path / "seeds", ["en", "fr"], titles) as engine:
        assert texts_of(engine.search("cheval"))[0] == titles[0]
        assert texts_of(engine.search("chevaux"))[-1] == titles[0]
        assert len({hit.score for hit in engine.search("cheval").hits[1:]}) == 1


def test_words_of_many_languages_tell_none(tmp_path):
    """`vs` is a function word of English, and stands in French headlines."""
    titles = ["Nouveau match dans la ville: PSG vs Lyon", "Nouveaux chevaux vs voitures", "Other"]
    with open_archive(tmp_path / "seeds", ["en", "fr"], titles) as engine:
        assert {*texts_of(engine.search("nouveau"))} == {*titles[:2]}


def test_a_word_that_one_language_has_alone_is_looked_for_in_it(tmp_path):
    """Texts without function words are of either, so what they have is found."""
    with open_archive(tmp_path / "seeds", ["en", "fr"], ["Chevaux", "Other"]) as engine:
        assert texts_of(engine.search("cheval")) == ["Chevaux"]


def test_spelling_is_put_right_in_each_language(tmp_path):
    """A slip is one if no language knows the word; completions are of all."""
    titles = ["Les journaux nationaux de la ville", "The expenses of the town"] * 2
    with open_archive(tmp_path / "seeds", ["en", "fr"], titles) as engine:
        assert engine.search("jounraux").corrected == "journaux"
        assert engine.search("expneses").corrected == "expenses"
        assert engine.suggest("nat") == ("nationaux",)
        assert engine.suggest("exp") == ("expenses",)


def test_a_word_that_is_found_in_a_language_is_no_slip(tmp_path):
    """Even if it is never written so, and a frequent word is nearly the same."""
    titles = [f"Les cheveux de {n}" for n in "abcdefg"]
    with open_archive(tmp_path / "seeds", ["en", "fr"], [*titles, CHEVAL]) as engine:
        page = engine.search("chevaux")
        assert (texts_of(page), page.corrected, page.suggestion) == ([CHEVAL], None, None)
        # So what else is one is put right without asking.
        assert engine.search("chevaux AND jounral").corrected == "chevaux AND journal"


def test_synonyms_and_words_written_together(tmp_path):
    """What a word stands for is found in its forms, too; so are parts of words."""
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "synonyms.yml").write_text("- [jument, cheval]\n")
    titles = ["Les chevaux dans la ville", "La jument est dans le pré", "Other"]
    with open_archive(tmp_path / "seeds", ["en", "fr"], titles) as engine:
        assert set(texts_of(engine.search("jument"))) == set(titles[:2])


def test_words_of_all_languages_are_what_others_are_weighed_by(tmp_path):
    """Function words that tell little beside one make no article match, or are not scored."""
    write_story(
        tmp_path / "seeds", "x.md", title="Les chevaux",
        related=[{"title": "The one and the other"}, {"title": "Un cheval and the other"}],
    )  # fmt: skip
    titles = [f"The {n}" if n % 2 else f"Other {n}" for n in range(40)]
    with open_archive(tmp_path / "seeds", ["en", "fr"], titles) as engine:
        (hit,) = engine.search("the chevaux").hits
        assert [article.title for article in hit.related] == ["Un cheval and the other"]
    write_story(tmp_path / "seeds", "x.md", title="The chevaux")
    titles = [f"The {n}" for n in range(40)]
    with open_archive(tmp_path / "seeds", ["en", "fr"], [*titles, "Un cheval"]) as engine:
        why = engine.explain("the chevaux", "x.md")
        assert [part.text for part in why.parts] == ["chevaux"]


def test_stories_resemble_each_other_by_words_that_tell(tmp_path):
    """Function words of no language make any alike."""
    titles = ["Le conseil dans la ville avec eux", "Les conseils de 1999", "Dans la cave avec eux"]
    with open_archive(tmp_path / "seeds", ["en", "fr"], [*titles, *"abcdefghijkl"]) as engine:
        assert [hit.story.title for hit in engine.more_like("00.md")] == [titles[1]]


def test_words_near_each_other_count_as_ever(tmp_path):
    """What also finds other forms has neighbours still."""
    titles = ["Chevaux x y z a b c journaux", "Chevaux journaux x y z a b c"]
    with open_archive(tmp_path / "seeds", ["en", "fr"], [*titles, "Cheval journal"]) as engine:
        page = engine.search("chevaux journaux")
        assert texts_of(page)[0] == titles[1]
        why = engine.explain("chevaux journaux", page.hits[0].story.id)
        assert "words near each other" in dict(why.factors)


def test_another_list_has_all_stories_read_again(tmp_path):
    """The index keeps its languages, over merges and later rebuilds, and is sound."""
    write_story(tmp_path / "seeds", "x.md", title="Les chevaux")
    index = tmp_path / "index"
    indexer.rebuild(tmp_path / "seeds", index, workers=1)
    (tmp_path / "seeds" / "storydex.toml").write_text('language = ["English", "fr-CA"]\n')
    assert indexer.rebuild(tmp_path / "seeds", index, workers=1).indexed == 1
    for number in range(4):
        write_story(tmp_path / "seeds", f"{number}.md", title=f"Un cheval {number}")
        assert indexer.rebuild(tmp_path / "seeds", index, workers=1).indexed == 1
    with indexer.open_index(index, compiled=False) as engine:
        assert engine.search("chevaux").total == 5
        assert engine.info().language == "english, french"
    assert not indexer.verify(index).damaged
    (tmp_path / "seeds" / "storydex.toml").unlink()
    assert indexer.rebuild(tmp_path / "seeds", index, workers=1).indexed == 5
    with indexer.open_index(index, compiled=False) as engine:
        assert engine.search("chevaux", spelling=False).total == 1
        assert engine.info().language == "english"


def test_long_texts_are_searched_as_typed(tmp_path):
    """And take no longer: they have words enough."""
    with open_archive(tmp_path / "seeds", ["en", "fr"], ["Un cheval", "Les chevaux"]) as engine:
        assert engine.search("cheval " + "mot " * 15).total == 2
        assert engine.search("cheval " + "mot " * 16).total == 1


def test_languages_by_name():
    """As an index keeps them; one alone is what it ever was."""
    both = language_of("english, french")
    assert (both.name, both.names) == ("english", "english, french")
    assert {"dans", "the"} <= both.function_words
    assert language_of("english").others == ()
    for names in ("english, klingon", "english,french", "", ", ".join(["french"] * 6)):
        with pytest.raises(ValueError, match="language"):
            language_of(names)


def test_an_article_written_with_its_word_hides_it_not(tmp_path):
    """Arabic as a further language: a word is found with *al-*, also behind *with*, and without."""
    titles = ["اقتصاد مصر", "بحث الاقتصاد", "بالاقتصاد", "وبالاقتصاد", "وللاقتصاد"]
    for number, title in enumerate([*titles, "The economy"]):
        write_story(tmp_path / "seeds", f"{number}.md", title=title)
    (tmp_path / "seeds" / "storydex.toml").write_text('language = ["english", "arabic"]\n')
    indexer.rebuild(tmp_path / "seeds", tmp_path / "index")
    with indexer.open_index(tmp_path / "index", compiled=False) as engine:
        for query in ("اقتصاد", "الاقتصاد", "بالاقتصاد"):
            found = {hit.story.title for hit in engine.search(query, spelling=False).hits}
            assert found == {*titles}
