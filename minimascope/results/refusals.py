"""Packages that a result can do without until somebody asks for what they do."""

from __future__ import annotations

import importlib
from typing import Any

from minimascope.contract.extras import adding
from minimascope.contract.problems import ProblemError

EXTRAS = {"pandas": "frames", "plotly": "plots"}


def needed(package: str, what: str) -> Any:
    """The package. Raises ProblemError not_installed, one sentence, where it is not there."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ProblemError(
            "not_installed",
            f"{what} needs {package}, which is not installed.",
            f"{adding(EXTRAS[package])}.",
        ) from error
