"""Generalization gap: estimates, curves over λ, verdict; and whether this is a minimum at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from minimascope.analysis.costs.passes import row_seconds
from minimascope.analysis.session.opening import Opened
from minimascope.analysis.session.session import Session
from minimascope.analysis.sharing.shards import WORTH_SHARING, Answer, Question, Work
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import Gap, MinimumSummary, Section
from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.gap.hessian_clipped import KnownHessian
from minimascope.curvature.gap.result import GapResult
from minimascope.curvature.layers.gram import gram_cost
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.running.clock import Progress
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.route import DENSE, LOW_RANK
from minimascope.curvature.spectrum.spectrum import Spectrum
from minimascope.curvature.sweep.route import LONGEST, choose_route
from minimascope.machine.resume import GAP_SUFFIX

STAGE = "gap"
# The exact routes: 10¹³ operations took 254 CPU-s.
OPERATION_SECONDS = 2.5e-11
BACKWARD_PASSES = 3  # forward passes that the gradients of one output cost
# Passes over the data that Lanczos, probes and leave-one-out solves make where nothing is exact.
MATRIX_FREE_PASSES = 2000


def run(session: Session) -> None:
    """Fills `report.gap` and `report.minimum`."""
    asked, state = session.questions.get(STAGE), session.state_path
    if asked:
        said = ["Generalization gap"]

        def told(done: float) -> None:
            session.progress(done, said[-1])

        work = worker(session.opened, session.parameters, state_path=state, hear=said.append)
        (found,) = session.shards.gather(asked, work, told)
    else:
        found = answer(
            session.opened,
            session.parameters,
            session.complete_spectrum,
            session.progress,
            state_path=state,
        )
    session.report.gap = Gap.model_validate_json(found.value["gap"])
    session.report.minimum = MinimumSummary.model_validate_json(found.value["minimum"])
    for name, values in found.arrays.items():
        session.array(name, values)


def questions(minimum: Minimum) -> list[Question]:
    """One, the stage itself, where it takes long and no complete spectrum could help it."""
    low_rank = minimum.dim in LOW_RANK and 4 * minimum.n * outputs_of(minimum) <= minimum.dim
    if minimum.dim <= DENSE or low_rank:
        return []
    seconds = predicted_seconds(minimum)
    return [Question(STAGE, 0, 1, seconds, {})] if seconds >= WORTH_SHARING else []


def outputs_of(minimum: Minimum) -> int:
    """Outputs of the network an example."""
    with torch.no_grad():
        return minimum.network(minimum.inputs[:1]).numel()


def predicted_seconds(minimum: Minimum, *, slower: float = 1.0) -> float:
    """CPU seconds of this stage, from counted work, each counted second taking `slower`."""
    n, outputs = minimum.n, outputs_of(minimum)
    chosen = choose_route(n, outputs, minimum.dim, gram=gram_cost(minimum))
    forward = n * row_seconds(minimum)
    if chosen.operations is not None:
        passes = BACKWARD_PASSES * outputs * forward
        return slower * (OPERATION_SECONDS * chosen.operations + passes)
    return min(slower * MATRIX_FREE_PASSES * forward, LONGEST)  # it ends with what it has


def worker(
    opened: Opened,
    parameters: Parameters,
    *,
    state_path: Path | None = None,
    hear: Callable[[str], None] | None = None,
) -> Work:
    """Answers the stage's question; `hear` gets the sentences on the way."""

    def work(_: Question, progress: Callable[[float], None]) -> Answer:
        def told(done: float, sentence: str) -> None:
            if hear:
                hear(sentence)
            progress(done)

        return answer(opened, parameters, None, told, state_path=state_path)

    return work


def answer(
    opened: Opened,
    parameters: Parameters,
    exact: Spectrum | None,
    progress: Progress,
    *,
    state_path: Path | None = None,
) -> Answer:
    """Sections `gap` and `minimum` as JSON, and what the page draws example by example.

    `exact` is the complete spectrum of H where it is known; a file beside `state_path` keeps the
    parts of a matrix-free run that are finished.
    """
    known, kept = None, None
    if exact is not None:
        known = KnownHessian(exact.known_eigenvalues.double(), exact.known_eigenvectors)
    if state_path is not None:
        kept = state_path.with_suffix(GAP_SUFFIX)
    found = estimate_gap(
        opened.minimum,
        test=opened.test if opened.test and len(opened.test[0]) > 1 else None,
        lambdas=parameters.lambdas,
        hessian=known,
        run=Run(parameters.seed, progress, kept),
    )
    value = {name: each.model_dump_json(by_alias=True) for name, each in sections(found).items()}
    return Answer(value, examples(found))


def sections(found: GapResult) -> dict[str, Section]:
    """The report's `gap` and `minimum`."""
    return {"gap": Gap.of(found), "minimum": MinimumSummary.of(found, lambda_eff=found.lambda_)}


def examples(found: GapResult) -> dict[str, np.ndarray]:
    """What was computed for all examples."""
    single = {"train_loss": found.train_loss, "alo_loss": found.alo_loss}
    double = {"calibration": found.calibration, "calibration_alo": found.calibration_alo}
    known = {name: each.float() for name, each in single.items() if each is not None}
    known |= {name: each.double() for name, each in double.items() if each is not None}
    return {name: each.detach().cpu().numpy() for name, each in known.items()}
