"""What Whoosh's own searcher finds in the same files."""

from __future__ import annotations

from functools import lru_cache

from whoosh import query as wq
from whoosh.filedb.filestore import FileStorage
from whoosh.index import FileIndex
from whoosh.reading import IndexReader
from whoosh.scoring import Frequency
from whoosh.searching import SearchContext, Searcher

from indexer.codec import Segment
from indexer.schema import create_schema
from indexer.search.snapshot import Snapshot


@lru_cache(maxsize=1)
def reader_of(snapshot: Snapshot) -> IndexReader:
    """Whoosh's reader over the segments of a snapshot that has some."""
    storage = FileStorage(str(snapshot.segments[0].folder), readonly=True)
    segments = [Segment.from_manifest(entry) for entry in snapshot.manifest.segments]
    return FileIndex._reader(storage, create_schema(), segments, 1)


def ask_whoosh(reader: IndexReader, query: wq.Query) -> list[int]:
    """The numbers of the documents that match, rising; each is a row of the index.

    Disjunctions use Whoosh's plain matcher, since the one it takes for small indexes loses
    documents that score nothing. Deleted documents, which its negation lets through after
    its last match, are left out.
    """
    found = []
    searcher = Searcher(reader, weighting=Frequency())
    chosen, wq.Or.matcher_type = wq.Or.matcher_type, wq.Or.DEFAULT_MATCHER
    try:
        for leaf, base in searcher.leaf_searchers():
            matcher = query.matcher(leaf, SearchContext(weighting=searcher.weighting))
            while matcher.is_active():
                if not leaf.reader().is_deleted(matcher.id()):
                    found.append(base + matcher.id())
                matcher.next()
    finally:
        wq.Or.matcher_type = chosen
    return found


def stories_of_whoosh(reader: IndexReader, query: wq.Query) -> list[int]:
    """The numbers of the stories whose leads match, rising, as storydex counts them.

    Deleted stories have numbers too.
    """
    leads = sorted(_leads(reader))
    number_of = {row: number for number, row in enumerate(leads)}
    return [number_of[row] for row in ask_whoosh(reader, query)]


def _leads(reader: IndexReader) -> set[int]:
    """The rows that are leads, deleted ones too."""
    leads = set()
    for leaf, base in reader.leaf_readers():
        if ("kind", "lead") in leaf:
            matcher = leaf._terms.matcher("kind", b"lead", leaf.schema["kind"].format)
            leads.update(base + row for row in matcher.all_ids())
    return leads
