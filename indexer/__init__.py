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
    QueryError,
    QueryTooCostly,
    SeedError,
    StorydexError,
    StoryNotFound,
)
from .generation.verify import DamagedFile, VerifyReport, verify
from .model import (
    FACETS,
    SORTS,
    Article,
    BuildProgress,
    BuildReport,
    Facet,
    FacetCount,
    FacetRows,
    FieldWarning,
    Hit,
    Image,
    IndexInfo,
    Provider,
    Rejection,
    RelatedHit,
    ResultPage,
    SearchRequest,
    Sort,
    Story,
)
from .wire import hit_to_dict, page_to_json

__all__ = [
    "FACETS",
    "SORTS",
    "Article",
    "BuildError",
    "BuildProgress",
    "BuildReport",
    "DamageWarning",
    "DamagedFile",
    "Engine",
    "EngineClosed",
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
    "Provider",
    "QueryError",
    "QueryTooCostly",
    "Rejection",
    "RelatedHit",
    "ResultPage",
    "SearchRequest",
    "SeedError",
    "Sort",
    "Story",
    "StoryNotFound",
    "StorydexError",
    "VerifyReport",
    "hit_to_dict",
    "open_index",
    "page_to_json",
    "parse_day",
    "rebuild",
    "verify",
    "watch",
    "write_demo",
]
