"""Stories in several forms of a few words, and what people type to find them."""

from __future__ import annotations

import random
from datetime import date

import msgspec
from hypothesis import strategies as st

from indexer.model import FACETS, SORTS, SearchRequest, Story
from tests.corpora.segments import WORDS, make_stories

#: Function words, and words of which stories have several forms, some beyond inflection.
FUNCTION = ("the", "of", "how")
_FORMS = {
    "cat": ("cat", "cats"), "dog": ("dog", "dogs", "dogged"), "fish": ("fish", "fishing", "fished"),
    "moon": ("moon", "the moon"), "sun": ("sun", "suns", "of sun"), "bird": ("bird", "birding"),
    "cab": ("compute", "computing", "computer", "computation"), "dot": ("dot", "how dot"),
}  # fmt: skip
_TYPED = ("cats", "dogging", "fishes", "computers", "computed", "wi-fi", "absent", *WORDS)
_VALUES = {
    "provider": ("alpha.example", "Beta News", "gamma", "absent"), "topic": ("AI", "law"),
    "category": ("NEWS", "opinion"), "published": ("true",), "year": ("2020", "2021"),
}  # fmt: skip


def make_written_stories(count: int, seed: int) -> list[Story]:
    """Invented stories whose words come in several forms."""
    random_ = random.Random(seed)

    def written(text: str) -> str:
        return " ".join(random_.choice(_FORMS.get(word, (word,))) for word in text.split())

    def rewritten(story: Story) -> Story:
        related = tuple(
            msgspec.structs.replace(a, title=written(a.title), excerpt=written(a.excerpt))
            for a in story.related
        )
        return msgspec.structs.replace(
            story, title=written(story.title), excerpt=written(story.excerpt),
            body=written(story.body), related=related,
        )  # fmt: skip

    return [rewritten(story) for story in make_stories(count, seed)]


def make_copied_stories(count: int, seed: int) -> list[Story]:
    """The same, most of them with the lead of another, or its address, or both."""
    random_ = random.Random(seed)
    made: list[Story] = []
    for number, story in enumerate(make_written_stories(count, seed)):
        other = random_.choice(made) if made else story
        page = f"https://www.a.example/{random_.randrange(count // 3)}?utm_source={number}"
        story = msgspec.structs.replace(
            story, web_url=random_.choice((None, page, other.web_url, "https://a.example/"))
        )
        if random_.random() < 0.4:
            story = msgspec.structs.replace(
                story, title=other.title.upper(), excerpt=other.excerpt, body=other.body
            )
        made.append(story)
    return made


_WORDS = st.sampled_from((*FUNCTION, *_TYPED))
_OTHERS = st.sampled_from(
    ('"cat dog"', '"the moon"~2', "title:dogs", "-bird", "ca*", "fisch~", "topic:AI", "cab^2",
     "(moon OR sun)", "quality:>1", "NOT (cat dog)")
)  # fmt: skip
#: One to six words, now and then with something that must hold besides.
TEXTS = st.one_of(
    st.lists(_WORDS, min_size=1, max_size=6).map(" ".join),
    st.lists(st.sampled_from(_TYPED[-6:]), min_size=2, max_size=6).map(" ".join),
    st.lists(_WORDS, min_size=1, max_size=12).map(" ".join),
    st.lists(st.one_of(_WORDS, _WORDS, _OTHERS), min_size=1, max_size=5).map(" ".join),
)
_FILTERS = st.fixed_dictionaries(
    {},
    optional={
        facet: st.lists(
            st.sampled_from((*values, *(f"-{value}" for value in values))), min_size=1, max_size=2
        ).map(tuple)
        for facet, values in _VALUES.items()
    },
)
_DAYS = st.none() | st.dates(date(2020, 1, 1), date(2022, 6, 1))


def _in_order(request: SearchRequest) -> SearchRequest:
    """The same request with a span that does not end before it begins."""
    if request.since and request.until and request.until < request.since:
        return msgspec.structs.replace(request, since=request.until, until=request.since)
    return request


#: Requests for these texts: half of them with nothing else, best first.
REQUESTS = st.one_of(
    st.builds(SearchRequest, query=TEXTS, facets=st.just(FACETS)),
    st.builds(
        SearchRequest, query=TEXTS, filters=_FILTERS, since=_DAYS, until=_DAYS,
        facets=st.just(FACETS), sort=st.sampled_from(SORTS), collapse=st.booleans(),
    ).map(_in_order),
)  # fmt: skip
