"""Tells the API that this worker lives, apart from any job; hears when its consumer is stuck, and
whether somebody is there."""

from __future__ import annotations

import contextlib
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
WAKE_SECONDS = 1.0  # a child that starts as somebody comes is ready before their first job


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
        self._ended, self._awake = threading.Event(), True
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

    def _over(self, pause: float) -> bool:
        """Waits until the next report is due; True where none is, for this worker ends."""
        due = time.monotonic() + pause
        while (left := due - time.monotonic()) > 0:
            if self._ended.wait(left if self._awake else min(left, WAKE_SECONDS)):
                return True
            if not self._awake:
                self._look()
        return self._ended.is_set()

    def _look(self) -> None:
        """Whether somebody came to a worker that rests; an API that is away is heard of later."""
        with contextlib.suppress(httpx.HTTPError):
            if self._delivery.awake():
                self._ready(True)

    def _ready(self, awake: bool) -> None:
        self._awake = awake
        self._supervisor.ready(awake)

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._over(pause):
            try:
                told = self._delivery.worker_seen(self._name, self._report())
            except httpx.HTTPError as error:
                log.warning("not reported to the API: %s", error)
                continue
            pause = PAUSE_SECONDS
            self._ready(told["awake"])
            if told["restart"]:
                # Whoever started this worker starts another one, with a fresh consumer.
                log.error("jobs wait, and this worker takes none: restarting")
                os.kill(os.getpid(), signal.SIGTERM)
                return
