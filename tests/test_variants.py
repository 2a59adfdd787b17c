"""English words that are one though no stemmer tells."""

from __future__ import annotations

import re

import pytest

import indexer
from indexer.analysis import stem_of
from indexer.languages import ENGLISH
from indexer.variants import main_form, one_spelling

SPELLINGS = """
    color colour, colored coloured, favorite favourite, neighbors neighbours, labor labour,
    rumored rumoured, behavioral behavioural, honors honours, center centre, centers centres,
    centered centred, epicenter epicentre, theater theatre, kilometers kilometres, fiber fibre,
    lackluster lacklustre, defense defence, offenses offences, license licence, licensed licenced,
    practicing practising, organize organise, organized organised, organizing organising,
    organizer organiser, organization organisation, organizations organisations, recognizable
    recognisable, criticizes criticises, collectivize collectivise, analyze analyse, analyzed
    analysed, paralyzing paralysing, analyzes analyses, analyze analyses, traveling travelling,
    travelers travellers, canceled cancelled, counselor counsellor, modeling modelling, jewelry
    jewellery, program programme, programs programmes, dialogs dialogues, catalog catalogue, gray
    grey, anemia anaemia, hemoglobin haemoglobin, pediatric paediatric, maneuver manoeuvre,
    skeptical sceptical, aluminum aluminium, sulfur sulphur, inquiry enquiry, fulfillment
    fulfilment, aging ageing, kyiv kiev, zelensky zelenskyy, mumbai bombay, mohammed mohamed,
    muhammad mohamed, centerpieces centrepieces, fiberglass fibreglass, theatergoers theatregoers,
    graying greying
"""
FORMS = """
    woman women, man men, policeman policemen, child children, foot feet, wife wives, crisis
    crises, win won, wins won, sell sold, selling sold, bought buys, break broken, broke breaking,
    two 2, nine 9, first 1st, sept september, govt government, dept departments, written wrote,
    flown flies, begun begins, said says, struck striking, fell fallen, womens women, womens
    woman, mens men, childrens children, third thirds, fifth fifths, half halves, halves halved,
    halved halving, depts department, sixes 6, thirds 3rd, mens man
"""
#: Words that look like one of those, and are none.
APART = """
    exercise exercize, promise promize, advise advize, surprise surprize, advertise advertize,
    franchise franchize, expertise expertize, rise rize, noise noize, wise wize, disguise
    disguize, prise prize, specimen speciman, yemen yeman, regimen regiman, premise premize,
    praise praize, paradise paradize, televise televize, acre acer, roses rise, lives life, found
    find, enquirer inquirer, labelle label, diallo dialo, wilful will, mistaken mistake, min
    minute, mins minute, litre liter
"""


def pairs(text):
    """Pairs of words with commas between."""
    return [tuple(pair.split()) for pair in text.split(",")]


@pytest.mark.parametrize(("one", "other"), pairs(SPELLINGS))
def test_spellings_are_one_word(one, other):
    """They have a stem and a light form."""
    assert stem_of(one) == stem_of(other)
    assert ENGLISH.light_form(one) == ENGLISH.light_form(other)


@pytest.mark.parametrize(("one", "other"), pairs(FORMS))
def test_irregular_forms_are_one_word(one, other):
    """They have a stem, like regular ones."""
    assert stem_of(one) == stem_of(other)


@pytest.mark.parametrize(("one", "other"), pairs(APART))
def test_words_that_only_look_alike_are_left_alone(one, other):
    """What is spelt so everywhere, and forms that are as often another word."""
    assert main_form(one) == one
    assert stem_of(one) != stem_of(other)


@pytest.mark.parametrize("word", [word for pair in pairs(SPELLINGS + "," + FORMS) for word in pair])
def test_a_main_form_is_its_own(word):
    """Of a word that was changed already nothing is changed."""
    assert one_spelling(one_spelling(word)) == one_spelling(word)
    assert main_form(main_form(word)) == main_form(word)


def test_a_story_is_found_and_marked_however_its_words_are_spelt(tmp_path):
    """Quotes and `=` find what was written; other languages know none of this."""
    for name, excerpt in (
        ("British", "Women organised a colourful centre"),
        ("American", "A woman organizes colorful centers"),
    ):
        (tmp_path / f"{name}.yaml").write_text(f"title: {name}\nexcerpt: {excerpt}\n")
    indexer.rebuild(tmp_path, tmp_path / "index")
    with indexer.open_index(tmp_path / "index") as engine:
        for query in ("women colourful centres", "woman organizing colorful", "center organised"):
            page = engine.search(query)
            assert (page.total, page.complete) == (2, 2)
            for hit in page.hits:
                marked = re.findall("<mark>(.*?)</mark>", hit.highlights["excerpt"])
                assert len(marked) == len(query.split()), hit.highlights
        assert engine.search('"colourful centre"').total == 1
        assert engine.search("=women").total == 1
        assert engine.search("woman", limit=1).hits[0].story.title == "American"
    assert stem_of("colour", "french") != stem_of("color", "french")
