"""The same of a table once somebody has said which column holds the labels."""

from __future__ import annotations

from workers.jobs.inspect_dataset import run

__all__ = ["run"]
