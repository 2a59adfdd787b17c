"""One table of fields: what of a story is searched, filtered, sorted and stored.

`fields_of` takes a story apart and `decode_story` puts it together again, so both sides of
the index take their knowledge of fields from here.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Iterator
from datetime import datetime, timezone
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import fields as fields_of_struct
from whoosh import fields, formats
from whoosh.analysis import IDAnalyzer

from .analysis import PART_SEPARATOR, StemAnalyzer, WordAnalyzer
from .model import FACETS, Article, Facet, Provider, Story

#: Increase it when analysis, fields or their meaning change: older indexes are then rebuilt.
SCHEMA_VERSION = 4

#: Searchable text and its weight in the score.
TEXT_BOOSTS: dict[str, float] = {"title": 3.0, "excerpt": 1.5, "body": 1.0, "related": 1.0}
TEXT_FIELDS = tuple(TEXT_BOOSTS)

#: Stands for all text fields in place of the number of one.
EVERYWHERE = -1

#: Numbers that can be compared and sorted by.
NUMBER_FIELDS = ("quality", "heat")

#: Facets whose spelling in the file is kept for display; the rest display their value.
LABELLED: tuple[Facet, ...] = ("provider", "topic", "category", "type")

#: Separates facet, key and spelling in a term of the `label` field.
LABEL_SEPARATOR = "\x1f"


class Positions(formats.Positions):  # type: ignore[misc]
    """Word positions as flat little-endian uint32, in place of Whoosh's pickles."""

    def encode(self, poslist: list[int]) -> bytes:
        """Positions, increasing → bytes, 4 each."""
        return array("I", poslist).tobytes()

    def decode_positions(self, valuestring: bytes) -> list[int]:
        """Bytes → positions, increasing."""
        return array("I", valuestring).tolist()

    def decode_frequency(self, valuestring: bytes) -> int:
        """How often the term occurs in the field."""
        return len(valuestring) // 4

    def decode_weight(self, valuestring: bytes) -> float:
        """The frequency, as the weight that scoring uses."""
        return float(len(valuestring) // 4)


def _text_field() -> fields.TEXT:
    field = fields.TEXT(analyzer=StemAnalyzer(), phrase=True)
    field.format = Positions()
    return field


def _words_field() -> fields.TEXT:
    field = fields.TEXT(analyzer=WordAnalyzer(), phrase=True)
    field.format = Positions()
    field.scorable = False
    return field


def _keyword_field() -> fields.FieldType:
    return fields.FieldType(formats.Existence(), IDAnalyzer())


def _number_field(field: fields.NUMERIC) -> fields.NUMERIC:
    # Whoosh adds terms of lower precision for its own range queries. Ours read the column.
    field.shift_step = 0
    return field


def create_schema() -> fields.Schema:
    """The Whoosh schema of a storydex index."""
    schema = fields.Schema(
        id=_keyword_field(),
        # Folded words of the titles, unstemmed: completions and spelling.
        word=fields.FieldType(formats.Existence(), WordAnalyzer()),
        # facet SEP key SEP spelling: its postings tell how many stories spell a value so.
        label=_keyword_field(),
        # Words of provider names and of topics, for `provider:alpha` and `topic:azure`.
        provider_name=_words_field(),
        topic_name=_words_field(),
        published_at=_number_field(fields.DATETIME(sortable=True)),
        # The texts that are searched, and how many words each has: see `Texts`.
        texts=fields.STORED(),
        # All else that is shown.
        story=fields.STORED(),
    )
    for name in TEXT_FIELDS:
        schema.add(name, _text_field())
    for facet in FACETS:
        schema.add(facet, _keyword_field())
    for name in NUMBER_FIELDS:
        schema.add(name, _number_field(fields.NUMERIC(float, sortable=True)))
    return schema


def facet_key(facet: str, value: str) -> str:
    """What makes two spellings of a facet value the same: case and spacing do not count.

    Nor does `www.` before the domain of a provider.
    """
    key = " ".join(unicodedata.normalize("NFC", value).casefold().split())
    return key.removeprefix("www.") if facet in ("provider", "lead_provider") else key


def is_domain(key: str) -> bool:
    """Whether a provider's key is a domain, and not the name of one that has none."""
    return "." in key and " " not in key


def provider_key(provider: Provider) -> str:
    """The identity of a provider: its domain, or its name where it has none."""
    return provider.domain or facet_key("provider", provider.name)


def naive_utc(instant: datetime) -> datetime:
    """The form in which Whoosh indexes an instant: UTC without an offset."""
    return instant.astimezone(timezone.utc).replace(tzinfo=None)


def _providers(story: Story) -> list[Provider]:
    candidates = [story.provider, *(article.provider for article in story.related)]
    return [provider for provider in candidates if provider is not None]


def facet_values(story: Story) -> dict[Facet, list[str]]:
    """Facet → the keys under which a story is counted and filtered, each key once."""
    instant = story.published_at
    return {
        "provider": sorted({provider_key(provider) for provider in _providers(story)}),
        "lead_provider": [provider_key(story.provider)] if story.provider else [],
        "topic": sorted({facet_key("topic", topic) for topic in story.topics}),
        "category": [facet_key("category", story.category)] if story.category else [],
        "type": [facet_key("type", story.type)] if story.type else [],
        "year": [f"{instant:%Y}".zfill(4)] if instant else [],
        "month": [f"{instant:%Y}".zfill(4) + f"-{instant:%m}"] if instant else [],
        "published": ["true" if story.published else "false"],
    }


def _labels(story: Story) -> Iterator[str]:
    for provider in _providers(story):
        yield LABEL_SEPARATOR.join(("provider", provider_key(provider), provider.name))
    for topic in story.topics:
        yield LABEL_SEPARATOR.join(("topic", facet_key("topic", topic), topic))
    for facet, value in (("category", story.category), ("type", story.type)):
        if value:
            yield LABEL_SEPARATOR.join((facet, facet_key(facet, value), value))


def related_parts(story: Story) -> list[str]:
    """The texts of the `related` field: title and excerpt of each related article."""
    return [text for article in story.related for text in (article.title, article.excerpt) if text]


def fields_of(story: Story) -> dict[str, Any]:
    """The fields of a story except `texts`, for which its words must be counted."""
    parts = related_parts(story)
    titles = [story.title, *(article.title for article in story.related)]
    names = {word for p in _providers(story) for word in (p.name, p.domain or "") if word}
    document: dict[str, Any] = {
        "id": [story.id],
        "title": story.title,
        "excerpt": story.excerpt or None,
        "body": story.body or None,
        "related": PART_SEPARATOR.join(parts) or None,
        "word": PART_SEPARATOR.join(titles),
        "label": sorted(set(_labels(story))) or None,
        "provider_name": PART_SEPARATOR.join(sorted(names)) or None,
        "topic_name": PART_SEPARATOR.join(story.topics) or None,
        "published_at": naive_utc(story.published_at) if story.published_at else None,
        "story": _encoder.encode((_rest_of(story), [*map(_rest_of_article, story.related)])),
    }
    document.update((facet, values or None) for facet, values in facet_values(story).items())
    for name in NUMBER_FIELDS:
        document[name] = getattr(story, name)
    return document


class Texts(NamedTuple):
    """The texts of a story, and how many words each has.

    In this order: the story's title, excerpt and body, then title and excerpt of each
    related article. A text that is missing is empty.
    """

    words: tuple[int, ...]
    texts: tuple[str, ...]


#: How many texts are the story's own; those of its related articles follow.
OWN_TEXTS = 3


def texts_of(story: Story) -> tuple[str, ...]:
    """The texts of a story, in the order of `Texts`."""
    articles = [text for article in story.related for text in (article.title, article.excerpt)]
    return (story.title, story.excerpt, story.body, *articles)


# Fields that are texts themselves, or hold articles with texts.
_WITH_TEXTS = ("title", "excerpt", "body", "related")
# The other fields, in the order of the records. They are stored as lists, without names,
# which is smaller. Providers and images are stored with names.
_OWN = [field for field in fields_of_struct(Story) if field.name not in _WITH_TEXTS]
_ARTICLES = [field for field in fields_of_struct(Article) if field.name not in _WITH_TEXTS]
_rest_of = attrgetter(*(field.name for field in _OWN))
_rest_of_article = attrgetter(*(field.name for field in _ARTICLES))
_Rest: Any = tuple.__class_getitem__(tuple(field.type for field in _OWN))
_ArticleRest: Any = tuple.__class_getitem__(tuple(field.type for field in _ARTICLES))


_encoder = msgspec.msgpack.Encoder()
_texts_decoder = msgspec.msgpack.Decoder(Texts)
_rest_decoder = msgspec.msgpack.Decoder(tuple[_Rest, tuple[_ArticleRest, ...]])


def encode_texts(texts: Texts) -> bytes:
    """The field `texts` of a document."""
    return _encoder.encode(texts)


def read_texts(data: bytes) -> Texts:
    """The stored texts of a document; raises `ValueError` on damage."""
    texts = _texts_decoder.decode(data)
    if len(texts.words) != len(texts.texts) or len(texts.texts) % 2 != OWN_TEXTS % 2:
        raise ValueError("the texts of a story are not what they should be")
    return texts


def decode_story(data: bytes, rest: bytes) -> Story:
    """The stored texts of a document and the rest → its story; raises `ValueError` on damage."""
    title, excerpt, body, *texts = read_texts(data).texts
    (story_id, *own), articles = _rest_decoder.decode(rest)
    if 2 * len(articles) != len(texts):
        raise ValueError("the texts of a story are not those of its articles")
    parts = zip(texts[::2], texts[1::2], articles, strict=True)
    related = tuple([Article(title, excerpt, *rest) for title, excerpt, rest in parts])
    values: list[Any] = [story_id, title, excerpt, body, *own, related]
    return Story(*values)
