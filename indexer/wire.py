"""Answers as JSON, for the command line and the API alike."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from .model import BuildReport, Hit, IndexInfo, Provider, RelatedHit, ResultPage

_encoder = msgspec.json.Encoder()


def page_to_json(page: ResultPage) -> bytes:
    """What `/api/v1/search` answers and `storydex search --json` prints."""
    return _encoder.encode(page_to_dict(page))


def page_to_dict(page: ResultPage) -> dict[str, Any]:
    """A result page as plain values, in the shape of the API."""
    return {
        "query": page.query,
        "total": page.total,
        "took_ms": round(page.took_ms, 3),
        "relaxed": page.relaxed,
        "suggestion": page.suggestion,
        "hits": [hit_to_dict(hit) for hit in page.hits],
        "facets": {facet: list(rows) for facet, rows in page.facets.items()},
    }


def hit_to_dict(hit: Hit) -> dict[str, Any]:
    """One hit as plain values, in the shape of the API."""
    story = hit.story
    return {
        "id": story.id,
        "score": round(hit.score, 6),
        "title": story.title,
        "excerpt": story.excerpt,
        "url": story.url,
        "published_at": _instant(story.published_at),
        "provider": _provider(story.provider),
        "topics": story.topics,
        "quality": story.quality,
        "highlights": hit.highlights,
        "related": [_related(related) for related in hit.related],
    }


def _related(hit: RelatedHit) -> dict[str, Any]:
    return {
        "title": hit.title,
        "url": hit.url,
        "provider": _provider(hit.provider),
        "published_at": _instant(hit.published_at),
        "highlights": hit.highlights,
    }


def _provider(provider: Provider | None) -> dict[str, Any] | None:
    return None if provider is None else {"name": provider.name, "domain": provider.domain}


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")


def info_to_json(info: IndexInfo) -> bytes:
    """What `storydex info --json` prints."""
    return _encoder.encode(info)


def report_to_json(report: BuildReport) -> bytes:
    """What `storydex rebuild --json` prints."""
    return _encoder.encode(report)
