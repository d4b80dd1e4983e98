"""How much memory this process may use: less than the machine has, in most containers."""

from __future__ import annotations

import os
from pathlib import Path

from minimascope.machine.cores import CGROUP

# A limit, and what counts against it (cgroups 2, then 1).
FILES = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)


def whole_memory(cgroup: Path = CGROUP) -> int:
    """Bytes of the machine, or of the container's limit where that is less."""
    return min(_pages("SC_PHYS_PAGES"), _limit(cgroup)[0])


def free_memory(cgroup: Path = CGROUP) -> int:
    """Bytes that nobody uses, of the machine or of what is left of the container's limit."""
    allowed, used = _limit(cgroup)
    return max(0, min(_pages("SC_AVPHYS_PAGES"), allowed - used))


def _pages(name: str) -> int:
    return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")


def _limit(cgroup: Path) -> tuple[int, int]:
    """Bytes allowed and used; without a limit more than there is, and none."""
    for allowed, used in FILES:
        try:
            return int((cgroup / allowed).read_text()), int((cgroup / used).read_text())
        except (OSError, ValueError):  # "max", or cgroups of another kind
            continue
    return 2**63, 0
