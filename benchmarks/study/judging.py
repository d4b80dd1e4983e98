"""Readings of a stored line, judged by the verdict rules of the day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from minimascope.curvature.gap.verdict import NEWTON_SHARE, Evidence, Verdict, judge


@dataclass(frozen=True)
class Reading:
    """One network as estimated from what was said about its training.

    values: estimates and baselines by name; primary: this reading knows all there is to know.
    """

    name: str
    gap: float
    gap_error: float
    primary: bool
    pure_weight_decay: bool
    hessian_complete: bool
    newton: float | None
    values: dict[str, float | None]
    baselines: dict[str, float | None]
    diagnostics: dict[str, float | None]

    def estimate(self, name: str) -> float:
        """A value that every network has."""
        value = self.values[name]
        assert value is not None
        return value


def readings(line: dict[str, Any]) -> list[Reading]:
    """One for each way of describing the training of a stored network."""
    return [
        Reading(
            name=line["name"],
            gap=line["gap"],
            gap_error=line["gap_standard_error"],
            primary=name == line["primary"],
            pure_weight_decay=name == "weight_decay",
            hessian_complete=line["hessian_complete"],
            newton=found["newton_decrement"],
            values=found["baselines"] | found["estimates"],
            baselines=found["baselines"],
            diagnostics=found["diagnostics"],
        )
        for name, found in line["readings"].items()
    ]


def judged(reading: Reading, *, at_its_minimum: bool = False) -> tuple[Verdict, str]:
    """Verdict and sentence; `at_its_minimum` leaves the Newton decrement out of it."""
    evidence = evidence_of(reading)
    return judge(replace(evidence, newton=None) if at_its_minimum else evidence)


def candidate(reading: Reading) -> bool:
    """Whether it would be `reliable` if λ were right and the training set stood for all."""
    sure = replace(evidence_of(reading), slope=0.0, scatter=0.0)
    return judge(sure)[0] == "reliable"


def evidence_of(reading: Reading) -> Evidence:
    """What the rules look at."""
    return Evidence(
        loss="cross_entropy",
        alo=reading.estimate("alo_ggn"),
        tic=reading.estimate("tic_ggn"),
        soft_rank=reading.estimate("soft_rank_ggn"),
        t_alo=reading.diagnostics["t_alo"] or 0.0,
        max_leverage=reading.diagnostics["max_leverage"] or 0.0,
        slope=reading.diagnostics["dlog_alo_dlog_lambda"],
        scatter=reading.diagnostics.get("gap_scatter") or 0.0,
        newton=reading.newton,
        newton_is_exact=reading.hessian_complete,
        pure_weight_decay=reading.pure_weight_decay,
    )


def _newton(reading: Reading) -> float:
    return 0.0 if reading.newton is None else reading.newton


RULES: dict[str, Callable[[Reading], bool]] = {
    "anything (rule left out)": lambda each: True,
    "10% of ALO": lambda each: _newton(each) < NEWTON_SHARE * abs(each.estimate("alo_ggn")),
    "10% of TIC": lambda each: _newton(each) < NEWTON_SHARE * each.estimate("tic_ggn"),
    "10% of min(ALO, TIC)": lambda each: (
        _newton(each) < NEWTON_SHARE * min(abs(each.estimate("alo_ggn")), each.estimate("tic_ggn"))
    ),
}
