"""The page of the blind extension: its three criteria, what was promised, and the usual tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import kendalltau
from study.agreement import off_by
from study.judging import Reading, judged, readings
from study.tables import checks, study_tables, verdict_table

DRAWS = 2000


def blind_report(lines: list[dict[str, Any]]) -> str:
    """Everything, as one markdown page."""
    primary = [reading for line in lines for reading in readings(line) if reading.primary]
    reliable = [each for each in primary if judged(each)[0] == "reliable"]
    rows = [
        f"- {'held' if each.held else '**not held**'}: {each.sentence}" for each in checks(primary)
    ]
    parts = [
        "# Blind extension of the gap study: the tables",
        f"Written by `benchmarks/gap_blind.py` from {len(lines)} networks listed before they were "
        "trained (benchmarks/study/gap_blind.md).",
        "\n".join(rows),
        _promise(reliable),
        verdict_table(primary),
        *study_tables(primary),
    ]
    return "\n\n".join(parts) + "\n"


def _promise(reliable: list[Reading]) -> str:
    kept = sum(off_by(each.estimate("alo_ggn"), each.gap) <= 2 for each in reliable)
    chances = [each.diagnostics["chance_within_2"] or 0.0 for each in reliable]
    mean, spread = best_tau(reliable)
    return (
        f"`reliable`: {len(reliable)}; promised {np.mean(chances):.0%} within ×2, kept {kept}. An "
        "ALO equal to the expected gap would reach "
        f"τ = {mean:.2f} ± {spread:.2f} on gaps that scatter as these do."
    )


def best_tau(chosen: list[Reading], *, seed: int = 0) -> tuple[float, float]:
    """Mean and s.d. of τ between ALO and gaps drawn around it with their known scatter."""
    rng = np.random.default_rng(seed)
    alo = np.array([each.estimate("alo_ggn") for each in chosen])
    scatter = np.array([each.diagnostics["gap_scatter"] or 0.0 for each in chosen])
    drawn = alo + scatter * rng.standard_normal((DRAWS, len(chosen)))
    taus = [float(kendalltau(alo, gaps)[0]) for gaps in drawn]
    return float(np.mean(taus)), float(np.std(taus))
