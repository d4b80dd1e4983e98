"""The two queues of jobs: an inspection never waits behind an analysis."""

from __future__ import annotations

from typing import Literal

QueueName = Literal["inspections", "analyses"]
QUEUES: tuple[QueueName, ...] = ("inspections", "analyses")
