"""Every operation of the API against its own description, many examples each."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]


def described(examples: int = 200) -> dict[str, Any]:
    """tests/unit/backend/test_schema.py with more examples."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junit-xml={found}", "--timeout=3600"]
        done = subprocess.run(
            [*command, "tests/unit/backend/test_schema.py"],
            cwd=ROOT,
            env={**os.environ, "SCHEMA_EXAMPLES": str(examples)},
            capture_output=True,
            text=True,
            check=False,
        )
        suite = ElementTree.parse(found).getroot().find("testsuite")
        assert suite is not None
        return {
            "examples_each": examples,
            "failures": int(suite.get("failures", -1)) + int(suite.get("errors", -1)),
            "words": done.stdout.strip().splitlines()[-1],
        }


TRIALS = {"described": described}
