"""Invented stories cut into a chosen number of segments, and Whoosh's answers over them.

A writer merges small segments, so segments are written here one by one, as it writes
them before they are merged.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from hypothesis import strategies as st
from whoosh import query as wq
from whoosh.matching import ListMatcher, Matcher, NullMatcher
from whoosh.scoring import BM25F
from whoosh.searching import SearchContext, Searcher

from indexer.build.segment import SegmentBuilder
from indexer.codec import Segment
from indexer.generation import manifest as mf
from indexer.model import Article, Provider, Story
from indexer.query.clauses import AndNot
from indexer.schema import SCHEMA_VERSION, TEXT_FIELDS
from indexer.search.snapshot import Snapshot

#: Words that are their own stems, the first ones frequent.
WORDS = ("cat", "dog", "fish", "bird", "moon", "sun", "cab", "dot", "fist", "bard", "moor", "zebu")
PROVIDERS = (
    Provider("Alpha News", "alpha.example"),
    Provider("Alpha Alpha", "alpha.example"),
    Provider("Beta News", "beta.example"),
    Provider("Gamma"),
)
EPOCH = datetime(2020, 1, 1, tzinfo=timezone.utc)


def _words(random_: random.Random, most: int) -> str:
    picks = (int(random_.random() ** 2 * len(WORDS)) for _ in range(random_.randint(1, most)))
    return " ".join(WORDS[pick] for pick in picks)


def _article(random_: random.Random) -> Article:
    return Article(
        title=_words(random_, 4), excerpt=_words(random_, 6), provider=random_.choice(PROVIDERS)
    )


def make_story(number: int, random_: random.Random) -> Story:
    """An invented story; now and then a field is left out."""

    def maybe(value):
        return value if random_.random() < 0.7 else None

    return Story(
        id=f"{number:04}",
        title=_words(random_, 5),
        excerpt=maybe(_words(random_, 8)) or "",
        body=maybe(_words(random_, 20)) or "",
        category=maybe(random_.choice(("news", "News", "opinion"))),
        provider=maybe(random_.choice(PROVIDERS)),
        topics=tuple(sorted({random_.choice(("AI", "Cloud", "Law")) for _ in range(2)})),
        quality=maybe(random_.choice((-3, 0, 5, 5.5, 80, 100))),
        heat=maybe(random_.uniform(-1, 1)),
        published=random_.random() < 0.8,
        published_at=maybe(EPOCH + timedelta(days=random_.randint(0, 800))),
        related=tuple(_article(random_) for _ in range(random_.randint(0, 3))),
    )


def make_stories(count: int, seed: int) -> list[Story]:
    """Stories that are the same for the same seed."""
    random_ = random.Random(seed)
    return [make_story(number, random_) for number in range(count)]


def write_snapshot(
    folder: Path, stories: Sequence[Story], segments: int, deleted: Iterable[int] = ()
) -> Snapshot:
    """The stories in this many segments, some of them deleted; unmerged, unpublished."""
    size = -(-len(stories) // segments)
    made = []
    for begin in range(0, len(stories), size):
        builder = SegmentBuilder()
        for story in stories[begin : begin + size]:
            builder.add(story)
        gone = [doc - begin for doc in deleted if begin <= doc < begin + builder.docs]
        segment = Segment("MAIN", docs=builder.docs, deleted=gone)
        builder.write(folder, segment.segment_id())
        made.append(segment)
    return snapshot_of(folder, made)


def snapshot_of(folder: Path, segments: list[Segment]) -> Snapshot:
    """Segments that are in a folder, opened together."""
    for segment in segments:
        segment.hold(folder)
    manifest = mf.Manifest(
        format=mf.FORMAT_VERSION, schema=SCHEMA_VERSION, generation=1, built_at=EPOCH, seeds="",
        published_only=False, stories=sum(s.doc_count() for s in segments), articles=0,
        segments=[segment.to_manifest() for segment in segments], files={},
    )  # fmt: skip
    return Snapshot(str(folder), manifest, segments)


def ask_whoosh(
    snapshot: Snapshot, query: wq.Query, unions: int = wq.Or.DEFAULT_MATCHER
) -> dict[int, float]:
    """Document number → score, as Whoosh's own searcher finds them, in order of number.

    Disjunctions use Whoosh's plain matcher if not told otherwise, since that for small
    indexes loses documents that score nothing. Deleted documents, which its negation
    lets through after its last match, are left out.
    """
    found = {}
    searcher = Searcher(snapshot.reader, weighting=BM25F())
    chosen, wq.Or.matcher_type = wq.Or.matcher_type, unions
    try:
        for leaf, base in searcher.leaf_searchers():
            matcher = query.matcher(leaf, SearchContext(weighting=searcher.weighting))
            while matcher.is_active():
                if not leaf.reader().is_deleted(matcher.id()):
                    found[base + matcher.id()] = matcher.score()
                matcher.next()
    finally:
        wq.Or.matcher_type = chosen
    return found


class _AndNot(AndNot):
    """As it is, but listed for Whoosh, which cannot skip to where it has nothing left."""

    def matcher(self, searcher: Searcher, context: SearchContext | None = None) -> Matcher:
        whole = super().matcher(searcher, context)
        ids, scores = [], []
        while whole.is_active():
            ids.append(whole.id())
            scores.append(whole.score())
            whole.next()
        return ListMatcher(ids, scores) if ids else NullMatcher()


_BOOSTS = st.sampled_from((1.0, 1.0, 0.5, 3.0))
_FIELDS = st.sampled_from(TEXT_FIELDS)
_WORD = st.sampled_from((*WORDS, "absent"))
_TERMS = st.builds(wq.Term, _FIELDS, _WORD, boost=_BOOSTS)
#: Terms of fields without lengths: words of names, and whole values.
_KEYWORDS = st.sampled_from(
    [("provider_name", "alpha"), ("provider_name", "news"), ("provider", "beta.example"),
     ("topic", "ai"), ("topic_name", "law"), ("published", "true"), ("year", "2021")]
).flatmap(lambda term: st.builds(wq.Term, *map(st.just, term), boost=_BOOSTS))  # fmt: skip
_PHRASES = st.builds(
    wq.Phrase,
    _FIELDS,
    st.lists(st.sampled_from(WORDS[:5]), min_size=2, max_size=3),
    slop=st.integers(1, 4),
    boost=_BOOSTS,
)
_PATTERNS = (
    st.builds(wq.Prefix, _FIELDS, st.sampled_from(("", "c", "ca", "do", "zebu", "x")))
    | st.builds(wq.Wildcard, _FIELDS, st.sampled_from(("?a*", "*o*", "f?s*", "zz*")))
    | st.builds(wq.FuzzyTerm, _FIELDS, st.sampled_from(("cat", "mood", "fish")),
                maxdist=st.integers(1, 2))
)  # fmt: skip
_QUALITIES = st.none() | st.sampled_from((-3.5, -3, 0, 5, 5.5, 79, 100))
_DAYS = st.none() | st.integers(0, 800).map(lambda days: datetime(2020, 1, 1) + timedelta(days))
_RANGES = st.builds(
    wq.NumericRange, st.sampled_from(("quality", "heat")), _QUALITIES, _QUALITIES,
    st.booleans(), st.booleans(), boost=_BOOSTS,
) | st.builds(
    wq.DateRange, st.just("published_at"), _DAYS, _DAYS, st.booleans(), st.booleans(),
    boost=_BOOSTS,
)  # fmt: skip


class _Nothing(float):
    """A score of 0 that Whoosh does not take for "no score given", which counts 1."""

    def __bool__(self) -> bool:
        return True


#: The score of a filter.
NO_SCORE = _Nothing()
_SCORES = st.sampled_from((NO_SCORE, 1.0, 2.5))
_CONSTANTS = st.builds(
    wq.ConstantScoreQuery, _PATTERNS | _KEYWORDS | _RANGES | _PHRASES | _TERMS, _SCORES
)
_LEAVES = _TERMS | _TERMS | _KEYWORDS | _PHRASES | _CONSTANTS | _RANGES | st.builds(
    wq.Every, boost=_BOOSTS
)  # fmt: skip


def _combined(inner: st.SearchStrategy[wq.Query]) -> st.SearchStrategy[wq.Query]:
    # Whoosh takes no notice of the boost of a conjunction or disjunction of one.
    several = st.lists(inner, min_size=2, max_size=4)
    return (
        st.builds(wq.And, several, boost=_BOOSTS)
        | st.builds(wq.Or, several, boost=_BOOSTS)
        | st.builds(lambda parts: wq.Or(parts), st.lists(inner, min_size=1, max_size=1))
        | st.builds(_AndNot, inner, inner)
    )


#: Query trees of every kind that the evaluators know.
QUERIES = st.recursive(_LEAVES, _combined, max_leaves=8)
