"""The processes of docker-compose.yml by hand, with an object store and the dashboard."""

from __future__ import annotations

import io
import time

import httpx

from minimascope.client import Client
from minimascope.contract.schemas import FINAL_STATES, AnalysisRequest
from tests.servers.deployment import Deployment
from tests.servers.s3_server import s3_server


def submitted(client: Client, text: str) -> str:
    checkpoint = client.store("checkpoint", io.BytesIO(text.encode()), name="w.pt").id
    train = client.store("dataset", io.BytesIO(b"data"), name="train.npz").id
    return client.submit(AnalysisRequest(checkpoint=checkpoint, train=train)).id


def all_ended(client: Client, identifiers: list[str], *, seconds: float) -> dict[str, str]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        states = {i: client.analysis(i).state for i in identifiers}
        if all(state in FINAL_STATES for state in states.values()):
            break
        time.sleep(0.2)
    return states


def test_redis_emptied_under_two_workers_loses_and_doubles_nothing() -> None:
    with s3_server("kept") as bucket:
        settings = {**bucket, "MINIMASCOPE_STORE_URL": "s3://kept/minimascope"}
        with Deployment(settings=settings, dashboard=True) as deployment:
            deployment.start_redis(durable=False)
            deployment.start_api()
            for name in ("worker-0", "worker-1"):
                deployment.start_worker(name)
            runs = deployment.folder / "runs.txt"
            with deployment.client() as client:
                made = [submitted(client, f"sleep 1.{i} log {runs}") for i in range(6)]
                deployment.kill("redis")
                # Started anew without its memory: every message in it is gone.
                deployment.start_redis(durable=False)
                states = all_ended(client, made, seconds=90)
                ready = client._http.get("/health/ready").json()
                report = client.report(made[0])
                array = client.array(made[0], "margins")
            page = httpx.get(deployment.url, headers={"accept": "text/html"})
            log, ran = deployment.log("worker-0"), runs.read_text().split()
        assert set(states.values()) == {"done"}, log[-3000:]
        assert ran.count("end") == len(made)
        assert ready["status"] == "ok"
        assert len(ready["workers"]) == 2
        assert {"limits", "seccomp", "landlock"} <= set(ready["workers"][0]["layers"])
        assert report.seed == array[0]
        # The dashboard is there, behind the sign-in page.
        assert (page.status_code, page.headers["location"]) == (303, "/login")
