"""The command: options → a run → a record, its report, the document."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from .corpus import Source
from .engines import ENGINES
from .record import Record, make_record, read_record, write_record
from .report import markdown, update_document
from .run import Options, Runner, check_engines
from .summary import SizeSummary, summarise

FOLDER = Path(__file__).parent
DOCUMENT = FOLDER.parent / "docs" / "benchmarks.md"


def _quick(options: Options) -> Options:
    """The same on a corpus so small that it takes a minute."""
    return options._replace(stories=(1000,), queries=20, runs=2, budget=5.0)


def _numbers(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter("give numbers with commas between them") from None
    if min(numbers) < 20:
        raise click.BadParameter("20 stories at least")
    return numbers


def _names(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    names = {"all": ENGINES, "none": ENGINES[:1]}.get(value) or tuple(value.split(","))
    unknown = set(names) - set(ENGINES)
    if unknown:
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: none of {', '.join(ENGINES)}")
    return tuple(name for name in ENGINES if name in names)


@click.command()
@click.option(
    "--stories",
    default="20000,100000",
    show_default=True,
    callback=_numbers,
    help="Sizes of the corpus, with commas between them.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with stories/make_stories.py, for real stories; without it, demo stories alone.",
)
@click.option("--demo/--no-demo", default=True, help="Whether demo stories are measured too.")
@click.option("--seed", default=1, show_default=True, help="Of stories and query log.")
@click.option(
    "--peers",
    default="all",
    show_default=True,
    callback=_names,
    help=f"What to run: `all`, `none` (storydex alone), or some of {', '.join(ENGINES)}.",
)
@click.option("--queries", default=200, show_default=True, help="Queries of each kind.")
@click.option("--runs", default=7, show_default=True, help="Timed runs of each query.")
@click.option(
    "--budget",
    default=60.0,
    show_default=True,
    help="Most seconds for one work of one engine; slow engines run fewer queries.",
)
@click.option("--quick", is_flag=True, help="1,000 stories, 20 queries, 2 runs.")
@click.option("--no-limits", is_flag=True, help="Run slow engines on large corpora too.")
@click.option("--rebuild", default="", help="Engines whose indexes to build anew.")
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    help="Folder that keeps indexes for the next run; by default a temporary one.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the dated record; by default benchmarks/records, with --quick none.",
)
@click.option(
    "--document/--no-document",
    default=False,
    help="Also write the report and its curves into docs/benchmarks.md.",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path, exists=True),
    help="Run nothing: report on this record.",
)
def main(
    stories: tuple[int, ...], data: Path | None, demo: bool, seed: int, peers: tuple[str, ...],
    queries: int, runs: int, budget: float, quick: bool, no_limits: bool, rebuild: str,
    work: Path | None, out: Path | None, document: bool, record: Path | None,
) -> None:  # fmt: skip
    """Measure storydex against stock Whoosh, tantivy-py and SQLite FTS5."""
    if record is not None:
        result = read_record(record)
    else:
        with tempfile.TemporaryDirectory(prefix="storydex-benchmarks-") as temporary:
            options = Options(
                _sources(data, demo, seed), stories, peers, queries, runs, budget,
                work or Path(temporary), not no_limits, frozenset(filter(None, rebuild.split(","))),
            )  # fmt: skip
            result = _run(_quick(options) if quick else options)
        if out or not quick:
            click.echo(f"record: {write_record(result, out or FOLDER / 'records')}", err=True)
    click.echo(markdown(result))
    if document:
        update_document(DOCUMENT, result, DOCUMENT.with_suffix(""))


def _sources(data: Path | None, demo: bool, seed: int) -> tuple[Source, ...]:
    real = () if data is None else (Source(seed, str(data.resolve())),)
    return (*real, Source(seed)) if demo or not real else real


def _run(options: Options) -> Record:
    check_engines(options.engines)
    sizes: list[SizeSummary] = []
    columns = (
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        shown = ""

        def progress(title: str, done: float) -> None:
            nonlocal shown
            if title != shown:
                shown = title
                bar.reset(task, total=1.0, description=title)
            bar.update(task, completed=done)

        runner = Runner(options, progress)
        for stories in options.stories:
            for source in options.sources:
                sizes.append(summarise(runner.size(source, stories)))
                bar.console.print(f"{stories:,} {source.name} stories measured")
    return make_record(options, sizes)
