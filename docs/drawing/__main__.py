"""Draws every picture of the concepts, the papers and the evidence: `python -m docs.drawing`."""

from __future__ import annotations

import runpy
from pathlib import Path

APART = {"__main__", "panels", "demos", "intervals", "pages"}  # made of, or by a browser

for path in sorted(Path(__file__).parent.glob("*.py")):
    if path.stem not in APART:
        runpy.run_module(f"docs.drawing.{path.stem}", run_name="__main__")
