"""How many cores this process may use: fewer than the machine has, in most containers."""

from __future__ import annotations

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def usable_cores(cgroup: Path = CGROUP) -> int:
    """At least 1: the cores of the machine, of this process's affinity, or of a container's quota.

    A quota of 1.5 cores counts as 2. Threads beyond it do not wait for a core: the kernel stops
    all of them for the rest of each period, while those that wait for the stopped ones spin.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _quota(cgroup)
    return cores if quota is None else max(1, min(cores, -int(-quota // 1)))


def _quota(cgroup: Path) -> float | None:
    """Cores of the container's limit (cgroups 2, then 1); None without one."""
    try:
        if (cgroup / "cpu.max").exists():
            allowed, period = (cgroup / "cpu.max").read_text().split()
        else:
            allowed = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        quota = float(allowed) / float(period)
    except (OSError, ValueError, ZeroDivisionError):  # "max", or a file of another kind
        return None
    return quota if quota > 0 else None  # -1: no limit
