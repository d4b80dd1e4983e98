"""What each process may load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("modules", "forbidden"),
    [
        (
            "minimascope, minimascope.client, minimascope.cli",
            "torch fastapi dash sqlalchemy celery",
        ),
        ("workers.celery_app", "torch fastapi dash sqlalchemy"),
        ("backend.app", "torch dash"),
    ],
)
def test_importing_stays_light(modules: str, forbidden: str) -> None:
    script = f"import sys, {modules}; print(*(sys.modules.keys() & {forbidden.split()}))"
    out = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == ""
