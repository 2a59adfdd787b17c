"""The web front end: a page for people, an API and feeds for programs.

Requests pass `params` (address → `SearchRequest`), the engine, and then a template
(`views`, `page`, `display`), a document (`api`, `exports`) or a feed (`feeds`).
`connection` holds the engine, `problems` answers errors, `security` and `caching` set
headers, `metrics` counts. Of storydex it imports what `indexer` exports, nothing else.
"""

from .app import create_app
from .server import serve

__all__ = ["create_app", "serve"]
