"""SQLite FTS5: terms as the project makes them, positions, texts and providers in tables.

The `ascii` tokenizer only splits at blanks here, as the terms are stemmed already: that
spares FTS5 its own stemmer and makes hit counts comparable. Top, total and provider
counts are a statement each: one with a common table of the matches is slower, as FTS5
then scores them all in SQL's terms and cannot keep the best.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from indexer.model import Story

from .. import corpus
from ..queries import Query
from ..works import TOP, VALUES, Answer, Work
from . import Run

TITLE = "SQLite FTS5"
MOST_STORIES = 20_000

#: Between two parts of a field, so that no phrase spans them.
_PART = " ¶ "
_BATCH = 500

_TABLES = f"""
    CREATE VIRTUAL TABLE word USING fts5(
        {", ".join(corpus.TEXT_FIELDS)}, content='', tokenize='ascii', detail=full
    );
    INSERT INTO word(word, rank) VALUES ('rank', 'bm25({
    ", ".join(str(boost) for boost in corpus.BOOSTS.values())
})');
    CREATE TABLE story (id INTEGER PRIMARY KEY, display BLOB NOT NULL);
    CREATE TABLE provider (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
    CREATE TABLE ran (
        story INTEGER NOT NULL, provider INTEGER NOT NULL, PRIMARY KEY (story, provider)
    ) WITHOUT ROWID;
"""

_TOP = "SELECT rowid, rank FROM word WHERE word MATCH ?{} ORDER BY rank LIMIT {}"
_TOTAL = "SELECT count(*) FROM word WHERE word MATCH ?{}"
_COUNTS = """
    SELECT ran.provider, count(*) FROM word JOIN ran ON ran.story = word.rowid
    WHERE word MATCH ? GROUP BY ran.provider
"""
_FILTER = " AND EXISTS (SELECT 1 FROM ran WHERE ran.story = word.rowid AND ran.provider = {})"


def version() -> str:
    """Of the library."""
    return sqlite3.sqlite_version


def layout() -> str:
    """Changes whenever an index that was built before cannot be used any more."""
    return f"{version()}-3"


def build(stories: Iterable[Story], folder: Path) -> None:
    """Write an index into an empty folder."""
    database = sqlite3.connect(folder / "index.db")
    database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _TABLES)
    numbers: dict[str, int] = {}
    places = ", ".join("?" * (len(corpus.TEXT_FIELDS) + 1))
    insert = f"INSERT INTO word(rowid, {', '.join(corpus.TEXT_FIELDS)}) VALUES ({places})"
    for number, story in enumerate(stories, 1):
        terms = corpus.terms_by_part(story)
        texts = [_PART.join(terms[field]) for field in corpus.TEXT_FIELDS]
        database.execute(insert, [number, *texts])
        database.execute("INSERT INTO story VALUES (?, ?)", [number, corpus.display_text(story)])
        ran = [
            (number, numbers.setdefault(p, len(numbers) + 1)) for p in corpus.providers_of(story)
        ]
        database.executemany("INSERT INTO ran VALUES (?, ?)", ran)
        if number % _BATCH == 0:
            database.commit()
    database.executemany("INSERT INTO provider(key, id) VALUES (?, ?)", numbers.items())
    database.execute("INSERT INTO word(word) VALUES ('optimize')")
    database.execute("CREATE INDEX ran_by_provider ON ran(provider, story)")
    database.commit()
    database.execute("ANALYZE")
    database.close()


def open_searcher(folder: Path) -> Searcher:
    """Open an index that was built before."""
    return Searcher(folder)


class Searcher:
    """An open index."""

    def __init__(self, folder: Path) -> None:
        self._database = sqlite3.connect(folder / "index.db")
        self._database.execute("PRAGMA mmap_size = 8589934592")
        self._database.execute("PRAGMA cache_size = -262144")
        self._database.execute("PRAGMA query_only = 1")

    def prepare(self, work: Work, query: Query) -> Run:
        """Build the query, so that only running it is timed."""
        matched = [_expression(query)]
        chosen = "" if query.provider is None else _FILTER.format(self._number(query.provider))
        statements = [_TOP.format(chosen, TOP)]
        statements += [_TOTAL.format(chosen)] if work.total else []
        statements += [_COUNTS] if work.facet else []
        execute = self._database.execute
        return lambda: [execute(statement, matched).fetchall() for statement in statements]

    def answer(self, work: Work, found: Any) -> Answer:
        """What a run has found."""
        counts = [count for _, count in found[2]] if work.facet else None
        return Answer(
            hits=len(found[0]),
            total=found[1][0][0] if work.total else None,
            counted=None if counts is None else sum(sorted(counts)[-VALUES:]),
        )

    def facts(self) -> dict[str, int]:
        """Numbers that describe the index."""
        return {}

    def _number(self, provider: str) -> int:
        rows = self._database.execute("SELECT id FROM provider WHERE key = ?", [provider])
        return int(rows.fetchone()[0])


def _expression(query: Query) -> str:
    quoted: Iterator[str] = (f'"{term}"' for term in query.terms)
    if query.form == "phrase":
        return '"' + " ".join(query.terms) + '"'
    if query.form == "prefix":
        return f"{next(quoted)} *"
    return (" OR " if query.form == "any" else " AND ").join(quoted)
