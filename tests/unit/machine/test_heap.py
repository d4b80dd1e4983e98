"""Freed tensors are used again without fresh pages, and what is free is given back at the end."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from minimascope.machine import heap

MEASURED = """
import json, resource
import torch
from minimascope.machine.heap import pages_kept

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(2**20)  # 4 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    with open("/proc/self/statm") as file:
        return 4096 * int(file.read().split()[1])

faults()
found = {"before": faults()}
with pages_kept():
    faults()
    found["within"] = faults()
    held = [torch.ones(2**20) for _ in range(20)]
    del held
    found["kept"] = resident()
found["left"] = resident()
print(json.dumps(found))
"""


def _measured(**environment: str) -> dict[str, int]:
    command = [sys.executable, "-c", MEASURED]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


def test_tensors_come_without_faults_and_are_given_back() -> None:
    found = _measured()
    assert found["within"] < 100
    assert found["kept"] - found["left"] > 60 * 2**20


def test_who_set_the_allocator_by_hand_is_left_alone() -> None:
    found = _measured(MALLOC_MMAP_THRESHOLD_=str(2**17))
    assert found["before"] > 10_000
    assert found["within"] > 10_000


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> None:
        raise OSError("libc.so.6: cannot open shared object file")

    monkeypatch.setattr(heap.ctypes, "CDLL", missing)
    assert not heap.keep_pages()
    with heap.pages_kept():
        pass
