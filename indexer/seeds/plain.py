"""The YAML that most story files are made of → stories, by a compiled loop.

`transcode` turns such text into MessagePack, which is decoded straight into the records
of the model: many times faster than libyaml's events can be made. Whatever else a file
holds, even a field that cannot be used, is left to `events`, which knows all of YAML and
says what is wrong; a file read here is one that `events` reads alike, without a warning.

Importing this module imports the compiler: worth it for some hundred files.
"""

from __future__ import annotations

import unicodedata

import msgspec
import numpy as np

from ..model import Story
from .events import Field, Fields, Many, Node, Parse, Record
from .pack import Kind
from .scalars import ODD
from .transcode import transcode
from .values import (
    parse_domain,
    parse_flag,
    parse_instant,
    parse_line,
    parse_link,
    parse_number,
    parse_pixels,
    parse_text,
)

_KINDS: dict[Parse, int] = {
    parse_line: Kind.LINE,
    parse_text: Kind.TEXT,
    parse_link: Kind.LINK,
    parse_number: Kind.NUMBER,
    parse_pixels: Kind.PIXELS,
    parse_flag: Kind.FLAG,
    parse_instant: Kind.INSTANT,
    parse_domain: Kind.DOMAIN,
}
_decoder = msgspec.msgpack.Decoder(Story)
_encode = msgspec.msgpack.encode


class PlainReader:
    """Reads one text after the other; not for several threads at a time.

    `fields` are those of a story, whose records and attributes are the model's.
    """

    def __init__(self, fields: Fields) -> None:
        tables = _Tables()
        tables.add(fields, None)
        self._names = np.frombuffer(bytes(tables.names), np.uint8)
        self._fields = np.array(tables.fields, np.int64)
        self._records = np.array(tables.records, np.int64)
        self._out = self._beyond = np.zeros(0, np.uint8)

    def read(self, text: str, story_id: str) -> Story | None:
        """The story that a mapping is; None where `events.read_mapping` has to be asked."""
        data = np.frombuffer((text + "\n").encode(), np.uint8)
        head = b"\0\0\0\0\0" + _encode("id") + _encode(story_id)
        self._make_room(len(head) + len(data))
        out = self._out
        out[: len(head)] = np.frombuffer(head, np.uint8)
        end, beyond = transcode(
            data, self._names, self._fields, self._records, out, len(head), 1, self._beyond
        )
        if end == ODD:
            return None
        if beyond and not unicodedata.is_normalized(
            "NFC", self._beyond[:beyond].tobytes().decode()
        ):
            return None
        try:
            story = _decoder.decode(out[:end].data)
        except msgspec.ValidationError:
            return None
        if len(set(story.topics)) < len(story.topics):
            story = msgspec.structs.replace(story, topics=tuple(dict.fromkeys(story.topics)))
        return story

    def _make_room(self, size: int) -> None:
        if len(self._beyond) < 2 * size:
            self._out = np.zeros(8 * size + 1024, np.uint8)
            self._beyond = np.zeros(4 * size, np.uint8)


class _Tables:
    """A tree of fields as `transcode` takes it."""

    def __init__(self) -> None:
        self.names = bytearray()
        self.fields: list[list[int]] = []
        self.records: list[list[int]] = []
        self._seen: dict[int, int] = {}

    def add(self, fields: Fields, scalar: str | None) -> int:
        """Add a record; returns its number."""
        number = self._seen.setdefault(id(fields), len(self.records))
        if number < len(self.records):
            return number
        begin = len(self.fields)
        keys = list(fields)
        self.records.append(
            [begin, begin + len(keys), begin + keys.index(scalar) if scalar else -1]
        )
        self.fields += [[] for _ in keys]
        for place, (key, (attribute, node)) in enumerate(fields.items(), begin):
            kind, child = self._kind(node)
            spans = [*self._span(key.encode()), *self._span(_encode(attribute))]
            self.fields[place] = [*spans, kind, child]
        return number

    def _span(self, name: bytes) -> tuple[int, int]:
        begin = len(self.names)
        self.names += name
        return begin, len(name)

    def _kind(self, node: Node) -> tuple[int, int]:
        if isinstance(node, Record):
            return Kind.RECORD, self.add(node.fields, node.scalar)
        if isinstance(node, Many) and isinstance(node.item, Record):
            return Kind.RECORDS, self.add(node.item.fields, node.item.scalar)
        if isinstance(node, Many):
            return Kind.LINES, 0 if node.lone else -1
        assert isinstance(node, Field)
        return _KINDS[node.parse], -1
