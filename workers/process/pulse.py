"""Whether the thread that works off jobs gets on, told to whoever watches this worker.

The thread marks every step. One that waits for the network may stay there as long as its time
limit; one that marks nothing for longer than `SHARE` of a lease hangs, and so does a process that
was stopped. `minimascope.service.watched` hears it, or does not.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable

SHARE = 0.75  # of a lease: what froze is replaced within two
WORD_SECONDS = 0.5


class Pulse:
    """Of one supervisor; marks by other threads (heartbeats) say nothing about it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._thread: int | None = None
        self._due = 0.0
        self.patience = 0.0  # seconds that a step may take

    def begin(self, lease: float) -> None:
        """This thread takes a job, under a lease of so many seconds."""
        self._thread, self.patience = threading.get_ident(), SHARE * lease
        self.mark()

    def end(self) -> None:
        self._thread = None

    def ours(self) -> bool:
        """Whether this thread is the one that works off a job."""
        return threading.get_ident() == self._thread

    def mark(self, within: float = 0.0) -> None:
        """A step was made; the next one may take `within` seconds more than others."""
        if self.ours():
            self._due = self._clock() + self.patience + within

    def hangs(self) -> bool:
        return self._thread is not None and self._clock() > self._due


def tell(descriptor: int, pulse: Pulse) -> None:
    """Says twice a second for how long to wait for the next word, until the supervisor hangs."""

    def speak() -> None:
        with contextlib.suppress(OSError):  # whoever listened is gone, and we end with them
            while True:
                if not pulse.hangs():
                    os.write(descriptor, b"%.2f\n" % pulse.patience)
                time.sleep(WORD_SECONDS)

    threading.Thread(target=speak, daemon=True).start()
