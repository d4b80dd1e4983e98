"""WeightWatcher's alpha of every trained network, by WeightWatcher itself.

Run in a virtual environment that has it (benchmarks/requirements.txt); the rest of the study needs
it not. Its usual smallest layer has 50 eigenvalues; most of these networks have none, so that
layers of four and more are taken, and the mean alpha is over those it can fit.
"""

from __future__ import annotations

import logging
import math
import warnings
from typing import Any

from practice.case import Case
from practice.stored import stored

FEWEST = 4  # eigenvalues of a layer


def alpha(case: Case) -> dict[str, Any] | None:
    """Mean alpha over layers; None where no layer could be fitted."""
    import weightwatcher

    found = stored(case)
    if found is None:
        return None
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        watcher = weightwatcher.WeightWatcher(model=found[0].float())
        try:
            value = float(watcher.analyze(min_evals=FEWEST)["alpha"].mean())
        except Exception as error:
            return {"name": case.name, "alpha": None, "why": str(error)[:80]}
    return {"name": case.name, "alpha": value if math.isfinite(value) else None}
