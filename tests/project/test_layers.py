"""The rooms of the house: each package imports only from those named before it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import indexer

ROOT = Path(__file__).parent.parent.parent

#: The rooms of `indexer`, in the order of the data flow, and the rooms each may import from.
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "model": set(),
    "disk": {"errors"},
    "dates": {"errors"},
    "wire": {"model"},
    "variants": set(),
    "analysis": {"variants"},
    "languages": {"analysis", "variants"},
    "ranking": set(),
    "schema": {"analysis", "model"},
    "copies": {"analysis", "model", "schema"},
    "kernels": set(),
    "codec": {"analysis", "disk", "errors", "kernels", "languages", "ranking", "schema"},
    "seeds": {"analysis", "disk", "errors", "languages", "model", "schema"},
    "generation": {"codec", "disk", "errors", "languages", "model", "ranking", "schema"},
    "build": {
        "analysis", "codec", "copies", "disk", "errors", "generation", "languages", "model",
        "ranking", "schema", "seeds",
    },
    "query": {"analysis", "dates", "disk", "errors", "languages", "model", "schema"},
    "search": {
        "analysis", "codec", "copies", "dates", "errors", "generation", "kernels", "languages",
        "model", "query", "ranking", "schema",
    },
    "highlight": {"analysis", "errors", "languages", "model", "query", "schema"},
    "engine": {
        "analysis", "dates", "errors", "generation", "highlight", "kernels", "model", "query",
        "schema", "search",
    },
    "cluster": {
        "analysis", "build", "codec", "copies", "disk", "engine", "errors", "generation",
        "highlight", "languages", "model", "query", "ranking", "schema", "search", "seeds",
    },
    "demo": {"disk", "errors", "model"},
    "__init__": {
        "cluster", "dates", "demo", "engine", "errors", "generation", "model", "query", "schema",
        "wire",
    },
    "cli": {"cluster", "dates", "demo", "errors", "generation", "model", "wire"},
    "__main__": set(),
}  # fmt: skip

MODULES = sorted((ROOT / "indexer").rglob("*.py"))
WEB_MODULES = sorted((ROOT / "web").rglob("*.py"))
MOST_MODULES = 12


def room_of(path: Path) -> str:
    """The room a file is in: its package below `indexer`, or its own name."""
    inside = path.relative_to(ROOT / "indexer")
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def imports_of(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Every import statement of a file with the full name of the module it names."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            if node.module is None:  # from . import manifest
                for alias in node.names:
                    yield node, f"{name}.{alias.name}"
            else:
                yield node, name


def own_imports(path: Path) -> set[str]:
    """The rooms of `indexer` that a file of `indexer` imports from."""
    names = [name.split(".") for _, name in imports_of(path)]
    found = {parts[1] if len(parts) > 1 else "__init__" for parts in names if parts[0] == "indexer"}
    return found - {room_of(path)}


def label(path: Path) -> str:
    """A file's path as a test id."""
    return str(path.relative_to(ROOT))


def test_every_room_is_in_the_table():
    """The table names the rooms that exist, no more and no fewer."""
    assert {room_of(path) for path in MODULES} == set(ROOMS)


def test_a_room_imports_from_rooms_before_it():
    """No room imports from one that stands after it in the table."""
    order = list(ROOMS)
    for room, allowed in ROOMS.items():
        late = {other for other in allowed if order.index(other) >= order.index(room)}
        assert not late, f"{room} may not import from {late}"


def test_the_table_allows_no_more_than_is_used():
    """What the table allows is what the code does, so that the table can be read as a map."""
    used: dict[str, set[str]] = {room: set() for room in ROOMS}
    for path in MODULES:
        used[room_of(path)] |= own_imports(path)
    assert used == ROOMS


def test_few_modules_stand_outside_the_rooms():
    """`indexer/` itself stays small enough to be taken in at a glance."""
    modules = {path.stem for path in (ROOT / "indexer").glob("*.py")}
    assert len(modules - {"__init__", "__main__"}) <= MOST_MODULES


def test_build_and_query_sides_do_not_meet():
    """The build side never imports the query side, nor the other way, not even indirectly."""

    def reached(room: str) -> set[str]:
        return ROOMS[room].union(*(reached(below) for below in ROOMS[room]))

    assert not {"query", "search", "highlight", "engine"} & reached("build")
    assert not {"build", "seeds"} & reached("engine")


def test_only_the_command_line_imports_web():
    """The engine works without the web front end, which `storydex serve` loads when asked."""
    for path in MODULES:
        for statement, name in imports_of(path):
            if name.split(".")[0] == "web":
                assert room_of(path) == "cli"
                assert statement.col_offset > 0, "import web inside the function"


@pytest.mark.parametrize("path", WEB_MODULES, ids=label)
def test_web_imports_exported_names_only(path: Path):
    """The web front end takes from `indexer` only what it exports."""
    for statement, name in imports_of(path):
        assert not name.startswith("indexer."), f"line {statement.lineno} reaches into the package"
        if name == "indexer" and isinstance(statement, ast.ImportFrom):
            wanted = {alias.name for alias in statement.names}
            assert wanted <= set(indexer.__all__), f"not exported: {wanted - set(indexer.__all__)}"
