"""One child at one job: its events go where they belong, until it is done or has to stop."""

from __future__ import annotations

import logging
import queue
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minimascope.service.tracing import JobTrace
from workers import protocol
from workers.delivery import ClaimedJob, Delivery, StoppedError
from workers.process.child_process import ChildProcess
from workers.process.heartbeat import Heartbeat
from workers.process.outcome import Stop, Work
from workers.process.pulse import SHARE, Pulse
from workers.process.stillness import Stillness
from workers.sharing.supply import EVENTS, ShardSupply

log = logging.getLogger("minimascope.worker")
TICK_SECONDS = 0.1


@dataclass
class Attempt:
    """What is said of it goes to `heartbeat`, `work` and `trace`; `stopping` gives the job back."""

    delivery: Delivery
    job: ClaimedJob
    child: ChildProcess
    heartbeat: Heartbeat
    work: Work
    trace: JobTrace
    pulse: Pulse
    stopping: threading.Event

    def listen(self, folder: Path) -> Stop | None:
        """Until the child says its last, or there is a reason to stop it."""
        shards = ShardSupply(self.delivery, self.job, folder)
        deadline = time.monotonic() + self.job.job_seconds
        still = Stillness(self.child.session, SHARE * self.job.lease_seconds)
        while True:
            self.pulse.mark()
            if stop := self._reason(deadline):
                return stop
            try:
                event = self.child.events.get(timeout=TICK_SECONDS)
            except queue.Empty:
                if still.frozen():
                    log.error("job %s: the child is frozen", self.job.id)
                    return "frozen"
                continue
            still.moved()
            if event is None:
                return None
            if event.get("event") == "end":
                self.work.ended = True
                return None
            if event.get("event") == "rank_lost":
                log.error("job %s: %s", self.job.id, event.get("sentence"))
                self.heartbeat.progress(0.0, "One of its processes was lost: once more")
                return "rank_lost"
            if stop := self._handle(event, shards):
                return stop

    def _reason(self, deadline: float) -> Stop | None:
        if self.heartbeat.stop:
            return self.heartbeat.stop
        if self.stopping.is_set():
            return "shutdown"
        return "too_long" if time.monotonic() > deadline else None

    def _handle(self, event: dict[str, Any], shards: ShardSupply) -> Stop | None:
        try:
            if event.get("event") in EVENTS:
                shards.handle(event, self.child)
            else:
                self._take(event)
        except StoppedError:
            return "shutdown"
        except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
            log.exception("job %s: bad event %.300r", self.job.id, event)
            self.work.problem = protocol.broken(event, error)
            return "broken"
        return None

    def _take(self, event: dict[str, Any]) -> None:
        match event.get("event"):
            case "progress":
                self.heartbeat.progress(*protocol.progress(event))
            case "stage":
                name, state, seconds = protocol.stage(event)
                self.heartbeat.stage(name, state, seconds)
                self.trace.stage(name, state)
            case "report":
                self.delivery.put_report(self.job, protocol.file(event))
                self.work.reported = True
            case "array":
                self.delivery.put_array(self.job, str(event["name"]), protocol.file(event))
            case "result":
                self.work.result = protocol.result(event)
            case "problem":
                self.work.problem = protocol.problem(event)
            case other:
                log.warning("job %s: unknown event %r", self.job.id, other)
