"""What is asked of an index, and the pages that answer: hits, counts, explanations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Literal, NamedTuple, NoReturn, Protocol, get_args

import msgspec

from .stories import Article, Provider, Story

Facet = Literal[
    "provider", "lead_provider", "topic", "category", "type", "year", "month", "published"
]
FACETS: tuple[Facet, ...] = get_args(Facet)

Sort = Literal["relevance", "newest", "oldest", "quality"]
SORTS: tuple[Sort, ...] = get_args(Sort)

#: Orders of the values of a facet.
FacetSort = Literal["count", "name"]
FACET_SORTS: tuple[FacetSort, ...] = get_args(FacetSort)

DateUnit = Literal["day", "month", "year"]

#: Stretches of texts by field name: start and end, in characters, apart and in order.
Spans = Mapping[str, tuple[tuple[int, int], ...]]


class SearchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides a result page.

    `filters` maps facet names to accepted values: values of one facet are
    alternatives, facets combine, `-` before a value excludes it, and `=` before one that
    begins with either sign has it taken as it is. `since` and `until`
    are inclusive; a plain date means the whole day, UTC. `facet_limit` is how many values
    of each facet are listed, beside those that `filters` names.
    """

    query: str = ""
    filters: Mapping[Facet, tuple[str, ...]] = msgspec.field(default_factory=dict)
    since: date | datetime | None = None
    until: date | datetime | None = None
    facets: tuple[Facet, ...] = ("provider",)
    facet_limit: int = 20
    sort: Sort = "relevance"
    offset: int = 0
    limit: int = 10
    #: Let a query that finds nothing be searched as it was surely meant.
    spelling: bool = True
    #: List stories with the same lead as one.
    collapse: bool = True


class FacetCount(msgspec.Struct, frozen=True):
    """One value of a facet and the `total` that choosing it would give.

    One that `SearchRequest.filters` excludes has its `-` before it and no story.
    """

    value: str
    label: str
    count: int
    selected: bool = False


class FacetRows(tuple[FacetCount, ...]):
    """The values of a facet on a page: most stories first, then by label.

    At most `SearchRequest.facet_limit` of them, and whatever was chosen. `beyond` is how
    many more values the stories found have.
    """

    beyond: int

    def __new__(cls, rows: Iterable[FacetCount] = (), beyond: int = 0) -> FacetRows:
        """Rows in the order in which they are shown."""
        made = super().__new__(cls, rows)
        made.beyond = beyond
        return made


class DateCount(msgspec.Struct, frozen=True):
    """How many stories are of a day, month or year, as `2022-05-31`, `2022-05` or `2022`."""

    value: str
    count: int


class DateCounts(msgspec.Struct, frozen=True):
    """When the stories of a result were published, in order and without gaps.

    `earlier` stories are older than all that is listed, `undated` ones have no date.
    """

    unit: DateUnit
    values: tuple[DateCount, ...]
    earlier: int
    undated: int


class Marks(NamedTuple):
    """The words marked in a text, by field: as offsets, and as escaped HTML."""

    spans: dict[str, tuple[tuple[int, int], ...]]
    highlights: dict[str, str]


#: The message of the error that pickling or copying a page or a hit raises.
_STAYS = (
    "a page and its hits read themselves from the index, and cannot be pickled or deep-copied: "
    "keep `page_to_json(page)`, or `hit.story`"
)


class _Shown(ABC):
    """A text that was found, read when first looked at.

    Threads may share it: what two of them read at once is the same.
    """

    def __init__(self, score: float, source: HitSource) -> None:
        self.score = score
        self._source = source

    def __reduce__(self) -> NoReturn:
        raise TypeError(_STAYS)

    @property
    @abstractmethod
    def _text(self) -> Story | Article:
        """What was found."""

    @property
    def spans(self) -> Spans:
        """Where in each field words matched: start and end, in characters."""
        return self._marks.spans

    @property
    def highlights(self) -> Mapping[str, str]:
        """Escaped HTML by field name, what matched between `<mark>` tags."""
        return self._marks.highlights

    @cached_property
    def _marks(self) -> Marks:
        (marks,) = self._source.mark([self._text])
        return marks


class RelatedHit(_Shown):
    """A related article that matches the query.

    `highlights` and `spans` have "title" and "excerpt". The article is read from the index
    when first asked for.
    """

    def __init__(self, score: float, source: HitSource, number: int) -> None:
        super().__init__(score, source)
        self._number = number

    def __repr__(self) -> str:
        return f"RelatedHit({self.title!r}, score={self.score:.3f})"

    @property
    def _text(self) -> Article:
        return self.article

    @cached_property
    def article(self) -> Article:
        """The article itself."""
        return self._source.article(self._number)

    @property
    def title(self) -> str:
        """The article's title, plain text."""
        return self.article.title

    @property
    def excerpt(self) -> str:
        """The article's excerpt, plain text."""
        return self.article.excerpt

    @property
    def url(self) -> str | None:
        """The address to send a reader to."""
        return self.article.url

    @property
    def provider(self) -> Provider | None:
        """Who published the article."""
        return self.article.provider

    @property
    def published_at(self) -> datetime | None:
        """When the article was published."""
        return self.article.published_at

    @property
    def copies(self) -> tuple[Article, ...]:
        """The same article once more, as the story has it."""
        return self.article.copies


class Hit(_Shown):
    """A story on a result page.

    `highlights` and `spans` have "title", "excerpt" and, where the story has a body, "body";
    of the body, `highlights` has a snippet, and `spans` those of the first 65,536 characters
    or the next that have any. All is read from the index when first asked for.
    """

    def __repr__(self) -> str:
        return f"Hit({self.story.id!r}, score={self.score:.3f})"

    @property
    def _text(self) -> Story:
        return self.story

    @cached_property
    def story(self) -> Story:
        """The story itself."""
        return self._source.story()

    @cached_property
    def related(self) -> tuple[RelatedHit, ...]:
        """The related articles that match the query, best first."""
        return self._source.related()

    @cached_property
    def also_in(self) -> Sequence[Story]:
        """The other stories found that have the same lead, which are not listed themselves."""
        return self._source.also_in()


class HitSource(Protocol):
    """What a hit and its related articles read themselves from; raises `IndexCorrupt`."""

    def story(self) -> Story:
        """The story."""

    def related(self) -> tuple[RelatedHit, ...]:
        """The related articles that match, best first."""

    def also_in(self) -> Sequence[Story]:
        """The stories that this one stands for."""

    def article(self, number: int) -> Article:
        """A related article of the story, counted from 0."""

    def mark(self, texts: Sequence[Story | Article]) -> list[Marks]:
        """Mark the words of the query in some texts."""


def mark_together(shown: Iterable[Hit | RelatedHit]) -> None:
    """Mark hits of one answer that are all going to be shown: quicker than one by one."""
    new = [one for one in shown if "_marks" not in vars(one)]
    if new:
        found = new[0]._source.mark([one._text for one in new])
        for one, marks in zip(new, found, strict=True):
            one._marks = marks


class Notice(msgspec.Struct, frozen=True):
    """A part of a query that was not taken as it looks: `query[start:end]`.

    reason: what it is not, what it was taken for, and how to write it
    """

    text: str
    start: int
    end: int
    reason: str


class ScorePart(msgspec.Struct, frozen=True):
    """What one part of a query adds to a score, and the fields of the article that have it."""

    text: str
    score: float
    fields: tuple[str, ...] = ()


class Explanation(msgspec.Struct, frozen=True):
    """What the score of a story is made of: that of its best article.

    `article` is None for the story's own title and text, else the number of a related article,
    from 0. `score` is the sum of `parts` times all `factors`, each with its name; 0 without
    parts if the story does not match.
    """

    story_id: str
    score: float
    article: int | None
    parts: tuple[ScorePart, ...]
    factors: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        where = "the story itself" if self.article is None else f"related article {self.article}"
        parts = [
            f"{part.score:.3f} {part.text}"
            + (f" ({', '.join(part.fields)})" if part.fields else "")
            for part in self.parts
        ]
        factors = [f" × {factor:g} {name}" for name, factor in self.factors]
        if not parts:
            return "0: does not match by words"
        return f"{self.score:.3f} = ({' + '.join(parts)}){''.join(factors)}, in {where}"


class ResultPage(msgspec.Struct, frozen=True):
    """The answer to a `SearchRequest`.

    `total` is the exact number of stories listed, those with the same lead counted as one;
    `complete` how many of these have all the words; `relaxed` says that some lack words;
    `respelled` looks for a better spelling of the query; `corrected` is what was searched in
    place of the query, which finds nothing: a better spelling, or its words without signs;
    `notices` name what was not understood; `took_ms` is milliseconds.
    """

    request: SearchRequest
    total: int
    complete: int
    hits: tuple[Hit, ...]
    facets: Mapping[str, FacetRows]
    relaxed: bool
    respelled: Callable[[], str | None]
    took_ms: float
    generation: int
    corrected: str | None = None
    notices: tuple[Notice, ...] = ()

    def __reduce__(self) -> NoReturn:
        raise TypeError(_STAYS)

    @property
    def query(self) -> str:
        """The query as typed."""
        return self.request.query

    @property
    def suggestion(self) -> str | None:
        """A better spelling of the query, if one is known; looked for when first asked for.

        Raises `IndexCorrupt`. Costs at most 20 ms.
        """
        return self.respelled()
