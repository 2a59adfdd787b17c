"""The same stories in Datasette and in OpenSearch, served on loopback for `benchmarks.http`.

Both are set up as somebody would who wants from them what our API answers: stories with all the
words in title, excerpt and the texts of the related articles, ten of them. What makes them faster
and costs nobody anything is chosen: Datasette opens the file as one that does not change, and
counts no facets; OpenSearch has one shard of one segment, no replica and the whole compiler.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import indexer
from indexer import SearchRequest, Story
from indexer.schema import facet_values

#: The release that `tests/cluster/pom.xml` names.
OPENSEARCH = "2.19.1"
#: The heap of the OpenSearch node, and with how many documents it is fed at a time.
_HEAP, _AT_ONCE = "1g", 500
_HITS, _PROVIDERS = 10, 20
_SEARCHED = ("title", "excerpt", "related")
_SHOWN = ("title", "excerpt", "url", "published_at", "provider")


class Site(NamedTuple):
    """What is asked of a server: host and port, the path for a query, the hits an answer tells."""

    address: str
    path: Callable[[str], str]
    total: Callable[[bytes], int] | None = None


def documents(engine: indexer.Engine) -> Iterator[dict[str, Any]]:
    """All stories of an index, as the peers have them."""
    for hit in engine.export(SearchRequest()):
        yield _document(hit.story)


def _document(story: Story) -> dict[str, Any]:
    return {
        "id": story.id,
        "title": story.title,
        "excerpt": story.excerpt,
        "related": "\n".join(f"{a.title} {a.excerpt or ''}" for a in story.related),
        "url": story.web_url or story.original_url,
        "published_at": story.published_at.isoformat() if story.published_at else None,
        "provider": story.provider.name if story.provider else None,
        "providers": facet_values(story)["provider"],
    }


@contextmanager
def datasette(engine: indexer.Engine, folder: Path) -> Iterator[dict[str, Site]]:
    """Datasette over a table with an FTS5 index, its page and its JSON."""
    from tests.cluster.nodes import free_port, wait_until

    file = folder / "stories.db"
    _write_table(documents(engine), file)
    port = free_port()
    settings = {"suggest_facets": "off", "default_page_size": str(_HITS), "num_sql_threads": "4"}
    options = [word for setting in settings.items() for word in ("--setting", *setting)]
    process = subprocess.Popen(
        [sys.executable, "-m", "datasette", "serve", "-i", file, "-p", str(port), *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"127.0.0.1:{port}"

    def path(kind: str) -> Callable[[str], str]:
        shown = [("_col", column) for column in _SHOWN]
        return lambda query: f"/stories/stories{kind}?{urlencode([('_search', query), *shown])}"

    try:
        wait_until(
            lambda: bool(urlopen(f"http://{address}/-/versions.json")),
            60, lambda: "Datasette does not answer",
        )  # fmt: skip
        yield {
            "Datasette, page": Site(address, path("")),
            "Datasette, JSON": Site(
                address, path(".json"), lambda body: json.loads(body)["filtered_table_rows_count"]
            ),
        }
    finally:
        process.terminate()
        process.wait(20)


def _write_table(stories: Iterable[dict[str, Any]], file: Path) -> None:
    database = sqlite3.connect(file)
    columns = ("id", *_SEARCHED, *_SHOWN[2:])
    database.execute(f"CREATE TABLE stories ({', '.join(columns)}, PRIMARY KEY (id))")
    row = f"INSERT INTO stories VALUES ({', '.join(f':{column}' for column in columns)})"
    database.executemany(row, ({column: story[column] for column in columns} for story in stories))
    words = ", ".join(_SEARCHED)
    database.execute(
        f'CREATE VIRTUAL TABLE stories_fts USING fts5({words}, content="stories", '
        "tokenize='porter unicode61')"
    )
    database.execute(f"INSERT INTO stories_fts(rowid, {words}) SELECT rowid, {words} FROM stories")
    database.execute("INSERT INTO stories_fts(stories_fts) VALUES ('optimize')")
    database.commit()
    database.close()


@contextmanager
def opensearch(engine: indexer.Engine, folder: Path) -> Iterator[dict[str, Site]]:
    """One OpenSearch node with the stories, and its search."""
    from tests.cluster.nodes import UNHURRIED, missing, new_nodes

    if reason := missing():
        raise RuntimeError(f"OpenSearch cannot be started: {reason}")
    (node,) = new_nodes(folder, ["alone"], _HEAP, UNHURRIED)
    node.start("storydex-benchmark", [node])
    try:
        node.wait_for(1)
        # With offsets, so that no text is cut into words again to mark some.
        text = {"type": "text", "analyzer": "english", "index_options": "offsets"}
        node.ask("/stories", {
            "settings": {"number_of_shards": 1, "number_of_replicas": 0},
            "mappings": {"properties": {
                **dict.fromkeys(_SEARCHED, text), "providers": {"type": "keyword"},
                "provider": {"type": "keyword"}, "url": {"type": "keyword"},
            }},
        })  # fmt: skip
        address = f"127.0.0.1:{node.http}"
        stories = documents(engine)
        while some := list(islice(stories, _AT_ONCE)):
            lines = [line for one in some for line in ({"index": {"_id": one.pop("id")}}, one)]
            _post(
                address, "/stories/_bulk", b"".join(json.dumps(x).encode() + b"\n" for x in lines)
            )
        _post(address, "/stories/_forcemerge?max_num_segments=1", b"")
        _post(address, "/stories/_refresh", b"")
        yield {"OpenSearch": Site(address, _search_path, _told_total)}
    finally:
        node.kill()


def _post(address: str, path: str, body: bytes) -> None:
    asked = Request(f"http://{address}{path}", body, {"Content-Type": "application/x-ndjson"})
    with urlopen(asked, timeout=240) as answer:
        if json.load(answer).get("errors"):
            raise RuntimeError(f"OpenSearch refused stories of {path}")


def _search_path(query: str) -> str:
    body = {
        "size": _HITS,
        "track_total_hits": True,
        "_source": _SHOWN,
        "query": {"multi_match": {
            "query": query, "fields": _SEARCHED, "type": "cross_fields", "operator": "and",
        }},
        "aggs": {"providers": {"terms": {"field": "providers", "size": _PROVIDERS}}},
        # Title and excerpt whole, and as many pieces as the API lists matching articles.
        "highlight": {"fields": {
            "title": {"number_of_fragments": 0}, "excerpt": {"number_of_fragments": 0},
            "related": {"number_of_fragments": indexer.RELATED_LIMIT},
        }},
    }  # fmt: skip
    source = {"source": json.dumps(body), "source_content_type": "application/json"}
    return f"/stories/_search?{urlencode(source)}"


def _told_total(body: bytes) -> int:
    return int(json.loads(body)["hits"]["total"]["value"])


Peer = Callable[[indexer.Engine, Path], Any]
#: What `--peers` may name.
PEERS: dict[str, Peer] = {"datasette": datasette, "opensearch": opensearch}


def peer_version(name: str) -> str:
    """Of a peer of `PEERS`."""
    return OPENSEARCH if name == "opensearch" else version(name)
