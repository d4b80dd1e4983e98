"""When the next measurement may come, so that all of them stay within a share of training time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Clock = Callable[[], float]
RECENT = 0.5  # weight of the last measurement in what the next one is expected to take


@dataclass
class Pace:
    """share: seconds of measuring a second of training; None for any. every: steps at least."""

    share: float | None
    every: int
    clock: Clock = time.perf_counter
    spent: float = 0.0
    expected: float = 0.0
    last: int | None = None
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock()

    @property
    def training(self) -> float:
        """Seconds of training so far: all but what measuring took."""
        return max(self.clock() - self._began - self.spent, 0.0)

    @property
    def overhead(self) -> float:
        """Measuring over training, so far."""
        return self.spent / self.training if self.training > 0 else 0.0

    def due(self, step: int) -> bool:
        """Whether one more measurement fits, by what the last ones took."""
        if step - (self.last or 0) < self.every:
            return False
        if self.share is None:
            return True
        return self.spent + self.expected <= self.share * self.training

    @contextmanager
    def measuring(self, step: int) -> Iterator[None]:
        """What happens within counts as measuring."""
        began = self.clock()
        try:
            yield
        finally:
            took = self.clock() - began
            self.spent += took
            known = self.last is not None
            self.expected = RECENT * took + (1 - RECENT) * self.expected if known else took
            self.last = step

    @contextmanager
    def telling(self) -> Iterator[None]:
        """What is done with a measurement counts as one, and is expected of the next one."""
        began = self.clock()
        try:
            yield
        finally:
            took = self.clock() - began
            self.spent += took
            self.expected += took

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """The same for what is done once: it is paid for before the first measurement."""
        began = self.clock()
        try:
            yield
        finally:
            self.spent += self.clock() - began
