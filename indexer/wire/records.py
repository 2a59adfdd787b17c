"""The records of JSON that leave a program: what their fields are called and may be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from ..model import DateUnit

Count = Annotated[int, Meta(ge=0)]
Instant = Annotated[datetime, Meta(tz=True)]
Link = Annotated[str, Meta(extra_json_schema={"format": "uri"})]
Marked = Annotated[
    Mapping[str, str], Meta(description="Escaped HTML by field, what matched between <mark> tags.")
]


def safe_link(url: str | None) -> str | None:
    """The address if it is one of the web, else None: `javascript:` never becomes a link."""
    if url and url.lower().startswith(("http://", "https://")):
        return url
    return None


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
    reason: Annotated[str, Meta(description="What it is not, and how to write it.")]


class ResultPage(Struct):
    """A page of results; `facets_beyond` is how many more values each facet has."""

    query: str
    total: Annotated[int, Meta(ge=0, description="How many stories were found; exact.")]
    complete: Annotated[int, Meta(ge=0, description="How many have all the words.")]
    took_ms: Annotated[float, Meta(description="How long the search took, in milliseconds.")]
    relaxed: Annotated[bool, Meta(description="Some stories listed lack some of the words.")]
    suggestion: Annotated[str | None, Meta(description="A better spelling of the query.")]
    corrected: Annotated[str | None, Meta(description="What was searched instead of the query.")]
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

    unit: DateUnit
    values: list[DateCount]
    earlier: Count
    undated: Count


class SimilarStories(Struct):
    """Stories that resemble another, best first."""

    hits: list[Hit]
