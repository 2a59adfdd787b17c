"""Three real nodes, of which some are killed: nothing is lost, searches go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

import indexer
from tests.cluster.nodes import Node, missing, new_nodes, wait_until
from tests.conftest import write_story

STORIES = 400
CLUSTER = "storydex-three"

T = TypeVar("T")


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[Node]]:
    """Three that are one cluster, and one that is not started."""
    if reason := missing():
        pytest.skip(reason)
    made = new_nodes(tmp_path / "nodes", ["one", "two", "three", "four"], "400m")
    try:
        for node in made[:3]:
            node.start(CLUSTER, made)
        for node in made[:3]:
            node.wait_for(3)
        # Else a shard whose copy had not written anything yet waits a minute for its node.
        at_once = {"index.unassigned.node_left.delayed_timeout": "0"}
        template = {"index_patterns": ["*"], "template": {"settings": at_once}}
        made[0].ask("/_index_template/at-once", template)
        yield made
    finally:
        for node in made:
            node.kill()


@pytest.fixture
def location(nodes: list[Node]) -> str:
    hosts = ",".join(f"127.0.0.1:{node.http}" for node in nodes[:3])
    return f"opensearch://{hosts}/news?shards=3&replicas=1"


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    for number in range(STORIES):
        write_story(
            tmp_path / "seeds", f"{number:04}.md", title=f"Cat number {number}", excerpt="It sits."
        )
    return tmp_path / "seeds"


def within(seconds: float, work: Callable[[], T]) -> T:
    """What work gives; raises `TimeoutError` if it takes longer."""
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise TimeoutError(f"{work} is not done after {seconds} s")
    return done[0]


def rebuild(seeds: Path, location: str, **how: object) -> indexer.BuildReport:
    return within(150, lambda: indexer.rebuild(seeds, location, workers=1, **how))


def test_nodes_that_are_killed(nodes, location, seeds, monkeypatch):
    """One while stories are sent, one while searching, one for good; another is added.

    One test, for its parts go on with the same nodes.
    """
    killed_while_stories_are_sent(nodes, location, seeds, monkeypatch)
    nodes[2].start(CLUSTER, nodes)
    nodes[2].wait_for(3)
    nodes[0].wait_until_green()
    killed_while_searching(nodes, location)
    taken_away(nodes, location, seeds)
    added(nodes, location)


def killed_while_stories_are_sent(nodes, location, seeds, monkeypatch):
    """The rebuild finishes, and every story that was sent is there."""
    monkeypatch.setattr("indexer.cluster.load._BYTES", 8_000)
    killed = threading.Event()

    def progress(now: indexer.BuildProgress) -> None:
        if now.phase == "reading" and now.done > STORIES // 3 and not killed.is_set():
            killed.set()
            nodes[2].kill()

    report = rebuild(seeds, location, progress=progress)
    assert killed.is_set()
    assert report.indexed == STORIES
    assert not indexer.verify(location).damaged
    with indexer.open_index(location) as engine:
        page = engine.search("cat", limit=STORIES)
        assert page.total == len({hit.story.id for hit in page.hits}) == STORIES


def killed_while_searching(nodes, location):
    """Each search is answered in full; a node that comes back takes part again."""
    stop, totals, failures = threading.Event(), [], []

    def look(engine: indexer.Engine) -> None:
        try:
            page = engine.search("cat")
            totals.append((page.total, len(page.hits), page.notices))
        except indexer.StorydexError as error:
            failures.append(error)

    def search() -> None:
        with indexer.open_index(location) as engine:
            while not stop.is_set():
                look(engine)

    def go_on(searches: int) -> None:
        most = len(totals) + searches
        wait_until(lambda: len(totals) >= most, 60, lambda: f"no {searches} more searches")

    thread = threading.Thread(target=search, daemon=True)
    thread.start()
    try:
        go_on(5)
        nodes[1].kill()
        go_on(5)
        nodes[0].wait_for(2)
        go_on(5)
        nodes[1].start(CLUSTER, nodes)
        nodes[1].wait_for(3)
        nodes[0].wait_until_green()
    finally:
        stop.set()
        thread.join(60)
    assert not failures
    assert set(totals) == {(STORIES, 10, ())}


def taken_away(nodes, location, seeds):
    """Its shards are copied to the others, which take stories and answer."""
    nodes[2].kill()
    nodes[0].wait_for(2)
    write_story(seeds, "new.md", title="A dog")
    report = rebuild(seeds, location)
    assert (report.indexed, report.unchanged) == (1, STORIES)
    nodes[0].wait_until_green()
    with indexer.open_index(location) as engine:
        assert engine.search("dog").total == 1
        assert engine.search("").total == STORIES + 1


def added(nodes, location):
    """Another node takes shards from the others, and answers."""
    nodes[3].start(CLUSTER, nodes)
    nodes[3].wait_for(3)

    def on_three() -> bool:
        shards = nodes[3].ask("/_cat/shards/news-*?format=json&h=id,state")
        ready = all(shard["state"] == "STARTED" for shard in shards)
        return ready and len({shard["id"] for shard in shards}) == 3

    wait_until(on_three, 60, lambda: str(nodes[3].ask("/_cat/shards?format=json")))
    four = location.replace(str(nodes[0].http), str(nodes[3].http))
    with indexer.open_index(four) as engine:
        assert engine.search("cat").total == STORIES
