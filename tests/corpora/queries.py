"""Query trees of every kind that the executors know, for Hypothesis."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import strategies as st
from whoosh import query as wq
from whoosh.matching import ListMatcher, Matcher, NullMatcher
from whoosh.searching import SearchContext, Searcher

from indexer.query.clauses import AndNot
from indexer.schema import TEXT_FIELDS
from tests.corpora.segments import WORDS


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
