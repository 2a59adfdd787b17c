"""A whole story as a JSON-ready dictionary or a CSV row; used by `api` and `feeds`.

Only what is listed here leaves the server. Instants are ISO 8601 in UTC with `Z`,
links are http or https or null.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from indexer import Article, Hit, Provider, Story

from .security import safe_cell, safe_link

Document = dict[str, Any]


def write_instant(instant: datetime | None) -> str | None:
    """`2022-05-25T17:16:00Z`, or None."""
    if instant is None:
        return None
    return instant.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def _provider_document(provider: Provider | None) -> Document | None:
    return None if provider is None else {"name": provider.name, "domain": provider.domain}


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


CSV_COLUMNS = (
    "id", "score", "title", "excerpt", "url", "published_at", "provider", "domain", "category",
    "type", "topics", "quality", "heat", "published", "related",
)  # fmt: skip


def csv_row(hit: Hit) -> list[str]:
    """The cells of a hit under `CSV_COLUMNS`; `related` is how many articles there are."""
    story, provider = hit.story, hit.story.provider
    cells = (
        story.id, hit.score, story.title, story.excerpt, safe_link(story.url),
        write_instant(story.published_at), provider.name if provider else None,
        provider.domain if provider else None, story.category, story.type, "; ".join(story.topics),
        story.quality, story.heat, "true" if story.published else "false", len(story.related),
    )  # fmt: skip
    return [_cell(cell) for cell in cells]


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    # A negative number is a number, not a formula.
    return safe_cell(value) if isinstance(value, str) else str(value)
