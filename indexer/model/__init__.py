"""The records that flow through storydex.

Stories come in (`stories`), a rebuild reports (`reports`), requests come from people and pages
go out (`search`). All are immutable. Instants are timezone-aware UTC datetimes.
"""

from .reports import (
    BuildProgress,
    BuildReport,
    FieldWarning,
    IndexInfo,
    Phase,
    Problems,
    Rejection,
    UnusedKey,
)  # fmt: skip
from .search import (
    FACET_SORTS,
    FACETS,
    SORTS,
    DateCount,
    DateCounts,
    DateUnit,
    Explanation,
    Facet,
    FacetCount,
    FacetRows,
    FacetSort,
    Hit,
    HitSource,
    Marks,
    Notice,
    RelatedHit,
    ResultPage,
    ScorePart,
    SearchRequest,
    Sort,
    Spans,
    mark_together,
)  # fmt: skip
from .stories import Article, Image, Lazy, Number, Provider, Story

__all__ = [
    "FACETS", "FACET_SORTS", "SORTS", "Article", "BuildProgress", "BuildReport", "DateCount",
    "DateCounts", "DateUnit", "Explanation", "Facet", "FacetCount", "FacetRows", "FacetSort",
    "FieldWarning", "Hit", "HitSource", "Image", "IndexInfo", "Lazy", "Marks", "Notice", "Number",
    "Phase", "Problems", "Provider", "Rejection", "RelatedHit", "ResultPage", "ScorePart",
    "SearchRequest", "Sort", "Spans", "Story", "UnusedKey", "mark_together",
]  # fmt: skip
