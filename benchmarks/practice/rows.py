"""A network of the tables: what it is, its measured gap, its estimate and verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from practice.case import Case
from practice.draws import NEW
from practice.rule import Interval, Judged, Rule, judged


@dataclass(frozen=True)
class Row:
    """`found` has the numbers of the estimator that the rule looks at."""

    case: Case
    gap: float
    gap_error: float
    found: Mapping[str, Any]
    answer: Judged

    @property
    def answered(self) -> bool:
        """Whether there is an interval."""
        return self.answer.m is not None

    @property
    def ratio(self) -> float:
        """Estimate over gap; infinite where the gap is not positive."""
        assert self.answer.m is not None
        return self.answer.m / self.gap if self.gap > 0 else math.inf

    def within(self, factor: float) -> bool:
        """Whether the measured gap is within a factor of the estimate."""
        return 1 / factor <= self.ratio <= factor

    @property
    def verdict(self) -> str:
        """As the product gives it: SGD with dropout is never reliable, which no rule knows."""
        noisy = self.case.optimizer == "sgd" and self.case.dropout > 0
        return "uncertain" if noisy and self.answer.verdict == "reliable" else self.answer.verdict

    @property
    def right(self) -> bool:
        """Within a factor two, or two standard deviations of scatter."""
        assert self.answer.m is not None
        assert self.answer.s is not None
        spread = math.hypot(self.answer.s, self.gap_error)
        return self.within(2) or abs(self.answer.m - self.gap) <= 2 * spread

    def holds(self, share: float, *, error: bool = True) -> bool:
        """Whether the interval has the measured gap, its standard error added or not."""
        low, high = self.interval(share, error=error)
        open_below = self.answer.at_most and self.interval(share, error=False)[0] == 0
        return (open_below or low <= self.gap) and self.gap <= high

    def interval(self, share: float, *, error: bool = True) -> Interval:
        """The interval, widened by the gap's own standard error or not."""
        return self.answer.interval(share, self.gap_error if error else 0.0)

    @property
    def kinds(self) -> list[str]:
        """The groups of the first table that it belongs to."""
        names = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "lbfgs": "L-BFGS"}
        groups = [names[self.case.optimizer]]
        if self.case.smoothed:
            groups.append("smoothed")
        if self.case.data in NEW.get(self.case.half, ()):
            groups.append("new kinds of data")
        return [*groups, "all"]


def numbers(found: Mapping[str, Any], rule: Rule) -> Mapping[str, Any]:
    """Of the estimator as the rule had it: since `leaning`, of what training saw."""
    if rule.form != "leaning":
        return found
    since = {**found, **found.get("seen", {})}
    return since | {"tic": since.get("tic_first", since["tic"])}


def rows(
    cases: list[Case],
    networks: Mapping[str, Mapping[str, Any]],
    found: Mapping[str, Mapping[str, Any]],
    rule: Rule,
) -> list[Row]:
    """One for each case that has an estimate."""
    return [
        Row(
            case=case,
            gap=networks[case.name]["gap"],
            gap_error=networks[case.name]["gap_error"],
            found=numbers(found[case.name], rule),
            answer=judged(
                numbers(found[case.name], rule),
                case.optimizer,
                squared_error=case.loss == "mse",
                smoothed=case.smoothed,
                rule=rule,
            ),
        )
        for case in cases
        if case.name in found
    ]
