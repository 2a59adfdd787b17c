"""What rebuilds take of disk and memory, and what they leave when they are killed.

    python -m benchmarks.durability [--stories 3000] [--folder STORIES] [--kills 300] [--every 15]

runs `storydex rebuild` and looks at the index folder and at its processes as fast as it can.
A file that was removed and is still open is not seen. Memory is what the processes have
for themselves and their share of what they have in common. Then rebuilds of a small archive
are killed: so many at random, and one in the place of every so many-th system call about a
file, for which it takes strace. The figures stand in docs/durability.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import click

import indexer


def peaks_of(seeds: Path, index: Path, *options: str) -> tuple[int, int, int]:
    """Rebuild; the most bytes that the folder and the processes had, and those of the index."""
    disk = memory = 0
    command = [sys.executable, "-m", "indexer", "--index", str(index), "rebuild", str(seeds)]
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            disk = max(disk, _folder_bytes(index))
            memory = max(memory, _memory_of(process.pid))
            time.sleep(0.01)
    if process.returncode:
        raise SystemExit(process.returncode)
    with indexer.open_index(index, compiled=False) as engine:
        return disk, memory, engine.info().bytes


def _folder_bytes(folder: Path) -> int:
    total = 0
    with suppress(FileNotFoundError):
        for name in os.listdir(folder):
            with suppress(FileNotFoundError):
                total += os.stat(folder / name).st_blocks * 512
    return total


def _memory_of(process: int) -> int:
    """Bytes of a process and of those it started."""
    total = 0
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) << 10
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        total += sum(map(_memory_of, map(int, children)))
    return total


def kill(*arguments: str) -> dict[str, int]:
    """Kill rebuilds; what happened how often. Ends the program if an index was not right."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "tests.generation.kills", folder, *arguments],
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    *faults, counts = map(json.loads, done.stdout.splitlines())
    if faults:
        raise SystemExit(f"{len(faults)} rebuilds left something wrong: {faults[0]}")
    return counts


@click.command()
@click.option("--stories", default=3_000, show_default=True, help="How many to invent.")
@click.option(
    "--folder", type=click.Path(path_type=Path, exists=True), help="Real stories in their place."
)
@click.option("--work", type=click.Path(path_type=Path, exists=True), help="Where the index goes.")
@click.option("--kills", default=300, show_default=True, help="Rebuilds killed at random.")
@click.option("--every", default=15, show_default=True, help="System calls between two kills.")
def main(stories: int, folder: Path | None, work: Path | None, kills: int, every: int) -> None:
    """Measure a first rebuild, full ones and one after few changes; then kill some."""
    with tempfile.TemporaryDirectory(dir=work) as made:
        seeds, index = folder or Path(made, "seeds"), Path(made, "index")
        if folder is None:
            indexer.write_demo(seeds, stories, 1)
        click.echo("| rebuild | most on the disk, × the index it leaves | most memory |")
        click.echo("| --- | --- | --- |")
        _say("first", *peaks_of(seeds, index))
        for _ in range(2):
            full = peaks_of(seeds, index, "--full")
        _say("full", *full)
        if folder is None:
            for path in sorted(path for path in seeds.rglob("*") if path.is_file())[::10]:
                path.write_text(path.read_text("utf-8") + "\nRevised.\n", "utf-8")
            _say("after a change of every tenth file", *peaks_of(seeds, index))
    if kills:
        click.echo(f"killed at random: {kill(str(kills))}")
    if every:
        click.echo(f"killed at every {every}th system call: {kill(str(every), '--calls')}")


def _say(kind: str, disk: int, memory: int, size: int) -> None:
    click.echo(f"| {kind} | {disk / size:.1f} × {size / 1e6:.0f} MB | {memory / 1e6:.0f} MB |")


if __name__ == "__main__":
    main()
