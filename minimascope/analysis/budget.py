"""A budget of seconds: first numbers of growing samples, then what is expected to fit.

A tenth goes into first looks at λ₁ and trace. From what their products took it follows whether a
spectrum is to be had: if not, all of the rest goes into them. Else what is expected to fit is done
(`analysis.fitting`). What was planned wrongly ends at the deadline
(`curvature.running.deadline`).
"""

from __future__ import annotations

from minimascope.analysis.fitting import fewest, fitting
from minimascope.analysis.session.faults import refusal_of
from minimascope.analysis.session.session import Session
from minimascope.analysis.stages.asked import planned_stages
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import FirstLook, Interval, Stage
from minimascope.contract.report.sentences import few_examples, left_out
from minimascope.curvature.running.deadline import OutOfTimeError, left
from minimascope.curvature.running.durations import duration
from minimascope.curvature.spectrum.first_look import Look, first_looks

FIRST_SHARE = 0.1  # of what reading left of the budget, for first numbers
REST_SHARE = 0.95  # of it, for them alone where there is no spectrum to be had
PLANNED_SHARE = 0.8  # of what is left, for which stages are planned
PRODUCTS = 40  # of such a spectrum, about


def first_answers(session: Session, seconds: float) -> None:
    """Fills `report.first_look`, and leaves `session.parameters` as they fit into what is left."""
    looking = _Looking(session, seconds)
    stages = planned_stages(session.parameters)
    if looking.run():
        _without(session, stages, f"a spectrum takes longer than {duration(seconds)}")
        return
    total = session.opened.total.train
    if total is not None and "gap" in stages:
        _without(session, ["gap"], "its estimates are sums over all examples")
    try:
        session.parameters, said = fitting(session, PLANNED_SHARE * left())
    except OutOfTimeError:
        _without(session, stages, "the time was over before they were planned")
    except ProblemError as problem:  # what does not fit in memory is said, and not computed
        _without(session, stages, f"{problem.sentence} {problem.advice}".strip(" ."))
    else:
        session.report.warnings += said


class _Looking:
    """The rounds of first looks, each published; how long they may go on follows from the first."""

    def __init__(self, session: Session, seconds: float) -> None:
        self._session, self._seconds = session, seconds
        self._until = (1 - FIRST_SHARE) * left()  # seconds left when these are to be over
        self._alone = False

    def run(self) -> bool:
        """Whether there is time for nothing else."""
        session = self._session
        looks = first_looks(
            session.opened.minimum,
            room=lambda: left() - self._until,
            total=session.opened.total.train,
            seed=session.parameters.seed,
        )
        try:
            for look in looks:
                self._told(look)
        except OutOfTimeError:
            return True
        except (RuntimeError, ValueError) as error:  # no first numbers of such a network
            sentence = refusal_of(error).sentence
            session.report.warnings.append(f"No first look at the spectrum: {sentence}")
        return self._alone

    def _told(self, look: Look) -> None:
        session = self._session
        session.report.first_look = _section(look, self._seconds - left())
        session.publisher.report(session.report)
        session.publisher.progress("intake", 0.0, words(session.report.first_look))
        examples = min(fewest(session.report.first_look), session.opened.minimum.n)
        least = examples * PRODUCTS * look.seconds_each
        # Slow at first touch, a product may turn out quicker than it was taken for.
        self._alone = least > PLANNED_SHARE * left()
        if self._alone:
            self._until = (1 - REST_SHARE) * self._seconds


def _section(look: Look, seconds: float) -> FirstLook:
    return FirstLook.of(
        look,
        trace=Interval.of(look.trace),
        lambda_1=None if look.top is None else Interval.of(look.top),
        seconds=seconds,
    )


def words(found: FirstLook) -> str:
    """One sentence of what is known so far."""
    both = {"λ₁": found.lambda_1, "tr H": found.trace}
    said = [f"{k} {x.value:.3g} ({x.low:.3g} to {x.high:.3g})" for k, x in both.items() if x]
    if found.lambda_1 and found.needed:
        said[0] = f"λ₁ {found.lambda_1.low:.3g} to {found.lambda_1.high:.3g}"
        said[0] += f" ({few_examples(found)})"
    return f"{', '.join(said)}, from {found.seen:,} of {found.total:,} examples"


def _without(session: Session, stages: list[Stage], why: str) -> None:
    kept = [each for each in planned_stages(session.parameters) if each not in stages]
    session.parameters = session.parameters.model_copy(update={"stages": kept})
    session.report.warnings.append(left_out(stages, why))
