"""How far something is, on standard error: a bar with the time left on a terminal, else lines."""

from __future__ import annotations

import sys
import time
from typing import Self

from typing_extensions import override

LINE_SECONDS = 5.0  # between two lines of a log
REFRESHES = 4.0  # a second: the bar's own thread takes turns with the numbers
SPEED_SECONDS = 120.0  # the time left is judged by so much of what is behind


class Progress:
    """Shows nothing; use as a context."""

    def at(self, fraction: float, stage: str, message: str) -> None:
        """`fraction` in [0, 1] of the whole."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""


class Lines(Progress):
    """A line every few seconds, none for what is over before."""

    def __init__(self) -> None:
        self._started = self._said = time.monotonic()

    @override
    def at(self, fraction: float, stage: str, message: str) -> None:
        now = time.monotonic()
        if now - self._said < LINE_SECONDS:
            return
        self._said = now
        line = f"{fraction:4.0%} {stage}  {message}".rstrip()
        print(line + self._left(fraction, now), file=sys.stderr, flush=True)

    def _left(self, fraction: float, now: float) -> str:
        if not 0 < fraction < 1:
            return ""
        seconds = (now - self._started) * (1 - fraction) / fraction
        return f"  (about {seconds:.0f} s left)"


class Bar(Progress):
    """One bar of rich's, gone when it is full."""

    def __init__(self) -> None:
        from rich import progress
        from rich.table import Column

        from minimascope.cli.terminal import console

        rest = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        self._bar = progress.Progress(
            progress.TextColumn("{task.fields[stage]}", style="bold", markup=False),
            progress.BarColumn(bar_width=24),
            progress.TaskProgressColumn(table_column=Column(no_wrap=True)),
            progress.TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
            progress.TextColumn("{task.description}", style="dim", markup=False, table_column=rest),
            expand=True,
            console=console(stderr=True),
            refresh_per_second=REFRESHES,
            speed_estimate_period=SPEED_SECONDS,
            transient=True,
        )
        self._task = self._bar.add_task("", total=1.0, stage="")

    @override
    def at(self, fraction: float, stage: str, message: str) -> None:
        self._bar.update(self._task, completed=fraction, description=message, stage=stage)

    @override
    def __enter__(self) -> Self:
        self._bar.start()
        return self

    @override
    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def shown(*, quiet: bool = False) -> Progress:
    """A bar where standard error is a terminal, lines elsewhere, nothing where quiet is asked."""
    if quiet:
        return Progress()
    return Bar() if sys.stderr.isatty() else Lines()
