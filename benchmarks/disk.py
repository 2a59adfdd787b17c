"""How much of the disk rebuilds take while they run, against the index they leave.

    python -m benchmarks.disk --stories 20000 [--folder STORIES]

A second process adds up the files of the index folder as fast as it can. A file that was
removed and is still open is not seen. The figures stand in docs/durability.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

import indexer
from indexer.codec.format import KINDS

#: Prints the most bytes that were ever in a folder, once its standard input is closed.
_WATCH = """
import os, select, sys
most = 0
while not select.select([sys.stdin], [], [], 0.01)[0]:
    size = 0
    for name in os.listdir(sys.argv[1]):
        try:
            size += os.stat(os.path.join(sys.argv[1], name)).st_blocks * 512
        except FileNotFoundError:
            pass
    most = max(most, size)
print(most)
"""


def peak_of(seeds: Path, index: Path, **options: bool) -> tuple[int, int]:
    """Rebuild; the most bytes that the folder had, and how many its newest generation has."""
    index.mkdir(exist_ok=True)
    watch = subprocess.Popen(
        [sys.executable, "-c", _WATCH, index], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    indexer.rebuild(seeds, index, **options)
    peak = int(watch.communicate()[0])
    with indexer.open_index(index, compiled=False) as engine:
        return peak, engine.info().bytes


@click.command()
@click.option("--stories", default=20_000, show_default=True, help="How many to invent.")
@click.option(
    "--folder", type=click.Path(path_type=Path, exists=True), help="Real stories in their place."
)
@click.option("--work", type=click.Path(path_type=Path, exists=True), help="Where the index goes.")
def main(stories: int, folder: Path | None, work: Path | None) -> None:
    """Measure a first rebuild, full ones and one after a change of every tenth file."""
    with tempfile.TemporaryDirectory(dir=work) as made:
        seeds, index = folder or Path(made, "seeds"), Path(made, "index")
        if folder is None:
            indexer.write_demo(seeds, stories, 1)
        _say("first", *peak_of(seeds, index))
        for number in range(3):
            _say(f"full, {number + 1}", *peak_of(seeds, index, full=True))
        if folder is None:
            for path in sorted(path for path in seeds.rglob("*") if path.is_file())[::10]:
                path.write_text(path.read_text("utf-8") + "\nRevised.\n", "utf-8")
            _say("a tenth changed", *peak_of(seeds, index))
        kinds = {suffix: 0 for _, suffix in KINDS.values()}
        for path in index.iterdir():
            kinds[path.suffix] = kinds.get(path.suffix, 0) + os.path.getsize(path)
        click.echo(f"left: {kinds}")


def _say(kind: str, peak: int, size: int) -> None:
    click.echo(f"{kind:16} {peak / 1e6:8.1f} MB at most, {peak / size:.2f} x {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
