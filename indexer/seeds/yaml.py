"""YAML events → the fields that are wanted, nothing else.

`EventReader` follows the event stream of libyaml (the pure parser where PyYAML was
built without it) along a tree of `Field`, `Record` and `Many`, and hands each scalar
to its parser as it comes by. What the tree does not name, `secured` above all, is
stepped over: only its nesting and keys are checked, and none of it is kept or quoted,
but the names of fields that are not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

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
from .aliases import AliasError, Aliases
from .faults import RefusalError, yaml_fault
from .fields import Field, Fields, Many, Node, Record, expected
from .values import UNUSED, BadValueError, cut_at_commas

if yaml.__with_libyaml__:
    from yaml._yaml import CParser as Parser
else:
    from yaml import SafeLoader as Parser  # type: ignore[assignment]

#: Mappings and lists inside each other, the outermost mapping counted.
MAX_DEPTH = 32
#: Warnings a file can cause, so that a report stays readable and small.
MAX_WARNINGS = 1000
#: Values and keys of a file; a usual story has about a thousand.
MAX_EVENTS = 200_000
#: Items of a list that is read, and topics in one text.
MAX_ITEMS = 5_000
#: More `%TAG` and `%YAML` lines than anybody needs: each is compared with all before it.
MAX_DIRECTIVES = 100
#: Names of unused keys that are told of one file.
MAX_UNUSED = 50

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


class Mapped(NamedTuple):
    """What a document says.

    values: the attributes found
    warnings: the fields dropped
    unused: names of keys that are not known, or whose value was of no use
    places: of each key of the outermost mapping where it stands, in characters
    """

    values: dict[str, Any]
    warnings: list[FieldWarning]
    unused: tuple[str, ...]
    places: dict[str, int]


# Names that may be told: other keys may be private text that was indented wrongly.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
# Half of a character that UTF-16 writes in two, as JSON escapes it; libyaml refuses both.
_SURROGATES = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u(?:([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
    r"|[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_PRIVATE_USE = range(0xE000, 0xF900)


def read_mapping(text: str, fields: Fields, path: str, line: int = 1) -> Mapped:
    """Read a YAML document that is a mapping; `path` and lines are named in the warnings.

    line: the one of the file with which the text begins

    Raises `RefusalError`.
    """
    if text.startswith("%") and text.count("\n%") > MAX_DIRECTIVES:
        raise RefusalError(f"more than {MAX_DIRECTIVES} directives (`%TAG`): remove them", 0)
    half = ""
    if _SURROGATES.search(text):
        half = next(sign for sign in map(chr, _PRIVATE_USE) if sign not in text)
        text = _SURROGATES.sub(lambda found: found[1] + _joined(found, half), text)
    try:
        return EventReader(text, path, half, line).read_document(fields)
    except AliasError as error:
        mark = error.event.start_mark
        raise RefusalError(error.reason, mark.index if mark else None) from None
    except yaml.MarkedYAMLError as error:
        raise yaml_fault(text, error) from None
    except yaml.reader.ReaderError:
        found = yaml.reader.Reader.NON_PRINTABLE.search(text)
        raise RefusalError(
            "not YAML (a control character): remove it, or escape it in double quotes",
            found.start() if found else None,
        ) from None
    except (ValueError, OverflowError):
        # The pure parser lets these through for impossible escapes and versions.
        raise RefusalError("not YAML: check escapes in double quotes") from None


def _joined(found: re.Match[str], half: str) -> str:
    """The character of two halves, or the sign for half of one."""
    if found[3] is None:
        return half
    return chr(0x10000 + ((int(found[2], 16) & 0x3FF) << 10) + (int(found[3], 16) & 0x3FF))


class EventReader:
    """Reads one document; `warnings` collects the first fields that were dropped.

    half: the sign that stands in the text for half of a character
    line: the one of the file with which the text begins
    """

    def __init__(self, text: str, path: str, half: str = "", line: int = 1) -> None:
        self.path = path
        self._first_line = line
        self.warnings: list[FieldWarning] = []
        self.more_warnings = 0
        self.unused: dict[str, None] = {}
        self.places: dict[str, int] = {}
        self._half = half
        self._left = MAX_EVENTS
        parser = Parser(text)
        self._aliases = Aliases(parser.get_event)
        # Few files have aliases, and without them there is less to do.
        self._next: Callable[[], Event | None] = (
            self._aliases.get_event if "*" in text else parser.get_event
        )

    def read_document(self, fields: Fields) -> Mapped:
        """What the mapping says that is the only document of the text."""
        event = self._next()
        while isinstance(event, (StreamStartEvent, DocumentStartEvent)):
            event = self._next()
        if not isinstance(event, MappingStartEvent):
            _refuse("no mapping: write fields as `title: …`, one a line", event)
        self._check(event, 1)
        values = self._read_record_fields(Record(fields, dict, tells=""), "", 1)
        self._next()
        event = self._next()
        if not isinstance(event, StreamEndEvent):
            _refuse("more than one YAML document: keep one story a file", event)
        return Mapped(values, self.all_warnings(), tuple(self.unused), self.places)

    def _read_record_fields(self, record: Record, where: str, depth: int) -> dict[str, Any]:
        """The attributes of a mapping that has begun, of each the one with the lowest rank."""
        found = self._read_fields(record, where, depth)
        values: dict[str, Any] = {}
        ranks: dict[str, int] = {}
        for name, value in found.items():
            attribute, _, rank = record.fields[name]
            if value is not None and rank <= ranks.get(attribute, rank):
                values[attribute], ranks[attribute] = value, rank
        return values

    def _read_fields(self, record: Record, where: str, depth: int) -> dict[str, Any]:
        """The rest of a mapping that has begun: the values of those keys that are wanted."""
        fields = record.fields
        next_event = self._next
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        seen: set[str] = set()
        while not isinstance(key := next_event(), MappingEndEvent):
            self._count(key, 2)
            if not isinstance(key, ScalarEvent):
                _refuse("a key that is no plain text: write keys as words", key)
            name = key.value
            if key.tag is not None:
                self._check(key, depth)
            elif name == "<<" and key.implicit[0] and fields:
                merged |= self._read_merged(record, where, depth)
                continue
            if name in seen:
                self._warn_twice(key, record, where)
            seen.add(name)
            wanted = fields.get(name)
            if depth == 1 and key.start_mark is not None:
                self.places[name] = key.start_mark.index
            if wanted is None:
                self._step_over(name, record, where, depth)
                continue
            value = self._read_node(next_event(), wanted.node, where + name, depth)
            if value is UNUSED:
                self._tell(name, record)
                value = None
            found[name] = value
        return {**merged, **found}

    def _read_merged(self, record: Record, where: str, depth: int) -> dict[str, Any]:
        """What `<<` adds: the values of a mapping, or of several, of which the first counts."""
        event = self._next()
        if isinstance(event, MappingStartEvent):
            self._check(event, depth + 1)
            return self._read_fields(record, where, depth + 1)
        values: dict[str, Any] = {}
        if isinstance(event, SequenceStartEvent) and depth < MAX_DEPTH:
            while not isinstance(item := self._next(), SequenceEndEvent):
                if isinstance(item, MappingStartEvent):
                    values = {**self._read_fields(record, where, depth + 1), **values}
                else:
                    self._skip(item, depth + 1)
            return values
        self._skip(event, depth)
        return values

    def _warn_twice(self, key: ScalarEvent, record: Record, where: str) -> None:
        name = key.value
        if record.tells is None and name not in record.fields:
            # Names are told of mappings that are read, and nothing of what is private.
            if not self._aliases.hidden:
                self._warn(key, where or "…", "a key twice in one mapping: the last counts")
            return
        shown = name if name in record.fields or may_be_told(name) else "…"
        self._warn(key, where + shown, "this key twice in one mapping: the last counts")

    def _step_over(self, name: str, record: Record, where: str, depth: int) -> None:
        """Step over the value of a key that is not wanted, or private."""
        if is_private(name):
            self._aliases.hidden += 1
            self._skip(self._next(), depth)
            self._aliases.hidden -= 1
            return
        self._tell(name, record)
        self._skip(self._next(), depth, where + name if may_be_told(name) else "…")

    def _tell(self, name: str, record: Record) -> None:
        if record.tells is not None and len(self.unused) < MAX_UNUSED and may_be_told(name):
            self.unused[record.tells + name] = None

    def _read_node(self, event: Event | None, node: Node, where: str, depth: int) -> Any:
        """The value of a node, None if there is none that can be used."""
        if isinstance(event, ScalarEvent):
            return self._read_scalar(event, node, where)
        if isinstance(event, MappingStartEvent):
            if isinstance(node, Record):
                return self._read_record(event, node, where, depth + 1)
            if isinstance(node, Many) and node.lone and isinstance(node.item, Record):
                value = self._read_record(event, node.item, where, depth + 1)
                return None if value is None else (value,)
        if isinstance(event, SequenceStartEvent):
            if isinstance(node, Many):
                return self._read_many(event, node, where, depth + 1)
            if isinstance(node, Record) and node.first:
                found = self._read_many(event, Many(node), where, depth + 1)
                return found[0] if found else None
        self._skip(event, depth)
        kind = "a mapping" if isinstance(event, MappingStartEvent) else "a list"
        self._warn(event, where, f"{expected(node)} is expected here, not {kind}")
        return node.otherwise if isinstance(node, Field) else None

    def _read_scalar(self, event: ScalarEvent, node: Node, where: str) -> Any:
        text: str = event.value
        plain: bool = event.implicit[0]
        if event.tag is not None:
            self._check(event, 0)
            plain = event.tag not in _TEXT_TAGS
        if self._half and self._half in text:
            self._warn(event, where, "half of a character (`\\ud83d` alone): this half was dropped")
            text = text.replace(self._half, "")
        try:
            return _read_scalar(node, text, plain)
        except BadValueError as bad:
            self._warn(event, where, bad.reason)
            return node.otherwise if isinstance(node, Field) else None

    def _read_record(self, event: MappingStartEvent, node: Record, where: str, depth: int) -> Any:
        self._check(event, depth)
        before = len(self.warnings)
        values = self._read_record_fields(node, where + ".", depth)
        try:
            return node.build(values)
        except BadValueError as bad:
            field = where + bad.key
            if all(warning.field != field for warning in self.warnings[before:]):
                self._warn(event, field, bad.reason)
            return None

    def _read_many(self, event: SequenceStartEvent, node: Many, where: str, depth: int) -> Any:
        self._check(event, depth)
        values = []
        number = 0
        while not isinstance(item := self._next(), SequenceEndEvent):
            self._count(item)
            number += 1
            if number > MAX_ITEMS:
                if number == MAX_ITEMS + 1:
                    self._warn(item, where, f"more than {MAX_ITEMS:,} items: the rest was dropped")
                self._skip(item, depth)
                continue
            value = self._read_node(item, node.item, f"{where}[{number - 1}]", depth)
            if value is not None and value is not UNUSED:
                values.append(value)
        return tuple(values)

    def _skip(self, event: Event | None, depth: int, where: str = "") -> None:
        """Step over a node that has begun at `depth`."""
        self._check(event, depth + 1)
        if isinstance(event, MappingStartEvent):
            self._read_fields(_NOTHING, where, depth + 1)
        elif isinstance(event, SequenceStartEvent):
            while not isinstance(item := self._next(), SequenceEndEvent):
                self._count(item)
                self._skip(item, depth + 1, where)

    def _count(self, event: Event | None, values: int = 1) -> None:
        self._left -= values
        if self._left < 0:
            _refuse(f"more than {MAX_EVENTS:,} keys and values: split it", event)

    def _check(self, event: Event | None, depth: int) -> None:
        """Refuse types that are not plain YAML, and deep nesting."""
        if isinstance(event, AliasEvent):
            _refuse("an alias (`*name`) of nothing before it: write its value out", event)
        if not isinstance(event, (ScalarEvent, MappingStartEvent, SequenceStartEvent)):
            return
        if event.tag is not None and event.tag not in _TAGS:
            _refuse("an unknown YAML tag (`!name`): put the text in quotes, or remove it", event)
        if depth > MAX_DEPTH and not isinstance(event, ScalarEvent):
            _refuse(f"nested deeper than {MAX_DEPTH} levels: flatten it", event)

    def _warn(self, event: Event | None, field: str, reason: str) -> None:
        if len(self.warnings) < MAX_WARNINGS:
            mark = event.start_mark if event is not None else None
            line = None if mark is None else self._first_line + mark.line
            self.warnings.append(FieldWarning(self.path, field, reason, line))
        else:
            self.more_warnings += 1

    def all_warnings(self) -> list[FieldWarning]:
        """The warnings; past `MAX_WARNINGS` one more that counts the rest."""
        if not self.more_warnings:
            return self.warnings
        reason = f"{self.more_warnings:,} more fields were dropped"
        return [*self.warnings, FieldWarning(self.path, "…", reason)]


_NOTHING = Record({}, dict)


def may_be_told(name: str) -> bool:
    """Whether a key that is not known may be named: it looks like a name and is not private."""
    return _NAME.fullmatch(name) is not None and not is_private(name)


def is_private(name: str) -> bool:
    """Whether a key is `secured`, in whatever case."""
    return len(name) == 7 and name.lower() == "secured"


def _read_scalar(node: Node, text: str, plain: bool) -> Any:
    """The value of a scalar in the place of a node, None if it is empty; `BadValueError`."""
    if isinstance(node, Many) and node.lone:
        if node.cut:
            items = cut_at_commas(text)
            if len(items) > MAX_ITEMS:
                raise BadValueError(f"more than {MAX_ITEMS:,} items: write fewer")
            parts = [_read_scalar(node.item, item, plain) for item in items]
            return tuple(part for part in parts if part is not None) or None
        value = _read_scalar(node.item, text, plain)
        return value if value is None or value is UNUSED else (value,)
    if isinstance(node, Record) and node.scalar is not None:
        attribute, field, _ = node.fields[node.scalar]
        value = _read_scalar(field, text, plain)
        return value if value is None or value is UNUSED else node.build({attribute: value})
    if not text or text.isspace() or (plain and text in _NULLS):
        return None
    if isinstance(node, Field):
        value = node.parse(text, plain)
        return None if value == "" else value
    raise BadValueError(f"{expected(node)} is expected here, not text")


def _refuse(reason: str, event: Event | None) -> NoReturn:
    mark = event.start_mark if event is not None else None
    raise RefusalError(reason, mark.index if mark else None)
