"""A restart that was meant costs nothing: the running job is handed back, its attempt uncounted."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from minimascope.contract.problems import ProblemError
from tests.servers.analyses import submitted, until
from tests.servers.deployment import Deployment
from tests.servers.places import CHILD
from tests.servers.serve import Served

LEASE = 300  # whatever waits for a lease to end fails its time limit


def serving(folder: Path) -> Served:
    settings = {"DEMO_DIR": str(folder / "none"), "LEASE_SECONDS": str(LEASE), "TOKEN": "t"}
    return Served(folder / "data", settings, (f"--child={CHILD}",))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_hands_its_job_back_twice_in_a_row(tmp_path: Path, number: signal.Signals) -> None:
    job = ""
    for _ in range(2):
        with serving(tmp_path) as served, served.client() as client:
            job = job or submitted(client, "sleep 2")
            found = until(client, job, "running", seconds=60)
            assert (found.state, found.attempt) == ("running", 1)
            with client._http.stream("GET", f"/analyses/{job}/events") as events:
                next(events.iter_lines())
                served.process.send(number)
                # Without a word, although a reader of events was there to the end.
                assert (served.process.wait(), served.process.log()) == (0, "")
    with serving(tmp_path) as served, served.client() as client:
        done = until(client, job, seconds=60)
    assert (done.state, done.attempt) == ("done", 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_of_its_own_hands_its_job_to_another(number: signal.Signals) -> None:
    with Deployment(lease=LEASE, database="sqlite") as deployment:
        deployment.start_redis()
        deployment.start_api()
        deployment.start_worker("worker-0")
        deployment.await_workers(1)
        with deployment.client() as client:
            job = submitted(client, "sleep 3")
            for _ in range(3):
                until(client, job, "running", seconds=60)
                deployment.processes["worker-0"].send(number)
                while client.analysis(job).state == "running":
                    time.sleep(0.05)
            done = until(client, job, seconds=60)
    assert (done.state, done.attempt) == ("done", 1)


def test_the_api_still_answers_while_its_workers_hand_back(tmp_path: Path) -> None:
    with serving(tmp_path) as served, served.client() as client:
        job = submitted(client, "stubborn sleep 60")
        until(client, job, "running", seconds=60)
        served.process.send(signal.SIGTERM)
        seen = set()
        while served.process.returncode() is None:
            try:
                seen.add(client.analysis(job).state)
            except ProblemError:  # gone, as it should be in the end
                break
        assert served.process.wait() == 0
    assert "queued" in seen
