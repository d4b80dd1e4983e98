"""Exit status 1 where the installed torch needs what a GPU needs and the lock has in gpu.txt."""

from __future__ import annotations

import sys
from importlib.metadata import requires


def needs_gpu_packages() -> bool:
    """The wheel for CUDA names NVIDIA's libraries; the one for CPUs does not."""
    return any(each.startswith(("nvidia-", "cuda-", "triton")) for each in requires("torch") or [])


if __name__ == "__main__":
    sys.exit(int(needs_gpu_packages()))
