"""YAML events with every alias (`*name`) replaced by what it stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

#: What aliases of one file may expand to: characters, and for each value so many more.
MAX_EXPANDED = 4 << 20
_VALUE_COSTS = 64


class AliasError(Exception):
    """An alias cannot be replaced. `event` is the alias."""

    def __init__(self, reason: str, event: AliasEvent) -> None:
        super().__init__(reason)
        self.reason = reason
        self.event = event


class Aliases:
    """Gives the events of `parse`; an anchored value is kept for the aliases that follow.

    While `hidden` is not 0, a private value goes by: it is not kept, and its own aliases
    are replaced by nothing.
    """

    def __init__(self, parse: Callable[[], Event | None]) -> None:
        self.hidden = 0
        self._parse = parse
        self._kept: dict[str, list[Event] | str] = {}
        #: The events since the first anchored value that has not ended.
        self._log: list[Event] = []
        #: Of each that has not ended its anchor, its place in the log and its open brackets.
        self._open: list[tuple[str, int, int]] = []
        self._depth = 0
        self._replayed: list[Iterator[Event]] = []
        self._left = MAX_EXPANDED

    def get_event(self) -> Event | None:
        """The next event, never an alias; raises `AliasError` and what `parse` does."""
        event = self._replay()
        if event is None:
            event = self._parse()
            anchor = getattr(event, "anchor", None)
            if isinstance(event, AliasEvent):
                event = self._expanded(event)
            elif anchor is not None:
                if self.hidden:
                    self._kept[anchor] = "an alias of what is private: write its value out"
                else:
                    self._kept[anchor] = "an alias of what it is a part of: write its value out"
                    self._open.append((anchor, len(self._log), self._depth))
        if self._open and event is not None:
            self._keep(event)
        return event

    def _replay(self) -> Event | None:
        while self._replayed:
            event = next(self._replayed[-1], None)
            if event is not None:
                return event
            self._replayed.pop()
        return None

    def _expanded(self, alias: AliasEvent) -> Event:
        if self.hidden:
            return ScalarEvent(None, None, (True, False), "", alias.start_mark, alias.end_mark)
        nothing = "an alias of nothing before it: put the text in quotes, or write its value out"
        kept = self._kept.get(alias.anchor or "", nothing)
        if isinstance(kept, str):
            raise AliasError(kept, alias)
        self._left -= sum(_VALUE_COSTS + len(getattr(event, "value", "")) for event in kept)
        if self._left < 0:
            raise AliasError("aliases that expand without end: write their values out", alias)
        events = iter(kept)
        self._replayed.append(events)
        return next(events)

    def _keep(self, event: Event) -> None:
        self._log.append(event)
        if isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            self._depth += 1
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            self._depth -= 1
        while self._open and self._open[-1][2] == self._depth:
            anchor, start, _ = self._open.pop()
            self._kept[anchor] = self._log[start:]
        if not self._open:
            self._log, self._depth = [], 0
