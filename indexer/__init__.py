"""storydex: full-text search with provider facets for archives of news stories.

import indexer

indexer.rebuild("seeds", "index")
with indexer.open_index("index") as engine:
    page = engine.search("microsoft azure")
"""

from .build.rebuild import rebuild
from .build.watch import watch
from .dates import parse_day
from .demo import write_demo
from .engine import Engine, open_index
from .errors import (
    BuildError,
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
from .generation.verify import DamagedFile, VerifyReport, verify
from .model import (
    FACET_SORTS,
    FACETS,
    SORTS,
    Article,
    BuildProgress,
    BuildReport,
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
)
from .query.language import LANGUAGE
from .schema import facet_key
from .wire import (
    HIT_FIELDS,
    RELATED_LIMIT,
    ExportRow,
    export_row,
    facet_to_json,
    json_schemas,
    page_to_json,
    safe_link,
    similar_to_json,
    story_to_json,
    write_instant,
)

__all__ = [
    "FACETS",
    "FACET_SORTS",
    "HIT_FIELDS",
    "LANGUAGE",
    "RELATED_LIMIT",
    "SORTS",
    "Article",
    "BuildError",
    "BuildProgress",
    "BuildReport",
    "DamageWarning",
    "DamagedFile",
    "Engine",
    "EngineClosed",
    "Explanation",
    "ExportRow",
    "Facet",
    "FacetCount",
    "FacetRows",
    "FieldWarning",
    "Hit",
    "Image",
    "IndexCorrupt",
    "IndexInfo",
    "IndexLocked",
    "IndexMissing",
    "IndexOutdated",
    "IndexUnreadable",
    "Notice",
    "Provider",
    "QueryError",
    "QueryTooCostly",
    "Rejection",
    "RelatedHit",
    "ResultPage",
    "ScorePart",
    "SearchRequest",
    "SeedError",
    "Sort",
    "Story",
    "StoryNotFound",
    "StorydexError",
    "VerifyReport",
    "export_row",
    "facet_key",
    "facet_to_json",
    "json_schemas",
    "open_index",
    "page_to_json",
    "parse_day",
    "rebuild",
    "safe_link",
    "similar_to_json",
    "story_to_json",
    "verify",
    "watch",
    "write_demo",
    "write_instant",
]
