"""What an alias stands for: the index of stories that is searched, and what it was made of.

Beside each index of stories, `news-20220525-171600123456-1a2b`, is one of its words, with `-words`
at the end: how words count, and the story files that were read.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from datetime import datetime, timezone
from itertools import compress

import msgspec

from ..errors import ClusterError, IndexMissing, IndexOutdated
from ..generation.sources import NO_SOURCES, Sources, decode_sources, encode_sources
from ..languages import ENGLISH, language_of
from ..model import Problems
from ..ranking import Averages
from ..schema import SCHEMA_VERSION
from .client import Cluster, Gone
from .groups import Marks, decode_marks, encode_marks

#: Increase it when documents or mappings change: older indexes are then built anew.
CLUSTER_VERSION = 2
#: What the names of indexes of stories end in.
STAMP = r"-\d{8}-\d{12}-[0-9a-f]{4}"
#: Bytes of a part of what story files were read.
_PART = 4 << 20


class Meta(msgspec.Struct, frozen=True):
    """What an index of stories was built from; kept in its mapping.

    `version` is that of documents and mapping; see `generation.manifest.Manifest` for the rest.
    groups: how many there are of stories with the same lead
    language: by which words are stemmed
    """

    version: int
    schema: int
    generation: int
    built_at: datetime
    seeds: str
    published_only: bool
    stories: int
    articles: int
    averages: Averages
    settings: str
    groups: int = 0
    language: str = ENGLISH.name

    @property
    def current(self) -> bool:
        """Whether this version of storydex wrote it."""
        return (self.version, self.schema) == (CLUSTER_VERSION, SCHEMA_VERSION)


class State(msgspec.Struct, frozen=True):
    """The index that an alias stands for now."""

    index: str
    meta: Meta

    @property
    def words(self) -> str:
        """The index of its words."""
        return words_index_of(self.index)


def words_index_of(index: str) -> str:
    """The index of the words of an index of stories."""
    return f"{index}-words"


def new_name(name: str) -> str:
    """A name for a new index of stories; later ones are greater."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S%f")
    return f"{name}-{stamp}-{secrets.token_hex(2)}"


def read_state(cluster: Cluster) -> State:
    """What is searched now; raises `IndexMissing`, `IndexOutdated`, `ClusterError`."""
    where, name = str(cluster.location), cluster.location.name
    try:
        found = cluster.call(cluster.client.indices.get_mapping, index=name)
    except Gone:
        raise IndexMissing(where) from None
    if len(found) != 1:
        raise ClusterError(where, f"{name!r} stands for {len(found)} indexes, and not for one")
    ((index, answer),) = found.items()
    try:
        meta = msgspec.convert(answer["mappings"]["_meta"]["storydex"], Meta)
    except (KeyError, msgspec.ValidationError):
        raise ClusterError(where, f"{name!r} is an index that storydex has not made") from None
    if not meta.current:
        older = (meta.version, meta.schema) < (CLUSTER_VERSION, SCHEMA_VERSION)
        found_version, read = (0, 1) if older else (1, 0)
        raise IndexOutdated(where, index, found_version, read)
    try:
        language_of(meta.language)
    except ValueError as error:
        raise ClusterError(where, f"{index}: {error}") from None
    return State(index, meta)


def write_made_of(
    cluster: Cluster, words: str, sources: Sources, problems: Problems, marks: Marks
) -> None:
    """Keep what story files were read, and by what the leads of stories are compared."""
    _write(cluster, words, "sources", encode_sources(sources, problems))
    _write(cluster, words, "marks", encode_marks(marks, _indexed(sources)))


def read_made_of(cluster: Cluster, words: str) -> tuple[Sources, Problems]:
    """The story files that were read, none where nothing is known of them."""
    try:
        data = b"".join(_parts(cluster, words, "sources"))
        return decode_sources(data) if data else (NO_SOURCES, Problems())
    except (Gone, ValueError, RecursionError):
        return NO_SOURCES, Problems()


def read_marks(cluster: Cluster, words: str, sources: Sources) -> Marks | None:
    """By what the leads of the stories of such sources are compared; None if that is not known."""
    try:
        return decode_marks(b"".join(_parts(cluster, words, "marks")), _indexed(sources))
    except (Gone, ValueError):
        return None


def _indexed(sources: Sources) -> list[str]:
    return list(compress(sources.ids, sources.indexed.tolist()))


def _write(cluster: Cluster, words: str, name: str, data: bytes) -> None:
    parts = [data[at : at + _PART] for at in range(0, len(data), _PART)] or [b""]
    for number, part in enumerate(parts):
        text = base64.b64encode(part).decode()
        body = {"kind": name, "parts": len(parts), "data": text}
        cluster.call(cluster.client.index, index=words, id=f"{name}-{number}", body=body)


def _parts(cluster: Cluster, words: str, name: str) -> Iterator[bytes]:
    number, count = 0, 1
    while number < count:
        found = cluster.call(cluster.client.get, index=words, id=f"{name}-{number}")
        count = found["_source"]["parts"]
        yield base64.b64decode(found["_source"]["data"])
        number += 1
