"""The dated record of a run: the machine, the parameters, every number."""

from __future__ import annotations

import os
import platform
import sqlite3
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from .run import Options
from .summary import SizeSummary

_LIBRARIES = ("whoosh3", "tantivy", "bm25s", "numba", "numpy", "msgspec")


class Record(msgspec.Struct):
    """One run of the benchmark."""

    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    parameters: dict[str, str]
    sizes: list[SizeSummary]


def make_record(options: Options, sizes: list[SizeSummary]) -> Record:
    """A record of these results, on this machine, now."""
    return Record(
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        machine=machine(),
        versions=versions(),
        parameters={
            "stories": ", ".join(f"{stories:,}" for stories in options.stories),
            "of": ", ".join(source.name for source in options.sources),
            "seed": str(options.sources[0].seed),
            "queries of each kind": str(options.queries),
            "runs of each query, at most": str(options.runs),
            "seconds for a work, at most": f"{options.budget:g}",
        },
        sizes=sizes,
    )


def write_record(record: Record, folder: Path) -> Path:
    """Write `YYYY-MM-DD-<n>.json` with the next free number."""
    return write_dated(record, record.date, folder)


def write_dated(record: msgspec.Struct, date: str, folder: Path, before: str = "") -> Path:
    """Write a record of a day, with `before` at the beginning of its name."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (path := folder / f"{before}{date}-{number}.json").exists():
        number += 1
    rounded = msgspec.convert(_rounded(msgspec.to_builtins(record)), type(record))
    path.write_bytes(msgspec.json.format(msgspec.json.encode(rounded), indent=1) + b"\n")
    return path


def read_record(path: Path) -> Record:
    """Read a record written before."""
    return msgspec.json.decode(path.read_bytes(), type=Record)


def _rounded(value: object) -> object:
    """Floats to five digits: microseconds are noise already."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return value


def machine() -> dict[str, str]:
    """What this machine is."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{_memory() / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
    }


def _memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def versions() -> dict[str, str]:
    """Of Python and of the libraries that take part."""
    own = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    return own | {name: _version(name) for name in _LIBRARIES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
