"""Kills rebuilds at random moments and looks at what is left, round after round.

    python -m tests.generation.kills FOLDER ROUNDS [--calls] [--broken]

prints a line of JSON for each round that left something wrong, and last a count of what
happened. A round rebuilds an index in a process group of its own, which SIGKILL ends: after
a random time, or before a random operation on a file. With --calls it ends instead of every
ROUNDS-th system call about a file, of a first, a full and an incremental rebuild, which
takes strace. With --broken the manifest is published before the files it names, which
must be noticed.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import indexer
from tests.conftest import write_story
from tests.generation.disk import Disk, Operation
from tests.generation.keeping import LOCK, Stories, fault_of, leftovers

#: Enough that reading is left to worker processes.
STORIES = 140
WORKERS = 2
KINDS = ("full", "incremental", "incremental", "first")
#: System calls about files and what was opened, as strace names them.
CALLS = "%file,%desc"


class Rounds:
    """A folder of stories that changes before every round, and the index of it."""

    def __init__(self, folder: Path, broken: bool) -> None:
        self.seeds, self.index = folder / "seeds", folder / "index"
        self.broken = broken
        self.chance = random.Random()
        self.counts: Counter[str] = Counter()
        self.seconds: dict[str, float] = {}
        self.operations: dict[str, int] = {}
        self.stories: dict[str, str] = {}
        for number in range(STORIES):
            self._write(f"{number:03}.md", "at first")
        self.rebuild(full=True)

    def _write(self, name: str, title: str) -> None:
        write_story(self.seeds, name, title=title, excerpt=f"{title} " * 40)
        self.stories[name] = title

    def change(self, number: int) -> None:
        """Add, change and remove some stories."""
        self._write(f"new{number}.md", f"new in {number}")
        for name in self.chance.sample(sorted(self.stories), 5):
            self._write(name, f"changed in {number}")
        name = self.chance.choice(sorted(self.stories))
        (self.seeds / name).unlink()
        del self.stories[name]

    def rebuild(self, *, full: bool) -> None:
        """Make the index match the stories, in this process."""
        indexer.rebuild(self.seeds, self.index, full=full, workers=WORKERS)

    def prepare(self, number: int, kind: str) -> Stories:
        """Change the stories; returns those that the index holds, or None if there is none."""
        old = dict(self.stories)
        self.change(number)
        if kind != "first":
            return old
        shutil.rmtree(self.index)
        self.index.mkdir()
        return None

    def measure(self, kind: str) -> None:
        """How long a rebuild of a kind takes at least, and how many operations it has."""
        self.prepare(0, kind)
        counting, counted = os.pipe()
        started = time.monotonic()
        child = self._start(kind, lambda _: os.write(counted, b".") and None, None)
        os.waitpid(child, 0)
        seconds = time.monotonic() - started
        self.seconds[kind] = min(seconds, self.seconds.get(kind, seconds))
        os.close(counted)
        with open(counting, "rb") as pipe:
            self.operations[kind] = len(pipe.read())

    def _start(
        self, kind: str, watcher: Callable[[Operation], int | None], ready: int | None
    ) -> int:
        child = os.fork()
        if child:
            return child
        status = 1
        try:
            os.setsid()
            if self.broken:
                mock.patch("os.replace", _manifest_first(self.index)).start()
            if ready is not None:
                os.write(ready, b".")
            with Disk(self.index, watcher, syncs=True).watched():
                self.rebuild(full=kind != "incremental")
            status = 0
        finally:
            os._exit(status)

    def round(self, number: int) -> str:
        """Rebuild, kill, look, mend; what was wrong."""
        kind = self.chance.choice(KINDS)
        if kind not in self.seconds:
            # Of the first the machine knows less, and it may be busy: kills would come too late.
            for _ in range(3):
                self.measure(kind)
        old = self.prepare(number, kind)
        if self._kill(kind):
            self.counts[f"killed in {kind}"] += 1
        else:
            self.counts["done before it was killed"] += 1
        return self._judge(kind, old)

    def _judge(self, kind: str, old: Stories) -> str:
        """What is wrong with what a rebuild left, and with what the next makes of it."""
        fault = fault_of(self.index, old, self.stories)
        if not fault:
            self.counts["new" if fault_of(self.index, old) else "old"] += 1
            left = leftovers(self.index)
            size = sum((self.index / name).stat().st_size for name in left)
            self.counts["with leftovers"] += bool(left)
            self.counts["most files left"] = max(self.counts["most files left"], len(left))
            self.counts["most bytes left"] = max(self.counts["most bytes left"], size)
        self.rebuild(full=False)
        fault = fault or fault_of(self.index, self.stories)
        if not fault and (left := leftovers(self.index)):
            fault = f"not removed: {left}"
        return fault and f"{kind}: {fault}"

    def sweep(self, step: int) -> Iterator[str]:
        """Kill in the place of every so many-th system call; what was wrong with each."""
        log = self.index.parent / "calls"
        for kind in ("first", "full", "incremental"):
            self.prepare(0, kind)
            self._trace(kind, "-o", str(log))
            made = Counter(line.split("(")[0] for line in log.read_text().splitlines())
            calls = [(name, nth) for name, most in made.items() for nth in range(1, most + 1)]
            for number, (name, nth) in list(enumerate(calls, 1))[::step]:
                old = self.prepare(number, kind)
                killed = self._trace(kind, "-e", f"inject={name}:signal=KILL:when={nth}")
                self.counts[f"killed in {kind}" if killed else "done before it was killed"] += 1
                yield self._judge(kind, old)

    def _trace(self, kind: str, *options: str) -> bool:
        """Rebuild in a process that strace watches; whether it was killed."""
        child = os.fork()
        if not child:
            try:
                os.kill(os.getpid(), signal.SIGSTOP)
                indexer.rebuild(self.seeds, self.index, full=kind != "incremental", workers=1)
            finally:
                os._exit(0)
        os.waitpid(child, os.WUNTRACED)
        command = ["strace", "-qq", "-p", str(child), "-e", f"trace={CALLS}", "-e", "signal=none"]
        with subprocess.Popen([*command, *options], stderr=subprocess.DEVNULL):
            while "TracerPid:\t0" in Path(f"/proc/{child}/status").read_text():
                time.sleep(0.005)
            os.kill(child, signal.SIGCONT)
            _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status)

    def _kill(self, kind: str) -> bool:
        """Begin a rebuild and kill it with its workers; whether it was not done before."""
        by_time = self.chance.random() < 0.5
        last = self.chance.randrange(self.operations[kind])
        seen = 0

        def watch(_: Operation) -> None:
            nonlocal seen
            seen += 1
            if seen > last and not by_time:
                os.killpg(0, signal.SIGKILL)

        waiting, ready = os.pipe()
        child = self._start(kind, watch, ready)
        os.read(waiting, 1)
        os.close(waiting)
        os.close(ready)
        if by_time:
            time.sleep(self.chance.uniform(0, self.seconds[kind]))
            os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.waitstatus_to_exitcode(status) == 0, "a rebuild failed by itself"
        return os.WIFSIGNALED(status)


def _manifest_first(index: Path) -> Callable[[str, str], None]:
    """`os.replace` of a writer that publishes its manifest before the files it names."""
    found = set(os.listdir(index))
    real = os.replace

    def replace(source: str, target: str) -> None:
        late = [
            os.path.join(index, name)
            for name in set(os.listdir(index)) - found
            if name != LOCK and not target.endswith(name) and not source.endswith(name)
        ]
        for path in late:
            os.rename(path, f"{path}.late")
        real(source, target)
        time.sleep(0.2)
        for path in late:
            os.rename(f"{path}.late", path)

    return replace


def main() -> None:
    """Do so many rounds."""
    rounds = Rounds(Path(sys.argv[1]), broken="--broken" in sys.argv)
    number = int(sys.argv[2])
    each = map(rounds.round, range(1, 1 + number))
    for fault in rounds.sweep(number) if "--calls" in sys.argv else each:
        if fault:
            print(json.dumps({"fault": fault[:2000]}), flush=True)
            if rounds.broken:
                break
    print(json.dumps(dict(sorted(rounds.counts.items()))))


if __name__ == "__main__":
    main()
