"""How fast a folder of story files becomes an index: the command, its record and report.

    python -m benchmarks.rebuild --stories 10000 --archive 100000 --work DIR

Files are invented once and kept in DIR; every job runs in a fresh process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from indexer.demo import write_demo

from . import record
from .rebuild_jobs import Measured

FOLDER = Path(__file__).parent
DOCUMENT = FOLDER.parent / "docs" / "benchmarks.md"
BEGIN = "<!-- rebuilding: begin -->"
END = "<!-- rebuilding: end -->"


class RebuildRecord(msgspec.Struct):
    """One run; `jobs` maps names to what each run of the job measured."""

    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    parameters: dict[str, int]
    jobs: dict[str, list[Measured]]


class Goal(NamedTuple):
    """A ratio, and what it should be: at most or at least `wanted`."""

    title: str
    measured: float
    wanted: float
    most: bool

    @property
    def reached(self) -> bool:
        """Whether the ratio is as wanted or better."""
        return self.measured <= self.wanted if self.most else self.measured >= self.wanted


@click.command()
@click.option("--stories", default=10_000, show_default=True, help="To compare with the peers.")
@click.option(
    "--archive", default=100_000, show_default=True, help="To rebuild after a few changes."
)
@click.option("--runs", default=3, show_default=True, help="Of each job; the fastest counts.")
@click.option("--workers", default=os.cpu_count() or 1, help="Processes, of the peers too.")
@click.option("--seed", default=1, show_default=True, help="Of the stories.")
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
    stories: int, archive: int, runs: int, workers: int, seed: int, work: Path | None, out: Path,
    document: bool,
) -> None:  # fmt: skip
    """Measure rebuilds against bare YAML events, and against CSafeLoader and tantivy-py."""
    parameters = {
        "stories": stories, "archive": archive, "runs": runs, "workers": workers, "seed": seed,
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="storydex-rebuild-") as temporary:
        jobs = _measure(work or Path(temporary), parameters)
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    result = RebuildRecord(date, record.machine(), record.versions(), parameters, jobs)
    click.echo(f"record: {_write(result, out)}", err=True)
    report = markdown(result)
    click.echo(report)
    if document:
        head, rest = DOCUMENT.read_text("utf-8").split(BEGIN, 1)
        DOCUMENT.write_text(f"{head}{BEGIN}\n\n{report}\n{END}{rest.split(END, 1)[1]}", "utf-8")


def _measure(work: Path, parameters: dict[str, int]) -> dict[str, list[Measured]]:
    jobs: dict[str, list[Measured]] = {}

    def run(name: str, job: str, seeds: Path) -> None:
        click.echo(f"{name} …", err=True)
        command = [
            sys.executable, "-m", f"{__package__}.rebuild_jobs", job, str(seeds),
            str(work / f"scratch-{seeds.name}"), str(parameters["workers"]),
        ]  # fmt: skip
        done = subprocess.run(command, cwd=FOLDER.parent, check=True, stdout=subprocess.PIPE)
        jobs.setdefault(name, []).append(json.loads(done.stdout))

    compared = _stories(work, parameters["stories"], parameters["seed"])
    for _ in range(parameters["runs"]):
        for name in ("full", "events", "reference"):
            run(name, name, compared)
    archive = _stories(work, parameters["archive"], parameters["seed"])
    for _ in range(min(2, parameters["runs"])):  # the first may find the files' disk cache cold
        run("archive", "full", archive)
    run("incremental", "incremental", archive)
    return jobs


def _stories(work: Path, stories: int, seed: int) -> Path:
    """A folder of story files, invented if need be."""
    folder = work / f"stories-{stories}-{seed}"
    if not folder.exists():
        click.echo(f"inventing {stories:,} stories …", err=True)
        unfinished = work / f"unfinished-{os.getpid()}"
        write_demo(unfinished, stories, seed)
        unfinished.rename(folder)
    return folder


def _write(result: RebuildRecord, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (path := folder / f"rebuild-{result.date}-{number}.json").exists():
        number += 1
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    return path


def goals_of(result: RebuildRecord) -> Iterator[Goal]:
    """Every goal, judged by the fastest run of each job."""
    full, events, reference, archive = (
        min(run["seconds"] for run in result.jobs[name])
        for name in ("full", "events", "reference", "archive")
    )
    (changes,) = result.jobs["incremental"]
    yield Goal("full rebuild: CSafeLoader and tantivy-py take longer", reference / full, 2.0, False)
    yield Goal("full rebuild: takes longer than the bare events", full / events, 2.0, True)
    yield Goal(
        "nothing changed: takes longer than `scandir` and `stat`",
        changes["nothing"] / changes["walk"], 3.0, True,
    )  # fmt: skip
    yield Goal(
        f"{changes['changed']:.0f} of {changes['files']:,.0f} files changed: a full rebuild"
        " takes longer",
        archive / changes["few"], 200.0, False,
    )  # fmt: skip


def markdown(result: RebuildRecord) -> str:
    """The report."""
    machine = ", ".join(f"{key} {value}" for key, value in result.machine.items())
    versions = ", ".join(f"{key} {value}" for key, value in result.versions.items())
    parameters = ", ".join(f"{key} {value:,}" for key, value in result.parameters.items())
    blocks = [
        f"Run of {result.date}. {machine}. {versions}. {parameters}.",
        _table(["work", "fastest s", "all s", "processors' s"], _times(result)),
        _table(
            ["full rebuild", "writer MB", "a worker MB", "index MB", "segments"], _sizes(result)
        ),
        _table(["goal", "wanted", "measured", ""], map(_goal_row, goals_of(result))),
    ]
    return "\n\n".join(blocks) + "\n"


def _times(result: RebuildRecord) -> Iterator[list[str]]:
    titles = {
        "full": f"storydex, {result.parameters['stories']:,} stories",
        "events": "the same files' bare YAML events",
        "reference": "CSafeLoader and tantivy-py",
        "archive": f"storydex, {result.parameters['archive']:,} stories",
    }
    for name, title in titles.items():
        seconds = [run["seconds"] for run in result.jobs[name]]
        cpu = min(run["cpu_seconds"] for run in result.jobs[name])
        every = ", ".join(f"{one:.2f}" for one in seconds)
        yield [title, f"{min(seconds):.2f}", every, f"{cpu:.2f}"]
    (changes,) = result.jobs["incremental"]
    for name, title in (
        ("walk", "walk of the folder"),
        ("nothing", "nothing changed"),
        ("few", f"{changes['changed']:.0f} files changed"),
    ):
        yield [f"{result.parameters['archive']:,} stories: {title}", f"{changes[name]:.3f}", "", ""]


def _sizes(result: RebuildRecord) -> Iterator[list[str]]:
    for name in ("full", "archive"):
        run = result.jobs[name][0]
        megabytes = (run[key] / 1e6 for key in ("writer_bytes", "worker_bytes", "index_bytes"))
        yield [
            f"{run['stories']:,.0f} stories", *(f"{size:,.0f}" for size in megabytes),
            f"{run['segments']:.0f}",
        ]  # fmt: skip


def _goal_row(goal: Goal) -> list[str]:
    bound = "≤" if goal.most else "≥"
    return [
        goal.title, f"{bound} {goal.wanted:g} ×", f"{goal.measured:.3g} ×",
        "reached" if goal.reached else "**missed**",
    ]  # fmt: skip


def _table(header: list[str], rows: Iterator[list[str]] | map[list[str]]) -> str:
    marks = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, marks, *rows])


if __name__ == "__main__":
    main()
