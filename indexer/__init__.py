"""storydex: full-text search with provider facets for archives of news stories.

import indexer

indexer.rebuild("seeds", "index")
with indexer.open_index("index") as engine:
    page = engine.search("microsoft azure")
"""

from .build import rebuild
from .dates import parse_day
from .demo import write_demo
from .engine import Engine
from .errors import (
    BuildError,
    DamageWarning,
    EngineClosed,
    IndexCorrupt,
    IndexLocked,
    IndexMissing,
    QueryError,
    SeedError,
    StorydexError,
    StoryNotFound,
)
from .model import (
    FACETS,
    SORTS,
    Article,
    BuildProgress,
    BuildReport,
    Facet,
    FacetCount,
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
from .search import open_index
from .verify import DamagedFile, VerifyReport, verify
from .watch import watch
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
    "FieldWarning",
    "Hit",
    "Image",
    "IndexCorrupt",
    "IndexInfo",
    "IndexLocked",
    "IndexMissing",
    "Provider",
    "QueryError",
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
