"""Docstrings and comments name what there is: a name that is gone misleads."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from pathlib import Path

import indexer

ROOT = Path(indexer.__file__).parent
_NAMED = re.compile(r"`([a-z_]\w*[a-z0-9])(?:\.(\w+))?`")


def words_of_code(text: str) -> set[str]:
    """All names in a module, and the words of its strings but docstrings."""
    tree = ast.parse(text)
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        node.body[0].lineno
        for node in ast.walk(tree)
        if isinstance(node, kinds) and ast.get_docstring(node) is not None
    }
    return {
        word
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type != tokenize.COMMENT and token.start[0] not in docstrings
        for word in re.findall(r"\w+", token.string)
    }


def test_names_in_docstrings_and_comments_exist():
    """What stands in backticks is in the code; `module.name` is in a module of that name."""
    modules: dict[str, set[str]] = defaultdict(set)
    texts = {path: path.read_text("utf-8") for path in ROOT.rglob("*.py")}
    for path, text in texts.items():
        package = path.parent.name
        modules[package if path.stem == "__init__" else path.stem] |= words_of_code(text)
        modules[package].add(path.stem)
    known = set(modules).union(*modules.values())
    stale = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path, text in texts.items()
        for found in _NAMED.finditer(text)
        if found[1] not in known or (found[2] and found[2] not in modules.get(found[1], known))
    ]
    assert not stale
