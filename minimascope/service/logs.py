"""The log of API and workers: warnings in words, or every request and job as lines of JSON."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Literal

from typing_extensions import override

JOB = re.compile("job ([0-9a-f]{32})")


class JsonLines(logging.Formatter):
    """One object a line; a message that is an object already keeps its fields."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        try:
            fields = json.loads(message) if message.startswith("{") else {"message": message}
        except ValueError:
            fields = {"message": message}
        if job := JOB.match(message):
            fields["job"] = job[1]
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            **fields,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(log_format: Literal["text", "json"]) -> None:
    """`text` leaves Python's own: warnings and worse on stderr."""
    if log_format == "text":
        return
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    logging.getLogger("minimascope").setLevel(logging.INFO)
