"""The public surface is what `indexer.__all__` says, and it is documented."""

from __future__ import annotations

import inspect
import types

import pytest

import indexer


@pytest.mark.parametrize("name", indexer.__all__)
def test_exported_name_exists_and_is_public(name: str):
    """Every exported name can be imported and does not start with an underscore."""
    assert not name.startswith("_")
    assert hasattr(indexer, name)


@pytest.mark.parametrize("name", indexer.__all__)
def test_exported_name_is_documented(name: str):
    """Every exported class and function has a docstring of its own."""
    thing = getattr(indexer, name)
    if inspect.isclass(thing) or inspect.isfunction(thing):
        assert thing.__doc__, name
        assert thing.__doc__.strip()


@pytest.mark.parametrize("name", indexer.__all__)
def test_public_methods_are_documented(name: str):
    """So has every public method and property of an exported class."""
    thing = getattr(indexer, name)
    if not inspect.isclass(thing):
        return
    for member, value in vars(thing).items():
        if not member.startswith("_") and (
            inspect.isfunction(value) or isinstance(value, property)
        ):
            assert value.__doc__, f"{name}.{member}"


def test_nothing_else_is_public():
    """Whatever else the package holds is a module or private."""
    public = {
        name
        for name, value in vars(indexer).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public == set(indexer.__all__)


def test_names_are_sorted_and_listed_once():
    """`__all__` is in order, constants first, without repetition."""
    constants = [name for name in indexer.__all__ if name.isupper()]
    classes = [name for name in indexer.__all__ if name[0].isupper() and name not in constants]
    functions = [name for name in indexer.__all__ if name[0].islower()]
    assert list(indexer.__all__) == sorted(constants) + sorted(classes) + sorted(functions)


def test_errors_share_one_base():
    """Every exported error derives from `StorydexError`."""
    for name in indexer.__all__:
        thing = getattr(indexer, name)
        if inspect.isclass(thing) and issubclass(thing, BaseException):
            assert issubclass(thing, indexer.StorydexError)
