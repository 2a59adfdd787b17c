"""Prepared documents → an index: many at once, busy nodes asked again, refusals told."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec

from ..errors import BuildError
from .client import BUSY, PATIENCE, Cluster
from .names import WRITTEN, word_id

#: Bytes and actions of a request, requests at a time.
_BYTES, _ACTIONS, _THREADS = 4 << 20, 1_000, 4
#: Seconds until what is busy or away is given up: a node that fails is replaced by then. The first
#: pause between tries and the longest, and how long a node waits for another in each.
_KEEP_TRYING, _PAUSE, _LONGEST, _WAIT = 120.0, 0.2, 5.0, "10s"
#: The status where there is nothing to remove.
_MISSING = 404


class Action(NamedTuple):
    """What to do with a document: `label` names it to people, `lines` are as bulk has them."""

    label: str
    lines: bytes


def index_action(label: str, document_id: str, data: bytes) -> Action:
    """Write a document, whether there was one or not."""
    return Action(label, b'{"index":{"_id":"%s"}}\n%s\n' % (document_id.encode(), data))


def delete_action(label: str, document_id: str) -> Action:
    """Remove a document."""
    return Action(label, b'{"delete":{"_id":"%s"}}\n' % document_id.encode())


class Loader:
    """Sends actions to an index from several threads."""

    def __init__(self, cluster: Cluster, index: str) -> None:
        self._cluster = cluster
        self._index = index
        self._batch: list[Action] = []
        self._bytes = 0
        self._waiting: queue.Queue[list[Action] | None] = queue.Queue(_THREADS)
        self._refused: list[str] = []
        self._failure: Exception | None = None
        self._threads = [
            threading.Thread(target=self._send_all, name="storydex-bulk", daemon=True)
            for _ in range(_THREADS)
        ]
        for thread in self._threads:
            thread.start()

    def add(self, action: Action) -> None:
        """Send an action, soon; waits while the cluster is behind."""
        self._batch.append(action)
        self._bytes += len(action.lines)
        if self._bytes >= _BYTES or len(self._batch) >= _ACTIONS:
            self._flush()

    def _flush(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._waiting.put(self._batch)
        self._batch, self._bytes = [], 0

    def finish(self, *, failed: bool = False) -> None:
        """Wait until all is done; raises `ClusterError`, and `BuildError` for what was refused."""
        if failed:
            # What is still waiting is not sent, nor tried again.
            self._failure = self._failure or BuildError("nothing published")
        elif self._batch:
            self._flush()
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()
        if failed:
            return
        if self._failure is not None:
            raise self._failure
        if self._refused:
            more = f" (and {len(self._refused) - 1:,} more)" if len(self._refused) > 1 else ""
            raise BuildError(f"nothing published: the cluster refused {self._refused[0]}{more}")

    def _send_all(self) -> None:
        while (batch := self._waiting.get()) is not None:
            if self._failure is None:
                try:
                    self._send(batch)
                except Exception as error:
                    self._failure = error

    def _send(self, batch: list[Action]) -> None:
        pause, until = _PAUSE, time.monotonic() + _KEEP_TRYING
        while batch and self._failure is None:
            batch = self._send_once(batch, until)
            if batch:
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST)

    def _send_once(self, batch: list[Action], until: float) -> list[Action]:
        """Send a batch; returns what is to be sent again."""
        answer = self._cluster.call(
            self._cluster.client.bulk,
            until=until,
            timeout=_WAIT,
            request_timeout=PATIENCE,
            body=b"".join([action.lines for action in batch]),
            index=self._index,
            filter_path="errors,items.*.status,items.*.error.reason,items.*.error.caused_by.reason",
        )
        if not answer.get("errors"):
            return []
        again = []
        for action, item in zip(batch, answer["items"], strict=True):
            (result,) = item.values()
            if result["status"] in BUSY and time.monotonic() < until:
                again.append(action)
            elif result["status"] >= 300 and result["status"] != _MISSING:
                self._refused.append(f"{action.label}: {_reason(result.get('error', {}))}")
        return again


def _reason(error: dict[str, Any]) -> str:
    reason = error.get("caused_by", error).get("reason") or error.get("reason") or "no reason"
    return " ".join(str(reason).split())[:300]


@contextmanager
def loading(cluster: Cluster, index: str) -> Iterator[Loader]:
    """Send actions to an index; all are done when the block ends."""
    loader = Loader(cluster, index)
    try:
        yield loader
    except BaseException:
        loader.finish(failed=True)
        raise
    loader.finish()


_ADD = (
    "for (def name : params.keySet()) { ctx._source[name] += params[name] }"
    "if (ctx._source.stories <= 0) { ctx.op = 'delete' }"
)


def word_actions(counts: Iterable[tuple[str, dict[str, int]]], *, fresh: bool) -> Iterator[Action]:
    """Set, or change, in how many stories and rows words are, and how often they occur."""
    encode = msgspec.json.encode
    for key, numbers in counts:
        word: dict[str, Any] = {"kind": key[0], **numbers}
        if key[0] == WRITTEN:
            word["text"] = key[1:]
        head = {"_id": word_id(key)}
        if fresh:
            yield Action(key, encode({"index": head}) + b"\n" + encode(word) + b"\n")
            continue
        script = {"source": _ADD, "params": numbers}
        body: dict[str, Any] = {"script": script}
        if numbers["stories"] > 0:
            body["upsert"] = word
        update = {"update": head | {"retry_on_conflict": 3}}
        yield Action(key, encode(update) + b"\n" + encode(body) + b"\n")
