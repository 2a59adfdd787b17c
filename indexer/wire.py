"""The contract for JSON: what a page, a hit, a story and a row of an export look like.

`search --json`, the API and the exports write these records, and the API's description is
made of them. They have the names of the records in `model` that they show; only what stands
here leaves a program. Every field is always written, null where there is no value. A link
is http or https or null, an instant is ISO 8601 with `Z`, a score has six decimals.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import cache
from itertools import chain, zip_longest
from types import MappingProxyType
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from . import model

Count = Annotated[int, Meta(ge=0)]
Instant = Annotated[datetime, Meta(tz=True)]
Link = Annotated[str, Meta(extra_json_schema={"format": "uri"})]
Marked = Annotated[
    Mapping[str, str],
    Meta(description="Escaped HTML by field, what matched between <mark> tags."),
]

#: Related articles of a hit in an answer, where nothing else is asked for.
RELATED_LIMIT = 3
#: Copies of an article, and other stories with the same lead, that are named; all are counted.
COPIES_LIMIT = 20

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
            if isinstance(link, str) and safe_link(link) is None:
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


class Copy(_Linked):
    """The same article once more."""

    title: str
    url: Link | None
    provider: Provider | None


class OtherStory(_Linked):
    """A story with the same lead."""

    id: str
    title: str
    url: Link | None


class RelatedHit(_Linked):
    """A related article that matches, and the first of its `copies_total` copies in the story."""

    title: str
    url: Link | None
    provider: Provider | None
    published_at: Instant | None
    highlights: Marked
    copies: list[Copy]
    copies_total: Count


class ScorePart(Struct):
    """What one part of a query adds to a score, and the fields that have it."""

    text: str
    score: float
    fields: tuple[str, ...]


class ScoreFactor(Struct):
    """What the sum of the parts of a score is multiplied by."""

    name: str
    factor: float


class Explanation(Struct):
    """What a score is made of: the sum of its parts times all factors.

    It is that of the best article: null for the story itself, else the number of a related
    one, from 0. No parts: the story was not found by words.
    """

    score: float
    article: Count | None
    parts: list[ScorePart]
    factors: list[ScoreFactor]


class Hit(_Linked):
    """A story on a page of results; all fields, or the id and those that were asked for.

    `related` are its articles that match, best first, of `related_total` that do; `also_in` the
    first of `also_in_total` other stories found with the same lead, which it stands for.
    `explanation` is there where it was asked for.
    """

    id: str
    score: float | UnsetType = UNSET
    title: str | UnsetType = UNSET
    excerpt: str | UnsetType = UNSET
    url: Link | UnsetType | None = UNSET
    published_at: Instant | UnsetType | None = UNSET
    provider: Provider | UnsetType | None = UNSET
    topics: tuple[str, ...] | UnsetType = UNSET
    quality: int | float | UnsetType | None = UNSET
    highlights: Marked | UnsetType = UNSET
    related: list[RelatedHit] | UnsetType = UNSET
    related_total: Count | UnsetType = UNSET
    also_in: list[OtherStory] | UnsetType = UNSET
    also_in_total: Count | UnsetType = UNSET
    explanation: Explanation | UnsetType = UNSET


class Notice(Struct):
    """A part of a query that was not taken as it looks: characters `start` to `end`."""

    text: str
    start: Count
    end: Count
    reason: str


class ResultPage(Struct):
    """A page of results; `facets_beyond` is how many more values each facet has."""

    query: str
    total: Count
    complete: Annotated[int, Meta(ge=0, description="How many have all the words.")]
    took_ms: float
    relaxed: Annotated[bool, Meta(description="Some stories listed lack some of the words.")]
    suggestion: Annotated[str | None, Meta(description="A better spelling of the query.")]
    corrected: Annotated[
        str | None, Meta(description="The spelling that was searched instead of the query.")
    ]
    notices: list[Notice]
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
    """A related article; pictures whose address is none of the web are left out.

    `copies` are the same article once more, as the story has it.
    """

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
    copies: list[Article]

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
    """A whole story, its score for the query, and all stories found that it stands for."""

    score: float
    also_in: list[OtherStory]


class ArticleRow(Article):
    """A related article, and the story that has it; `number` counts them from 0."""

    story_id: str
    story_title: str
    number: Count


class FacetValues(Struct):
    """Values of a facet that were looked for; `beyond` is how many more there are."""

    facet: str
    values: list[FacetCount]
    beyond: Count


class DateCount(Struct):
    """How many stories are of a day, month or year, as `since` and `until` take it."""

    value: str
    count: Count


class DateCounts(Struct):
    """When the stories of a result were published, in order and without gaps.

    `earlier` stories are older than all that is listed, `undated` ones have no date.
    """

    unit: model.DateUnit
    values: list[DateCount]
    earlier: Count
    undated: Count


class SimilarStories(Struct):
    """Stories that resemble another, best first."""

    hits: list[Hit]


_ANSWERS = (
    ResultPage, Story, ExportRow, ArticleRow, FacetValues, DateCounts, SimilarStories,
)  # fmt: skip
#: The fields of a hit that may be asked for by name.
HIT_FIELDS = tuple(name for name in Hit.__struct_fields__ if name != "explanation")


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
    record = ResultPage(
        query=page.query,
        total=page.total,
        complete=page.complete,
        took_ms=round(page.took_ms, _TIME_DECIMALS),
        relaxed=page.relaxed,
        suggestion=page.suggestion,
        corrected=page.corrected,
        notices=[Notice(one.text, one.start, one.end, one.reason) for one in page.notices],
        hits=hits,
        facets={facet: _counts(rows) for facet, rows in page.facets.items()},
        facets_beyond={facet: rows.beyond for facet, rows in page.facets.items()},
    )
    return _encoder.encode(record)


def facet_to_json(facet: str, rows: model.FacetRows) -> bytes:
    """What `/api/v1/facets/<facet>` answers."""
    return _encoder.encode(FacetValues(facet, _counts(rows), rows.beyond))


def dates_to_json(dates: model.DateCounts) -> bytes:
    """What `/api/v1/dates` answers."""
    values = [DateCount(one.value, one.count) for one in dates.values]
    return _encoder.encode(DateCounts(dates.unit, values, dates.earlier, dates.undated))


def similar_to_json(
    hits: Iterable[model.Hit],
    *,
    related_limit: int = RELATED_LIMIT,
    fields: Collection[str] = HIT_FIELDS,
) -> bytes:
    """What `/api/v1/stories/<id>/similar` answers."""
    return _encoder.encode(SimilarStories(_hits(hits, related_limit, fields)))


def _counts(rows: model.FacetRows) -> list[FacetCount]:
    return [FacetCount(row.value, row.label, row.count, row.selected) for row in rows]


def _hits(hits: Iterable[model.Hit], related_limit: int, fields: Collection[str]) -> list[Hit]:
    hits = list(hits)
    readers = [(name, read) for name, read in _READERS.items() if name in fields]
    related = [hit.related[:related_limit] for hit in hits] if "related" in fields else []
    model.mark_together([*(hits if "highlights" in fields else ()), *chain(*related)])
    records = []
    for hit, matching in zip_longest(hits, related):
        values = {name: read(hit) for name, read in readers}
        if matching is not None:
            values["related"] = [_related(one) for one in matching]
        records.append(Hit(id=hit.story.id, **values))
    return records


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
    "also_in": lambda hit: list(map(_other, hit.also_in[:COPIES_LIMIT])),
    "also_in_total": lambda hit: len(hit.also_in),
}


def _other(story: model.Story) -> OtherStory:
    return OtherStory(story.id, story.title, story.url)


def _related(hit: model.RelatedHit) -> RelatedHit:
    article = hit.article
    return RelatedHit(
        title=article.title,
        url=article.url,
        provider=_provider(article.provider),
        published_at=article.published_at,
        highlights=hit.highlights,
        copies=[
            Copy(copy.title, copy.url, _provider(copy.provider))
            for copy in article.copies[:COPIES_LIMIT]
        ],
        copies_total=len(article.copies),
    )


def _explanation(explanation: model.Explanation) -> Explanation:
    return Explanation(
        score=_score(explanation.score),
        article=explanation.article,
        parts=[ScorePart(part.text, _score(part.score), part.fields) for part in explanation.parts],
        factors=[ScoreFactor(name, _score(factor)) for name, factor in explanation.factors],
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
    fields = msgspec.structs.asdict(_story(hit.story))
    return ExportRow(**fields, score=_score(hit.score), also_in=list(map(_other, hit.also_in)))


def article_rows(hit: model.Hit) -> Iterator[ArticleRow]:
    """The lines of `/api/v1/export?rows=articles` that a story gives."""
    story = hit.story
    for number, article in enumerate(_story(story).related):
        fields = msgspec.structs.asdict(article)
        yield ArticleRow(**fields, story_id=story.id, story_title=story.title, number=number)


def json_schemas(ref_template: str) -> dict[str, object]:
    """JSON Schemas of the records by name; `ref_template` says how they refer to each other."""
    return dict(msgspec.json.schema_components(_ANSWERS, ref_template=ref_template)[1])


def info_to_json(info: model.IndexInfo) -> bytes:
    """What `storydex info --json` prints."""
    return _encoder.encode(info)


def report_to_json(report: model.BuildReport) -> bytes:
    """What `storydex rebuild --json` prints."""
    return _encoder.encode(report)


def problems_to_json(problems: model.Problems) -> bytes:
    """What `storydex rebuild --warnings --json` prints."""
    return _encoder.encode(problems)
