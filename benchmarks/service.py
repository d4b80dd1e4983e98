"""The service under faults and load: each trial once, its figures kept by name.

    python benchmarks/service.py                     # every trial
    python benchmarks/service.py worker_kills lists  # these

Real processes throughout: redis-server, PostgreSQL, `minimascope serve` and workers, with a
stand-in child that sleeps instead of computing. Figures go to benchmarks/results/service.json.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.trials import (
    abuse,
    description,
    faults,
    restarts,
    resting,
    restore,
    shard_faults,
    sharing,
    traffic,
)

RESULTS = Path(__file__).parent / "results" / "service.json"
TRIALS = {
    **faults.TRIALS,
    **traffic.TRIALS,
    **description.TRIALS,
    **shard_faults.TRIALS,
    **sharing.TRIALS,
    **abuse.TRIALS,
    **restarts.TRIALS,
    **resting.TRIALS,
    **restore.TRIALS,
}


def keep(name: str, figures: dict[str, Any]) -> None:
    """Trials that mostly wait may run side by side."""
    RESULTS.touch()
    with RESULTS.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = json.loads(file.read() or "{}")
        known[name] = figures
        file.seek(0)
        file.truncate()
        file.write(json.dumps(known, indent=2, sort_keys=True) + "\n")


def main() -> int:
    names = sys.argv[1:] or list(TRIALS)
    for name in names:
        begun = time.monotonic()
        figures = TRIALS[name]()
        figures["trial_seconds"] = round(time.monotonic() - begun, 1)
        figures["load_before"] = round(os.getloadavg()[2], 1)
        keep(name, figures)
        print(name, json.dumps(figures), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
