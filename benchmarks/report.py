"""A record → Markdown and curves: what `docs/benchmarks.md` shows between its markers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .curves import draw_curves
from .engines import ENGINES, WHOLE_STORIES
from .goals import Goal, goals_of
from .record import Record
from .summary import REFERENCE, EngineSummary, SizeSummary, WorkSummary
from .works import WORK, WORKS

BEGIN = "<!-- benchmarks: begin -->"
END = "<!-- benchmarks: end -->"

_TITLES = {
    "storydex": "storydex", "tantivy": "tantivy-py", "whoosh": "stock Whoosh",
    "fts5": "SQLite FTS5",
}  # fmt: skip
#: Suffixes of files that hold what is kept to display, of storydex and of tantivy.
_STORED = (".sto", ".store")
#: Works whose curves are drawn.
_DRAWN = ("any", "all", "any_read", "any_page", "phrase", "filtered")


def markdown(record: Record, pictures: str | None = None) -> str:
    """The whole report; `pictures` is the folder of the curves as the document sees it."""
    blocks = [_head(record)]
    for size in record.sizes:
        title = f"### {_title(size)} stories"
        blocks += [title, _times(size), _ratios(size), _resources(size)]
    goals = _goals(record)
    blocks += ["### Goals", goals] if goals else []
    if pictures is not None:
        blocks += ["### Curves", *_pictures(record, pictures)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def update_document(path: Path, record: Record, pictures: Path) -> None:
    """Replace what stands between the markers of a document, and draw its curves."""
    text = path.read_text("utf-8")
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    pictures.mkdir(parents=True, exist_ok=True)
    for name, picture in _curves(record):
        (pictures / f"{name}.svg").write_text(picture, "utf-8")
    report = markdown(record, pictures.relative_to(path.parent).as_posix())
    path.write_text(f"{head}{BEGIN}\n\n{report}\n{END}{tail}", "utf-8")


def _head(record: Record) -> str:
    machine = ", ".join(f"{key} {value}" for key, value in record.machine.items())
    versions = ", ".join(f"{key} {value}" for key, value in record.versions.items())
    parameters = ", ".join(f"{key}: {value}" for key, value in record.parameters.items())
    return f"Run of {record.date}. {machine}. {versions}. {parameters}."


def _table(header: list[str], rows: list[list[str]]) -> str:
    marks = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, marks, *rows])


def _number(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _engines(size: SizeSummary) -> dict[str, EngineSummary]:
    return {name: size.engines[name] for name in ENGINES if name in size.engines}


def _times(size: SizeSummary) -> str:
    """Times and hits: a row a work, a column an engine."""
    engines = _engines(size)
    rows = [
        [work.title, *(_cell(engine.works.get(work.name)) for engine in engines.values())]
        for work in WORKS
        if any(work.name in engine.works for engine in engines.values())
    ]
    titles = [_TITLES[name] for name in engines]
    return _table(["median / p99 ms, hits of the whole log", *titles], rows)


def _cell(summary: WorkSummary | None) -> str:
    if summary is None:
        return ""
    times = f"{_number(summary.median)} / {_number(summary.p99)}"
    hits = "" if summary.hits is None else f"{summary.hits:,} hits of "
    return f"{times}<br>{hits}{summary.queries} × {summary.runs}"


def _ratios(size: SizeSummary) -> str:
    """How many times as long as storydex, and whether the answers are the same."""
    if REFERENCE not in size.engines:
        return ""
    peers = {name: engine for name, engine in _engines(size).items() if name != REFERENCE}
    rows = []
    for work in WORKS:
        cells = [_ratio_cell(engine.works.get(work.name)) for engine in peers.values()]
        rows.append([work.title, *cells, _differing(size, work.name)])
    titles = [_TITLES[name] for name in peers]
    return _table(["× storydex: median of ratios (of means)", *titles, "other answers"], rows)


def _ratio_cell(summary: WorkSummary | None) -> str:
    if summary is None or summary.ratio is None or summary.mean_ratio is None:
        return ""
    return f"{_number(summary.ratio)} ({_number(summary.mean_ratio)})"


def _differing(size: SizeSummary, work: str) -> str:
    """Queries whose answers differ, by engine; how many were compared if none does."""
    summaries = {
        name: engine.works[work] for name, engine in _engines(size).items() if work in engine.works
    }
    wrong = [f"{_TITLES[name]}: {s.differing}" for name, s in summaries.items() if s.differing]
    compared = sum(summary.compared for summary in summaries.values())
    return f"**{', '.join(wrong)}**" if wrong else f"0 of {compared:,}"


def _resources(size: SizeSummary) -> str:
    rows = [
        [
            _TITLES[name], _megabytes(engine.bytes["total"]), _stored(engine),
            _whole(name, engine),
            *(_megabytes(engine.memory[key]) for key in ("imported", "resident", "private")),
            _number(engine.open_first), _number(engine.open_again),
            _number(engine.build_seconds), str(engine.facts.get("segments", "")),
        ]
        for name, engine in _engines(size).items()
    ]  # fmt: skip
    header = [
        "engine", "index MB", "of that stored MB", "with whole stories MB",
        "memory after imports MB",
        "after all queries MB", "of that not mapped MB", "open + first query ms", "once more ms",
        "build s", "segments",
    ]  # fmt: skip
    return _table(header, rows)


def _stored(engine: EngineSummary) -> str:
    """Megabytes of what is kept to display, where it has files of its own."""
    sizes = [engine.bytes[suffix] for suffix in _STORED if suffix in engine.bytes]
    return _megabytes(sum(sizes)) if sizes else ""


def _whole(name: str, engine: EngineSummary) -> str:
    """Megabytes of an index that stores whole stories; that of storydex does."""
    size = engine.bytes.get("total" if name == REFERENCE else WHOLE_STORIES)
    return "" if size is None else _megabytes(size)


def _megabytes(count: int) -> str:
    return _number(count / 1e6)


def _goals(record: Record) -> str:
    """A row a goal, a column a corpus."""
    judged = {_title(size): list(goals_of(size)) for size in record.sizes}
    judged = {title: goals for title, goals in judged.items() if goals}
    if not judged:
        return ""
    rows = [
        [_name(goals[0]), *map(_verdict, goals)] for goals in zip(*judged.values(), strict=True)
    ]
    return _table(["× faster than tantivy-py: measured, wanted", *judged], rows)


def _title(size: SizeSummary) -> str:
    return f"{size.stories:,} {size.source}"


def _name(goal: Goal) -> str:
    return WORK[goal.work].title if goal.work in WORK else goal.work


def _verdict(goal: Goal) -> str:
    bound = "≤" if goal.most else "≥"
    told = f"{_number(goal.measured)}, {bound} {_number(goal.wanted)}"
    return told if goal.reached else f"**{told}**"


def _curves(record: Record) -> Iterator[tuple[str, str]]:
    """The curves by name; one point makes none."""
    for name in _DRAWN:
        curves = {
            _TITLES[engine]: points
            for engine in ENGINES
            if (points := _points(record, engine, name))
        }
        if curves and max(map(len, curves.values())) > 1:
            yield name, draw_curves(WORK[name].title, "ms", curves)


def _points(record: Record, engine: str, work: str) -> list[tuple[float, float]]:
    sizes = [size for size in record.sizes if size.source == record.sizes[0].source]
    return [
        (size.stories, size.engines[engine].works[work].median)
        for size in sizes
        if engine in size.engines and work in size.engines[engine].works
    ]


def _pictures(record: Record, folder: str) -> Iterator[str]:
    for name, _ in _curves(record):
        yield f"![Median time over the number of stories: {WORK[name].title}]({folder}/{name}.svg)"
