"""A request against a snapshot and against brute force: the same page, counted the same."""

from __future__ import annotations

from math import inf

import msgspec
import pytest

from indexer.dates import first_instant, last_instant
from indexer.model import FACETS
from indexer.query.nodes import (
    Keyword,
)
from indexer.query.parser import parse
from indexer.schema import facet_key, facet_values
from tests.oracles.brute_force import lies_between
from tests.parity.conftest import CLOSE, check_answer, searchers_of


def keys_of(corpus, facet, values):
    """The keys that filters stand for: a value that stories have, else what it may mean."""
    known = {key for story in corpus.stories for key in facet_values(story)[facet]}
    keys = set()
    for value in values:
        key = facet_key(facet, value)
        keys |= {key} if key in known else corpus.keys(Keyword(facet, value)) or {key}
    return keys


def expected_of(corpus, request):
    """What brute force finds for a request; counts ignore what is wanted of the facet."""
    parsed = parse(request.query)
    since = request.since and first_instant(request.since)
    until = request.until and last_instant(request.until)
    wanted, unwanted = {}, {}
    for facet, values in request.filters.items():
        excluded = keys_of(corpus, facet, [v[1:] for v in values if v.startswith("-")])
        named = keys_of(corpus, facet, [v for v in values if not v.startswith("-")])
        unwanted[facet] = excluded
        if named - excluded:
            wanted[facet] = named - excluded

    def passes(story, beside=None):
        dated = (since is None and until is None) or lies_between(story.published_at, since, until)
        values = facet_values(story)
        return (
            dated
            and all(facet == beside or keys & {*values[facet]} for facet, keys in wanted.items())
            and not any(keys & {*values[facet]} for facet, keys in unwanted.items())
        )

    ranked = request.sort == "relevance" and parsed.scored
    if parsed.plain:
        result = corpus.search(parsed.plain, parsed.rest, *(() if ranked else (1,)))
        found, complete, keys = result
    else:
        keys = corpus.rank(parsed.node)
        found, complete = list(keys), {*keys}
    passing = [number for number in found if passes(corpus.stories[number])]
    places = None if ranked else _places(corpus.stories, request.sort)
    collapse = request.collapse
    counts = {
        facet: corpus.counts(
            (n for n in found if passes(corpus.stories[n], facet)), facet, collapse
        )
        for facet in FACETS
    }
    passed = {number: keys[number] if ranked else places[number] for number in passing}
    listed = corpus.folded(passed, collapse)
    return len(found), len(complete.intersection(listed)), listed, counts, passed


def _places(stories, sort):
    """Story → a number, the higher the earlier it is listed; all differ."""

    def key(number):
        story = stories[number]
        if sort == "quality":
            return inf if story.quality is None else -story.quality, number
        if story.published_at is None:
            return inf, number
        instant = story.published_at.timestamp()
        return instant if sort == "oldest" else -instant, number

    order = sorted(range(len(stories)), key=key)
    return [-order.index(number) for number in range(len(stories))]


def check_request(snapshot, corpus, request):
    """Assert that both executors find what brute force does, for pages of any size."""
    matched, complete, keys, counts, passed = expected_of(corpus, request)
    groups = [corpus.group(number, request.collapse) for number in range(len(corpus.stories))]
    listed = {groups[number]: key for number, key in keys.items()}
    unranked = request.sort != "relevance" or not parse(request.query).scored
    for searcher in searchers_of(snapshot):
        for k in (0, 10, snapshot.size):
            found = searcher.find(request, k)
            answer = found.answer
            assert (answer.matched, answer.total) == (matched, len(keys)), request
            assert answer.complete == complete, request
            assert sorted(searcher.listed(request).tolist()) == sorted(answer.listed().tolist())
            # Of stories with the same lead and all but the same score, any may come first.
            names = {groups[number]: number for number in (*keys, *answer.doc_ids)}
            check_answer(answer, {names[group]: key for group, key in listed.items()}, k, request)
            for number in answer.doc_ids:
                best = listed[groups[number]]
                assert passed[number] == pytest.approx(best, **CLOSE), request
                others = {n for n in passed if groups[n] == groups[number]} - {number}
                assert {*found.also_in(number)} == others, request
            if k == snapshot.size:
                assert sorted(answer.doc_ids) == sorted(answer.listed().tolist()), request
                other = msgspec.structs.replace(request, query="dog", limit=3)
                assert len(searcher.listed(other)) == searcher.find(other, 0).answer.total
            if unranked:
                assert answer.doc_ids == sorted(keys, key=keys.get, reverse=True)[:k]
            for facet, numbers in zip(request.facets, answer.counts, strict=True):
                values = snapshot.facet(facet).keys
                shown = {key: int(n) for key, n in zip(values, numbers, strict=True) if n}
                assert shown == counts[facet], (facet, request)
