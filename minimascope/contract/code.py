"""Which code computes: what a result names as its maker, and what a worker says before it takes a
job.

`estimators` is raised with every change of a number, `version` with every release; `build` is a
hash of the library's sources, so that two checkouts of one version are told apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from minimascope import __version__
from minimascope.contract.report import ESTIMATOR_VERSION

SOURCES = Path(__file__).parents[1]
VERSION, ESTIMATORS, BUILD = (
    "x-minimascope-version",
    "x-minimascope-estimators",
    "x-minimascope-build",
)
MOST = 40  # characters of each that are kept


@dataclass(frozen=True)
class Code:
    """Empty strings where a process of an earlier version does not say."""

    version: str = ""
    estimators: str = ""
    build: str = ""

    @property
    def release(self) -> str:
        """What numbers depend on: equal releases give equal numbers."""
        return f"{self.version}/{self.estimators}" if self.version else ""

    def headers(self) -> dict[str, str]:
        return {VERSION: self.version, ESTIMATORS: self.estimators, BUILD: self.build}

    def words(self) -> str:
        if not self.version:
            return "a version before 0.1, which does not name itself"
        return f"minimascope {self.version} (estimators {self.estimators}, build {self.build})"


def named_by(headers: Mapping[str, str]) -> Code:
    """What a request or an answer says of the code that sent it."""
    return Code(*(headers.get(name, "")[:MOST] for name in (VERSION, ESTIMATORS, BUILD)))


def release_said(versions: Mapping[str, str]) -> str:
    """`Code.release` of a worker by what it reports; "" where it says too little."""
    return Code(versions.get("minimascope", ""), versions.get("estimators", "")).release


@lru_cache(maxsize=1)
def this_code() -> Code:
    """The code of this process, as it was at the first call."""
    digest = hashlib.sha256()
    for path in sorted(SOURCES.rglob("*.py")):
        digest.update(path.relative_to(SOURCES).as_posix().encode() + b"\0" + path.read_bytes())
    return Code(__version__, ESTIMATOR_VERSION, digest.hexdigest()[:12])
