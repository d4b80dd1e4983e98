"""Generalization gap: estimates, curves over λ, verdict; and whether this is a minimum at all."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from minimascope.analysis.costs.gap import may_sample, spectrum_may_help, sweep_seconds
from minimascope.analysis.session.assembly import Opened
from minimascope.analysis.session.session import Session
from minimascope.analysis.session.told import group_norms, with_gradients
from minimascope.analysis.sharing.shards import WORTH_SHARING, Answer, Part, Work
from minimascope.analysis.stages import tokens
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Finding as ObjectiveFinding
from minimascope.contract.report import Gap, MinimumSummary, Section
from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.gap.hessian_clipped import KnownHessian
from minimascope.curvature.gap.result import GapResult
from minimascope.curvature.gap.sequences import too_many_logits
from minimascope.curvature.minimum.copies import in_rows
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.running.clock import Progress
from minimascope.curvature.running.durations import duration
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.spectrum import Spectrum
from minimascope.curvature.stationarity.search import Finding, search
from minimascope.curvature.sweep.route import LONGEST, Budget
from minimascope.machine.unfinished import kept_in

STAGE = "gap"
UNSOUGHT = (
    "Whether another one fits better was not looked at: that needs the logits of all positions."
)
NO_LIKELIHOOD = (
    "Leave-one-out, soft rank, TIC and the headline need a likelihood, which a criterion of your "
    "own is not known to be; spectrum, margins and alignment hold for it exactly."
)


def run(session: Session) -> None:
    """Fills `report.gap` and `report.minimum`."""
    if not session.opened.minimum.loss.likelihood:
        raise ProblemError("not_computable", NO_LIKELIHOOD)
    asked, unfinished = session.parts.get(STAGE), session.unfinished
    if asked:
        said = ["Generalization gap"]

        def told(done: float) -> None:
            session.progress(done, said[-1])

        work = worker(session.opened, session.parameters, unfinished=unfinished, hear=said.append)
        (found,) = session.shards.gather(asked, work, told)
    else:
        found = answer(
            session.opened,
            session.parameters,
            session.complete_spectrum,
            session.progress,
            unfinished=unfinished,
            seconds=session.allowed(STAGE),
        )
    session.report.gap = Gap.model_validate_json(found.value["gap"])
    _say_of_objective(session, found.value["objective"])
    session.report.minimum = MinimumSummary.model_validate_json(found.value["minimum"])
    if session.report.objective is not None:
        session.report.objective.lambda_reference = session.report.gap.lambda_
    for name, values in found.arrays.items():
        session.array(name, values)
    tokens.show_dearest(session, found.arrays)


def parts(minimum: Minimum, *, seconds: float = math.inf) -> list[Part]:
    """One, the stage itself, where it takes long and no complete spectrum could help it; `seconds`
    are what a sampled sweep may take."""
    if spectrum_may_help(minimum):
        return []
    needed = min(seconds, sweep_seconds(minimum, sampled=seconds < math.inf))
    what = {} if seconds == math.inf else {"seconds": seconds}
    return [Part(STAGE, 0, 1, needed, what)] if needed >= WORTH_SHARING else []


def worker(
    opened: Opened,
    parameters: Parameters,
    *,
    unfinished: Path | None = None,
    hear: Callable[[str], None] | None = None,
) -> Work:
    """Computes the stage's one part; `hear` gets the sentences on the way."""

    def work(part: Part, progress: Callable[[float], None]) -> Answer:
        def told(done: float, sentence: str) -> None:
            if hear:
                hear(sentence)
            progress(done)

        most = part.what.get("seconds", math.inf)
        return answer(opened, parameters, None, told, unfinished=unfinished, seconds=most)

    return work


def answer(
    opened: Opened,
    parameters: Parameters,
    exact: Spectrum | None,
    progress: Progress,
    *,
    unfinished: Path | None = None,
    seconds: float = math.inf,
) -> Answer:
    """Sections `gap` and `minimum` as JSON, and what the page draws example by example.

    `exact` is the complete spectrum of H where it is known; a file in `unfinished` keeps the
    parts of a matrix-free run that are finished. With `seconds` it is one, and ends within them.
    """
    known = None
    if exact is not None:
        known = KnownHessian(exact.known_eigenvalues.double(), exact.known_eigenvectors)
    found = estimate_gap(
        opened.minimum,
        test=opened.test if opened.test and len(opened.test[0]) > 1 else None,
        lambdas=parameters.lambdas,
        hessian=known,
        budget=_budget(opened.minimum, seconds),
        run=Run(parameters.seed, progress, kept_in(unfinished, STAGE)),
    )
    # At a minimum of what was told there is nothing to look for.
    searched = not (found.converged or too_many_logits(opened.minimum))
    finding = search(opened.minimum) if searched else None
    found = found if finding is None else doubted(found, finding)
    value = {name: each.model_dump_json(by_alias=True) for name, each in sections(found).items()}
    value["objective"] = _objective(opened.minimum, found, finding)
    return Answer(value, examples(found, opened.minimum))


def _budget(minimum: Minimum, seconds: float) -> Budget:
    """Where a budget leaves `seconds`, some examples are left out, whatever the route else."""
    if seconds == math.inf or not may_sample(minimum):
        return Budget(min(seconds, LONGEST))
    why = f"Some of the examples are left out, in the {duration(seconds)} that a budget leaves."
    return Budget(min(seconds, LONGEST), route="matrix_free", why=why)


def doubted(found: GapResult, finding: Finding) -> GapResult:
    """The result where the weights speak for another objective than the one told.

    No number is `reliable` then, and the sentence is about what to do first.
    """
    verdict = "no_estimate" if found.headline is None else "uncertain"
    return replace(found, verdict=verdict, reason=f"{finding.sentence} Analyse it so.")


def _objective(minimum: Minimum, found: GapResult, finding: Finding | None) -> str:
    """What the report's `objective` gets to know of the weights, as JSON."""
    known: list[dict[str, Any]] = []
    if finding is not None:
        known.append({"sentence": finding.sentence, "flags": finding.flags})
    norms = [group_norms(minimum, each) for each in (found.gradient_left, found.pull)]
    checked = _checked(found, unsought=too_many_logits(minimum))
    return json.dumps({"checked": checked, "findings": known, "norms": norms})


def _checked(found: GapResult, *, unsought: bool) -> str | None:
    if found.gradient_share is None:
        return None
    share = f"{found.gradient_share:.2g}" if found.gradient_share < 10 else "over 10"
    if found.converged:
        return f"A minimum of this objective: its gradient is {share} of the decay's own."
    said = f"No minimum of this objective: its gradient is {share} times the decay's own."
    return f"{said} {UNSOUGHT}" if unsought else said


def _say_of_objective(session: Session, text: str) -> None:
    told, said = session.report.objective, json.loads(text)
    if told is not None:
        findings = [ObjectiveFinding(**each) for each in said["findings"]]
        with_gradients(told.penalty, *said["norms"])
        session.report.objective = told.model_copy(
            update={"checked": said["checked"], "findings": findings}
        )


def sections(found: GapResult) -> dict[str, Section]:
    """The report's `gap` and `minimum`."""
    return {"gap": Gap.of(found), "minimum": MinimumSummary.of(found, lambda_eff=found.lambda_)}


def examples(found: GapResult, minimum: Minimum) -> dict[str, np.ndarray]:
    """What was computed for all examples; NaN for copies, which their original stands for."""
    single = {
        "train_loss": found.train_loss,
        "alo_loss": found.alo_loss,
        "alo_loss_moved": found.moved_loss,
    }
    double = {"calibration": found.calibration, "calibration_alo": found.calibration_alo}
    known = {
        name: in_rows(minimum, each.float()) for name, each in single.items() if each is not None
    }
    known |= {name: each.double() for name, each in double.items() if each is not None}
    return {name: each.detach().cpu().numpy() for name, each in known.items()}
