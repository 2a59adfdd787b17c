"""`opensearch://host:9200/news` → the cluster and the name of an index there.

Nothing here prints a password: a location is shown without its credentials.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from ..errors import StorydexError

#: Where credentials may come from instead of the location, which others may see.
USER, PASSWORD = "STORYDEX_OPENSEARCH_USER", "STORYDEX_OPENSEARCH_PASSWORD"
_SCHEME = re.compile(r"\s*opensearch(\+https)?://", re.IGNORECASE)
#: What OpenSearch lets an index be called, with room for the stamp of a rebuild.
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::(\d{1,5}))?", re.IGNORECASE)
_PORT = 9200
_MOST_SHARDS, _MOST_REPLICAS = 1024, 16
_FORM = "write opensearch://host:9200/name"


class Location(NamedTuple):
    """An index on a cluster.

    hosts: with their ports; name: what the index is called there
    shards, replicas: of indexes that are made from now on
    authorities: a file of certificates to trust, None for those of the system
    """

    secure: bool
    hosts: tuple[tuple[str, int], ...]
    name: str
    user: str | None
    password: str | None
    shards: int
    replicas: int
    authorities: str | None

    def __repr__(self) -> str:
        return f"Location({self})"

    def __str__(self) -> str:
        """The location without credentials."""
        scheme = "opensearch+https" if self.secure else "opensearch"
        return f"{scheme}://{','.join(f'{host}:{port}' for host, port in self.hosts)}/{self.name}"


def is_cluster(location: str | os.PathLike[str]) -> bool:
    """Whether a location names an index on a cluster, and no folder."""
    return _SCHEME.match(os.fsdecode(location)) is not None


def read_location(location: str | os.PathLike[str]) -> Location:
    """The location as parts; raises `StorydexError`, which tells no more of it than is safe."""
    text = os.fsdecode(location).strip()
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise StorydexError(f"not the address of a cluster: {_FORM}")
    try:
        parts = urlsplit("http://" + text[scheme.end() :])
    except ValueError:
        raise StorydexError(f"the address of the cluster cannot be read: {_FORM}") from None
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    name = parts.path.strip("/")
    if not _NAME.fullmatch(name):
        raise StorydexError(
            "the address of the cluster has no usable name of an index (small letters, digits, "
            f"- and _): {_FORM}"
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(options.keys() - {"shards", "replicas", "ca"})
    if unknown:
        raise StorydexError(
            f"{unknown[0]!r} is no setting of a cluster: there are shards, replicas and ca"
        )
    return Location(
        secure=scheme[1] is not None,
        hosts=tuple(map(_host, hosts.split(","))),
        name=name,
        user=unquote(user) or os.environ.get(USER) or None,
        password=unquote(password) or os.environ.get(PASSWORD) or None,
        shards=_number(options, "shards", 1, 1, _MOST_SHARDS),
        replicas=_number(options, "replicas", 0, 0, _MOST_REPLICAS),
        authorities=options.get("ca") or None,
    )


def _host(text: str) -> tuple[str, int]:
    found = _HOST.fullmatch(text)
    if found is None or not 0 < int(found[2] or _PORT) < 1 << 16:
        raise StorydexError(f"the address of the cluster has no usable host and port: {_FORM}")
    return found[1], int(found[2] or _PORT)


def _number(options: dict[str, str], name: str, default: int, least: int, most: int) -> int:
    text = options.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise StorydexError(f"{name} of the cluster must be a number from {least} to {most}")
    return int(text)
