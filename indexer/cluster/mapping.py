"""The mapping of the indexes of a cluster, from the one table of fields."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from whoosh.util.times import datetime_to_long

from ..model import FACETS
from ..schema import ADDRESS, NUMBER_FIELDS, POSITION_GAP, ROW_FIELDS, naive_utc

#: Terms that stand in one place are joined by this; a place without any has this in it.
TOGETHER, GAP = "|", "_"
#: So many words can be asked for at once.
MOST_WORDS = 10_000
#: So many articles of a story can be told which of them match.
MOST_ARTICLES = 10_000
#: So far into a result a page can begin; an export has no end.
DEEPEST = 100_000

#: Longer values than a cluster takes are shown, and neither found nor counted.
_KEYWORD = {"type": "keyword", "ignore_above": 8_000}
#: Found, and neither sorted nor counted by.
_TERM = {"type": "keyword", "doc_values": False}
_NUMBER = {"type": "double"}
_TOKENS = {
    "type": "text", "analyzer": "tokens", "position_increment_gap": POSITION_GAP, "norms": False,
}  # fmt: skip

_ANALYSIS = {
    "tokenizer": {"blanks": {"type": "whitespace", "max_token_length": 1 << 20}},
    "filter": {
        "places": {
            "type": "pattern_capture", "preserve_original": False, "patterns": ["([^|]+)"],
        },
        "gaps": {"type": "stop", "stopwords": [GAP]},
    },
    "analyzer": {"tokens": {"type": "custom", "tokenizer": "blanks", "filter": ["places", "gaps"]}},
}  # fmt: skip


def stories_index(shards: int, replicas: int) -> dict[str, Any]:
    """Settings and mapping of an index of stories that is about to be loaded."""
    rows: dict[str, Any] = {"lead": {"type": "boolean"}, "t": {"type": "rank_features"}}
    rows |= dict.fromkeys(ROW_FIELDS, _TOKENS)
    fields: dict[str, Any] = {
        "id": _KEYWORD,
        "label": _KEYWORD,
        ADDRESS: _KEYWORD,
        "has": _KEYWORD,
        # Of stories with the same lead the same; and whether there are any.
        "group": {"type": "keyword"},
        "folded": {"type": "boolean"},
        "stems": _TERM,
        "forms": _TERM,
        "published_at": {"type": "long"},
        "articles": {"type": "integer"},
        "rows": {"type": "nested", "properties": rows},
        # Stored, and not looked into.
        "lead": {"type": "object", "enabled": False},
        "related": {"type": "object", "enabled": False},
    }
    fields |= dict.fromkeys(FACETS, _KEYWORD)
    fields |= dict.fromkeys(NUMBER_FIELDS, _NUMBER)
    settings = {
        "number_of_shards": shards,
        "number_of_replicas": replicas,
        # Nothing is seen of a load before it is whole.
        "refresh_interval": "-1",
        "analysis": _ANALYSIS,
        "max_result_window": DEEPEST + 1_000,
        "max_inner_result_window": MOST_ARTICLES,
        "mapping.nested_objects.limit": 1_000_000,
        "codec": "best_compression",
    }
    mapping = {
        "dynamic": "strict",
        "_source": {"includes": ["lead", "related"]},
        "properties": fields,
    }
    return {"settings": {"index": settings}, "mappings": mapping}


def words_index(replicas: int) -> dict[str, Any]:
    """Settings and mapping of an index of how words count; also of what it was made from."""
    fields = {
        "kind": _KEYWORD,
        "text": _KEYWORD,
        "stories": {"type": "long"},
        "rows": {"type": "long"},
        "occurrences": {"type": "long"},
        "parts": {"type": "integer"},
        "data": {"type": "binary"},
    }
    settings = {
        "number_of_shards": 1,
        "number_of_replicas": replicas,
        "refresh_interval": "-1",
        "max_result_window": 2 * MOST_WORDS,
    }
    return {
        "settings": {"index": settings},
        "mappings": {"dynamic": "strict", "properties": fields},
    }


def whole_micros(instant: datetime | None) -> int | None:
    """Microseconds since the year 1, UTC, as dates are compared."""
    if instant is None:
        return None
    naive = naive_utc(instant) if instant.tzinfo else instant
    return int(datetime_to_long(naive))
