"""An analysis by the stand-in child, from its submission to its end."""

from __future__ import annotations

import io
import random
import time

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
