"""minimascope: what kind of minimum did a training run find, and will it generalize?

    minimascope.analyze(model, train_loader, criterion, optimizer)  # the report of what is in hand
    minimascope.track(model, train_loader, criterion, optimizer)  # the same along training
    minimascope.export(model, example_inputs, "model.pt2")   # a network that describes itself
    minimascope.cross_validate(fit, (X, y), k=5)             # the gap, measured by K-fold
    minimascope.weights(model)                               # what weights say without data
    minimascope.Client("http://127.0.0.1:8717")              # the REST API
    minimascope.Report.model_validate_json(text)             # what an analysis found

Names load when they are first used: importing the package loads neither torch nor pydantic.
"""

from __future__ import annotations

import importlib
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minimascope.client import AsyncClient, Client
    from minimascope.contract.problems import ProblemError
    from minimascope.contract.report import Report
    from minimascope.intake.exporting import export
    from minimascope.intake.weighing import weights
    from minimascope.results.compare import compare
    from minimascope.results.result import load
    from minimascope.tracking.tracker import track
    from minimascope.training.analyze import analyze
    from minimascope.validation.cross_validate import cross_validate

__all__ = [
    "AsyncClient",
    "Client",
    "ProblemError",
    "Report",
    "__version__",
    "analyze",
    "compare",
    "cross_validate",
    "export",
    "load",
    "track",
    "weights",
]
__version__ = "0.1.0"

_HOMES = {
    "AsyncClient": "minimascope.client",
    "Client": "minimascope.client",
    "ProblemError": "minimascope.contract.problems",
    "Report": "minimascope.contract.report",
    "analyze": "minimascope.training.analyze",
    "compare": "minimascope.results.compare",
    "cross_validate": "minimascope.validation.cross_validate",
    "export": "minimascope.intake.exporting",
    "load": "minimascope.results.result",
    "weights": "minimascope.intake.weighing",
    "track": "minimascope.tracking.tracker",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    state = random.getstate()  # rich, which httpx loads, draws numbers while it is imported
    try:
        return getattr(importlib.import_module(_HOMES[name]), name)
    finally:
        random.setstate(state)


def __dir__() -> list[str]:
    return sorted(__all__)
