"""What a container allows is what there is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from minimascope.machine.memory import free_memory, whole_memory

PAGE = os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("limit", "current"),
    [
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ],
)
def test_a_containers_limit_is_all_there_is(tmp_path: Path, limit: str, current: str) -> None:
    (tmp_path / limit).parent.mkdir(exist_ok=True)
    (tmp_path / limit).write_text("100000\n")
    (tmp_path / current).write_text("60000\n")
    assert whole_memory(tmp_path) == 100_000
    assert free_memory(tmp_path) == 40_000


def test_a_container_over_its_limit_has_nothing_free(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("100000")
    (tmp_path / "memory.current").write_text("160000")
    assert free_memory(tmp_path) == 0


@pytest.mark.parametrize("said", ["max\n", None])
def test_without_a_limit_it_is_the_machines(tmp_path: Path, said: str | None) -> None:
    if said is not None:
        (tmp_path / "memory.max").write_text(said)
    assert whole_memory(tmp_path) == PAGE * os.sysconf("SC_PHYS_PAGES")
    assert 0 < free_memory(tmp_path) <= whole_memory(tmp_path)
