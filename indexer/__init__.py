"""storydex: full-text search with provider facets for archives of news stories.

import indexer

indexer.rebuild("seeds", "index")
with indexer.open_index("index") as engine:
    page = engine.search("microsoft azure")
"""

from .cluster.places import find_damage, open_index, rebuild, verify, watch
from .dates import parse_day
from .demo import write_demo
from .engine import Engine
from .errors import (
    BuildError,
    ClusterError,
    DamageWarning,
    EngineClosed,
    IndexCorrupt,
    IndexLocked,
    IndexMissing,
    IndexOutdated,
    IndexUnreadable,
    QueryError,
    QueryTooCostly,
    SeedError,
    StorydexError,
    StoryNotFound,
)
from .generation.verify import DamagedFile, VerifyReport
from .model import (
    FACET_SORTS,
    FACETS,
    SORTS,
    Article,
    BuildProgress,
    BuildReport,
    DateCounts,
    Explanation,
    Facet,
    FacetCount,
    FacetRows,
    FieldWarning,
    Hit,
    Image,
    IndexInfo,
    Notice,
    Provider,
    Rejection,
    RelatedHit,
    ResultPage,
    ScorePart,
    SearchRequest,
    Sort,
    Story,
    mark_together,
)
from .query.language import LANGUAGE
from .schema import facet_key
from .wire import (
    HIT_FIELDS,
    RELATED_LIMIT,
    article_rows,
    dates_to_json,
    export_row,
    facet_to_json,
    json_schemas,
    page_to_json,
    similar_to_json,
    story_to_json,
    write_instant,
)
from .wire.records import ArticleRow, ExportRow, safe_link

__all__ = [
    "FACETS", "FACET_SORTS", "HIT_FIELDS", "LANGUAGE", "RELATED_LIMIT", "SORTS", "Article",
    "ArticleRow", "BuildError", "BuildProgress", "BuildReport", "ClusterError", "DamageWarning",
    "DamagedFile", "DateCounts", "Engine", "EngineClosed", "Explanation", "ExportRow", "Facet",
    "FacetCount", "FacetRows", "FieldWarning", "Hit", "Image", "IndexCorrupt", "IndexInfo",
    "IndexLocked", "IndexMissing", "IndexOutdated", "IndexUnreadable", "Notice", "Provider",
    "QueryError", "QueryTooCostly", "Rejection", "RelatedHit", "ResultPage", "ScorePart",
    "SearchRequest", "SeedError", "Sort", "Story", "StoryNotFound", "StorydexError", "VerifyReport",
    "article_rows", "dates_to_json", "export_row", "facet_key", "facet_to_json", "find_damage",
    "json_schemas", "mark_together", "open_index", "page_to_json", "parse_day", "rebuild",
    "safe_link", "similar_to_json", "story_to_json", "verify", "watch", "write_demo",
    "write_instant",
]  # fmt: skip
