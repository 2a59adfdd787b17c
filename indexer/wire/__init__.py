"""The contract for JSON: what a page, a hit, a story and a row of an export look like.

`search --json`, the API and the exports write these records, and the API's description is
made of them. They have the names of the records in `model` that they show; only what stands
here leaves a program. Every field is always written, null where there is no value. A link
is http or https or null, an instant is ISO 8601 with `Z`, a score has six decimals.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date
from itertools import chain, zip_longest
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from .. import model
from . import records

T = TypeVar("T")

#: Related articles of a hit in an answer, where nothing else is asked for.
RELATED_LIMIT = 3
#: Copies of an article, and other stories with the same lead, that are named; all are counted.
COPIES_LIMIT = 20

_SCORE_DECIMALS = 6
_TIME_DECIMALS = 3
_encoder = msgspec.json.Encoder()


def write_instant(instant: date) -> str:
    """`2022-05-25T17:16:00Z`, as in JSON; a day without a time as `2022-05-25`."""
    return str(msgspec.to_builtins(instant))


_ANSWERS = (
    records.ResultPage, records.Story, records.ExportRow, records.ArticleRow, records.FacetValues,
    records.DateCounts, records.SimilarStories,
)  # fmt: skip
#: The fields of a hit that may be asked for by name.
HIT_FIELDS = tuple(name for name in records.Hit.__struct_fields__ if name != "explanation")


def page_to_json(
    page: model.ResultPage,
    *,
    related_limit: int = RELATED_LIMIT,
    fields: Collection[str] = HIT_FIELDS,
    explained: Mapping[str, model.Explanation] = MappingProxyType({}),
) -> bytes:
    """What `/api/v1/search` answers and `storydex search --json` prints.

    related_limit: how many related articles of each hit
    fields: the fields of each hit, beside its id
    explained: what scores are made of, by id of the story
    """
    hits = _hits(page.hits, related_limit, fields)
    for hit in hits:
        if hit.id in explained:
            hit.explanation = _explanation(explained[hit.id])
    record = records.ResultPage(
        query=page.query,
        total=page.total,
        complete=page.complete,
        took_ms=round(page.took_ms, _TIME_DECIMALS),
        relaxed=page.relaxed,
        suggestion=page.suggestion,
        corrected=page.corrected,
        notices=_shown(page.notices, list[records.Notice]),
        hits=hits,
        facets={facet: _counts(rows) for facet, rows in page.facets.items()},
        facets_beyond={facet: rows.beyond for facet, rows in page.facets.items()},
    )
    return _encoder.encode(record)


def facet_to_json(facet: str, rows: model.FacetRows) -> bytes:
    """What `/api/v1/facets/<facet>` answers."""
    return _encoder.encode(records.FacetValues(facet, _counts(rows), rows.beyond))


def dates_to_json(dates: model.DateCounts) -> bytes:
    """What `/api/v1/dates` answers."""
    return _encoder.encode(_shown(dates, records.DateCounts))


def similar_to_json(
    hits: Iterable[model.Hit],
    *,
    related_limit: int = RELATED_LIMIT,
    fields: Collection[str] = HIT_FIELDS,
) -> bytes:
    """What `/api/v1/stories/<id>/similar` answers."""
    return _encoder.encode(records.SimilarStories(_hits(hits, related_limit, fields)))


def _hits(
    hits: Iterable[model.Hit], related_limit: int, fields: Collection[str]
) -> list[records.Hit]:
    hits = list(hits)
    readers = [(name, read) for name, read in _READERS.items() if name in fields]
    related = [hit.related[:related_limit] for hit in hits] if "related" in fields else []
    model.mark_together([*(hits if "highlights" in fields else ()), *chain(*related)])
    shown = []
    for hit, matching in zip_longest(hits, related):
        values = {name: read(hit) for name, read in readers}
        if matching is not None:
            values["related"] = [_related(one) for one in matching]
        shown.append(records.Hit(id=hit.story.id, **values))
    return shown


#: How each field of a hit is read, apart from its related articles: only what is asked for is.
_READERS: dict[str, Callable[[model.Hit], Any]] = {
    "score": lambda hit: _score(hit.score),
    "title": lambda hit: hit.story.title,
    "excerpt": lambda hit: hit.story.excerpt,
    "url": lambda hit: hit.story.url,
    "published_at": lambda hit: hit.story.published_at,
    "provider": lambda hit: _provider(hit.story.provider),
    "topics": lambda hit: hit.story.topics,
    "quality": lambda hit: hit.story.quality,
    "highlights": lambda hit: hit.highlights,
    "related_total": lambda hit: len(hit.related),
    "also_in": lambda hit: _others(hit.also_in[:COPIES_LIMIT]),
    "also_in_total": lambda hit: len(hit.also_in),
}


def _others(stories: Iterable[model.Story]) -> list[records.OtherStory]:
    return _shown(tuple(stories), list[records.OtherStory])


def _related(hit: model.RelatedHit) -> records.RelatedHit:
    article = hit.article
    return records.RelatedHit(
        title=article.title,
        url=article.url,
        provider=_provider(article.provider),
        published_at=article.published_at,
        highlights=hit.highlights,
        copies=_shown(article.copies[:COPIES_LIMIT], list[records.Copy]),
        copies_total=len(article.copies),
    )


def _explanation(explanation: model.Explanation) -> records.Explanation:
    return records.Explanation(
        score=_score(explanation.score),
        article=explanation.article,
        parts=[
            records.ScorePart(part.text, _score(part.score), part.fields)
            for part in explanation.parts
        ],
        factors=[records.ScoreFactor(name, _score(factor)) for name, factor in explanation.factors],
    )


def _counts(rows: model.FacetRows) -> list[records.FacetCount]:
    return _shown(rows, list[records.FacetCount])


def _provider(provider: model.Provider | None) -> records.Provider | None:
    return None if provider is None else _shown(provider, records.Provider)


def _shown(found: object, record: type[T]) -> T:
    """A record of `model` as one of `records`, which checks its links when it is made."""
    return msgspec.convert(found, record, from_attributes=True)


def story_to_json(story: model.Story) -> bytes:
    """What `/api/v1/stories/<id>` answers."""
    return _encoder.encode(_story(story))


def _story(story: model.Story) -> records.Story:
    whole = msgspec.structs.replace(story, related=tuple(story.related))
    return _shown(whole, records.Story)


def _score(score: float) -> float:
    return round(score, _SCORE_DECIMALS)


def export_row(hit: model.Hit) -> records.ExportRow:
    """A line of `/api/v1/export`."""
    fields = msgspec.structs.asdict(_story(hit.story))
    return records.ExportRow(**fields, score=_score(hit.score), also_in=_others(hit.also_in))


def article_rows(hit: model.Hit) -> Iterator[records.ArticleRow]:
    """The lines of `/api/v1/export?rows=articles` that a story gives."""
    story = hit.story
    for number, article in enumerate(_story(story).related):
        fields = msgspec.structs.asdict(article)
        yield records.ArticleRow(
            **fields, story_id=story.id, story_title=story.title, number=number
        )


def json_schemas(ref_template: str) -> dict[str, object]:
    """JSON Schemas of the records by name; `ref_template` says how they refer to each other."""
    return dict(msgspec.json.schema_components(_ANSWERS, ref_template=ref_template)[1])


def record_to_json(record: msgspec.Struct) -> bytes:
    """What `--json` of `storydex info` and `rebuild` prints: a record of `model.reports`."""
    return _encoder.encode(record)
