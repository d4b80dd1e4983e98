"""An inspection as an upload keeps it."""

from __future__ import annotations

from typing import Any


def inspection(found: dict[str, Any]) -> dict[str, Any]:
    """Format and warnings; the rest is its summary."""
    apart = {name: found[name] for name in ("format", "warnings") if name in found}
    return {**apart, "summary": {k: v for k, v in found.items() if k not in apart}}
