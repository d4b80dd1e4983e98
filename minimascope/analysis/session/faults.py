"""What a stage raised: a refusal in words of ours, memory that ran out, or a fault."""

from __future__ import annotations

from pathlib import Path

from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Failure, Stage
from minimascope.curvature.running.deadline import OutOfTimeError
from minimascope.curvature.running.memory import out_of_memory
from minimascope.curvature.running.ranks import RankLostError

BRANCHES = "The network branches on the values of tensors, and so has no Jacobian in one pass."
OURS = Path(__file__).parents[2]


def failure_of(stage: Stage, error: Exception) -> Failure:
    """The stage's stored failure; others go on. Want of memory is raised again: that is retried."""
    found = refusal_of(error)
    return Failure(stage=stage, code=found.code, sentence=found.sentence, advice=found.advice)


def refusal_of(error: Exception) -> ProblemError:
    """What to tell the user. A want of memory is raised again, and so is a lost rank.

    A ValueError raised in these packages is a refusal whose sentence is for the user. From within
    a library, and for any other kind, it is a fault of ours, and said to be one.
    """
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, OutOfTimeError):
        said = "The seconds that were given ended before this stage did."
        return ProblemError("out_of_time", said, "Give more seconds, or ask for fewer stages.")
    if out_of_memory(error) or isinstance(error, RankLostError):
        raise error
    if isinstance(error, ValueError) and _raised_by_us(error):
        return ProblemError("not_computable", str(error))
    if isinstance(error, RuntimeError) and (known := _of_the_network(str(error))):
        return known
    said = (str(error).splitlines() or [""])[0][:200]
    return ProblemError(
        "fault",
        f"A fault of minimascope ended this stage ({type(error).__name__}: {said}).",
        "The other stages are not touched by it. The worker's log has what to report.",
    )


def _of_the_network(said: str) -> ProblemError | None:
    """What torch cannot differentiate: modules of scripts may have it, programs of files do not."""
    if "data-dependent control flow" in said:
        return ProblemError("not_computable", BRANCHES, "Spectrum and density do without one.")
    if "forward AD with" in said:
        operation = said.partition("forward AD with ")[2].split(" ")[0]
        return ProblemError(
            "not_computable",
            f"torch has no forward derivative of {operation}, which is in the net.",
        )
    return None


def _raised_by_us(error: Exception) -> bool:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return False
    path = Path(place.tb_frame.f_code.co_filename)
    return OURS in path.parents
