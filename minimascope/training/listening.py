"""Hears an analysis in the script's own process: its arrays are kept, its progress is shown."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from minimascope.contract.report import Report
from minimascope.contract.schemas import StageState

Progress = Callable[[float, str], Any]
WIDTH = 78
EVERY_SECONDS = 0.2  # a notebook's line is sent to the browser, which need not have each


class StoppedError(BaseException):
    """What the script's own `progress` raised: no fault of a stage, which goes on to the next."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Listening:
    """A publisher. Within `with`, a line of progress is wiped away at the end."""

    def __init__(self, progress: Progress | bool | None) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._shown = False
        self._told: Progress | None = None
        self._end: Callable[[], None] = self._wipe
        if callable(progress):
            self._told = progress
        elif progress is not False and (cell := _cell()) is not None:
            self._told, self._end = cell.show, cell.clear
        elif progress or (progress is None and sys.stderr is not None and sys.stderr.isatty()):
            self._told = self._line

    def __enter__(self) -> Listening:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._end()
        if isinstance(error, StoppedError):
            raise error.error

    def progress(self, stage: str, fraction: float, message: str) -> None:
        """Tells how far the whole is."""
        if self._told is None:
            return
        try:
            self._told(fraction, message or stage)
        except Exception as error:
            raise StoppedError(error) from error

    def stage(self, stage: str, state: StageState, seconds: float | None) -> None:
        """Nothing: progress says which stage it is."""

    def report(self, report: Report) -> None:
        """Nothing: the whole report comes at the end."""

    def array(self, name: str, value: np.ndarray) -> None:
        """Keeps a copy: what it is a view of may be changed by a later stage."""
        self.arrays[name] = value.copy()

    def _wipe(self) -> None:
        if self._shown:
            print("\r" + " " * WIDTH + "\r", end="", file=sys.stderr, flush=True)

    def _line(self, fraction: float, message: str) -> None:
        words = f"{fraction:4.0%} {message}"[:WIDTH]
        self._shown = True
        print(f"\r{words:{WIDTH}}", end="", file=sys.stderr, flush=True)


class _Cell:
    """A line below a notebook's cell, gone at the end."""

    def __init__(self, display: Any) -> None:
        self._display, self._next = display, 0.0
        self._line: Any = None

    def show(self, fraction: float, message: str) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY_SECONDS
        shown = {"text/plain": f"{fraction:4.0%} {message}"}
        if self._line is None:
            self._line = self._display(shown, raw=True, display_id=True)
        else:
            self._line.update(shown, raw=True)

    def clear(self) -> None:
        if self._line is not None:
            self._line.update({"text/plain": ""}, raw=True)


def _cell() -> _Cell | None:
    """Where the script is a notebook; IPython is looked for only where it is running already."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if type(shell).__name__ != "ZMQInteractiveShell":
        return None
    return _Cell(sys.modules["IPython"].display.display)
