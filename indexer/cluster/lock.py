"""One writer at a time: a document that it renews while it is at work."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ..errors import ClusterError, IndexLocked
from .client import WITH_COPIES, Cluster

#: Seconds for which a writer that is not heard of counts as being at work, and between signs.
_LEASE, _SIGN = 120.0, 20.0
#: The index of the writers of all indexes of a cluster, by the names of these.
_INDEX = "storydex-writers"
_CONFLICT, _EXISTS = 409, 400

Answer = dict[str, Any]


class Lock:
    """What a writer holds."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._client = cluster.client
        self._name = cluster.location.name
        self._mine = {
            "token": secrets.token_hex(8), "host": socket.gethostname(), "pid": os.getpid(),
        }  # fmt: skip
        self._signed = 0.0

    def acquire(self) -> None:
        """Become the writer; raises `IndexLocked`."""
        if not self._cluster.call(self._client.indices.exists, index=_INDEX):
            # On a cluster of several nodes it outlives one of them.
            settings = {"number_of_shards": 1, "auto_expand_replicas": "0-1"}
            body = {"mappings": {"dynamic": False}, "settings": settings}
            self._call(self._client.indices.create, index=_INDEX, body=body, **WITH_COPIES)
        if not self._write(op_type="create"):
            found = self._call(self._client.get, index=_INDEX, id=self._name)
            holder = found.get("_source", {})
            if holder.get("until", 0) > time.time():
                here = holder.get("host") == self._mine["host"]
                raise IndexLocked(str(self._cluster.location), holder["pid"] if here else None)
            # Who was at work has not been heard of for long.
            at = {"if_seq_no": found["_seq_no"], "if_primary_term": found["_primary_term"]}
            if not self._write(**at):
                raise IndexLocked(str(self._cluster.location), None)

    def renew(self) -> None:
        """Say that this writer is still at work, if that was not done just now."""
        if time.monotonic() - self._signed > _SIGN:
            self._write()

    def release(self) -> None:
        """Let others write."""
        with suppress(ClusterError):
            self._call(self._client.delete, index=_INDEX, id=self._name)

    def _write(self, **how: Any) -> bool:
        body = self._mine | {"until": time.time() + _LEASE}
        answer = self._call(self._client.index, index=_INDEX, id=self._name, body=body, **how)
        self._signed = time.monotonic()
        return "error" not in answer

    def _call(self, function: Callable[..., Answer], **given: Any) -> Answer:
        return self._cluster.call(function, ignore=[_CONFLICT, _EXISTS], **given)


@contextmanager
def writing(cluster: Cluster) -> Iterator[Lock]:
    """Be the one writer of an index; raises `IndexLocked` if another is at work."""
    lock = Lock(cluster)
    lock.acquire()
    try:
        yield lock
    finally:
        lock.release()
