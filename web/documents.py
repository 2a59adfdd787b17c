"""Stories, hits and pages as JSON-ready dictionaries; used by `api` and `feeds`.

Only what is listed here leaves the server. Instants are ISO 8601 in UTC with `Z`,
links are http or https or null.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from indexer import Article, FacetCount, Hit, Provider, RelatedHit, ResultPage, Story

from .security import safe_link

Document = dict[str, Any]


def write_instant(instant: datetime | None) -> str | None:
    """`2022-05-25T17:16:00Z`, or None."""
    if instant is None:
        return None
    return instant.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def page_document(page: ResultPage) -> Document:
    """A result page as `/api/v1/search` answers it."""
    return {
        "query": page.query,
        "total": page.total,
        "took_ms": round(page.took_ms, 3),
        "relaxed": page.relaxed,
        "suggestion": page.suggestion,
        "hits": [_hit_document(hit) for hit in page.hits],
        "facets": {name: _facet_document(counts) for name, counts in page.facets.items()},
    }


def _hit_document(hit: Hit) -> Document:
    story = hit.story
    return {
        "id": story.id,
        "score": round(hit.score, 6),
        "title": story.title,
        "excerpt": story.excerpt,
        "url": safe_link(story.url),
        "published_at": write_instant(story.published_at),
        "provider": _provider_document(story.provider),
        "topics": list(story.topics),
        "quality": story.quality,
        "highlights": _highlights(hit),
        "related": [_related_document(related) for related in hit.related],
    }


def _related_document(related: RelatedHit) -> Document:
    return {
        "title": related.title,
        "url": safe_link(related.url),
        "provider": _provider_document(related.provider),
        "published_at": write_instant(related.published_at),
        "highlights": _highlights(related),
    }


def _highlights(hit: Hit | RelatedHit) -> Document:
    return {name: hit.highlights.get(name, "") for name in ("title", "excerpt")}


def _provider_document(provider: Provider | None) -> Document | None:
    return None if provider is None else {"name": provider.name, "domain": provider.domain}


def _facet_document(counts: Iterable[FacetCount]) -> list[Document]:
    return [
        {
            "value": one.value,
            "label": one.label,
            "count": one.count,
            "selected": one.selected,
        }
        for one in counts
    ]


def story_document(story: Story) -> Document:
    """A whole story, fields in snake case."""
    return {
        "id": story.id,
        **_common_fields(story),
        "body": story.body,
        "published": story.published,
        "topics": list(story.topics),
        "related": [_common_fields(article) for article in story.related],
    }


def _common_fields(item: Story | Article) -> Document:
    return {
        "title": item.title,
        "excerpt": item.excerpt,
        "category": item.category,
        "type": item.type,
        "published_at": write_instant(item.published_at),
        "original_url": safe_link(item.original_url),
        "web_url": safe_link(item.web_url),
        "amp_web_url": safe_link(item.amp_web_url),
        "cdn_amp_web_url": safe_link(item.cdn_amp_web_url),
        "quality": item.quality,
        "heat": item.heat,
        "provider": _provider_document(item.provider),
        "images": [
            {
                "url": url,
                "width": image.width,
                "height": image.height,
                "is_cached": image.is_cached,
            }
            for image in item.images
            if (url := safe_link(image.url))
        ],
    }
