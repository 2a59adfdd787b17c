"""What web tests share: an index of thirty stories, a site over it, a headless Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, sync_playwright

from tests.conftest import build
from tests.web.web_site import archive, serving, site, visit

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One headless browser for all tests: STORYDEX_CHROMIUM, or one of the search path."""
    named = os.environ.get("STORYDEX_CHROMIUM")
    path = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium found; set STORYDEX_CHROMIUM to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a site over thirty stories."""
    with serving(site(build(tmp_path_factory.mktemp("archive"), archive()))) as address:
        yield address


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of thirty stories."""
    return build(tmp_path_factory.mktemp("stories"), archive())


@pytest.fixture(scope="module")
def client(index: Path) -> FlaskClient:
    """A client of a site over it."""
    return visit(index)
