"""Restarts that were meant, kills and freezes, round after round, under real small analyses.

`minimascope serve` as users start it, with its real child: digits, a network of 454 parameters. An
undisturbed analysis comes first: how long one takes, and the numbers every other has to have too.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.trials.faults import spread
from minimascope.client import Client
from minimascope.contract.parameters import Parameters
from minimascope.contract.schemas import Analysis, AnalysisRequest
from minimascope.machine.processes import descendants
from tests.cases.analyses import CNN, digit_images, digits_network, save
from tests.servers.analyses import patiently, until
from tests.servers.processes import await_true
from tests.servers.serve import Served

LEASE = 8.0
SIZE = 120
MOST_TRIES = 2  # rounds for each that is wanted: an analysis may end before the blow falls
ALLOWED = 1e-4  # of the largest eigenvalue: twenty times what Lanczos stops at, squared residuals


@dataclass
class Rounds:
    """Analyses of one kind of blow, and how long each took to be in another's hands."""

    served: Served
    folder: Path
    made: list[str] = field(default_factory=list)
    again: list[float] = field(default_factory=list)

    def submitted(self, client: Client) -> str:
        """Each with weights of its own, so that none is answered from another's results."""
        images, labels = digit_images()
        network = digits_network(images[:SIZE], labels[:SIZE], steps=60)
        for parameter in network.parameters():
            parameter.data *= 1 + 1e-6 * random.random()
        save(self.folder, network, (images[:SIZE], labels[:SIZE]))
        checkpoint = client.store("checkpoint", self.folder / "model.pt").id
        train = client.store("dataset", self.folder / "train.npz").id
        stages = ["spectrum"]
        asked = Parameters.model_validate({"architecture": CNN, "stages": stages, "top_k": 8})
        request = AnalysisRequest(checkpoint=checkpoint, train=train, parameters=asked)
        return client.submit(request).id

    def running(self, client: Client, job: str, seconds: float) -> None:
        """At some moment of its work; `seconds` is how long all of it takes."""
        until(client, job, "running")
        time.sleep(random.uniform(0.0, 0.7 * seconds))


def _undisturbed(rounds: Rounds, client: Client) -> tuple[float, np.ndarray]:
    taken = []
    for _ in range(3):  # the first one imports
        job = rounds.submitted(client)
        until(client, job, "running")
        began = time.monotonic()
        assert until(client, job).state == "done"
        taken.append(time.monotonic() - began)
    return min(taken), _eigenvalues(client, job)


def _eigenvalues(client: Client, job: str) -> np.ndarray:
    spectrum = client.report(job).spectrum
    assert spectrum
    return np.array(spectrum.eigenvalues)


def _audit(client: Client, jobs: list[str], numbers: np.ndarray) -> dict[str, Any]:
    """`lost`: not done; `doubled`: changed after its end; `wrong`: not the undisturbed numbers."""
    ends = {job: until(client, job, seconds=180.0) for job in jobs}
    time.sleep(2.0)  # a late second delivery would show by now
    wrong = doubled = 0
    for job, end in ends.items():
        doubled += _outcome(client.analysis(job)) != _outcome(end)
        found = _eigenvalues(client, job) if end.state == "done" else numbers
        wrong += bool(np.abs(found - numbers).max() > ALLOWED * numbers.max())
    return {
        "jobs": len(jobs),
        "lost": sum(end.state != "done" for end in ends.values()),
        "doubled": doubled,
        "wrong": wrong,
        "attempts": dict(sorted(Counter(end.attempt for end in ends.values()).items())),
    }


def _outcome(analysis: Analysis) -> tuple[Any, ...]:
    return (analysis.state, analysis.attempt, analysis.finished_at)


def _trial(times: int, blow: Callable[[Rounds, Client, str], bool]) -> dict[str, Any]:
    """Until so many blows fell while an analysis ran; `blow` says whether it did."""
    with tempfile.TemporaryDirectory() as made:
        settings = {"LEASE_SECONDS": str(LEASE), "TOKEN": "t", "DEMO_DIR": f"{made}/none"}
        served = Served(Path(made) / "data", settings, quiet=False)
        rounds = Rounds(served, Path(made))
        with served:
            with served.client() as client:
                seconds, numbers = _undisturbed(rounds, client)
            in_time = 0
            while in_time < times and len(rounds.made) < MOST_TRIES * times:
                with served.client() as client:
                    job = rounds.submitted(client)
                    rounds.running(client, job, seconds)
                    in_time += blow(rounds, client, job)
                    rounds.made.append(job)
            with served.client() as client:
                found = _audit(client, rounds.made, numbers)
        return {
            "rounds": in_time,
            "undisturbed_seconds": round(seconds, 2),
            "lease": LEASE,
            **found,
            **(spread(rounds.again) if rounds.again else {}),
        }


def planned_restarts(times: int = 20) -> dict[str, Any]:
    """SIGTERM and Ctrl-C of `serve` in turn, and the same again on its data folder."""
    ended: list[float] = []

    def blow(rounds: Rounds, client: Client, job: str) -> bool:
        runs = client.analysis(job).state == "running"
        began = time.monotonic()
        turn = (signal.SIGTERM, signal.SIGINT)[len(rounds.made) % 2]
        rounds.served.process.send(turn)
        assert rounds.served.process.wait() == 0
        ended.append(time.monotonic() - began)
        rounds.served.__enter__()
        began = time.monotonic()
        with rounds.served.client() as fresh:
            until(fresh, job, "running")
        if runs:
            rounds.again.append(time.monotonic() - began)
        return runs

    return {**_trial(times, blow), "ended_after_seconds": spread(ended)}


def _in_other_hands(rounds: Rounds, client: Client, job: str) -> bool:
    """Until the next attempt works, from now on; then until the end, so that rounds stay apart.

    False where the job had ended before the blow fell.
    """
    began = time.monotonic()
    if not _taken_again(client, job):
        return False
    rounds.again.append(time.monotonic() - began)
    until(client, job)
    return True


def _taken_again(client: Client, job: str) -> bool:
    """False where it had ended before the blow fell."""
    while True:
        now = patiently(client, job)
        if now.attempt > 1:
            return True
        if now.state == "done":
            return False
        time.sleep(0.02)


def real_kills(times: int = 20) -> dict[str, Any]:
    """kill -9 of the only worker for analyses, in the middle of one."""

    def blow(rounds: Rounds, client: Client, job: str) -> bool:
        os.kill(rounds.served.worker("analyses"), signal.SIGKILL)
        return _in_other_hands(rounds, client, job)

    return _trial(times, blow)


def freezes(times: int = 20) -> dict[str, Any]:
    """SIGSTOP of the worker, of its child, of all of them, in turn; the only worker there is."""

    def blow(rounds: Rounds, client: Client, job: str) -> bool:
        worker = rounds.served.worker("analyses")
        below = descendants(worker)
        struck = ([worker], below, [worker, *below])[len(rounds.made) % 3]
        for pid in struck:
            os.kill(pid, signal.SIGSTOP)
        if not _in_other_hands(rounds, client, job):
            for pid in struck:  # idle: nobody waits for it
                os.kill(pid, signal.SIGCONT)
            return False
        await_true(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in struck),
            seconds=3 * LEASE,
            else_say=lambda: f"still there: {struck}",
        )
        return True

    found = _trial(times, blow)
    return {**found, "within_two_leases": found["longest_seconds"] <= 2 * LEASE}


TRIALS = {each.__name__: each for each in (planned_restarts, real_kills, freezes)}
