"""How many threads the arithmetic of one analysis uses.

Threads that share the products of a small network gain nothing (16.5 s with one or two, 870
parameters and 400 examples) and lose much where the cores are not theirs alone: each waits in
every operation for the one that another program has put to sleep. With six busy processes on two
cores a demo minimum took 110 s with two threads and 47 s with one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import torch

from minimascope.machine.cores import usable_cores

WORTH = 1.15  # times as long that one thread may take in place of all
SOON = 0.02  # seconds of work that threads do not matter to
PER_THREAD = 1_000_000  # numbers of the per-example Jacobian (n · p) that keep a thread busy
_found = torch.get_num_threads()


def most_threads() -> int:
    """What OMP_NUM_THREADS says, else one for each core that this process may use."""
    return _found if os.environ.get("OMP_NUM_THREADS") else min(_found, usable_cores())


def use_threads_for(examples: int, parameters: int) -> int:
    """Sets and returns the number of this process's threads for work on `n` × `p` numbers."""
    threads = max(1, min(most_threads(), examples * parameters // PER_THREAD))
    torch.set_num_threads(threads)
    return threads


def one_thread_where_busy() -> None:
    """Sets one thread until more is known, where all cores are at work."""
    if os.getloadavg()[0] >= usable_cores():
        torch.set_num_threads(1)


def one_thread_where_as_fast(work: Callable[[], object]) -> int:
    """Sets and returns the number of threads by `work`, timed: one where more gain nothing now.

    Sums differ in their last digits by it. 16 images through ResNet-18 took 0.5 s with one thread
    and 6 s with two while another program was at work on one of the two cores.
    """
    threads = torch.get_num_threads()
    if threads == 1 or (together := _quickest(work)) < SOON:
        return threads
    torch.set_num_threads(1)
    if _quickest(work) > WORTH * together:
        torch.set_num_threads(threads)
    return torch.get_num_threads()


def _quickest(work: Callable[[], object]) -> float:
    """Seconds, of two calls."""
    taken = []
    for _ in range(2):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)
