"""A budget of seconds: first numbers of growing samples, then what is expected to fit.

A tenth goes into first looks at λ₁ and trace. From what their products took it follows whether a
spectrum is to be had: if not, all of the rest goes into them. Else the spectrum is of as many
examples as leave time for the stages, and stages that do not fit are left out. What was planned
wrongly ends at the deadline (`curvature.running.deadline`).
"""

from __future__ import annotations

from minimascope.analysis.planning import predicted
from minimascope.analysis.session.session import Session
from minimascope.analysis.stages.asked import planned_stages
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import FirstLook, Interval, Stage
from minimascope.contract.report.sentences import few_examples
from minimascope.curvature.running.deadline import OutOfTimeError, left
from minimascope.curvature.running.durations import duration
from minimascope.curvature.spectrum.first_look import Look, first_looks

FIRST_SHARE = 0.1  # of what reading left of the budget, for first numbers
REST_SHARE = 0.95  # of it, for them alone where there is no spectrum to be had
PLANNED_SHARE = 0.8  # of what is left, for which stages are planned
FEWEST = 500  # examples of a spectrum at least, or all
PRODUCTS = 40  # of such a spectrum, about
SPECTRAL: tuple[Stage, ...] = ("spectrum", "density")  # what a sample makes shorter
# What is given up first: what most of the report's sentences rest on comes last.
ORDER: tuple[Stage, ...] = ("margins", "boundary", "density", "gap", "spectrum")


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
            session.report.warnings.append(f"No first look at the spectrum: {error}")
        return self._alone

    def _told(self, look: Look) -> None:
        session = self._session
        session.report.first_look = _section(look, self._seconds - left())
        session.publisher.report(session.report)
        session.publisher.progress("intake", 0.0, words(session.report.first_look))
        least = min(FEWEST, session.opened.minimum.n) * PRODUCTS * look.seconds_each
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
    session.report.warnings.append(f"Left out: {', '.join(stages)}; {why}.")


def fitting(session: Session, seconds: float) -> tuple[Parameters, list[str]]:
    """Parameters that are expected to take no more, and sentences of what that left out."""
    asked, n = session.parameters, session.opened.minimum.n
    costs = dict(predicted(session.opened, asked)[1])
    drawn = session.opened.total.train is not None
    most = min(n // 2 if drawn else n, asked.spectrum_examples or n)
    known = min(n, asked.spectrum_examples or n)
    said, stages = list[str](), planned_stages(asked)
    count = _examples(costs, seconds, known=known, most=most)
    for stage in ORDER:
        if _total(costs, count / known) <= seconds:
            break
        if stage in stages:
            stages.remove(stage)
            took = costs.pop(stage)
            said.append(f"The stage {stage} was left out: about {duration(took)}, too long.")
            count = _examples(costs, seconds, known=known, most=most)
    fits = {"stages": stages, "spectrum_examples": asked.spectrum_examples}
    if count < n and "spectrum" in stages:
        fits["spectrum_examples"] = count
        whole = session.opened.total.train or n
        said.append(f"Spectrum and density are of {count:,} of {whole:,} examples, for time.")
    return asked.model_copy(update=fits), said


def _examples(costs: dict[Stage, float], seconds: float, *, known: int, most: int) -> int:
    """As many for the spectrum as the other stages leave time for; costs are those of `known`."""
    spectral = sum(costs.get(stage, 0.0) for stage in SPECTRAL)
    others = sum(costs.values()) - spectral
    share = 1.0 if spectral <= 0 else (seconds - others) / spectral
    if share >= 1:
        return most
    # Its vectors go once through as many others.
    return min(most, max(min(FEWEST, known), int(known * share * 0.8)))


def _total(costs: dict[Stage, float], share: float) -> float:
    return sum(each * (share if stage in SPECTRAL else 1) for stage, each in costs.items())
