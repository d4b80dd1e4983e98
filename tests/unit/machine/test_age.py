"""How old a process is, whatever it did before Python ran."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from minimascope.machine import processes


def test_it_grows_with_the_clock_and_was_not_born_here() -> None:
    first = processes.age()
    time.sleep(0.05)
    assert processes.age() - first >= 0.03  # ticks are hundredths
    assert first >= time.process_time() / (os.cpu_count() or 1) - 0.05


def test_without_proc_it_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PROC", tmp_path)
    assert processes.age() == 0.0
