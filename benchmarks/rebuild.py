"""How fast a folder of story files becomes an index: the command and its record.

    python -m benchmarks.rebuild --maker make_stories.py --work DIR

MAKER writes folders of real stories: `MAKER FOLDER --stories N --notation NAME --seed S`.
Folders are kept in DIR; every job runs in a fresh process, which is timed as a whole.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import click
import msgspec

from indexer.demo import write_demo

from . import record
from .rebuild_jobs import Measured
from .rebuild_report import RebuildRecord, markdown

FOLDER = Path(__file__).parent
DOCUMENT = FOLDER.parent / "docs" / "benchmarks.md"
BEGIN = "<!-- rebuilding: begin -->"
END = "<!-- rebuilding: end -->"
#: Notations of YAML that the maker of stories knows; mixed: a sixth of each other one.
NOTATIONS = ("mixed", "seed", "pyyaml", "jsyaml", "hugo", "go", "json")
MAKER = FOLDER.parent.parent / "shared" / "data" / "stories" / "make_stories.py"


@click.command()
@click.option(
    "--stories",
    multiple=True,
    type=int,
    default=(1_500, 10_000),
    show_default=True,
    help="Sizes to compare with the peers.",
)
@click.option(
    "--notation",
    "notations",
    multiple=True,
    type=click.Choice(NOTATIONS),
    default=NOTATIONS,
    help="Notations of the stories; by default mixed and each.",
)
@click.option(
    "--archive",
    default=100_000,
    show_default=True,
    help="To rebuild after a few changes, invented; 0 for none.",
)
@click.option("--runs", default=3, show_default=True, help="Of each job; the fastest counts.")
@click.option("--workers", default=os.cpu_count() or 1, help="Processes, of the peers too.")
@click.option("--seed", default=1, show_default=True, help="Of the stories.")
@click.option(
    "--maker",
    type=click.Path(path_type=Path),
    default=MAKER,
    help="Program that writes real stories.",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    help="Folder that keeps the story files for the next run; by default a temporary one.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=FOLDER / "records",
    help="Folder for the dated record; by default benchmarks/records.",
)
@click.option("--document", is_flag=True, help="Also write the report into docs/benchmarks.md.")
def main(
    stories: tuple[int, ...], notations: tuple[str, ...], archive: int, runs: int, workers: int,
    seed: int, maker: Path, work: Path | None, out: Path, document: bool,
) -> None:  # fmt: skip
    """Measure rebuilds against bare YAML events, and against CSafeLoader and tantivy-py."""
    if not maker.exists():
        click.echo(
            f"skipped: {maker} does not exist; give a program that writes stories as --maker"
        )
        return
    with tempfile.TemporaryDirectory(prefix="storydex-rebuild-") as temporary:
        run = _Run(work or Path(temporary), maker, runs, workers, seed)
        for notation in notations:
            for size in sorted(stories):
                run.compare(size, notation)
            run.look_closely(min(stories), notation)
        run.start_anew(min(stories))
        if archive:
            run.rebuild_archive(archive)
    result = RebuildRecord(
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        machine=record.machine(),
        versions=record.versions(),
        parameters={"archive": archive, "runs": runs, "workers": workers, "seed": seed},
        jobs=run.jobs,
    )
    click.echo(f"record: {_write(result, out)}", err=True)
    report = markdown(result)
    click.echo(report)
    if document:
        head, rest = DOCUMENT.read_text("utf-8").split(BEGIN, 1)
        DOCUMENT.write_text(f"{head}{BEGIN}\n\n{report}\n{END}{rest.split(END, 1)[1]}", "utf-8")


class _Run:
    """Runs jobs and keeps what each run of them measured, by name."""

    def __init__(self, work: Path, maker: Path, runs: int, workers: int, seed: int) -> None:
        self.jobs: dict[str, list[Measured]] = {}
        work.mkdir(parents=True, exist_ok=True)
        self._work = work
        self._maker = maker
        self._runs = runs
        self._workers = workers
        self._seed = seed

    def compare(self, stories: int, notation: str) -> None:
        """storydex, bare events and the reference, in turns."""
        folder = self._stories(stories, notation)
        for _ in range(self._runs):
            self._rebuild(f"command {notation} {stories}", folder)
            for job in ("events", "reference"):
                self._job(f"{job} {notation} {stories}", job, folder)

    def look_closely(self, stories: int, notation: str) -> None:
        """Reading file by file; and for mixed notations the stages of a rebuild."""
        folder = self._stories(stories, notation)
        self._job(f"reading {notation}", "reading", folder)
        if notation == "mixed":
            self._job("stages", "stages", folder)

    def start_anew(self, stories: int) -> None:
        """The first rebuild of a new installation, with nothing compiled, and the second."""
        folder = self._stories(stories, "mixed")
        for _ in range(self._runs):
            with tempfile.TemporaryDirectory(prefix="storydex-caches-") as caches:
                names = ("NUMBA_CACHE_DIR", "PYTHONPYCACHEPREFIX", "XDG_CACHE_HOME")
                empty = {name: os.path.join(caches, name) for name in names}
                self._rebuild("first", folder, empty)
                self._rebuild("second", folder, empty)

    def rebuild_archive(self, stories: int) -> None:
        """A large folder: all of it, nothing changed, a few files changed."""
        folder = self._work / f"archive-{stories}-{self._seed}"
        if not folder.exists():
            click.echo(f"inventing {stories:,} stories …", err=True)
            unfinished = self._work / f"unfinished-{os.getpid()}"
            write_demo(unfinished, stories, self._seed)
            unfinished.rename(folder)
        for _ in range(min(2, self._runs)):  # the first may find the files' disk cache cold
            self._job("archive", "full", folder)
        self._job("incremental", "incremental", folder)

    def _stories(self, stories: int, notation: str) -> Path:
        """A folder of real story files, made if need be."""
        folder = self._work / f"real-{notation}-{stories}-{self._seed}"
        if not folder.exists():
            click.echo(f"making {stories:,} stories, {notation} …", err=True)
            unfinished = self._work / f"unfinished-{os.getpid()}"
            command = [
                sys.executable, str(self._maker), str(unfinished), "--stories", str(stories),
                "--notation", notation, "--seed", str(self._seed),
            ]  # fmt: skip
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            unfinished.rename(folder)
        return folder

    def _rebuild(self, name: str, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        """The command that users type."""
        command = [
            "-m", "indexer", "--index", str(self._scratch(folder) / "index"), "rebuild",
            str(folder), "--full", "--workers", str(self._workers),
        ]  # fmt: skip
        measured, _ = self._process(name, command, variables or {})
        self.jobs.setdefault(name, []).append(measured)

    def _job(self, name: str, job: str, folder: Path) -> None:
        command = [
            "-m", f"{__package__}.rebuild_jobs", job, str(folder), str(self._scratch(folder)),
            str(self._workers),
        ]  # fmt: skip
        measured, output = self._process(name, command, {})
        self.jobs.setdefault(name, []).append(json.loads(output) | measured)

    def _scratch(self, folder: Path) -> Path:
        scratch = self._work / f"scratch-{folder.name}"
        scratch.mkdir(parents=True, exist_ok=True)
        return scratch

    def _process(
        self, name: str, arguments: list[str], variables: Mapping[str, str]
    ) -> tuple[Measured, bytes]:
        """Run Python; its time, that of its processors, the largest memory of one process."""
        click.echo(f"{name} …", err=True)
        started = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, *arguments], cwd=FOLDER.parent, stdout=subprocess.PIPE,
            env={**os.environ, **variables},
        ) as process:  # fmt: skip
            assert process.stdout is not None
            output = process.stdout.read()
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise click.ClickException(f"{name} ended with status {process.returncode}")
        return {
            "seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime,
            "peak_bytes": used.ru_maxrss * 1024,
        }, output  # fmt: skip


def _write(result: RebuildRecord, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (path := folder / f"rebuild-{result.date}-{number}.json").exists():
        number += 1
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    return path


if __name__ == "__main__":
    main()
