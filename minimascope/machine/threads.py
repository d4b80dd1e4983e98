"""How many threads the arithmetic of one analysis uses.

Threads that share the products of a small network gain nothing (16.5 s with one or two, 870
parameters and 400 examples) and lose much where the cores are not theirs alone: each waits in
every operation for the one that another program has put to sleep. With six busy processes on two
cores a demo minimum took 110 s with two threads and 47 s with one.
"""

from __future__ import annotations

import os

import torch

from minimascope.machine.cores import usable_cores

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
