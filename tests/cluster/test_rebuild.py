"""Rebuilding an index on a cluster: whole or not at all, what changed, one writer."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

import indexer
from indexer.cluster.client import Cluster
from indexer.cluster.location import read_location
from indexer.cluster.lock import writing
from indexer.cluster.state import CLUSTER_VERSION, read_state
from tests.cli.conftest import storydex
from tests.conftest import ROOT, write_story
from web import create_app


def write(folder: Path, titles: dict[str, str]) -> Path:
    for name, title in titles.items():
        # Older than any clock's grain, so that it is known what changed.
        path = write_story(folder, name, title=title, related=[{"title": f"about {title}"}])
        os.utime(path, (1_600_000_000, 1_600_000_000 + len(title)))
    return folder


def titles_of(engine: indexer.Engine, query: str = "") -> list[str]:
    return sorted(hit.story.title for hit in engine.search(query, limit=100).hits)


def indexes_of(location: str) -> list[str]:
    cluster = Cluster(read_location(location))
    found = cluster.client.indices.get(index=f"{cluster.location.name}-*")
    return sorted(one for one in found if not one.endswith(("-lock", "-words")))


def test_the_commands(location):
    """The location alone says where: each command does what it does with a folder."""
    built = storydex("--index", location, "rebuild", ROOT / "seeds")
    assert built.exit_code == 0
    assert built.stdout.startswith("1 story indexed")
    found = storydex("--index", location, "search", "BeeKeeperAI", "--explain")
    assert "matched in 2 related articles" in found.stdout
    assert "Becker's Hospital Review" in found.stdout
    described = storydex("--index", location, "info")
    assert "stories     1\narticles    23\n" in described.stdout
    assert storydex("--index", location, "verify").exit_code == 0
    assert storydex("--index", location, "rebuild", "--warnings").exit_code == 0
    assert storydex("--index", location + "-none", "info").exit_code == 4


def test_the_front_end(location):
    """Pages, API, export and readiness over a cluster."""
    client = create_app({"INDEX": location}).test_client()
    assert client.get("/readyz").status_code == 503
    indexer.rebuild(ROOT / "seeds", location)
    client = create_app({"INDEX": location}).test_client()
    assert client.get("/readyz").get_json()["status"] == "ok"
    assert "<mark>Azure</mark>" in client.get("/?q=azure").text
    answer = client.get("/api/v1/search?q=azure&facet=topic&explain=1").get_json()
    assert answer["total"] == 1
    assert answer["hits"][0]["highlights"]["title"].count("<mark>") == 1
    assert client.get("/api/v1/export?q=azure&rows=articles").text.count("\n") > 5
    assert client.get("/api/v1/suggest?q=micros").get_json()


def test_only_what_changed_is_sent(tmp_path, location):
    """What was added, changed and removed; counts of words are those of a full rebuild."""
    seeds = write(tmp_path / "seeds", {f"{n}.md": f"Common cat {n}" for n in range(12)})
    first = indexer.rebuild(seeds, location)
    assert (first.indexed, first.generation) == (12, 1)
    again = indexer.rebuild(seeds, location)
    assert (again.indexed, again.unchanged, again.generation) == (0, 12, 1)
    with indexer.open_index(location) as engine:
        write(seeds, {"0.md": "A dog of another kind", "new.md": "Common cats, new"})
        (seeds / "1.md").unlink()
        report = indexer.rebuild(seeds, location)
        assert (report.indexed, report.unchanged, report.removed) == (2, 10, 1)
        assert report.generation == 2
        assert engine.reload()
        assert not engine.reload()
        assert engine.get("1.md") is None
        assert titles_of(engine, "dog") == ["A dog of another kind"]
        changed = {hit.story.id: hit.score for hit in engine.search("common cat", limit=50).hits}
    indexer.rebuild(seeds, location, full=True)
    with indexer.open_index(location) as engine:
        whole = {hit.story.id: hit.score for hit in engine.search("common cat", limit=50).hits}
    assert changed.keys() == whole.keys()
    assert changed == pytest.approx(whole, rel=0.03)  # the average length may be another


def test_a_dry_run_writes_nothing(tmp_path, location):
    """It reports what would be done."""
    seeds = write(tmp_path / "seeds", {"a.md": "Cat"})
    report = indexer.rebuild(seeds, location, dry_run=True)
    assert (report.indexed, report.dry_run) == (1, True)
    with pytest.raises(indexer.IndexMissing):
        indexer.open_index(location)


def test_what_must_not_be_published_is_not(tmp_path, location):
    """A strict rebuild, or one that would remove most: what was there still serves."""
    seeds = write(tmp_path / "seeds", {f"{n}.md": f"Cat {n}" for n in range(24)})
    indexer.rebuild(seeds, location)
    before = indexes_of(location)
    (seeds / "bad.md").write_text("---\nno title: 1\n---\n")
    for full in (False, True):
        with pytest.raises(indexer.BuildError, match=r"bad\.md"):
            indexer.rebuild(seeds, location, strict=True, full=full)
    (seeds / "bad.md").unlink()
    for number in range(20):
        (seeds / f"{number}.md").unlink()
    for full in (False, True):
        with pytest.raises(indexer.BuildError, match="prune"):
            indexer.rebuild(seeds, location, full=full)
    assert indexes_of(location) == before
    with indexer.open_index(location) as engine:
        assert engine.search("cat").total == 24
    assert indexer.rebuild(seeds, location, prune=True).removed == 20
    with indexer.open_index(location) as engine:
        assert engine.search("cat").total == 4


def test_a_full_rebuild_makes_a_new_index(tmp_path, location):
    """Engines that are open go on with the old one; of older ones the last is kept."""
    seeds = write(tmp_path / "seeds", {"a.md": "Cat"})
    indexer.rebuild(seeds, location)
    with indexer.open_index(location) as engine:
        write(seeds, {"a.md": "Dog", "b.md": "Dog two"})
        indexer.rebuild(seeds, location, full=True)
        assert titles_of(engine) == ["Cat"]
        assert len(indexes_of(location)) == 2
        indexer.rebuild(seeds, location, full=True)
        assert len(indexes_of(location)) == 2
        # The one that was open is gone: the newest answers.
        assert titles_of(engine) == ["Dog", "Dog two"]


def test_a_search_sees_no_gap_and_no_mixture(tmp_path, location):
    """While indexes are made and the alias moves, each answer is of one of them."""
    seeds = tmp_path / "seeds"
    write(seeds, {f"{n}.md": f"Cat {n}" for n in range(30)})
    indexer.rebuild(seeds, location)
    stop, seen, failures = threading.Event(), set(), []

    def look(engine: indexer.Engine) -> None:
        try:
            engine.reload()
            page = engine.search("", limit=50)
            seen.add((page.total, *sorted({hit.story.title[:3] for hit in page.hits})))
        except indexer.StorydexError as error:
            failures.append(error)

    def search() -> None:
        with indexer.open_index(location) as engine:
            while not stop.is_set():
                look(engine)

    thread = threading.Thread(target=search, daemon=True)
    thread.start()
    try:
        for number, animal in enumerate(("Dog", "Owl", "Fox"), 1):
            write(seeds, {f"{n}.md": f"{animal} {n}" for n in range(30 + number)})
            indexer.rebuild(seeds, location, full=True)
    finally:
        stop.set()
        thread.join(30)
    assert not failures
    assert seen <= {(30, "Cat"), (31, "Dog"), (32, "Owl"), (33, "Fox")}
    assert (33, "Fox") in seen or len(seen) > 1


def test_one_writer_at_a_time(tmp_path, location):
    """Another is told who is at work; afterwards it may write."""
    seeds = write(tmp_path / "seeds", {"a.md": "Cat"})
    with writing(Cluster(read_location(location))), pytest.raises(indexer.IndexLocked) as caught:
        indexer.rebuild(seeds, location)
    assert caught.value.pid == os.getpid()
    assert indexer.rebuild(seeds, location).indexed == 1


def test_a_writer_that_died_does_not_lock_for_ever(tmp_path, location, monkeypatch):
    """One that is not heard of for long is taken for dead."""
    monkeypatch.setattr("indexer.cluster.lock._LEASE", -1.0)
    cluster = Cluster(read_location(location))
    with writing(cluster), writing(cluster):
        pass


def test_an_index_of_others_is_left_alone(tmp_path, location):
    """It is neither searched nor replaced."""
    cluster = Cluster(read_location(location))
    name = cluster.location.name
    cluster.client.indices.create(index=name)
    try:
        seeds = write(tmp_path / "seeds", {"a.md": "Cat"})
        for call in (indexer.open_index, lambda place: indexer.rebuild(seeds, place)):
            with pytest.raises(indexer.ClusterError, match="has not made"):
                call(location)
    finally:
        cluster.client.indices.delete(index=name)


def test_an_index_of_another_version_is_built_anew(tmp_path, location, monkeypatch):
    """It is not searched; a rebuild replaces it."""
    seeds = write(tmp_path / "seeds", {"a.md": "Cat"})
    indexer.rebuild(seeds, location)
    monkeypatch.setattr("indexer.cluster.state.CLUSTER_VERSION", CLUSTER_VERSION + 1)
    monkeypatch.setattr("indexer.cluster.rebuild.CLUSTER_VERSION", CLUSTER_VERSION + 1)
    with pytest.raises(indexer.IndexOutdated):
        indexer.open_index(location)
    assert indexer.rebuild(seeds, location).generation == 2
    with indexer.open_index(location) as engine:
        assert engine.search("cat").total == 1


def test_damage_is_found(tmp_path, location):
    """A document that somebody else removed."""
    seeds = write(tmp_path / "seeds", {"a.md": "Cat", "b.md": "Dog"})
    indexer.rebuild(seeds, location)
    assert not indexer.verify(location).damaged
    cluster = Cluster(read_location(location))
    index = read_state(cluster).index
    cluster.client.delete_by_query(index=index, body={"query": {"term": {"id": "a.md"}}})
    cluster.client.indices.refresh(index=index)
    (damaged,) = indexer.verify(location).damaged
    assert "holds 1 stories, not 2" in damaged.reason


def test_a_value_too_long_for_a_cluster(tmp_path, location):
    """The story is kept, found by its words and shown whole."""
    topic = "long " * 10_000
    write_story(tmp_path / "seeds", "a.md", title="Cat", topics=[topic, "Short"])
    assert indexer.rebuild(tmp_path / "seeds", location).indexed == 1
    with indexer.open_index(location) as engine:
        (hit,) = engine.search("cat topic:short").hits
        assert len(hit.story.topics) == 2
