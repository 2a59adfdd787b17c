"""What of a story is searched, filtered, sorted and stored.

A story takes one row for its lead and one for each related article. `rows_of` and
`fields_of` take a story apart, `read_lead` and `read_related` put it together again.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from binascii import b2a_base64
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple
from urllib.parse import unquote

import idna
import msgspec
from msgspec.structs import force_setattr, replace
from whoosh import fields, formats
from whoosh.analysis import IDAnalyzer

from .analysis import LANGUAGES, StemAnalyzer
from .model import FACETS, Article, Facet, Provider, Story

#: Increase it when analysis, fields or their meaning change: older indexes are then rebuilt.
SCHEMA_VERSION = 14

#: The fields of a row. Bit i of a posting tells that field i has the word.
ROW_FIELDS = ("title", "excerpt", "body", "about")
TITLE, EXCERPT, BODY, ABOUT = (1 << number for number in range(len(ROW_FIELDS)))
#: The bit of a posting one of whose words is written in capitals alone, as acronyms are.
CAPITAL = 1 << len(ROW_FIELDS)
#: The field of a row in which no words are counted, and which is not shown: names.
UNCOUNTED = "about"
#: Positions between the fields of a row, and between two names: no phrase spans them.
POSITION_GAP = 32

#: The fields that a query may name: of the lead, and all text of the related articles.
TEXT_FIELDS = ("title", "excerpt", "body", "related")

#: Numbers that can be compared and sorted by.
NUMBER_FIELDS = ("quality", "heat")

#: Facets whose spelling in the file is kept for display; the rest display their value.
LABELLED: tuple[Facet, ...] = ("provider", "topic", "category", "type")

#: A field of the addresses of a story and its related articles.
ADDRESS = "url"
#: Fields of terms that are not text.
KEYWORD_FIELDS = ("id", "label", ADDRESS, *FACETS)

#: A file beside the stories that is none.
SYNONYMS_NAME = "synonyms.yml"

#: Separates facet, key and spelling in a term of the `label` field.
LABEL_SEPARATOR = "\x1f"

#: A field for Whoosh alone, and its values: what kinds of rows there are.
KIND = "kind"
LEAD, RELATED = "lead", "related"


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


def _text_field(language: str) -> fields.TEXT:
    field = fields.TEXT(analyzer=StemAnalyzer(language), phrase=True)
    field.format = Positions()
    return field


def _keyword_field() -> fields.FieldType:
    return fields.FieldType(formats.Existence(), IDAnalyzer())


def _number_field(field: fields.NUMERIC) -> fields.NUMERIC:
    # Whoosh adds terms of lower precision for its own range queries. Ours read the column.
    field.shift_step = 0
    return field


def create_schema(language: str = LANGUAGES[0]) -> fields.Schema:
    """The schema by which Whoosh sees an index: a document for each row.

    All but the fields of rows and `kind`, which is lead or related, is on the lead's.
    """
    schema = fields.Schema(
        id=_keyword_field(),
        # facet SEP key SEP spelling: its postings tell how many stories spell a value so.
        label=_keyword_field(),
        published_at=_number_field(fields.DATETIME(sortable=True)),
    )
    schema.add(KIND, _keyword_field())
    schema.add(ADDRESS, _keyword_field())
    for name in ROW_FIELDS:
        schema.add(name, _text_field(language))
    for facet in FACETS:
        schema.add(facet, _keyword_field())
    for name in NUMBER_FIELDS:
        schema.add(name, _number_field(fields.NUMERIC(float, sortable=True)))
    return schema


_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+{_LABEL}")
# To map a name of other letters takes a microsecond a letter; the DNS itself takes 63 a label.
_LONGEST_INTERNATIONAL = 128
# What a site has for readers of one kind, before a name that stays one without it.
_EDITIONS = re.compile(
    r"\A(?:(?:www|m|amp|edition)\.)+(?=[^.]+\.)(?!(?:ac|co|com|edu|gov|net|org)\.[a-z]{2}\Z)"
)


def provider_host(host: str) -> str | None:
    """The form of a host by which a provider is known, None if it is no host.

    Lower case, as the DNS has it (UTS 46), without `www.`, `m.`, `amp.` and `edition.`.
    """
    if not host.isascii():
        if len(host) > _LONGEST_INTERNATIONAL:
            return None
        try:
            labels = idna.uts46_remap(host, std3_rules=False).split(".")
        except UnicodeError:
            return None
        host = ".".join(
            label if label.isascii() else "xn--" + label.encode("punycode").decode()
            for label in labels
        )
    host = _EDITIONS.sub("", host.lower())
    return host if _HOST.fullmatch(host) else None


def shown_host(host: str) -> str:
    """A host in letters that people read, where it has any others than the DNS."""
    if "xn--" not in host:
        return host
    try:
        labels = [
            label[4:].encode().decode("punycode") if label.startswith("xn--") else label
            for label in host.split(".")
        ]
    except UnicodeError:
        return host
    shown = ".".join(labels)
    return shown if provider_host(shown) == host else host


def facet_key(facet: str, value: str) -> str:
    """What makes two spellings of a facet value the same: case and spacing do not count.

    Of a provider that is named by its domain, all forms of the domain are the same.
    """
    key = " ".join(unicodedata.normalize("NFC", value).casefold().split())
    if facet not in ("provider", "lead_provider"):
        return key
    host = provider_host(value.strip().lower()) if is_domain(key) else None
    return host or key.removeprefix("www.")


def is_domain(key: str) -> bool:
    """Whether a provider's key is a domain, and not the name of one that has none."""
    return "." in key and " " not in key


def provider_key(provider: Provider) -> str:
    """The identity of a provider: its domain, or its name where it has none."""
    return provider.domain or facet_key("provider", provider.name)


_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
#: Longer values than this name no provider and no topic.
LONGEST_VALUE = 1 << 9


def host_of(value: str) -> str:
    """The domain of an address; what has no scheme or path is given back."""
    address = value.strip()
    scheme = _SCHEME.match(address)
    if scheme is None and ("/" not in address or " " in address):
        return value
    host = address[scheme.end() if scheme else 0 :].partition("/")[0].rpartition("@")[2]
    return host.partition(":")[0]


# Parts of an address that lead to the same article.
_TRACKING = re.compile(
    r"(?:utm_\w+|fbclid|gclid|dclid|msclkid|mc_[ce]id|igshid|cmpid|cmp|ref|ref_src|src|amp|outputtype"
    r"|ocid|smid|xtor|ns_\w+|at_\w+|__twitter_impression|guccounter|guce_\w+|yptr|soc_\w+)",
    re.IGNORECASE,
)
_FRONTS = re.compile(r"(?:(?:www\d?|m|mobile|amp|edition)\.)+(?=[^.]+\.)")
# Copies of AMP pages: the address of the page follows.
_AMP_CACHES = ("cdn.ampproject.org", "google.com")
_CACHED = re.compile(r"(?:[cv]|amp)/(?:s/)?(?=[^/]+\.)")
_FRONT_LETTERS = frozenset("wmae")
_AMP_PATH = re.compile(r"(?:^|/)amp(?=/|$)|\.amp(?=$|\.html?$)")


@lru_cache(maxsize=1 << 10)
def plain_address(url: str) -> str:
    """Host, path and parameters, with a `/` between: the same for all addresses of a page.

    Scheme, `www.`, AMP forms, parameters that track, the fragment, a last slash or dot do not
    count, as far as they are known.
    """
    address, _, query = url.strip().partition("#")[0].partition("?")
    host, _, path = address.rpartition("://")[2].partition("/")
    if host.endswith(_AMP_CACHES) and (found := _CACHED.match(path)):
        host, _, path = path[found.end() :].partition("/")
    if "%" in path or not path.isascii():
        path = unicodedata.normalize("NFC", unquote(path))
    if "amp" in path:
        short = path.removesuffix("/amp")
        path = _AMP_PATH.sub("", path) if "amp" in short else short
    if query:
        parts = [part for part in query.split("&") if part]
        told = [part for part in parts if not _TRACKING.fullmatch(part.partition("=")[0])]
        query = "&".join(sorted(told))
    return f"{_site_of(host)}/{path.strip('/').rstrip('.')}/{query}"


def address_key(url: str) -> str:
    """A short text that is the same for all addresses of the same page; see `plain_address`."""
    return _key_of(plain_address(url))


def _key_of(address: str) -> str:
    """48 bits of a BLAKE2 digest.

    One in a thousand million lookups may err in an archive of 300,000 articles.
    """
    data = address.encode("utf8", "replace")
    return b2a_base64(blake2b(data, digest_size=6).digest(), newline=False).decode()


@lru_cache(maxsize=1 << 13)
def _site_of(host: str) -> str:
    """The host of an address without user, port and fronts such as `www.`."""
    host = host.rpartition("@")[2].partition(":")[0].casefold()
    if not host.isascii():
        host = provider_host(host) or host
    return _FRONTS.sub("", host) if host[:1] in _FRONT_LETTERS else host


def naive_utc(instant: datetime) -> datetime:
    """The form in which Whoosh indexes an instant: UTC without an offset."""
    return instant.astimezone(timezone.utc).replace(tzinfo=None)


def articles_of(story: Story) -> Iterator[Article]:
    """The related articles of a story, and all copies."""
    yield from story.copies
    for article in story.related:
        yield article
        yield from article.copies


def _providers(story: Story) -> list[Provider]:
    candidates = [story.provider, *(article.provider for article in articles_of(story))]
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


def _addresses(story: Story) -> Iterator[str]:
    texts: list[Story | Article] = [story, *articles_of(story)]
    for text in texts:
        links = (text.original_url, text.web_url, text.amp_web_url, text.cdn_amp_web_url)
        yield from filter(None, links)


def _labels(story: Story) -> Iterator[str]:
    for provider in _providers(story):
        yield LABEL_SEPARATOR.join(("provider", provider_key(provider), provider.name))
    for topic in story.topics:
        yield LABEL_SEPARATOR.join(("topic", facet_key("topic", topic), topic))
    for facet, value in (("category", story.category), ("type", story.type)):
        if value:
            yield LABEL_SEPARATOR.join((facet, facet_key(facet, value), value))


class Row(NamedTuple):
    """The text of a row; `about` are names that are searched but not shown."""

    title: str
    excerpt: str
    body: str
    about: tuple[str, ...]


def rows_of(story: Story) -> Iterator[Row]:
    """The rows of a story, its lead first."""
    names = [*_names(story), *story.topics, story.category or ""]
    yield Row(story.title, story.excerpt, story.body, tuple(filter(None, names)))
    for article in story.related:
        yield Row(article.title, article.excerpt, "", _names(article))


def _names(text: Story | Article) -> tuple[str, ...]:
    """The names of those who ran an article or copies of it, each once."""
    if not text.copies:
        return (text.provider.name,) if text.provider else ()
    ran = (text, *text.copies)
    return tuple(dict.fromkeys(one.provider.name for one in ran if one.provider))


def fields_of(story: Story) -> dict[str, Any]:
    """What is known of a story beside its text; None or nothing where it lacks a value."""
    document: dict[str, Any] = {
        "id": [story.id],
        "label": sorted(set(_labels(story))),
        ADDRESS: sorted(map(_key_of, set(map(plain_address, _addresses(story))))),
        "published_at": naive_utc(story.published_at) if story.published_at else None,
    }
    for name in NUMBER_FIELDS:
        document[name] = getattr(story, name)
    return document | {str(facet): values for facet, values in facet_values(story).items()}


_encoder = msgspec.msgpack.Encoder()
_lead_decoder = msgspec.msgpack.Decoder(Story)
_parts_decoder = msgspec.msgpack.Decoder(list[msgspec.Raw])
_article_decoder = msgspec.msgpack.Decoder(Article)
_articles_decoder = msgspec.msgpack.Decoder(tuple[Article, ...])


def encode_lead(story: Story) -> bytes:
    """What is stored of a story without its related articles."""
    return _encoder.encode(replace(story, related=()))


def encode_related(articles: Sequence[Article]) -> bytes:
    """What is stored of the related articles; nothing if there are none."""
    return _encoder.encode(tuple(articles)) if articles else b""


def read_lead(data: bytes) -> Story:
    """The stored lead → the story without its related articles; `ValueError` on damage."""
    return _lead_decoder.decode(data)


def read_related(data: bytes) -> tuple[Article, ...]:
    """The stored related articles; raises `ValueError` on damage."""
    return _articles_decoder.decode(data) if data else ()


def cut_related(data: bytes) -> list[msgspec.Raw]:
    """The stored related articles, each still to be read; raises `ValueError` on damage."""
    return _parts_decoder.decode(data) if data else []


def read_article(data: msgspec.Raw) -> Article:
    """One stored related article; raises `ValueError` on damage."""
    return _article_decoder.decode(data)


def with_related(lead: Story, articles: Sequence[Article]) -> Story:
    """Give a story, just read, its related articles."""
    force_setattr(lead, "related", articles)
    return lead
