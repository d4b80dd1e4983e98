"""What a trial checks at its end: every analysis ended once, by one run, and none is lost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minimascope.client import Client
from tests.servers.analyses import until


def runs(log: Path) -> Counter[str]:
    """Starts and ends of stand-in runs by checkpoint."""
    return Counter(log.read_text().split()) if log.exists() else Counter()


def audit(client: Client, made: Sequence[str], *, seconds: float = 120.0) -> dict[str, Any]:
    """`lost`: not done. `doubled`: an outcome that changed after its end, or mixed two runs."""
    ends = {identifier: until(client, identifier, seconds=seconds) for identifier in made}
    time.sleep(2.0)  # a late second delivery would show by now
    doubled = 0
    for identifier, end in ends.items():
        now = client.analysis(identifier)
        changed = (now.state, now.attempt, now.finished_at) != (
            end.state,
            end.attempt,
            end.finished_at,
        )
        mixed = (
            now.state == "done"
            and client.report(identifier).seed != client.array(identifier, "margins")[0]
        )
        doubled += bool(changed or mixed)
    return {
        "jobs": len(made),
        "lost": sum(end.state != "done" for end in ends.values()),
        "doubled": doubled,
        "attempts": dict(sorted(Counter(end.attempt for end in ends.values()).items())),
    }
