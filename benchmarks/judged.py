"""How good rankings are: stories to index, queries with the stories that answer them, measures.

The queries of a test collection are asked as people typed them. Those of known items are words
that somebody may remember of one article; the story that comes first must hold that article.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

from indexer.analysis import iter_words
from indexer.model import Article, Story

from .real_stories import real_stories

#: Test collections and what nDCG@10 is to be, of each and on average.
TEST_COLLECTIONS = {"time": 0.775, "cacm": 0.535, "npl": 0.450}
MEAN_GOAL = 0.594
#: The stories among which known items are sought.
STORIES = 3000
#: Of a text without a title, how many characters stand for one.
_TITLE_LENGTH = 60
_QUESTION = "what is the story about {} and the {} and the {}"

#: The ids of the stories that answer a query.
Relevant = frozenset[str]
Measure = Callable[[Sequence[str], Relevant], float]


class Query(NamedTuple):
    """What is typed, and which stories are right."""

    text: str
    relevant: Relevant


class QuerySet(NamedTuple):
    """Queries and the measure by which they are judged; a goal of 0 is none."""

    name: str
    measure: Measure
    queries: tuple[Query, ...]
    goal: float = 0.0


class Collection(NamedTuple):
    """Stories to index, and what is asked of them."""

    name: str
    stories: tuple[Story, ...]
    query_sets: tuple[QuerySet, ...]


def ndcg_at_10(ranked: Sequence[str], relevant: Relevant) -> float:
    """Normalised discounted cumulative gain of the first ten, grades 0 and 1."""
    gain = sum(1 / math.log2(rank + 2) for rank, id in enumerate(ranked[:10]) if id in relevant)
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(10, len(relevant))))
    return gain / ideal


def first_is_relevant(ranked: Sequence[str], relevant: Relevant) -> float:
    """1 if the first story is right."""
    return float(bool(ranked) and ranked[0] in relevant)


def load_collections(data: Path, queries: int, seed: int) -> Iterator[Collection]:
    """All collections of a folder of data, one after the other."""
    for name, goal in TEST_COLLECTIONS.items():
        yield load_test_collection(data / "ir" / name, goal)
    yield load_clusters(data / "news" / "uci-news-aggregator-part.csv", seed=seed)
    yield known_items(tuple(real_stories(data, STORIES)), queries, seed)


class _Entry(msgspec.Struct):
    """A line of a test collection: a document or a query."""

    id: str
    text: str
    title: str = ""


def _read_entries(path: Path) -> list[_Entry]:
    return [
        msgspec.convert(json.loads(line), _Entry)
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def load_test_collection(folder: Path, goal: float = 0.0) -> Collection:
    """A test collection: a document is a story without related articles.

    The folder has corpus.jsonl, queries.jsonl and qrels.tsv: query, document, grade.
    """
    stories = tuple(
        Story(id=entry.id, title=entry.title or entry.text[:_TITLE_LENGTH], excerpt=entry.text)
        for entry in _read_entries(folder / "corpus.jsonl")
    )
    judged: dict[str, set[str]] = {}
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines():
        query_id, document_id, grade = line.split("\t")
        if int(grade) > 0:
            judged.setdefault(query_id, set()).add(document_id)
    queries = tuple(
        Query(entry.text, frozenset(judged[entry.id]))
        for entry in _read_entries(folder / "queries.jsonl")
        if entry.id in judged
    )
    return Collection(folder.name, stories, (QuerySet(folder.name, ndcg_at_10, queries, goal),))


def load_clusters(path: Path, related: int = 24, queries: int = 3, seed: int = 1) -> Collection:
    """Clusters of headlines, each cut into stories of a lead and `related` articles.

    Of each cluster some headlines are held out as queries; all stories cut from that cluster
    are right. The file is a table with the columns STORY and TITLE.
    """
    clusters: dict[str, list[str]] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            clusters.setdefault(row["STORY"], []).append(row["TITLE"])
    rng = Random(seed)
    stories, asked = [], []
    for cluster, found in clusters.items():
        titles = list(dict.fromkeys(found))
        if len(titles) <= queries:
            continue
        rng.shuffle(titles)
        held, titles = titles[:queries], titles[queries:]
        ids = []
        for number, start in enumerate(range(0, len(titles), related + 1)):
            lead, *others = titles[start : start + related + 1]
            ids.append(f"{cluster}-{number}")
            stories.append(
                Story(id=ids[-1], title=lead, related=tuple(Article(title) for title in others))
            )
        asked += [Query(title, frozenset(ids)) for title in held]
    return Collection("uci", tuple(stories), (QuerySet("uci", ndcg_at_10, tuple(asked)),))


def known_items(stories: tuple[Story, ...], queries: int, seed: int) -> Collection:
    """Words of three letters or more, drawn from the titles of articles chosen at random.

    A story that holds the article, by its address, is right.
    """
    draw = _Draw(stories, queries, seed)
    sets = (
        QuerySet("related 2", first_is_relevant, draw.words(2), 0.58),
        QuerySet("related 3", first_is_relevant, draw.words(3), 0.87),
        QuerySet("related 4", first_is_relevant, draw.words(4), 0.96),
        QuerySet("question", first_is_relevant, draw.words(3, wording=_QUESTION), 0.75),
        QuerySet("pasted", first_is_relevant, draw.words(0), 0.99),
        QuerySet("lead 2", first_is_relevant, draw.words(2, lead=True), 0.82),
        QuerySet("lead 3", first_is_relevant, draw.words(3, lead=True), 0.97),
    )
    return Collection("known items", stories, sets)


class _Draw:
    """Draws queries from the titles of stories."""

    def __init__(self, stories: tuple[Story, ...], queries: int, seed: int) -> None:
        self._stories = stories
        self._queries = queries
        self._rng = Random(seed)
        self._holders: dict[str | None, set[str]] = {}
        for story in stories:
            for url in (story.url, *(article.url for article in story.related)):
                self._holders.setdefault(url, set()).add(story.id)

    def words(self, count: int, *, lead: bool = False, wording: str = "") -> tuple[Query, ...]:
        """Queries of so many words of a related article's title, or the lead's; of 0: all of it."""
        asked: list[Query] = []
        while len(asked) < self._queries:
            story = self._rng.choice(self._stories)
            if not lead and not story.related:
                continue
            article: Story | Article = story if lead else self._rng.choice(story.related)
            found = dict.fromkeys(w.text for w in iter_words(article.title) if len(w.text) >= 3)
            if len(found) < max(count, 1):
                continue
            chosen = self._rng.sample(list(found), count)
            text = (wording.format(*chosen) if wording else " ".join(chosen)) or article.title
            asked.append(Query(text, frozenset(self._holders[article.url])))
        return tuple(asked)
