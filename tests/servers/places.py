"""Where the programs are that tests start as processes."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
# Stands in for the real child: speaks the protocol, behaves as its checkpoint's text says.
CHILD = PROGRAMS / "child.py"
