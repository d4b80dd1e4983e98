"""What a trial checks at its end: every analysis ended once, by one run, and none is lost."""

from __future__ import annotations

import io
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minimascope.client import Client
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import FINAL_STATES, Analysis, AnalysisRequest


def submitted(client: Client, text: str) -> str:
    """An analysis by the stand-in child, whose checkpoint's text says how it behaves."""
    content = f"{text} nonce {random.random()}"
    checkpoint = client.store("checkpoint", io.BytesIO(content.encode()), name="w.pt").id
    train = client.store("dataset", io.BytesIO(b"data"), name="train.npz").id
    return client.submit(AnalysisRequest(checkpoint=checkpoint, train=train)).id


def patiently(client: Client, identifier: str, *, seconds: float = 60.0) -> Analysis:
    """The analysis, while the API may be away."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return client.analysis(identifier)
        except ProblemError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def until(client: Client, identifier: str, *states: str, seconds: float = 120.0) -> Analysis:
    deadline = time.monotonic() + seconds
    while True:
        analysis = patiently(client, identifier)
        if analysis.state in states or analysis.state in FINAL_STATES:
            return analysis
        if time.monotonic() > deadline:
            raise TimeoutError(f"{identifier} is {analysis.state} after {seconds} s")
        time.sleep(0.02)


def runs(log: Path) -> Counter[str]:
    """Starts and ends of stand-in runs by checkpoint."""
    return Counter(log.read_text().split()) if log.exists() else Counter()


def audit(client: Client, made: Sequence[str], *, seconds: float = 120.0) -> dict[str, Any]:
    """`lost`: not done. `doubled`: an outcome that changed after its end, or mixed two runs."""
    ends = {identifier: until(client, identifier, seconds=seconds) for identifier in made}
    time.sleep(2.0)  # a late second delivery would show by now
    doubled = 0
    for identifier, end in ends.items():
        now = client.analysis(identifier)
        changed = (now.state, now.attempt, now.finished_at) != (
            end.state,
            end.attempt,
            end.finished_at,
        )
        mixed = (
            now.state == "done"
            and client.report(identifier).seed != client.array(identifier, "margins")[0]
        )
        doubled += bool(changed or mixed)
    return {
        "jobs": len(made),
        "lost": sum(end.state != "done" for end in ends.values()),
        "doubled": doubled,
        "attempts": dict(sorted(Counter(end.attempt for end in ends.values()).items())),
    }
