"""Threads: as many as the process may use, and one where more would only wait."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from minimascope.machine import threads
from minimascope.machine.cores import usable_cores


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("limit", "cores"), [("100000 100000", 1), ("10000 100000", 1), ("150000 100000", 2)]
)
def test_a_containers_quota_is_kept(tmp_path: Path, limit: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{limit}\n")
    assert usable_cores(tmp_path) == min(cores, len(os.sched_getaffinity(0)))


def test_a_quota_of_cgroups_1_is_kept(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("70000\n")
    assert usable_cores(tmp_path) == 1
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    assert usable_cores(tmp_path) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("said", ["max 100000", "nothing", "", "0 0"])
def test_without_a_quota_every_core_counts(tmp_path: Path, said: str) -> None:
    (tmp_path / "cpu.max").write_text(said)
    assert usable_cores(tmp_path) == len(os.sched_getaffinity(0))


def test_more_cores_than_the_affinity_are_never_used(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("99900000 100000")
    assert usable_cores(tmp_path) == len(os.sched_getaffinity(0))


def test_small_networks_get_one_thread_and_large_ones_what_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "most_threads", lambda: 3)
    assert threads.use_threads_for(400, 870) == 1
    assert torch.get_num_threads() == 1
    assert threads.use_threads_for(500, 4000) == 2
    assert threads.use_threads_for(2000, 150_000) == 3
    assert torch.get_num_threads() == 3


def test_the_users_own_number_of_threads_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_found", 64)
    monkeypatch.setattr(threads, "usable_cores", lambda: 2)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads.most_threads() == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    assert threads.most_threads() == 64
