"""The cache of compiled code: used when whole and of this version, and done without."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numba as nb
import pytest

from indexer.kernels import cache
from indexer.kernels.jit import compile_for

SOURCE = """
import sys
from indexer.kernels import cache
from indexer.kernels.jit import compiled
import numba as nb

@compiled(nb.int64(nb.int64))
def double(number):
    return 2 * number

assert double(21) == 42
print(len(double.stats.cache_hits), cache.code_folder())
"""

ADDERS = """
import numba as nb
from indexer.kernels import cache
from indexer.kernels.jit import compiled

def adder(number):
    def add(other):
        return other + number
    add.__qualname__ = f"add_{number}"
    return compiled(nb.int64(nb.int64))(add)

first, second = adder(1), adder(2)

@compiled(nb.int64(nb.int64))
def both(number):
    return 1000 * first(number) + second(number)

assert both(40) == 41042
print(1, cache.code_folder())
"""


def triple(number):
    return 3 * number


def compile_triple(folder):
    """The function compiled with its code in a folder, and whether that was there before."""
    compiled = compile_for(nb.int64(nb.int64), triple, folder)
    assert compiled(14) == 42
    return bool(compiled.stats.cache_hits)


def run(tmp_path, source=SOURCE, **environment):
    """Compile in a process of its own: whether the code was there before, and its folder."""
    module = tmp_path / "module.py"
    module.write_text(source)
    done = subprocess.run(
        [sys.executable, module], capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd(), **environment},
    )  # fmt: skip
    hits, folder = done.stdout.split()
    return hits == "1", folder


def test_the_second_start_compiles_nothing(tmp_path):
    """The code is found in a private folder of the user's caches."""
    home = str(tmp_path / "caches")
    environment = {"XDG_CACHE_HOME": home, "HOME": home, "LOCALAPPDATA": home}
    found, folder = run(tmp_path, **environment)
    assert not found
    assert folder.startswith(home)
    assert os.stat(folder).st_mode & 0o077 == 0
    assert run(tmp_path, **environment) == (True, folder)


def test_the_folder_that_a_user_names_is_used(tmp_path):
    """NUMBA_CACHE_DIR says where code is kept."""
    found, folder = run(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "chosen"))
    assert not found
    assert folder.startswith(str(tmp_path / "chosen"))
    assert os.listdir(folder)


def test_a_home_where_nothing_can_be_written(tmp_path):
    """The code is compiled at every start."""
    home = tmp_path / "file"
    home.write_text("no folder")
    for _ in range(2):
        assert run(tmp_path, XDG_CACHE_HOME=str(home), HOME=str(home)) == (False, "None")


def test_a_full_disk_is_done_without(tmp_path):
    """Code that cannot be kept runs all the same, and leaves nothing half written."""
    folder = tmp_path / "gone"
    assert not compile_triple(folder)
    assert not folder.exists()


def test_damaged_code_is_compiled_again(tmp_path):
    """Whichever byte is damaged, and wherever a file ends."""
    assert not compile_triple(tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    assert compile_triple(tmp_path)
    places = {0, 31, 32, len(whole) // 2, len(whole) - 1} | set(range(0, len(whole), 997))
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert not compile_triple(tmp_path), place
    for size in (0, 10, 32, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert not compile_triple(tmp_path), size
    assert compile_triple(tmp_path)


def adder(number, name):
    def add(other):
        return other + number

    add.__qualname__ = name
    return add


def test_functions_made_by_another_need_names_of_their_own(tmp_path):
    """One would be given the other's code."""
    for number in (1, 2):
        function = adder(number, f"add_{number}")
        assert compile_for(nb.int64(nb.int64), function, tmp_path)(40) == 40 + number
    with pytest.raises(RuntimeError, match="two functions"):
        compile_for(nb.int64(nb.int64), adder(3, "add_1"), tmp_path)


BESIDE = """
import subprocess, sys
from indexer.kernels import cache

if cache.code_folder() is None:
    subprocess.Popen = None  # nothing is to be started
cache.os.cpu_count = lambda: 2
with cache.compiling_beside("other"):
    pass
import other
print(len(other.double.stats.cache_hits), cache.code_folder())
"""


def test_another_process_compiles_the_other_half(tmp_path):
    """At the first start, and no more once there is code; nor where nothing can be kept."""
    (tmp_path / "other.py").write_text(SOURCE.rpartition("print")[0])
    path = os.pathsep.join((os.getcwd(), str(tmp_path)))
    place = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": path}
    hits, folder = run(tmp_path, BESIDE, **place)
    assert hits
    assert list(Path(folder).glob("*.code"))
    warm = BESIDE.replace("cache.code_folder() is None", "True")
    assert run(tmp_path, warm, **place) == (True, folder)
    nowhere = {**place, "NUMBA_CACHE_DIR": "/dev/null", "HOME": "/dev/null"}
    assert run(tmp_path, BESIDE, **nowhere) == (False, "None")


def test_what_another_process_cannot_compile_is_compiled_here(tmp_path):
    """Where it fails, and where Python cannot be started by name, the first start goes on."""
    for source in ("import none_such\n", "import os; os.abort()\n"):
        (tmp_path / "other.py").write_text(source)
        code = BESIDE.replace("import other\nprint(len(other.double.stats.cache_hits)", "print(0")
        hits, folder = run(
            tmp_path, code, NUMBA_CACHE_DIR=str(tmp_path / "cache"),
            PYTHONPATH=os.pathsep.join((os.getcwd(), str(tmp_path))),
        )  # fmt: skip
        assert not hits
        assert not list(Path(folder).glob("*.code"))


def test_code_of_several_processes_is_told_apart(tmp_path):
    """A process that has some code from another compiles the rest beside it."""
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "chosen")}
    _, folder = run(tmp_path, ADDERS, **environment)
    _, *others = sorted(Path(folder).iterdir(), key=lambda path: path.stat().st_mtime_ns)
    for path in others:
        path.unlink()
    for _ in range(2):
        run(tmp_path, ADDERS, **environment)


@pytest.fixture
def package(tmp_path):
    """A package with a compiled module, a module of constants, and others."""
    for name, text in {
        "kernels/jit.py": "", "constants.py": "SIZE = 1", "other.py": "OTHER = 1",
        "search/fast.py": "from ..constants import SIZE\nfrom ..kernels.jit import compiled\n",
        "search/plain.py": "from ..other import OTHER\n",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "stale"),
    [("kernels/jit.py", True), ("search/fast.py", True), ("constants.py", True),
     ("other.py", False), ("search/plain.py", False)],
)  # fmt: skip
def test_code_of_other_sources_is_not_used(package, changed, stale):
    """Neither what was compiled nor the constants in it may have changed; others may."""
    before = cache.digest_of(cache.compiled_sources(package))
    (package / changed).write_text((package / changed).read_text() + "# changed\n")
    assert (cache.digest_of(cache.compiled_sources(package)) != before) == stale


def test_a_folder_that_others_may_write_to_is_not_used(tmp_path):
    """What it holds would be run."""
    folder = cache.open_folder(tmp_path, "mine")
    assert folder is not None
    folder.chmod(0o777)
    assert cache.open_folder(tmp_path, "mine") is None
    (tmp_path / "compiled-link").symlink_to(tmp_path)
    assert cache.open_folder(tmp_path, "link") is None


def test_a_folder_in_one_that_others_may_write_to_is_not_used(tmp_path):
    """They could put another in its place."""
    base = tmp_path / "base"
    base.mkdir()
    base.chmod(0o777)
    assert cache.open_folder(base, "mine") is None
    base.chmod(0o755)
    assert cache.open_folder(base, "mine") is not None


def test_what_killed_processes_left_is_removed(tmp_path):
    """Once it is too old to be of one that still writes."""
    folder = cache.open_folder(tmp_path, "mine")
    for name, age in (("a.123", 7200), ("b.124", 0), ("c.code", 7200)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age,) * 2)
    cache.open_folder(tmp_path, "mine")
    assert sorted(path.name for path in folder.iterdir()) == ["b.124", "c.code"]


def test_without_a_home_it_is_said_once_what_to_set(tmp_path):
    """No folder is made whose name begins with a tilde; one line names the variable."""
    code = (
        "import os, pwd\n"
        "def nobody(_): raise KeyError\n"
        "pwd.getpwuid = nobody\n"
        "from indexer.kernels import cache\n"
        "assert cache.code_folder() is cache.code_folder() is None\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert done.stderr.count("NUMBA_CACHE_DIR") == done.stderr.count("\n") == 1
    assert not any(tmp_path.iterdir())


def test_only_the_folders_used_last_are_kept(tmp_path):
    """Those of old versions go when a new one is opened; what is not ours stays."""
    (tmp_path / "something").mkdir()
    for number in range(6):
        folder = cache.open_folder(tmp_path, str(number))
        (folder / "code").write_text("")
        os.utime(folder, (time.time() - 1000 + number,) * 2)
    cache.open_folder(tmp_path, "2")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "compiled-2", "compiled-3", "compiled-4", "compiled-5", "something",
    ]  # fmt: skip
