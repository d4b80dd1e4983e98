"""Reports of schema 1 as those of schema 2: what earlier versions stored stays readable.

A verdict of the old rules is not translated, since they promised what they did not keep: its
words and its number are quoted, and an interval needs a new analysis.
"""

from __future__ import annotations

from typing import Any

from minimascope.contract.report.gap import GapDiagnostics
from minimascope.contract.report.minimum import MinimumSummary

VERSION = "1"
SAID = {
    "reliable": "reliable",
    "uncertain": "uncertain",
    "lower_bound": "likely too low",
    "upper_leaning": "likely too high",
    "no_estimate": "no estimate",
    "not_a_minimum": "not at a minimum",
}


def upgraded(document: Any) -> Any:
    """The document in schema 2 where it is a report of schema 1, else as it is."""
    if not isinstance(document, dict) or document.get("schema_version") != VERSION:
        return document
    return {
        **document,
        "schema_version": "2",
        "gap": gap(document.get("gap")),
        "minimum": minimum(document.get("minimum")),
        "margins": margins(document.get("margins")),
    }


def gap(section: Any) -> Any:
    """Without headline; the reason quotes what the old one said."""
    if not isinstance(section, dict):
        return section
    known = GapDiagnostics.model_fields
    diagnostics = {k: v for k, v in section.get("diagnostics", {}).items() if k in known}
    return {
        **section,
        "headline": None,
        "verdict": "no_estimate",
        "reason": _quoted(section),
        "diagnostics": diagnostics,
    }


def _quoted(section: dict[str, Any]) -> str:
    headline, verdict = section.get("headline"), str(section.get("verdict"))
    if headline is None:
        return f"{section.get('reason', '')} (Said by an earlier version: analyse again.)".strip()
    return (
        f"An earlier version estimated {headline['value']:.3g} nats and called that "
        f"“{SAID.get(verdict, verdict)}”, by rules that are no longer in use: analyse again for an "
        "interval."
    )


def minimum(section: Any) -> Any:
    """Without the old rule's answer, which was made from the Newton decrement."""
    if not isinstance(section, dict):
        return section
    return {k: v for k, v in section.items() if k in MinimumSummary.model_fields}


def margins(section: Any) -> Any:
    """Distances to crossings as brackets without a lower end; wrong points were not told apart."""
    if not isinstance(section, dict):
        return section
    other = section.get("certified_linf")
    return {
        "l2": _crossings(section["certified"]),
        "linf": None if other is None else _crossings(other),
        "eigenvector": section["eigenvector"],
        "disagreement": section["disagreement"],
    }


def _crossings(old: dict[str, Any]) -> dict[str, Any]:
    moved = {"min", "median", "per_class", "per_pair", "smallest"}
    return {
        **{name: value for name, value in old.items() if name not in moved},
        "smallest": {"upper": old["min"]},
        "median": {"upper": old["median"]},
        "per_class": {name: {"upper": value} for name, value in old["per_class"].items()},
        "per_pair": [
            {"own": pair["own"], "beyond": pair["beyond"], "margin": {"upper": pair["min"]}}
            for pair in old.get("per_pair", [])
        ],
        "nearest": [
            {
                **{name: point[name] for name in ("point", "own", "beyond")},
                "margin": {"upper": point["margin"]},
            }
            for point in old.get("smallest", [])
        ],
        "not_bounded": "An earlier version computed no lower bounds: analyse again for one.",
    }
