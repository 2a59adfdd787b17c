"""Small archives and queries of every kind, for Hypothesis to choose from."""

from __future__ import annotations

from hypothesis import strategies as st

WORDS = ["cat", "dog", "fish", "bird", "catty", "run", "running", "the"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
PROVIDERS = [
    {"name": "Alpha", "domain": "alpha.example"},
    {"name": "Alpha News", "domain": "www.alpha.example"},
    {"name": "Beta", "domain": "beta.example"},
    {"name": "Gamma"},
    None,
]
FACET_NAMES = (
    "provider",
    "lead_provider",
    "topic",
    "category",
    "type",
    "year",
    "month",
    "published",
)


def some(values):
    return st.none() | st.sampled_from(values)


ARTICLES = st.fixed_dictionaries(
    {"title": TEXTS}, optional={"excerpt": TEXTS, "provider": st.sampled_from(PROVIDERS)}
)
STORIES = st.fixed_dictionaries(
    {"title": TEXTS},
    optional={
        "excerpt": TEXTS,
        "body": TEXTS,
        "related": st.lists(ARTICLES, max_size=3),
        "provider": st.sampled_from(PROVIDERS),
        "topics": st.lists(st.sampled_from(["AI", "ai", "Cloud", "Law"]), max_size=3),
        "category": some(["news", "News", "opinion"]),
        "type": some(["article", "video"]),
        "published": st.booleans(),
        "quality": some([-1, 5, 5.5, 100]),
        "publishedDateTime": some(
            ["2020-01-31T23:59:59Z", "2021-02-01", "2021-12-31T23:00:00-03:00"]
        ),
    },
)
CORPORA = st.lists(STORIES, min_size=1, max_size=8)
LEAVES = (
    st.tuples(st.just("word"), st.sampled_from(WORDS))
    | st.tuples(
        st.just("phrase"),
        st.lists(st.sampled_from(WORDS), min_size=2, max_size=3).map(tuple),
        st.integers(0, 2),
    )
    | st.tuples(
        st.just("field"),
        st.sampled_from(["title", "excerpt", "body", "related"]),
        st.sampled_from(WORDS),
    )
    | st.tuples(st.just("prefix"), st.sampled_from(["ca", "cat", "do", "r"]))
)
QUERIES = st.recursive(
    LEAVES,
    lambda inner: (
        st.tuples(st.just("not"), inner)
        | st.tuples(
            st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple)
        )
    ),
    max_leaves=6,
)
TYPED = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)


def typed(query):
    """A tree of tuples as a person would type it."""
    kind = query[0]
    if kind == "word":
        return query[1]
    if kind == "phrase":
        return f'"{" ".join(query[1])}"' + (f"~{query[2]}" if query[2] else "")
    if kind == "field":
        return f"{query[1]}:{query[2]}"
    if kind == "prefix":
        return f"{query[1]}*"
    if kind == "not":
        return f"NOT {_grouped(query[1])}"
    return (" OR " if kind == "or" else " ").join(_grouped(part) for part in query[1])


def _grouped(query):
    return f"({typed(query)})" if query[0] in ("and", "or") else typed(query)
