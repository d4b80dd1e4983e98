"""Memory that was freed and is soon asked for again stays with the process.

glibc hands every block of 128 KiB and more back to the system when it is freed, until it has seen a
larger one go, and the next such block comes as fresh pages, each of which is faulted in and zeroed.
The tensors of a product are such blocks: for a mixer of 55,000 parameters that was a third of its
time, for LeNet too (docs/costs.md).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

MMAP, LARGEST = -3, 32 * 2**20  # M_MMAP_THRESHOLD, and the largest that glibc takes for it
TRIM, KEPT = -1, 256 * 2**20  # M_TRIM_THRESHOLD: what may lie free at the end of the heap
OWN = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")


def _libc() -> ctypes.CDLL | None:
    """None where it is another C library, whose allocator has ways of its own."""
    try:
        found = ctypes.CDLL("libc.so.6")
    except OSError:
        return None
    return found if hasattr(found, "mallopt") and hasattr(found, "malloc_trim") else None


def keep_pages() -> bool:
    """Whether this process does from now on; it does not where its environment says otherwise."""
    if any(name in os.environ for name in OWN) or (libc := _libc()) is None:
        return False
    return bool(libc.mallopt(MMAP, LARGEST)) and bool(libc.mallopt(TRIM, KEPT))


@contextmanager
def pages_kept() -> Iterator[None]:
    """Keeps pages within, and gives back what is free at the end."""
    kept = keep_pages()
    try:
        yield
    finally:
        if kept and (libc := _libc()) is not None:
            libc.malloc_trim(0)
