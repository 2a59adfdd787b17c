"""Stories and queries → the ids that each engine ranks first, ten a query.

storydex is asked what was typed, and has its rows. bm25s and tantivy-py have a text a story, the
related articles' included, and look for any of the words: their queries have no syntax.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bm25s
import Stemmer
import tantivy

import indexer
from indexer.analysis import iter_words
from indexer.build.stories import build_stories
from indexer.model import Article, Story
from indexer.schema import rows_of

TOP = 10
_HEAP = 200_000_000


def rank_storydex(
    stories: Sequence[Story], queries: Sequence[str], folder: Path
) -> list[list[str]]:
    """Storydex, compiled."""
    build_stories(stories, folder)
    with indexer.open_index(folder) as engine:
        engine.warm_up()
        pages = (engine.search(query, limit=TOP, facets=(), collapse=False) for query in queries)
        return [[hit.story.id for hit in page.hits] for page in pages]


def rank_cluster(
    location: str, stories: Sequence[Story], queries: Sequence[str], folder: Path
) -> list[list[str]]:
    """Storydex with its index on a cluster, made there of story files."""
    for story in stories:
        path = folder / f"{story.id}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_mapping(story)), "utf-8")
    indexer.rebuild(folder, location, full=True, prune=True)
    with indexer.open_index(location) as engine:
        pages = (engine.search(query, limit=TOP, facets=(), collapse=False) for query in queries)
        return [[hit.story.id.removesuffix(".yml") for hit in page.hits] for page in pages]


def _mapping(text: Story | Article) -> dict[str, Any]:
    """What of a story or an article is searched, as its file has it."""
    mapping: dict[str, Any] = {"title": text.title, "excerpt": text.excerpt}
    if text.web_url:
        mapping["webUrl"] = text.web_url
    if text.provider:
        mapping["provider"] = {"name": text.provider.name, "domain": text.provider.domain}
    if isinstance(text, Story):
        mapping |= {"category": text.category or "", "topics": list(text.topics)}
        mapping["related"] = list(map(_mapping, text.related))
    return mapping


def rank_bm25s(stories: Sequence[Story], queries: Sequence[str], folder: Path) -> list[list[str]]:
    """bm25s as it comes, with its English stop words and Snowball's stemmer."""
    stemmer = Stemmer.Stemmer("english")

    def tokens(texts: Sequence[str]) -> list[list[str]]:
        # As words, not as numbers: then a query may have words that no story has.
        cut = bm25s.tokenize(
            list(texts), stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False
        )
        return [list(words) for words in cut]

    retriever = bm25s.BM25()
    retriever.index(tokens([_text(story) for story in stories]), show_progress=False)
    ranked: list[list[str]] = []
    for words in tokens(queries):
        if not any(word in retriever.vocab_dict for word in words):
            ranked.append([])
            continue
        found, scores = retriever.retrieve([words], k=min(TOP, len(stories)), show_progress=False)
        pairs = zip(found[0].tolist(), scores[0].tolist(), strict=True)
        ranked.append([stories[number].id for number, score in pairs if score > 0])
    return ranked


def rank_tantivy(stories: Sequence[Story], queries: Sequence[str], folder: Path) -> list[list[str]]:
    """tantivy-py with its English stemmer."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw")
    builder.add_text_field("text", tokenizer_name="en_stem")
    index = tantivy.Index(builder.build(), path=str(folder))
    writer = index.writer(heap_size=_HEAP, num_threads=1)
    for story in stories:
        writer.add_document(tantivy.Document(id=story.id, text=_text(story)))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()
    ranked = []
    for query in queries:
        # Lower case, so that no word is an operator.
        words = " ".join(word.text.lower() for word in iter_words(query))
        parsed, _ = index.parse_query_lenient(words, ["text"])
        hits = searcher.search(parsed, limit=TOP).hits
        ranked.append([str(searcher.doc(address).get_first("id")) for _, address in hits])
    return ranked


def _text(story: Story) -> str:
    """All text of a story that storydex searches."""
    parts = [part for row in rows_of(story) for part in (*row[:-1], *row.about)]
    return "\n".join(filter(None, parts))


RANKERS = {"storydex": rank_storydex, "bm25s": rank_bm25s, "tantivy-py": rank_tantivy}
