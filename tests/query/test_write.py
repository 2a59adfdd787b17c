"""Trees written as queries read as the same trees."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from indexer.query.nodes import Either, Everything, leaves
from indexer.query.parser import parse
from indexer.query.write import write_query

CLAUSES = [
    "at&t", "24/7", "3.5", "post-9/11", "v2.0", "1.50bn", "2-1", "7/a", "3/g20", "40°C", "1000°F",
    "4.5", "30.5m", "4.5%", '"4.5% rise"', '"over 4.5 metres"', "4.5-5.5", "40.5°C", '"4 4.5*"',
    "a", "WHO", "wi-fi", "covid19", '"a b"', '"a b"~3', '"a"', "=a", "日本語", "wor*", "w?rd",
    '"a be*"', "azur~", "azur~2", "a^2.5", "title:a", "excerpt:wi-fi^3", "body:*", "a NEAR/5 b",
    "provider:x.org", 'topic:"A b"', "date:2022", "date:>2022-05", "date:<=2021", "date:*",
    "since:2022", "quality:>80", "quality:10..20", "heat:-1", "quality:*", "https://a.example/b",
    "*", "🔥",
]  # fmt: skip


@pytest.mark.parametrize("query", CLAUSES)
def test_a_clause_is_written_as_it_reads(query):
    """Read, written and read again: the same tree."""
    node = parse(query).node
    assert parse(write_query(node)).node == node


_QUERIES = st.recursive(
    st.sampled_from(CLAUSES),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" OR ".join),
        st.tuples(inner, inner).map(" AND ".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) -({pair[1]})"),
        inner.map(lambda one: f"({one})"),
    ),
    max_leaves=5,
)


@given(_QUERIES)
@example("(24/7) -(WHO)")
def test_a_tree_is_written_as_it_reads(query):
    """What is written no longer changes, and has the same leaves."""
    node = parse(query).node
    assume(not isinstance(node, Either) or node.parts)
    again = parse(write_query(node)).node
    assert {*leaves(again)} - {Everything()} == {*leaves(node)} - {Everything()}
    assert parse(write_query(again)).node == again
