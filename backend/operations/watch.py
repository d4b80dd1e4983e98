"""What is wrong with the service right now, in sentences: the same for a probe, a page, the
metrics and `minimascope doctor`."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from minimascope.contract.code import release_said, this_code
from minimascope.contract.queues import QUEUES

SEEN_SECONDS = 60.0
# Below the smaller of the two the disk is nearly full.
LOW_BYTES, LOW_SHARE = 4 << 30, 0.05
WORK = {"inspections": "uploads are not looked into", "analyses": "analyses wait"}
Worker = dict[str, Any]


@dataclass(frozen=True)
class Condition:
    """`stops`: nothing can be asked of the service while it is not met."""

    name: str
    ok: bool
    sentence: str = ""
    stops: bool = False
    figures: dict[str, Any] = field(default_factory=dict)


def of_answer(name: str, ask: Callable[[], object], *, stops: bool = False) -> Condition:
    """Whether something that the service stands on answers at all."""
    try:
        ask()
    except Exception as error:  # kombu and drivers wrap only some of what goes wrong
        sentence = f"The {name} does not answer ({type(error).__name__})."
        return Condition(name, False, sentence, stops)
    return Condition(name, True, stops=stops)


def of_disk(folder: Path) -> Iterator[Condition]:
    """Whether the disk of the data folder can be written and has room."""
    usage = shutil.disk_usage(folder)
    writable = os.access(folder, os.W_OK)
    sentence = "" if writable else "The data folder cannot be written."
    yield Condition("store", writable, sentence, stops=True, figures={"free_bytes": usage.free})
    low = usage.free < min(LOW_BYTES, LOW_SHARE * usage.total)
    left = f"The disk is nearly full: {usage.free / 2**30:.1f} GiB are left."
    yield Condition("disk", not low, left if low else "")


def release_of(worker: Worker) -> str:
    """What a worker said of its version, as `Code.release`; "" where it said too little."""
    return release_said(cast(dict[str, str], worker.get("versions") or {}))


def of_workers(workers: Sequence[Worker]) -> Iterator[Condition]:
    """Whether for each kind of work a worker lives that may take it, and whether all may."""
    ours = this_code()
    good = [each for each in workers if release_of(each) == ours.release]
    for queue, what in WORK.items():
        there = any(queue in each.get("queues", ()) for each in good)
        sentence = "" if there else f"There is no worker for {queue}: {what}."
        yield Condition(f"{queue}_worker", there, sentence)
    others = sorted(str(each["id"]) for each in workers if each not in good)
    sentence = ""
    if others:
        names = ", ".join(others[:5])
        who = "A worker is" if len(others) == 1 else f"{len(others)} workers are"
        sentence = f"{who} not {ours.words()} and without work: {names}."
    yield Condition("versions", not others, sentence)


def by_queue(workers: Sequence[Worker]) -> dict[str, int]:
    """How many living workers of this release serve each queue."""
    release = this_code().release
    good = [each for each in workers if release_of(each) == release]
    return {queue: sum(queue in each.get("queues", ()) for each in good) for queue in QUEUES}


def status(conditions: Sequence[Condition]) -> str:
    """`ok`, `degraded` where something is wrong, `unavailable` where nothing can be asked."""
    wrong = [each for each in conditions if not each.ok]
    if any(each.stops for each in wrong):
        return "unavailable"
    return "degraded" if wrong else "ok"


def seen_since() -> float:
    """Workers heard of after this moment live."""
    return time.time() - SEEN_SECONDS
