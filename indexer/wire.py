"""The contract for JSON: what a page, a hit, a story and a row of an export look like.

`search --json`, the API and the exports write these records, and the API's description is
made of them. They have the names of the records in `model` that they show; only what stands
here leaves a program. Every field is always written, null where there is no value. A link
is http or https or null, an instant is ISO 8601 with `Z`, a score has six decimals.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from . import model

Count = Annotated[int, Meta(ge=0)]
Instant = Annotated[datetime, Meta(tz=True)]
Link = Annotated[str, Meta(extra_json_schema={"format": "uri"})]
Marked = Annotated[
    dict[str, str],
    Meta(description="Escaped HTML by field, what matched between <mark> tags."),
]

_SCORE_DECIMALS = 6
_TIME_DECIMALS = 3
_encoder = msgspec.json.Encoder()


def safe_link(url: str | None) -> str | None:
    """The address if it is one of the web, else None: `javascript:` never becomes a link."""
    if url and url.lower().startswith(("http://", "https://")):
        return url
    return None


def write_instant(instant: date) -> str:
    """`2022-05-25T17:16:00Z`, as in JSON; a day without a time as `2022-05-25`."""
    return str(msgspec.to_builtins(instant))


class _Linked(Struct):
    """A record whose links are checked when it is made: an index may come from anywhere."""

    def __post_init__(self) -> None:
        for name in _link_fields(type(self)):
            link = getattr(self, name)
            if link is not None and safe_link(link) is None:
                setattr(self, name, None)


@cache
def _link_fields(record: type[_Linked]) -> tuple[str, ...]:
    return tuple(name for name in record.__struct_fields__ if name.endswith("url"))


class Provider(Struct):
    """Who published something."""

    name: str
    domain: str | None


class FacetCount(Struct):
    """One value of a facet and the total that choosing it would give."""

    value: str
    label: str
    count: Count
    selected: bool


class RelatedHit(_Linked):
    """A related article that matches."""

    title: str
    url: Link | None
    provider: Provider | None
    published_at: Instant | None
    highlights: Marked


class Hit(_Linked):
    """A story on a page of results; `related` are its articles that match, best first."""

    id: str
    score: float
    title: str
    excerpt: str
    url: Link | None
    published_at: Instant | None
    provider: Provider | None
    topics: tuple[str, ...]
    quality: int | float | None
    highlights: Marked
    related: list[RelatedHit]


class ResultPage(Struct):
    """A page of results; `facets_beyond` is how many more values each facet has."""

    query: str
    total: Count
    complete: Annotated[int, Meta(ge=0, description="How many have all the words.")]
    took_ms: float
    relaxed: Annotated[bool, Meta(description="Some stories listed lack some of the words.")]
    suggestion: Annotated[str | None, Meta(description="A better spelling of the query.")]
    hits: list[Hit]
    facets: dict[str, list[FacetCount]]
    facets_beyond: dict[str, Count]


class Image(_Linked):
    """A picture by address; sizes in pixels."""

    url: Link | None
    width: int | None
    height: int | None
    is_cached: bool | None


class Article(_Linked):
    """A related article; pictures whose address is none of the web are left out."""

    title: str
    excerpt: str
    category: str | None
    type: str | None
    published_at: Instant | None
    original_url: Link | None
    web_url: Link | None
    amp_web_url: Link | None
    cdn_amp_web_url: Link | None
    quality: int | float | None
    heat: int | float | None
    provider: Provider | None
    images: list[Image]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.images = [image for image in self.images if image.url]


class Story(Article):
    """A whole story."""

    id: str
    body: str
    published: bool
    topics: tuple[str, ...]
    related: list[Article]


class ExportRow(Story):
    """A whole story and its score for the query."""

    score: float


_ANSWERS = (ResultPage, Story, ExportRow)


def page_to_json(page: model.ResultPage) -> bytes:
    """What `/api/v1/search` answers and `storydex search --json` prints."""
    facets = {
        facet: [FacetCount(row.value, row.label, row.count, row.selected) for row in rows]
        for facet, rows in page.facets.items()
    }
    record = ResultPage(
        query=page.query,
        total=page.total,
        complete=page.complete,
        took_ms=round(page.took_ms, _TIME_DECIMALS),
        relaxed=page.relaxed,
        suggestion=page.suggestion,
        hits=list(map(_hit, page.hits)),
        facets=facets,
        facets_beyond={facet: rows.beyond for facet, rows in page.facets.items()},
    )
    return _encoder.encode(record)


def _hit(hit: model.Hit) -> Hit:
    story = hit.story
    return Hit(
        id=story.id,
        score=_score(hit.score),
        title=story.title,
        excerpt=story.excerpt,
        url=story.url,
        published_at=story.published_at,
        provider=_provider(story.provider),
        topics=story.topics,
        quality=story.quality,
        highlights=dict(hit.highlights),
        related=list(map(_related, hit.related)),
    )


def _related(hit: model.RelatedHit) -> RelatedHit:
    article = hit.article
    return RelatedHit(
        title=article.title,
        url=article.url,
        provider=_provider(article.provider),
        published_at=article.published_at,
        highlights=dict(hit.highlights),
    )


def _provider(provider: model.Provider | None) -> Provider | None:
    return None if provider is None else Provider(provider.name, provider.domain)


def story_to_json(story: model.Story) -> bytes:
    """What `/api/v1/stories/<id>` answers."""
    return _encoder.encode(_story(story))


def _story(story: model.Story) -> Story:
    whole = msgspec.structs.replace(story, related=tuple(story.related))
    return msgspec.convert(whole, Story, from_attributes=True)


def _score(score: float) -> float:
    return round(score, _SCORE_DECIMALS)


def export_row(hit: model.Hit) -> ExportRow:
    """A line of `/api/v1/export`."""
    return ExportRow(**msgspec.structs.asdict(_story(hit.story)), score=_score(hit.score))


def json_schemas(ref_template: str) -> dict[str, object]:
    """JSON Schemas of the records by name; `ref_template` says how they refer to each other."""
    return dict(msgspec.json.schema_components(_ANSWERS, ref_template=ref_template)[1])


def info_to_json(info: model.IndexInfo) -> bytes:
    """What `storydex info --json` prints."""
    return _encoder.encode(info)


def report_to_json(report: model.BuildReport) -> bytes:
    """What `storydex rebuild --json` prints."""
    return _encoder.encode(report)
