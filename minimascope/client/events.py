"""Server-sent events: the lines of a stream as values."""

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
class EventLines:
    """Feeds on lines without their ends; `feed` answers an event when a blank line closes one."""

    fields: dict[str, str] = field(default_factory=dict)

    def feed(self, line: str) -> Event | None:
        if not line:
            fields = self.fields
            self.fields = {}
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
