"""What a process pays before its first answer, and what it does without a cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import indexer
from indexer.engine import local as engine_module
from indexer.search.executor import CompiledLoops
from tests.conftest import ROOT, build
from web import create_app

WARM_UP = """
import sys
import indexer

with indexer.open_index(sys.argv[1]) as engine:
    engine.warm_up()
    page = engine.search("cat")
    print(indexer.__file__, page.total, "numba" in sys.modules)
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cold")
    return build(folder, [{"title": "cat"}, {"title": "dog cat"}])


def run(code, *arguments, path=ROOT, **environment):
    """What a fresh process prints; its environment says nothing of caches."""
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "LANG")}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**kept, "PYTHONPATH": str(path), **environment}, cwd="/",
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "arguments",
    [["search", "cat"], ["search", "cat", "--json"], ["info"], ["verify"]],
    ids=" ".join,
)
def test_a_command_that_runs_once_does_not_load_the_compiler(index, arguments):
    """One-shot commands never import the compiler, nor what serves pages."""
    code = (
        "import sys, threading\n"
        "from indexer.cli import main\n"
        "main(sys.argv[1:], standalone_mode=False)\n"
        "loaded = {'numba', 'llvmlite', 'flask', 'waitress'} & {*sys.modules}\n"
        "print('loaded:', sorted(loaded), threading.active_count())"
    )
    output = run(code, "--index", index, *arguments)
    assert output.endswith("loaded: [] 1\n")


def test_importing_the_package_does_not_load_the_compiler():
    """A program pays for the compiler only when it opens an engine that stays."""
    assert run("import sys, indexer; print('numba' in sys.modules)") == "False\n"


def test_an_engine_that_searches_once_does_not_load_the_compiler(index):
    """`compiled=False` searches, and even warms up, without it."""
    code = WARM_UP.replace("sys.argv[1]", "sys.argv[1], compiled=False")
    assert run(code, index).split()[1:] == ["2", "False"]


def copy_package(folder: Path) -> Path:
    """The package elsewhere, without what was compiled."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "indexer", folder / "indexer", ignore=ignored)
    return folder


def test_warm_up_works_where_nothing_can_be_written(index, tmp_path):
    """Without any folder for compiled code, searches are compiled in memory."""
    package = copy_package(tmp_path)
    # A file where a folder is expected stops even a superuser.
    (package / "indexer" / "__pycache__").touch()
    nowhere = str(package / "indexer" / "__pycache__" / "below")
    places = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"), nowhere)
    output = run(WARM_UP, index, path=package, **places)
    assert output.split() == [str(package / "indexer" / "__init__.py"), "2", "True"]


def test_warm_up_works_with_a_damaged_cache(index, tmp_path):
    """Compiled code that cannot be read is compiled again."""
    package = copy_package(tmp_path / "package")
    cache = tmp_path / "cache"
    run(WARM_UP, index, path=package, NUMBA_CACHE_DIR=str(cache))
    files = sorted(path for path in cache.rglob("*") if path.is_file())
    assert files
    for number, path in enumerate(files):
        data = path.read_bytes()
        path.write_bytes((b"\xff" * len(data), data[: len(data) // 2], b"")[number % 3])
    output = run(WARM_UP, index, path=package, NUMBA_CACHE_DIR=str(cache))
    assert output.split()[1:] == ["2", "True"]


def test_ready_means_warm(index, monkeypatch):
    """`/readyz` answers only once compiled code is loaded; `/livez` does not wait for it."""
    asked, allowed = threading.Event(), threading.Event()

    class Slow(CompiledLoops):
        def load(self):
            asked.set()
            assert allowed.wait(30)
            super().load()

    kernels = Slow(engine_module._compiled_loops)
    monkeypatch.setattr(engine_module, "COMPILED", kernels)
    app = create_app({"INDEX": str(index)})
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append((app.test_client().get("/readyz"), kernels.loaded))
    )
    thread.start()
    try:
        assert asked.wait(30)
        assert app.test_client().get("/livez").status_code == 200
        thread.join(0.2)
        assert answers == []
    finally:
        allowed.set()
    thread.join(30)
    response, loaded = answers[0]
    assert (response.status_code, loaded) == (200, True)


FORKED = """
import os, threading, time
from indexer.search.executor import CompiledLoops

began = threading.Event()

def load():
    began.set()
    time.sleep(1)
    return 42

loops = CompiledLoops(load)
loops.load_in_background()
began.wait()
child = os.fork()
loops.load()
assert loops.module == 42
if not child:
    os._exit(0)
print(os.waitpid(child, 0)[1])
"""


def test_a_fork_while_loops_load():
    """The child has them, and waits for no thread that is not there."""
    assert run(FORKED) == "0\n"


def test_searches_need_not_wait_for_the_compiler(index, monkeypatch):
    """An engine answers at once and alike before compiled code is loaded and after."""
    allowed = threading.Event()

    class Slow(CompiledLoops):
        def load(self):
            assert allowed.wait(30)
            super().load()

    kernels = Slow(engine_module._compiled_loops)
    monkeypatch.setattr(engine_module, "COMPILED", kernels)
    with indexer.open_index(index) as engine:
        before = engine.search("cat")
        assert not kernels.loaded
        allowed.set()
        engine.warm_up()
        after = engine.search("cat")
    assert kernels.loaded
    assert [hit.story.id for hit in before.hits] == [hit.story.id for hit in after.hits]
    assert [hit.score for hit in before.hits] == pytest.approx([hit.score for hit in after.hits])


@pytest.mark.parametrize(
    "use",
    [
        lambda engine: next(engine.export(indexer.SearchRequest(query="cat"))),
        lambda engine: engine.more_like(engine.search("cat").hits[0].story.id),
        lambda engine: engine.search("cat", offset=500),
    ],
    ids=["export", "more_like", "deep page"],
)
def test_whatever_searches_has_compiled_code_loaded(index, monkeypatch, use):
    """An export, similar stories and deep pages make the searches after them fast."""
    kernels = CompiledLoops(engine_module._compiled_loops)
    monkeypatch.setattr(engine_module, "COMPILED", kernels)
    with indexer.open_index(index) as engine:
        use(engine)
        assert kernels._thread is not None
        kernels._thread.join()
    assert kernels.loaded
