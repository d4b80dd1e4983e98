"""Processes killed, brokers emptied, clocks stepped: what becomes of the jobs."""

from __future__ import annotations

import os
import random
import signal
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.trials.audit import audit
from minimascope.client import Client
from tests.servers.analyses import patiently, submitted, until
from tests.servers.deployment import Deployment

LEASE = 4.0


@contextmanager
def deployed(
    workers: int = 2, *, queues: str = "", **options: Any
) -> Iterator[tuple[Deployment, Client]]:
    """With `queues`, one worker more that only inspects, so that submissions wait for nobody."""
    with Deployment(lease=LEASE, **options) as deployment:
        deployment.start_redis()
        deployment.start_api()
        for number in range(workers):
            deployment.start_worker(f"worker-{number}", queues)
        if queues:
            deployment.start_worker("worker-inspections", "inspections")
        deployment.await_workers(workers + bool(queues))
        with deployment.client() as client:
            yield deployment, client


def spread(taken: list[float]) -> dict[str, float]:
    return {
        "median_seconds": round(statistics.median(taken), 2),
        "longest_seconds": round(max(taken), 2),
    }


def _child(log: Path) -> int:
    """The process that runs the newest job."""
    return int(log.read_text().split("start")[-1].split()[0])


def process_parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def worker_kills(times: int = 20) -> dict[str, Any]:
    """kill -9 of the worker that holds the job; another takes it after the lease."""
    made, taken = [], []
    with deployed() as (deployment, client):
        for number in range(times):
            log = deployment.folder / f"runs-{number}"
            made.append(submitted(client, f"sleep 3 log {log}"))
            until(client, made[-1], "running")
            while not log.exists() or not log.read_text().endswith("\n"):
                time.sleep(0.01)
            time.sleep(random.uniform(0.0, 1.0))
            killed = time.monotonic()
            os.kill(process_parent(_child(log)), signal.SIGKILL)
            while patiently(client, made[-1]).attempt < 2:
                time.sleep(0.02)
            taken.append(time.monotonic() - killed)
            until(client, made[-1])
            # The restarted worker is up before the next one is killed.
            deployment.await_workers(2)
        return {"kills": times, **audit(client, made), **spread(taken), "lease": LEASE}


def api_kills(times: int = 20) -> dict[str, Any]:
    """kill -9 of the API while a job runs; started again at once."""
    made, taken = [], []
    with deployed() as (deployment, client):
        for _ in range(times):
            made.append(submitted(client, "sleep 3"))
            until(client, made[-1], "running")
            time.sleep(random.uniform(0.0, 3.0))
            deployment.kill("api")
            deployment.start_api()
            up = time.monotonic()
            until(client, made[-1])
            taken.append(time.monotonic() - up)
        return {"kills": times, **audit(client, made), **spread(taken), "lease": LEASE}


def redis_down(down: float = 60.0, jobs: int = 20) -> dict[str, Any]:
    """Redis killed with jobs queued, away for a minute, started again."""
    with deployed(queues="analyses") as (deployment, client):
        made = [submitted(client, "sleep 6") for _ in range(jobs)]
        deployment.kill("redis")
        queued = sum(client.analysis(i).state == "queued" for i in made)
        time.sleep(down)
        ended = sum(client.analysis(i).state == "done" for i in made)
        deployment.start_redis()
        up = time.monotonic()
        found = audit(client, made, seconds=180)
        return {
            "down_seconds": down,
            "queued_when_killed": queued,
            "done_before_up": ended,
            **found,
            "all_done_after_seconds": round(time.monotonic() - up, 1),
        }


def redis_emptied(jobs: int = 20) -> dict[str, Any]:
    """Every message lost at once: FLUSHALL under two busy workers."""
    import redis

    with deployed(queues="analyses") as (deployment, client):
        made = [submitted(client, "sleep 4") for _ in range(jobs)]
        queued = sum(client.analysis(i).state == "queued" for i in made)
        redis.Redis(port=deployment.redis_port).flushall()
        return {"queued_when_emptied": queued, **audit(client, made, seconds=180)}


def postgres_restarted(times: int = 5) -> dict[str, Any]:
    """Stopped (fast) and started while jobs run and wait."""
    with deployed() as (deployment, client):
        made: list[str] = []
        for _ in range(times):
            made += [submitted(client, "sleep 2") for _ in range(3)]
            deployment.postgres.stop()
            time.sleep(1.0)
            deployment.postgres.start()
        return {"restarts": times, **audit(client, made, seconds=180)}


def clock_stepped() -> dict[str, Any]:
    """The API's wall clock steps an hour forth and back (libfaketime) while jobs run.

    A worker dies while the clock is an hour back: its job must not wait an hour.
    """
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    with Deployment(lease=LEASE) as deployment:
        clock = deployment.folder / "clock"
        clock.write_text("+0\n")
        deployment.api_prefix = (
            "env",
            f"LD_PRELOAD={library}",
            f"FAKETIME_TIMESTAMP_FILE={clock}",
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
        )
        deployment.start_redis()
        deployment.start_api()
        for name in ("worker-0", "worker-1"):
            deployment.start_worker(name)
        deployment.await_workers(2)
        with deployment.client() as client:
            made = []
            for step in ("+3600", "+0", "-3600", "+0"):
                made += [submitted(client, "sleep 4") for _ in range(2)]
                for identifier in made[-2:]:
                    until(client, identifier, "running")
                clock.write_text(f"{step}\n")
                for identifier in made[-2:]:
                    until(client, identifier)
            before = audit(client, made)
            # A lease granted an hour ahead, its worker lost, and the clock set right.
            log = deployment.folder / "runs"
            clock.write_text("+3600\n")
            time.sleep(2 * LEASE)
            last = submitted(client, f"sleep 3 log {log}")
            until(client, last, "running")
            while not log.exists():
                time.sleep(0.02)
            os.kill(process_parent(_child(log)), signal.SIGKILL)
            clock.write_text("+0\n")
            killed = time.monotonic()
            while patiently(client, last).attempt < 2:
                assert time.monotonic() - killed < 120, "the job waits for the clock"
                time.sleep(0.05)
            recovered = time.monotonic() - killed
            found = audit(client, [last])
        return {
            "steps": 4,
            **before,
            "recovery_after_step_back_seconds": round(recovered, 2),
            "lost": before["lost"] + found["lost"],
            "doubled": before["doubled"] + found["doubled"],
        }


def poison() -> dict[str, Any]:
    """A job that kills every worker that takes it, among good ones."""
    with deployed() as (_, client):
        bad = submitted(client, "poison")
        good = [submitted(client, "sleep 0.5") for _ in range(4)]
        deadline = time.monotonic() + 120
        while patiently(client, bad).state not in ("failed", "done"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        end = client.analysis(bad)
        code = end.problem["code"] if end.problem else ""
        return {"attempts_of_poison": end.attempt, "code": code, **audit(client, good)}


def cancellation(times: int = 20) -> dict[str, Any]:
    """From the request to the state `cancelled`, of running jobs."""
    taken = []
    with deployed() as (_, client):
        for _ in range(times):
            identifier = submitted(client, "sleep 60")
            until(client, identifier, "running")
            time.sleep(random.uniform(0.2, 1.0))
            asked = time.monotonic()
            client.cancel(identifier)
            assert until(client, identifier).state == "cancelled"
            taken.append(time.monotonic() - asked)
    return {"times": times, **spread(taken)}


TRIALS = {
    each.__name__: each
    for each in (
        *(worker_kills, api_kills, redis_down, redis_emptied, postgres_restarted),
        *(clock_stepped, poison, cancellation),
    )
}
