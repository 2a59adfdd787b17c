"""A cluster for tests: one node of their own, or the cluster at `OPENSEARCH_URL`."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import indexer
from tests.cluster.nodes import missing, new_nodes

pytest.importorskip("opensearchpy", reason="opensearch-py is not installed")


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """How the locations of indexes begin."""
    if url := os.environ.get("OPENSEARCH_URL"):
        yield url.replace("https://", "opensearch+https://").replace("http://", "opensearch://")
        return
    if reason := missing():
        pytest.skip(reason)
    (node,) = new_nodes(tmp_path_factory.mktemp("node"), ["alone"], "640m")
    node.start("storydex-tests", [node])
    try:
        node.wait_for(1)
        yield f"opensearch://127.0.0.1:{node.http}"
    finally:
        node.kill()


@pytest.fixture(scope="session")
def new_location(address: str) -> Iterator[Callable[[], str]]:
    """Makes locations of indexes that do not exist yet; what is made there is removed."""
    made = []

    def make() -> str:
        made.append(f"storydex-test-{secrets.token_hex(4)}")
        return f"{address.rstrip('/')}/{made[-1]}"

    yield make
    from indexer.cluster.client import Cluster
    from indexer.cluster.location import read_location

    if made:
        client = Cluster(read_location(f"{address.rstrip('/')}/x")).client
        for name in made:
            client.indices.delete(index=f"{name}-*", ignore_unavailable=True)


@pytest.fixture
def location(new_location: Callable[[], str]) -> str:
    """The location of an index that does not exist yet."""
    return new_location()


class Both(NamedTuple):
    """The same stories in an index folder and on a cluster."""

    folder: indexer.Engine
    cluster: indexer.Engine


@pytest.fixture(scope="session")
def on_both(new_location: Callable[[], str]) -> Callable[[Path, Path], Both]:
    """Indexes a folder of stories in both ways."""

    def index(seeds: Path, folder: Path) -> Both:
        location = new_location()
        indexer.rebuild(seeds, folder, workers=1)
        indexer.rebuild(seeds, location, workers=1)
        return Both(indexer.open_index(folder), indexer.open_index(location))

    return index
