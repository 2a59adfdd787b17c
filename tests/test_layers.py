"""The folders retell the data flow: a module imports from lower layers only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import indexer

ROOT = Path(__file__).parent.parent

LAYERS: tuple[set[str], ...] = (
    {"errors", "model", "jit", "vectors"},
    {"analysis", "dates", "disk", "engine", "phrases", "answer", "handles", "forks"},
    {"schema", "seeds", "lock", "manifest", "codec", "wire", "kernels", "requests", "vocabulary"},
    {"bulk", "numbering", "clauses", "demo", "generation", "sources", "cutting", "textindex"},
    {"reading", "store", "snapshot", "verify", "parse", "marks", "ranking"},
    {"build", "evaluate", "lookup", "counting", "conjunction", "markup", "matching"},
    {"watch", "compiled", "explain", "onepass", "onephrase", "tally", "marking"},
    {"wordsearch", "wordmarks"},
    {"execute"},
    {"facets", "highlight", "suggest"},
    {"search"},
    {"__init__"},
    {"cli"},
    {"__main__"},
)
LAYER_OF = {module: layer for layer, modules in enumerate(LAYERS) for module in modules}

MODULES = sorted((ROOT / "indexer").rglob("*.py"))
WEB_MODULES = sorted((ROOT / "web").rglob("*.py"))


def unit_of(path: Path) -> str:
    """What a file counts as: a module, or the package below `indexer` that it is part of."""
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
    """The units of `indexer` that a file of `indexer` imports."""
    names = [name.split(".") for _, name in imports_of(path)]
    found = {parts[1] if len(parts) > 1 else "__init__" for parts in names if parts[0] == "indexer"}
    return found - {unit_of(path)}


def label(path: Path) -> str:
    """A file's path as a test id."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_imports_come_from_lower_layers(path: Path):
    """A module has a layer and imports only from lower ones."""
    unit = unit_of(path)
    assert unit in LAYER_OF, f"give {unit} a place in LAYERS"
    upward = {name for name in own_imports(path) if LAYER_OF[name] >= LAYER_OF[unit]}
    assert not upward, f"layer {LAYER_OF[unit]} imports {upward}"


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_docstring_names_the_layer(path: Path):
    """Every module opens with its place in the flow: the layer it states is its layer."""
    if path == ROOT / "indexer" / "__init__.py":
        pytest.skip("its docstring is for users")
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    stated = re.search(r"layer (\d+)", docstring)
    assert stated, "its docstring names no layer"
    assert int(stated[1]) == LAYER_OF[unit_of(path)]


def test_layers_list_no_module_that_is_gone():
    """Every module of the table exists."""
    assert {unit_of(path) for path in MODULES} == set(LAYER_OF)


def test_build_and_query_sides_do_not_meet():
    """The build side never imports the query side, nor the other way, not even indirectly."""
    direct: dict[str, set[str]] = {}
    for path in MODULES:
        direct.setdefault(unit_of(path), set()).update(own_imports(path))

    def reached(unit: str) -> set[str]:
        return direct[unit].union(*(reached(below) for below in direct[unit]))

    assert not {"snapshot", "evaluate"} & reached("build")
    assert not {"build", "store", "bulk"} & reached("snapshot")
    assert "build" not in reached("search")


def test_the_codec_knows_only_what_it_must():
    """The format depends on no part that makes or searches an index."""
    below = {name for path in MODULES if unit_of(path) == "codec" for name in own_imports(path)}
    assert below <= {"disk", "errors", "jit", "model"}


def test_only_the_command_line_imports_web():
    """The engine works without the web front end, which `storydex serve` loads when asked."""
    for path in MODULES:
        for statement, name in imports_of(path):
            if name.split(".")[0] == "web":
                assert unit_of(path) == "cli"
                assert statement.col_offset > 0, "import web inside the function"


@pytest.mark.parametrize("path", WEB_MODULES, ids=label)
def test_web_imports_exported_names_only(path: Path):
    """The web front end takes from `indexer` only what it exports."""
    for statement, name in imports_of(path):
        assert not name.startswith("indexer."), f"line {statement.lineno} reaches into the package"
        if name == "indexer" and isinstance(statement, ast.ImportFrom):
            wanted = {alias.name for alias in statement.names}
            assert wanted <= set(indexer.__all__), f"not exported: {wanted - set(indexer.__all__)}"
