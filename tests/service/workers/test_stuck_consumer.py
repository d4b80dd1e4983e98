"""A real worker whose broker went silent restarts its consumer while a job waits."""

from __future__ import annotations

import io
import time

from minimascope.contract.schemas import AnalysisRequest
from minimascope.machine.processes import descendants
from tests.servers.analyses import until
from tests.servers.black_hole import Forwarder
from tests.servers.deployment import Deployment


def test_a_worker_that_hears_nothing_of_its_broker_starts_again_and_works() -> None:
    settings = {"MINIMASCOPE_STUCK_SECONDS": "2", "MINIMASCOPE_INSPECT_WAIT_SECONDS": "0"}
    with Deployment(database="sqlite", settings=settings) as deployment:
        deployment.start_redis()
        deployment.start_api()
        with Forwarder(deployment.redis_port) as broker, deployment.client() as client:
            # The API's own way to Redis stays whole.
            address = f"redis://127.0.0.1:{broker.port}/0"
            deployment.environment["MINIMASCOPE_BROKER_URL"] = address
            deployment.start_worker("worker")
            deployment.await_workers(1)
            train = client.store("dataset", io.BytesIO(b"data"), name="train.npz").id
            made = []
            for text in ("sleep 0.1", "sleep 0.2"):
                checkpoint = client.store("checkpoint", io.BytesIO(text.encode())).id
                made.append(client.submit(AnalysisRequest(checkpoint=checkpoint, train=train)).id)
                if len(made) == 1:
                    assert until(client, made[0]).state == "done"
                    first = descendants(deployment.processes["worker"].pid)[0]
                    broker.silence()
            deadline = time.monotonic() + 60.0
            while client.analysis(made[1]).state != "done" and time.monotonic() < deadline:
                time.sleep(0.1)
            ended, words = client.analysis(made[1]), deployment.log("worker")
            second = descendants(deployment.processes["worker"].pid)[0]
            deployment.stop("worker")
    assert (ended.state, ended.attempt) == ("done", 1), words[-3000:]
    assert second != first
    assert "jobs wait, and this worker takes none: restarting" in words
