"""Where a site stands for those outside: its path, and the proxies before it; used by `app`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from .settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def register(app: Flask, settings: Settings) -> None:
    """Read what proxies say of a request, and take off the path that the site is mounted at.

    Without `proxies` nothing is believed of what stands in X-Forwarded-For and its kin. A path is
    read from X-Forwarded-Prefix only where `base_url` does not say it: not every proxy takes off
    what a client has written there.
    """
    path = urlsplit(settings.base_url).path
    if path:
        app.wsgi_app = _mounted(app.wsgi_app, path)  # type: ignore[assignment, method-assign]
    count = settings.proxies
    if count:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=count,
            x_prefix=0 if settings.base_url else count,
        )  # fmt: skip


def _mounted(inner: WSGIApplication, mount: str) -> WSGIApplication:
    """An app below a path of a host, whether the proxy before it takes the path off or not."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ.get("SCRIPT_NAME"):
            environ["SCRIPT_NAME"] = mount
        path = environ.get("PATH_INFO", "")
        if path == mount or path.startswith(f"{mount}/"):
            environ["PATH_INFO"] = path[len(mount) :] or "/"
        return inner(environ, start_response)

    return answer
