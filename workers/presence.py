"""Tells the API that this worker lives, apart from any job; hears when its consumer is stuck, and
whether somebody is there."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

import httpx

from minimascope.contract.code import this_code
from minimascope.contract.queues import QueueName
from minimascope.intake.sandbox.sandbox import active_layers
from workers.delivery import Delivery
from workers.device import described
from workers.process.supervisor import Supervisor

log = logging.getLogger("minimascope.worker")
PAUSE_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 1.0


def _versions() -> dict[str, str]:
    code = this_code()
    return {"minimascope": code.version, "estimators": code.estimators, "build": code.build}


class Presence:
    """A thread that reports every ten seconds until `close`."""

    def __init__(
        self, delivery: Delivery, queues: Sequence[QueueName], supervisor: Supervisor
    ) -> None:
        self._delivery, self._queues, self._supervisor = delivery, list(queues), supervisor
        self._name = f"{socket.gethostname()[:40]}-{os.getpid()}"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join(5.0)
        try:
            self._delivery.worker_gone(self._name)
        except httpx.HTTPError:
            log.info("the API is away; it will forget this worker by itself")

    def _report(self) -> dict[str, Any]:
        return {
            "queues": self._queues,
            "device": described(),
            "layers": active_layers(),
            "versions": _versions(),
            "out_of_memory": self._supervisor.out_of_memory,
            "idle_seconds": self._supervisor.idle_seconds(time.monotonic()),
        }

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._ended.wait(pause):
            try:
                told = self._delivery.worker_seen(self._name, self._report())
            except httpx.HTTPError as error:
                log.warning("not reported to the API: %s", error)
                continue
            pause = PAUSE_SECONDS
            self._supervisor.ready(told["awake"])
            if told["restart"]:
                # Whoever started this worker starts another one, with a fresh consumer.
                log.error("jobs wait, and this worker takes none: restarting")
                os.kill(os.getpid(), signal.SIGTERM)
                return
