"""The queues of jobs: an inspection never waits behind an analysis, a GPU's job finds a GPU."""

from __future__ import annotations

from typing import Literal

QueueName = Literal["inspections", "analyses", "gpu"]
QUEUES: tuple[QueueName, ...] = ("inspections", "analyses", "gpu")
