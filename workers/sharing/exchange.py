"""Shards as the child that runs an analysis sees them: asked of its supervisor, line by line.

The child never waits while a shard is free: it takes the next one itself, and only where all that
are left are being worked on elsewhere it waits for them.
"""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from minimascope.analysis.sharing.shards import WORTH_SHARING, Alone, Answer, Part, Work
from minimascope.contract.problems import ProblemError

WAIT_SECONDS = 0.3
Found = dict[str, Any]  # one shard as the API tells it: backend/jobs/schemas.py


class Speaker(Protocol):
    """Sends an event to the supervisor."""

    def send(self, event: str, **values: Any) -> None: ...


class Exchange:
    """One analysis' shards; `replies` are lines from the supervisor."""

    def __init__(self, out: Speaker, replies: queue.SimpleQueue[bytes], workdir: Path) -> None:
        self._out, self._replies, self._workdir = out, replies, workdir
        self._shared: set[str] = set()
        self._begun: dict[str, dict[str, Any]] = {}

    def add(self, parts: Sequence[Part], *, seconds: float) -> None:
        """Hands them out where all of them together take long enough."""
        if seconds < WORTH_SHARING:
            return
        self._shared = {each.stage for each in parts}
        told = [{"stage": each.stage, "index": each.index, "question": each.what} for each in parts]
        self._out.send("shards", shards=told)

    def elsewhere(self, stage: str) -> bool:
        if stage not in self._shared:
            return False
        news = self._take(stage)
        if news["taken"]:
            self._begun[stage] = news
            return False
        return any(each["state"] == "running" for each in news["shards"])

    def gather(
        self, parts: Sequence[Part], work: Work, progress: Callable[[float], None]
    ) -> list[Answer]:
        stage = parts[0].stage if parts else ""
        if stage not in self._shared:
            return Alone().gather(parts, work, progress)
        mine: dict[int, Answer] = {}
        reached = _Reached(parts, progress)
        while True:
            news = self._begun.pop(stage, None) or self._take(stage)
            shards, taken = news["shards"], news["taken"]
            reached.told(shards)
            _raise_problem(shards)
            if taken:
                index = int(taken["index"])
                part = next(each for each in parts if each.index == index)
                mine[index] = work(part, reached.within(shards, index))
                self._deliver(taken["id"], mine[index])
            elif len(shards) < len(parts):  # removed while this worker was cut off
                return Alone().gather(parts, work, progress)
            elif all(each["state"] == "done" for each in shards):
                return self._answers(shards, mine)
            else:
                time.sleep(WAIT_SECONDS)

    def _take(self, stage: str) -> dict[str, Any]:
        self._out.send("take", stage=stage)
        return self._reply()

    def _reply(self) -> dict[str, Any]:
        reply: dict[str, Any] = json.loads(self._replies.get())
        return reply

    def _deliver(self, shard: str, found: Answer) -> None:
        paths: dict[str, str] = {}
        for name, values in found.arrays.items():
            # A file of its own: the supervisor may still be reading the last shard's.
            path = self._workdir / f"{shard}-{name}.npy"
            np.save(path, values, allow_pickle=False)
            paths[name] = str(path)
        self._out.send("answer", shard=shard, value=found.value, arrays=paths)

    def _answers(self, shards: list[Found], mine: dict[int, Answer]) -> list[Answer]:
        """In the order of the parts; those of others are fetched."""
        ordered = sorted(shards, key=lambda each: int(each["index"]))
        return [mine.get(int(each["index"])) or self._fetched(each) for each in ordered]

    def _fetched(self, shard: Found) -> Answer:
        self._out.send("fetch", shard=shard["id"], names=shard["arrays"])
        paths = self._reply()["paths"]
        arrays = {name: np.load(path, allow_pickle=False) for name, path in paths.items()}
        return Answer(shard["result"] or {}, arrays)


class _Reached:
    """Points done of all points, over every shard; never fewer than were told."""

    def __init__(self, parts: Sequence[Part], progress: Callable[[float], None]) -> None:
        self._points = {each.index: each.points for each in parts}
        self._progress, self._most = progress, 0.0

    def told(self, shards: list[Found]) -> None:
        self._tell({int(each["index"]): float(each["progress"]) for each in shards})

    def within(self, shards: list[Found], mine: int) -> Callable[[float], None]:
        """Hears how far the shard `mine` is, while the others are as they were."""
        known = {int(each["index"]): float(each["progress"]) for each in shards}
        return lambda done: self._tell({**known, mine: done})

    def _tell(self, done: dict[int, float]) -> None:
        points = sum(self._points.get(index, 0) * share for index, share in done.items())
        self._most = max(self._most, min(1.0, points / sum(self._points.values())))
        self._progress(self._most)


def _raise_problem(shards: list[Found]) -> None:
    for each in shards:
        if each["state"] in ("failed", "cancelled"):
            stopped = ProblemError("cancelled", "A part of this stage was cancelled.")
            raise ProblemError.from_dict(each["problem"] or stopped.as_dict())
