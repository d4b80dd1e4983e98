"""Server-sent events: the text of a stream as values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """`name` is snapshot, progress, stage, state or problem; `data` is the event's JSON object."""

    id: str
    name: str
    data: dict[str, Any]


@dataclass
class EventText:
    """Takes the text of a stream piece by piece; a blank line closes an event.

    Lines end at line feeds alone (httpx's own also at U+2028, which JSON may hold as it is).
    """

    rest: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    def feed(self, text: str) -> list[Event]:
        """The events that this piece closes."""
        *lines, self.rest = (self.rest + text).split("\n")
        found = [self._line(line.removesuffix("\r")) for line in lines]
        return [event for event in found if event]

    def _line(self, line: str) -> Event | None:
        if not line:
            fields, self.fields = self.fields, dict[str, str]()
            if "data" not in fields:
                return None
            name = fields.get("event", "message")
            return Event(fields.get("id", ""), name, dict(json.loads(fields["data"])))
        if not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            joined = name == "data" and "data" in self.fields
            self.fields[name] = f"{self.fields['data']}\n{value}" if joined else value
        return None
