"""Readers while somebody writes, and two who want to write."""

from __future__ import annotations

import multiprocessing
import random
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Event
from pathlib import Path

import indexer
from tests.conftest import ROOT, write_story
from tests.generation.keeping import LOCK, fault_of, leftovers

REBUILDS = 50


def size_of(generation: int) -> int:
    """How many stories the index of the readers' test has in a generation."""
    return 4 + generation % 7


def write_generation(seeds: Path, generation: int) -> None:
    """Change every story, and add or remove some."""
    for number in range(size_of(generation)):
        write_story(
            seeds, f"{number:02}.md", title=f"Report of {generation}", excerpt="word " * number,
            topics=[f"t{generation}"], related=[{"title": f"Report in {generation}"}],
        )  # fmt: skip
    for number in range(size_of(generation), 12):
        (seeds / f"{number:02}.md").unlink(missing_ok=True)


def check_answer(engine: indexer.Engine) -> int:
    """Search and look at everything: all of it is of one generation, which is returned."""
    page = engine.search("report OR absent", facets=("topic", "published"), limit=100)
    generation = page.generation
    assert page.total == len(page.hits) == size_of(generation)
    titles = {hit.story.title for hit in page.hits}
    assert titles == {f"Report of {generation}"}
    for hit in page.hits:
        assert hit.highlights["title"] == f"<mark>Report</mark> of {generation}"
        assert [article.title for article in hit.related] == [f"Report in {generation}"]
    assert [(row.label, row.count) for row in page.facets["topic"]] == [
        (f"t{generation}", page.total)
    ]
    assert engine.search(f'"report of {generation}"').total == page.total
    return generation


def read_until(index: Path, ended: threading.Event | Event, *, compiled: bool = False) -> list[int]:
    """Search, reload and open anew until told to stop; the generations that answered."""
    chance = random.Random()
    engine = indexer.open_index(index, compiled=compiled)
    seen = []
    while not ended.wait(0.005):
        seen.append(check_answer(engine))
        if chance.random() < 0.5:
            engine.reload()
        elif chance.random() < 0.2:
            engine.close()
            engine = indexer.open_index(index, compiled=compiled)
    engine.reload()
    seen.append(check_answer(engine))
    assert seen == sorted(seen)
    assert seen[-1] == REBUILDS + 1
    assert len(set(seen)) > 3, seen
    return seen


def _read_in_process(index: Path, ended: Event, began: Event, compiled: bool) -> None:
    began.set()
    read_until(index, ended, compiled=compiled)


def test_readers_never_notice_a_rebuild(tmp_path: Path):
    """Threads and processes search through 50 rebuilds: each answer is of one generation."""
    seeds, index = tmp_path / "seeds", tmp_path / "index"
    write_generation(seeds, 1)
    indexer.rebuild(seeds, index, workers=1)
    spawn = multiprocessing.get_context("spawn")
    ended, began = spawn.Event(), [spawn.Event(), spawn.Event()]
    processes = [
        spawn.Process(target=_read_in_process, args=(index, ended, event, compiled))
        for compiled, event in enumerate(began)
    ]
    for process in processes:
        process.start()
    pool = ThreadPoolExecutor(2)
    threads = [pool.submit(read_until, index, ended) for _ in range(2)]
    try:
        assert all(event.wait(60) for event in began)
        for generation in range(2, REBUILDS + 2):
            write_generation(seeds, generation)
            report = indexer.rebuild(seeds, index, full=generation % 5 == 0)
            assert report.generation == generation
    finally:
        ended.set()
        for process in processes:
            process.join()
        pool.shutdown()
    assert [process.exitcode for process in processes] == [0, 0]
    assert all(thread.result() for thread in threads)
    assert not indexer.verify(index).damaged


def start_rebuild(seeds: Path, index: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "indexer", "--index", str(index), "rebuild", str(seeds)]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_the_second_writer_is_told_who_the_first_is(tmp_path: Path):
    """While one rebuild is under way another ends with status 5 and the first's process id."""
    for number in range(600):
        write_story(tmp_path / "seeds", f"{number:03}.md", excerpt="word " * 500)
    index = tmp_path / "index"
    index.mkdir()
    lock = index / LOCK
    first = start_rebuild(tmp_path / "seeds", index)
    while not lock.exists() or lock.read_text() != f"{first.pid}\n":
        assert first.poll() is None, "done before it could be stopped"
        time.sleep(0.001)
    first.send_signal(signal.SIGSTOP)
    try:
        second = start_rebuild(tmp_path / "seeds", index)
        out, said = second.communicate()
    finally:
        first.send_signal(signal.SIGCONT)
    assert (second.returncode, out) == (5, "")
    assert re.fullmatch(rf"storydex: .* process {first.pid}: .*\n", said), said
    out, said = first.communicate()
    assert (first.returncode, said) == (0, "")
    assert out.startswith("600 stories indexed")


def test_of_writers_that_start_together_one_at_a_time_wins(tmp_path: Path):
    """Each ends with status 0 or 5; whoever is refused is told a process id."""
    seeds, index = tmp_path / "seeds", tmp_path / "index"
    stories = {f"{number:03}.md": "A story" for number in range(200)}
    for name in stories:
        write_story(seeds, name, title="A story")
    writers = [start_rebuild(seeds, index) for _ in range(4)]
    pids = {str(writer.pid) for writer in writers}
    statuses = []
    for writer in writers:
        _, said = writer.communicate()
        statuses.append(writer.returncode)
        if writer.returncode == 5:
            assert pids & set(re.findall(r"process (\d+)", said)), said
    assert set(statuses) <= {0, 5}
    assert 0 in statuses
    assert not fault_of(index, stories)
    assert not leftovers(index)


def test_names_of_files_are_not_taken_from_a_seeded_generator(tmp_path: Path):
    """A program that seeds the random generators gets other file names each time."""
    code = """if True:
        import random, sys
        import numpy
        random.seed(1)
        numpy.random.seed(1)
        import indexer
        indexer.rebuild(*sys.argv[1:], workers=1)
    """
    write_story(tmp_path / "seeds", "one.md")
    names = []
    for index in (tmp_path / "first", tmp_path / "second"):
        command = [sys.executable, "-c", code, str(tmp_path / "seeds"), str(index)]
        subprocess.run(command, cwd=ROOT, check=True)
        names.append({path.name for path in index.glob("MAIN_*")})
        assert len(names[-1]) == 5
    assert not names[0] & names[1]
