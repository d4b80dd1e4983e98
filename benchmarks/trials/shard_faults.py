"""Workers killed while they share one analysis: what becomes of its parts."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.trials.faults import LEASE, deployed, process_parent, spread
from tests.servers.analyses import patiently, submitted, until

PARTS = 4


def _begun(log: Path) -> dict[int, int]:
    """Process of every part that was begun and is not done."""
    words = log.read_text().split() if log.exists() else []
    begun = {
        int(word.split("-")[1]): int(words[place + 1])
        for place, word in enumerate(words[:-1])
        if word.startswith("part-")
    }
    return {index: pid for index, pid in begun.items() if f"done-{index}" not in words}


def shard_kills(times: int = 20) -> dict[str, Any]:
    """kill -9 of one of two workers that share an analysis, in turn its own one and the helper."""
    taken, again, lost, doubled = [], 0, 0, 0
    with deployed() as (deployment, client):
        for number in range(times):
            log = deployment.folder / f"parts-{number}"
            made = submitted(client, f"parts {PARTS} each 2 sleep 0.1 log {log}")
            until(client, made, "running")
            while len(_begun(log)) < 2:
                time.sleep(0.02)
            time.sleep(random.uniform(0.0, 1.0))
            analysis = int(log.read_text().split()[1])
            pids = _begun(log).values()
            own = [pid for pid in pids if (pid == analysis) == (number % 2 == 0)]
            killed = time.monotonic()
            os.kill(process_parent((own or list(pids))[0]), signal.SIGKILL)
            end = until(client, made)
            taken.append(time.monotonic() - killed)
            words = Counter(log.read_text().split())
            lost += end.state != "done"
            doubled += sum(words[f"done-{index}"] > 1 for index in range(PARTS))
            again += sum(words[f"part-{index}"] - 1 for index in range(PARTS))
            deployment.await_workers(2)
    figures = {
        "kills": times,
        "lost": lost,
        "parts_done_twice": doubled,
        "parts_begun_again": again,
    }
    return {**figures, **spread(taken), "lease": LEASE, "each_part_seconds": 2}


def shard_poison() -> dict[str, Any]:
    """A part that kills every worker that takes it: its stage fails, the analysis is done."""
    with deployed() as (deployment, client):
        log = deployment.folder / "parts"
        made = submitted(client, f"parts {PARTS} each 0.2 deadly 2 sleep 0.1 log {log}")
        begun = time.monotonic()
        end = until(client, made, seconds=240)
        stages = {each.stage: each.state for each in patiently(client, made).stages}
        return {
            "state": end.state,
            "attempts_of_analysis": end.attempt,
            "stage": stages.get("margins"),
            "times_taken": Counter(log.read_text().split())["part-2"],
            "seconds": round(time.monotonic() - begun, 1),
        }


TRIALS = {each.__name__: each for each in (shard_kills, shard_poison)}
