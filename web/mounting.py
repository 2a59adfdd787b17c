"""Where a site stands for those outside: its path, and the proxies before it; used by `app`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from .settings import Settings


def register(app: Flask, settings: Settings) -> None:
    """Read what proxies say of a request, and take off the path that the site is mounted at.

    Without `proxies` nothing is believed of what stands in X-Forwarded-For and its kin. A path is
    read from X-Forwarded-Prefix only where `base_url` does not say it: not every proxy takes off
    what a client has written there.
    """
    path = urlsplit(settings.base_url).path
    if path:
        app.wsgi_app = _Mounted(app.wsgi_app, path)  # type: ignore[method-assign]
    count = settings.proxies
    if count:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=count,
            x_prefix=0 if settings.base_url else count,
        )  # fmt: skip


class _Mounted:
    """An app below a path of a host, whether the proxy before it takes the path off or not."""

    def __init__(self, inner: Any, path: str) -> None:
        self._inner = inner
        self._path = path

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        if not environ.get("SCRIPT_NAME"):
            environ["SCRIPT_NAME"] = self._path
        path = environ.get("PATH_INFO", "")
        if path == self._path or path.startswith(f"{self._path}/"):
            environ["PATH_INFO"] = path[len(self._path) :] or "/"
        answer: Iterable[bytes] = self._inner(environ, start_response)
        return answer
