"""Trees as Whoosh queries select what a look at every story says."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from whoosh.filedb.filestore import RamStorage

from indexer.query.nodes import (
    All,
    DateRange,
    Either,
    Everything,
    Fuzzy,
    Keyword,
    NumberRange,
    Pattern,
    Phrase,
    Without,
    Word,
)
from indexer.schema import (
    LEAD,
    RELATED,
    ROW_FIELDS,
    create_schema,
    facet_key,
    facet_values,
    fields_of,
    rows_of,
)
from tests.corpora.queries import QUERIES
from tests.corpora.segments import make_stories
from tests.oracles.terms import terms_of
from tests.oracles.whoosh_queries import to_whoosh
from tests.oracles.whoosh_searcher import ask_whoosh


def texts_of(row):
    return {
        name: text if isinstance(text, str) else " ".join(text)
        for name, text in zip(ROW_FIELDS, row, strict=True)
    }


STORIES = make_stories(40, seed=8)
ROWS = [[texts_of(row) for row in rows_of(story)] for story in STORIES]
VOCABULARY = {
    word for rows in ROWS for row in rows for text in row.values() for word in terms_of(text)
}


@pytest.fixture(scope="module", params=[1, 3])
def reader(request):
    """A Whoosh index with a document for each row, in some segments."""
    made = RamStorage().create_index(create_schema())
    size = -(-len(STORIES) // request.param)
    for begin in range(0, len(STORIES), size):
        writer = made.writer()
        for story, rows in zip(STORIES[begin : begin + size], ROWS[begin:], strict=False):
            with writer.group():
                known = {name: value for name, value in fields_of(story).items() if value}
                known |= {n: v for n, v in fields_of(story).items() if v == 0}
                writer.add_document(**rows[0], **known, kind=[LEAD])
                for row in rows[1:]:
                    writer.add_document(**row, kind=[RELATED])
        writer.commit(merge=False)
    with made.reader() as reader:
        yield reader


def expand(node):
    """Words that a pattern fits; for a near spelling, words that begin with its letters."""
    pattern = node.text if isinstance(node, Pattern) else f"{node.text[:2]}*"
    return {word for word in VOCABULARY if fnmatchcase(word, pattern)}


def values(node):
    return {facet_key(node.facet, node.value)}


def selects(node, number):
    """Whether a story matches, by looking at it."""
    story = STORIES[number]
    match node:
        case All(parts):
            return all(selects(part, number) for part in parts)
        case Either(parts):
            return any(selects(part, number) for part in parts)
        case Without(wanted, unwanted):
            return selects(wanted, number) and not selects(unwanted, number)
        case Everything():
            return True
        case Keyword():
            return bool(values(node) & {*facet_values(story)[node.facet]})
        case DateRange(first, last):
            instant = story.published_at
            return instant is not None and (
                (first is None or first <= instant) and (last is None or instant <= last)
            )
        case NumberRange():
            return _lies_between(getattr(story, node.field), node)
    return any(_occurs(node, text) for text in _fields(node.field, ROWS[number]))


def _lies_between(value, node):
    return value is not None and (
        (node.low is None or value > node.low or (value == node.low and not node.low_open))
        and (node.high is None or value < node.high or (value == node.high and not node.high_open))
    )


def _fields(field, rows):
    if field is None:
        return [text for row in rows for text in row.values()]
    if field == "related":
        return [row[name] for row in rows[1:] for name in ("title", "excerpt")]
    return [rows[0][field]]


def _occurs(node, text):
    terms = terms_of(text)
    match node:
        case Word(word):
            return word in terms
        case Pattern() | Fuzzy():
            return bool(expand(node) & {*terms})
        case Phrase(words, slop):
            places = {at for at, term in enumerate(terms) if term == words[0]}
            for word in words[1:]:
                places = {
                    at
                    for at, term in enumerate(terms)
                    if term == word and any(0 < at - place <= slop + 1 for place in places)
                }
            return bool(places)
    raise TypeError(node)


@settings(max_examples=300)
@given(node=QUERIES)
def test_whoosh_selects_what_a_look_at_every_story_says(reader, node):
    """Whoosh, asked for a tree, lists the leads of the stories that match it."""
    found = ask_whoosh(reader, to_whoosh(node, expand=expand, values=values))
    firsts = [sum(map(len, ROWS[:number])) for number in range(len(ROWS))]
    assert found == [row for number, row in enumerate(firsts) if selects(node, number)]


def test_words_as_written_are_refused():
    """Whoosh sees stems, so it cannot be asked for words as written."""
    for node in (Word("cat", exact=True), Phrase(("cat", "dog"), exact=True)):
        with pytest.raises(ValueError, match="as written"):
            to_whoosh(node, expand=expand, values=values)
