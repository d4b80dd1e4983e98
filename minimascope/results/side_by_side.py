"""Key numbers of several minima side by side, in words."""

from __future__ import annotations

from minimascope.contract.schemas import KeyNumbers

# What is called otherwise where the same numbers stand in words.
NAMES = {
    "soft_rank_ggn": "soft rank / n",
    "lambda_eff": "λ_eff",
    "lambda_max": "λ₁",
    "g_at_epsilon": "G(ε)",
    "gap_estimate": "gap, estimated",
    "gap_half": "… 50% interval",
    "gap_ninety": "… 90% interval",
    "gap_not_used": "… not to be used",
    "gap_measured": "gap, measured",
    "gap_measured_error": "… standard error",
    "gap_lies": "… and the 90%",
}


def _text(value: float | str | tuple[float, float] | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, tuple):
        return f"{value[0]:.3g} to {value[1]:.3g}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def table(items: list[KeyNumbers]) -> list[str]:
    """Lines of a table: names first, then every number that at least one analysis has."""
    columns = [item.model_dump() for item in items]
    fields = [f for f in columns[0] if any(c[f] is not None for c in columns)] if columns else []
    cells = [[NAMES.get(f, f.replace("_", " ")), *(_text(c[f]) for c in columns)] for f in fields]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns) + 1)]
    return ["  ".join(f"{t:{w}}" for t, w in zip(r, widths, strict=True)).rstrip() for r in cells]
