"""Time that a run may take, and who is told how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

Progress = Callable[[float, str], None]


def silent(_fraction: float, _message: str) -> None:
    """Reports to nobody."""


def part(progress: Progress, low: float, high: float, before: str = "") -> Progress:
    """Progress from 0 to 1 as that from `low` to `high`, its sentences after `before`."""
    return lambda done, said: progress(low + (high - low) * done, before + said)


@dataclass(frozen=True)
class Clock:
    """Seconds from its making on; results follow it only where the time is too short."""

    seconds: float
    progress: Progress = silent
    begun: float = field(default_factory=time.perf_counter)

    @property
    def used(self) -> float:
        """Seconds gone."""
        return time.perf_counter() - self.begun

    def going_on_from(self, used: float) -> Clock:
        """This clock with so many seconds gone before."""
        return replace(self, begun=self.begun - used)

    def left(self, share: float = 1.0) -> float:
        """Seconds to the end of this share of the time, at least 0."""
        return max(0.0, share * self.seconds - self.used)

    def past(self, share: float) -> bool:
        """Whether this share of the time is over."""
        return self.used >= share * self.seconds

    def tell(self, message: str) -> None:
        """The share of the time gone, and what is being done."""
        said = f"{message}; {self.used:.0f} s of {self.seconds:.0f} s at most"
        self.progress(min(1.0, self.used / self.seconds), said)
