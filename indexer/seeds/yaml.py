"""YAML events → the fields that are wanted, nothing else.

`EventReader` follows the event stream of libyaml (the pure parser where PyYAML was
built without it) along a tree of `Field`, `Record` and `Many`, and hands each scalar
to its parser as it comes by. What the tree does not name, `secured` above all, is
stepped over: only its nesting and keys are checked, and none of it is kept or quoted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from ..model import FieldWarning
from .values import BadValueError

if yaml.__with_libyaml__:
    from yaml._yaml import CParser as Parser
else:
    from yaml import SafeLoader as Parser  # type: ignore[assignment]

#: Mappings and lists inside each other, the outermost mapping counted.
MAX_DEPTH = 32
#: Warnings a file can cause, so that a report stays readable and small.
MAX_WARNINGS = 1000

_PREFIX = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset({"!", _PREFIX + "str"})
_TAGS = _TEXT_TAGS | {
    _PREFIX + name
    for name in (
        "binary", "bool", "float", "int", "map", "merge", "null", "omap", "pairs", "seq", "set",
        "timestamp", "value",
    )
}  # fmt: skip
_NULLS = frozenset({"~", "null", "Null", "NULL"})


class RefusalError(Exception):
    """The file is not a story. `index` counts characters of the YAML text, if known."""

    def __init__(self, reason: str, index: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.index = index


#: The text of a scalar and whether it is plain → its value; raises `BadValueError`.
Parse: TypeAlias = Callable[[str, bool], Any]


class Field(NamedTuple):
    """A scalar. `parse` takes its text and whether it is plain; "" and None are absent.

    A value that cannot be used counts as `otherwise`, by default as absent.
    """

    parse: Parse
    expected: str = "text"
    otherwise: Any = None


class Record(NamedTuple):
    """A mapping. `fields` maps keys to attributes and what is read into them.

    `build` makes the record of the attributes found, or None if there is nothing in it;
    A scalar that stands in its place is the field with the key `scalar`, if that is given.
    """

    fields: Mapping[str, tuple[str, Node]]
    build: Callable[[dict[str, Any]], Any]
    scalar: str | None = None


class Many(NamedTuple):
    """A list of one kind, read as a tuple; with `lone`, one scalar is a list of one."""

    item: Node
    lone: bool = False


Node: TypeAlias = "Field | Record | Many"
Fields: TypeAlias = Mapping[str, "tuple[str, Node]"]


def read_mapping(text: str, fields: Fields, path: str) -> tuple[dict[str, Any], list[FieldWarning]]:
    """Read a YAML document that is a mapping; `path` is named in the warnings.

    Returns the attributes found and the fields dropped. Raises `RefusalError`.
    """
    try:
        reader = EventReader(text, path)
        return reader.read_document(fields), reader.all_warnings()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # libyaml's messages are fixed; those of the pure parser quote the file.
        problem = f" ({error.problem})" if yaml.__with_libyaml__ and error.problem else ""
        raise RefusalError(
            f"not YAML{problem}: check quotes, indentation and brackets here and just above",
            mark.index if mark else None,
        ) from None
    except yaml.reader.ReaderError:
        found = yaml.reader.Reader.NON_PRINTABLE.search(text)
        raise RefusalError(
            "not YAML (a control character): remove it, or escape it in double quotes",
            found.start() if found else None,
        ) from None
    except (ValueError, OverflowError):
        # The pure parser lets these through for impossible escapes and versions.
        raise RefusalError("not YAML: check escapes in double quotes") from None


class EventReader:
    """Reads one document; `warnings` collects the first fields that were dropped."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.warnings: list[FieldWarning] = []
        self.more_warnings = 0
        self._next: Callable[[], Event | None] = Parser(text).get_event

    def read_document(self, fields: Fields) -> dict[str, Any]:
        """The attributes of the mapping that is the only document of the text."""
        event = self._next()
        while isinstance(event, (StreamStartEvent, DocumentStartEvent)):
            event = self._next()
        if not isinstance(event, MappingStartEvent):
            _refuse("no mapping: write fields as `title: …`, one a line", event)
        self._check(event, 1)
        values = self._read_fields(fields, "", 1)
        self._next()
        event = self._next()
        if not isinstance(event, StreamEndEvent):
            _refuse("more than one YAML document: keep one story a file", event)
        return values

    def _read_fields(self, fields: Fields, where: str, depth: int) -> dict[str, Any]:
        """The rest of a mapping that has begun."""
        next_event = self._next
        values: dict[str, Any] = {}
        seen: set[str] = set()
        while not isinstance(key := next_event(), MappingEndEvent):
            if not isinstance(key, ScalarEvent):
                self._check(key, depth)
                _refuse("a key that is no plain text: write keys as words", key)
            name = key.value
            if key.tag is not None:
                self._check(key, depth)
            if name in seen:
                # Only names of the format are quoted: others may be private.
                shown = f"`{name}`" if name in fields else "a key"
                _refuse(f"{shown} occurs twice in one mapping: keep one of them", key)
            seen.add(name)
            wanted = fields.get(name)
            if wanted is None:
                self._skip(next_event(), depth)
                continue
            attribute, node = wanted
            value = self._read_node(next_event(), node, where + name, depth)
            if value is not None:
                values[attribute] = value
        return values

    def _read_node(self, event: Event | None, node: Node, where: str, depth: int) -> Any:
        """The value of a node, None if there is none that can be used."""
        if isinstance(event, ScalarEvent):
            return self._read_scalar(event, node, where)
        if isinstance(event, MappingStartEvent) and isinstance(node, Record):
            return self._read_record(event, node, where, depth + 1)
        if isinstance(event, SequenceStartEvent) and isinstance(node, Many):
            return self._read_many(event, node, where, depth + 1)
        self._skip(event, depth)
        self._warn(where, f"{_expected(node)} is expected here")
        return _otherwise(node)

    def _read_scalar(self, event: ScalarEvent, node: Node, where: str) -> Any:
        text: str = event.value
        plain: bool = event.implicit[0]
        if event.tag is not None:
            self._check(event, 0)
            plain = event.tag not in _TEXT_TAGS
        try:
            return _read_scalar(node, text, plain)
        except BadValueError as bad:
            self._warn(where, bad.reason)
            return _otherwise(node)

    def _read_record(self, event: MappingStartEvent, node: Record, where: str, depth: int) -> Any:
        self._check(event, depth)
        before = len(self.warnings)
        values = self._read_fields(node.fields, where + ".", depth)
        try:
            return node.build(values)
        except BadValueError as bad:
            field = where + bad.key
            if all(warning.field != field for warning in self.warnings[before:]):
                self._warn(field, bad.reason)
            return None

    def _read_many(self, event: SequenceStartEvent, node: Many, where: str, depth: int) -> Any:
        self._check(event, depth)
        values = []
        number = 0
        while not isinstance(item := self._next(), SequenceEndEvent):
            value = self._read_node(item, node.item, f"{where}[{number}]", depth)
            if value is not None:
                values.append(value)
            number += 1
        return tuple(values)

    def _skip(self, event: Event | None, depth: int) -> None:
        """Step over a node that has begun at `depth`."""
        self._check(event, depth + 1)
        if isinstance(event, MappingStartEvent):
            self._read_fields({}, "", depth + 1)
        elif isinstance(event, SequenceStartEvent):
            while not isinstance(item := self._next(), SequenceEndEvent):
                self._skip(item, depth + 1)

    def _check(self, event: Event | None, depth: int) -> None:
        """Refuse aliases, types that are not plain YAML, and deep nesting."""
        if isinstance(event, AliasEvent):
            _refuse("a YAML alias (`*name`): write its value out", event)
        if not isinstance(event, (ScalarEvent, MappingStartEvent, SequenceStartEvent)):
            return
        if event.tag is not None and event.tag not in _TAGS:
            _refuse("a YAML tag (`!name`) of an unknown type: remove the tag", event)
        if depth > MAX_DEPTH and not isinstance(event, ScalarEvent):
            _refuse(f"nested deeper than {MAX_DEPTH} levels: flatten it", event)

    def _warn(self, field: str, reason: str) -> None:
        if len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(FieldWarning(self.path, field, reason))
        else:
            self.more_warnings += 1

    def all_warnings(self) -> list[FieldWarning]:
        """The warnings; past `MAX_WARNINGS` one more that counts the rest."""
        if not self.more_warnings:
            return self.warnings
        reason = f"{self.more_warnings:,} more fields were dropped"
        return [*self.warnings, FieldWarning(self.path, "…", reason)]


def _read_scalar(node: Node, text: str, plain: bool) -> Any:
    """The value of a scalar in the place of a node, None if it is empty; `BadValueError`."""
    if isinstance(node, Many) and node.lone:
        value = _read_scalar(node.item, text, plain)
        return None if value is None else (value,)
    if isinstance(node, Record) and node.scalar is not None:
        attribute, field = node.fields[node.scalar]
        value = _read_scalar(field, text, plain)
        return None if value is None else node.build({attribute: value})
    if not text or text.isspace() or (plain and text in _NULLS):
        return None
    if isinstance(node, Field):
        value = node.parse(text, plain)
        return None if value == "" else value
    raise BadValueError(f"{_expected(node)} is expected here")


def _expected(node: Node) -> str:
    if isinstance(node, Field):
        return node.expected
    return "a list" if isinstance(node, Many) else "a mapping"


def _otherwise(node: Node) -> Any:
    return node.otherwise if isinstance(node, Field) else None


def _refuse(reason: str, event: Event | None) -> NoReturn:
    mark = event.start_mark if event is not None else None
    raise RefusalError(reason, mark.index if mark else None)
