"""One thread a process, and minima that many tests look at, made once a session."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

# Before torch loads. Tests run side by side, one a core; and the networks here are too small for
# two threads to pay, while idle ones spin.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from minimascope.analysis.session.opening import Files
    from tests.cases.reference_report import Found
    from tests.servers.recorded import Recorded


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


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    """A folder for what a sandboxed process writes, apart from the folder with the uploads."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


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
def tabular(tmp_path_factory: pytest.TempPathFactory) -> tuple[Files, Found]:
    """Four-dimensional inputs, three classes: the files, and what an analysis of them gave."""
    from tests.cases.analyses import four_features

    return four_features(tmp_path_factory.mktemp("tabular"))


@pytest.fixture(scope="session")
def recorded(
    gauss: Found, iris: Found, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recorded]:
    """The service with an analysis of each kind: done, running, failed."""
    from tests.servers.recorded import BAD, FAILED, GAUSS, IRIS, LIVE, TWIN, Recorded

    with Recorded(tmp_path_factory.mktemp("recorded")) as service:
        partial = gauss[0].model_copy(update={"gap": None, "boundary": None, "margins": None})
        service.any_other(gauss)
        service.failed(BAD, "Checkerboard", FAILED)
        service.running(LIVE, "Half-moon", (partial, {}))
        service.done(TWIN, "Gauss, another seed", gauss, train=b"gauss")
        service.done(IRIS, "Iris", iris)
        service.done(GAUSS, "Gauss, normal initialisation", gauss, train=b"gauss")
        yield service


@pytest.fixture(scope="session")
def address(recorded: Recorded) -> str:
    """Where its pages are."""
    return recorded.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium at a time, and none between files: Playwright's loop runs in this thread, where
    tests after it start their own."""
    from tests.servers.browser import chromium

    with chromium() as launched:
        yield launched
