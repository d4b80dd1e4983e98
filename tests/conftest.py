"""One thread a process, and minima that many tests look at, made once a session."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING

# Before torch loads. Tests run side by side, one a core; and the networks here are too small for
# two threads to pay, while idle ones spin.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

if TYPE_CHECKING:
    from minimascope.analysis.session.opening import Opened
    from tests.cases.reference_report import Found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails shows what its servers have said."""
    report = yield
    servers = sys.modules.get("tests.servers.processes")
    if report.failed and servers:
        report.sections += [(f"log of {name}", log) for name, log in servers.logs().items()]
    return report


@pytest.fixture(scope="session")
def gauss() -> Found:
    """Two-dimensional inputs, three classes."""
    from tests.cases.reference_report import build

    return build("gauss-normal", m=60)


@pytest.fixture(scope="session")
def iris() -> Found:
    """Four-dimensional inputs: no plane."""
    from tests.cases.reference_report import build

    return build("iris-normal", m=60)


@pytest.fixture(scope="session")
def tabular(tmp_path_factory: pytest.TempPathFactory) -> tuple[Opened, Found]:
    """Four-dimensional inputs, three classes: the files, and what an analysis of them gave."""
    from tests.cases.analyses import four_features

    return four_features(tmp_path_factory.mktemp("tabular"))
