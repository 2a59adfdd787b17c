"""A cluster to talk to: who is asked, what is tried again, what an error means.

Whatever fails ends in a `StorydexError` that names the cluster without credentials.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

from ..errors import ClusterError, StorydexError
from .location import PASSWORD, USER, Location

#: The oldest OpenSearch whose queries are those that are asked here.
OLDEST = (2, 11)
#: Statuses of a cluster that is busy or about to recover; tries, and the first pause in seconds.
BUSY = (429, 502, 503, 504)
_TRIES, _PAUSE, _LONGEST = 7, 0.1, 5.0
#: What is said, with status 500, where a node went away in the middle of a request.
_WENT_AWAY = (
    "node_disconnected_exception", "node_not_connected_exception", "node_closed_exception",
    "connect_transport_exception", "send_request_transport_exception",
)  # fmt: skip
#: Seconds until a request is given up. The client takes a `timeout` without a `request_timeout`
#: beside it for this, and not for what to tell the cluster.
PATIENCE = 60.0
_CONNECTIONS = 16
#: Of an index that is made: what is written is in all copies from the first document on, unless
#: nodes for them are lacking for that long.
WITH_COPIES: dict[str, Any] = {
    "wait_for_active_shards": "all",
    "timeout": "10s",
    "request_timeout": PATIENCE,
}

T = TypeVar("T")


class Gone(ClusterError):
    """An index that was asked does not exist, or not any more."""


class Cluster:
    """A connection to a cluster; safe to share between threads."""

    def __init__(self, location: Location) -> None:
        """Connect; raises `ClusterError` if nobody answers, or one who cannot be asked."""
        self.location = location
        try:
            import opensearchpy
        except ImportError:
            raise StorydexError(
                f"{location}: opensearch-py is not installed: pip install 'storydex[opensearch]'"
            ) from None
        self._failures = opensearchpy.exceptions
        credentials = None if location.user is None else (location.user, location.password or "")
        self.client: Any = opensearchpy.OpenSearch(
            hosts=[{"host": host.strip("[]"), "port": port} for host, port in location.hosts],
            use_ssl=location.secure,
            verify_certs=True,
            ca_certs=location.authorities,
            http_auth=credentials,
            timeout=PATIENCE,
            retry_on_timeout=False,
            # Another host is asked at once where there is one; waiting is done here.
            max_retries=len(location.hosts) - 1,
            pool_maxsize=_CONNECTIONS,
        )
        self._check_version(self.call(self.client.info, tries=2))

    def _check_version(self, answer: dict[str, Any]) -> None:
        version = answer.get("version", {})
        name, number = version.get("distribution", "another engine"), version.get("number", "0")
        parts = tuple(int(part) for part in number.split(".")[:2] if part.isdigit())
        if name != "opensearch" or parts < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            raise ClusterError(
                str(self.location), f"{name} {number} answers, and OpenSearch {oldest} is needed"
            )

    def call(
        self,
        function: Callable[..., T],
        *args: Any,
        tries: int = _TRIES,
        until: float = 0.0,
        **kwargs: Any,
    ) -> T:
        """Call the client; again after a pause, twice as long each time, while it is busy.

        So many times, or for longer until the monotonic clock says `until`. Raises `Gone` if an
        index is missing, else `ClusterError`.
        """
        pause = _PAUSE
        for tried in count(1):
            try:
                return function(*args, **kwargs)
            except self._failures.OpenSearchException as error:
                last = tried >= tries and time.monotonic() >= until
                if last or not self._passes(error):
                    raise self._named(error) from None
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(2 * pause, _LONGEST)
        raise AssertionError("the last try returns or raises")

    def _passes(self, error: Any) -> bool:
        """Whether the same may succeed a little later."""
        if isinstance(error, self._failures.SSLError):
            return False
        if isinstance(error, self._failures.ConnectionError):
            return True
        if getattr(error, "status_code", None) in BUSY:
            return True
        said = str(getattr(error, "info", ""))
        return any(kind in said for kind in _WENT_AWAY)

    def _named(self, error: Any) -> Exception:
        """What an error of the client means."""
        failures = self._failures
        where = str(self.location)
        if isinstance(error, failures.NotFoundError):
            return Gone(where, "an index was removed meanwhile: try again")
        if isinstance(error, failures.SSLError):
            return ClusterError(
                where, "its certificate is not trusted: name a file of authorities with ?ca=…"
            )
        if isinstance(error, failures.ConnectionTimeout):
            return ClusterError(where, "no answer in time: see how busy it is")
        if isinstance(error, failures.ConnectionError):
            return ClusterError(where, "nobody answers there: see that it runs and can be reached")
        status = getattr(error, "status_code", None)
        if status in (401, 403):
            return ClusterError(where, f"access is refused: set {USER} and {PASSWORD}")
        if status in BUSY:
            return ClusterError(where, f"busy or incomplete (status {status}): {reason_of(error)}")
        return ClusterError(where, f"a request was refused: {reason_of(error)}")


def reason_of(error: Any) -> str:
    """What a cluster says of an error, in one line."""
    info = getattr(error, "info", None)
    found = info.get("error", {}) if isinstance(info, dict) else {}
    if isinstance(found, dict):
        causes = found.get("root_cause") or [found]
        said = causes[0].get("reason") or found.get("reason") or found.get("type")
        if said:
            return " ".join(str(said).split())[:300]
    return type(error).__name__
