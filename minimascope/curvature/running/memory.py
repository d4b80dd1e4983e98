"""How much memory a piece of work took, and whether what was raised is a want of it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import torch

WORDS = ("DefaultCPUAllocator", "not enough memory")
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def out_of_memory(error: BaseException) -> bool:
    """Python's own, CUDA's, and what torch's CPU allocator only says in words.

    Never taken for something that a network cannot do: the job is tried again with less.
    """
    said = any(words in str(error) for words in WORDS)
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or said


class PeakMemory:
    """A context whose `peak_bytes` afterwards is the growth within it, None where it is unknown.

    On the CPU memory that the allocator had kept from before is used again unseen, so this is a
    lower bound. It counts all threads of the process.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.peak_bytes: int | None = None

    def __enter__(self) -> PeakMemory:
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
            self._before: int | None = torch.cuda.memory_allocated(self._device)
        else:
            self._before = _status("VmRSS") if _reset() else None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._device.type == "cuda":
            after: int | None = torch.cuda.max_memory_allocated(self._device)
        else:
            after = _status("VmHWM")
        if self._before is not None and after is not None:
            self.peak_bytes = max(0, after - self._before)


def _reset() -> bool:
    """Sets the high-water mark of resident memory to what is resident now."""
    try:
        RESET.write_text("5")
    except OSError:
        return False
    return True


def _status(name: str) -> int | None:
    """A line of /proc/self/status in bytes."""
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    return None
