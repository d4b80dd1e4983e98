"""What fits into the seconds left: coarser stages first, then fewer examples, then fewer stages.

Density, boundary, margins and the gap share what the others leave, a stage that needs less than its
share all that it needs; a gap that would be exact leaves out some of the examples then. The
spectrum is of as many examples as leave time for the rest. What is too long at its coarsest is left
out. Where everything fits nothing is touched, and all numbers are those without a budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from minimascope.analysis.costs.density import density_probes
from minimascope.analysis.costs.gap import exact_route, gap_seconds
from minimascope.analysis.costs.stages import slower_than_counted, stage_costs
from minimascope.analysis.planning import predicted
from minimascope.analysis.session.session import Session
from minimascope.analysis.stages.asked import planned_stages
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import NEEDS_SPECTRUM, FirstLook, Stage
from minimascope.contract.report.sentences import left_out
from minimascope.curvature.running.durations import duration
from minimascope.curvature.spectrum.first_intervals import PER_RATIO
from minimascope.curvature.spectrum.plan import Plan

FEWEST = range(100, 501)  # examples of a spectrum at least, or all
SPECTRAL: tuple[Stage, ...] = ("spectrum", "density")  # what a sample makes shorter
COARSER: tuple[Stage, ...] = ("density", "gap", "boundary", "margins")  # can look at less
AT_WORST = 2.0  # of what an exact gap is planned to take, on a machine with other work
LEAST_SHARE = 0.4  # of the time, for these, however long the others take
# What is given up first: what most of the report's sentences rest on comes last.
ORDER: tuple[Stage, ...] = ("margins", "boundary", "density", "gap", "spectrum")


@dataclass(frozen=True)
class Sizes:
    """Examples of a spectrum: of its plan, the fewest that are worth it, the most there are."""

    known: int
    least: int
    most: int


def fitting(session: Session, seconds: float) -> tuple[Parameters, list[str]]:
    """Parameters that are expected to take no more, and sentences of what that left out.

    Leaves in the session how much less the stages are to look at, and what was given up.
    """
    asked, sizes = session.parameters, _sizes(session)
    plan, before = _expected(session)
    alone = _too_long(session, before, sizes, seconds)
    costs = {stage: took for stage, took in before.items() if stage not in alone}
    probes = session.probes
    coarser = _coarser(session, plan, costs, seconds)
    if still := [stage for stage, took in coarser.items() if took > seconds]:
        alone += still
        costs = {stage: took for stage, took in costs.items() if stage not in alone}
        session.thrift.clear()
        session.probes = probes
        coarser = _coarser(session, plan, costs, seconds)
    costs |= coarser
    exact = before.get("gap", 0.0)
    _cap_gap(session, costs, seconds, exact=exact)
    given_up, count = _given_up(costs, sizes, seconds)
    _cap_gap(session, costs, seconds, exact=exact)  # what was given up is time for it
    said = [_left_out(stage, before[stage]) for stage in alone]
    said += [_left_out(stage, took) for stage, took in given_up.items()]
    said += [
        f"The stage {stage} looks at less, for time: about {duration(took)} in place of "
        f"{duration(before[stage])}."
        for stage, took in costs.items()
        if took < before[stage]
    ]
    stages = [s for s in planned_stages(asked) if s not in alone and s not in given_up]
    fits = {"stages": stages, "spectrum_examples": asked.spectrum_examples}
    if count < session.opened.minimum.n and "spectrum" in stages:
        fits["spectrum_examples"] = count
        whole = session.opened.total.train or session.opened.minimum.n
        said.append(f"Spectrum and density are of {count:,} of {whole:,} examples, for time.")
    session.given_up = given_up  # not before all of it is said
    return asked.model_copy(update=fits), said


def _sizes(session: Session) -> Sizes:
    n = session.opened.minimum.n
    told = session.parameters.spectrum_examples or n
    drawn = session.opened.total.train is not None
    most = min(n // 2 if drawn else n, told)
    return Sizes(min(n, told), fewest(session.report.first_look), most)


def _expected(session: Session) -> tuple[Plan, dict[Stage, float]]:
    """The spectrum's plan and seconds of each stage; more of those that are nothing unfinished."""
    plan, expected = predicted(session.opened, session.parameters)
    before: dict[Stage, float] = dict(expected)
    if "spectrum" in before:
        before["spectrum"] += plan.seconds_range[1] - plan.seconds
    if "gap" in before and exact_route(session.opened.minimum):
        before["gap"] *= AT_WORST
    return plan, before


def _too_long(
    session: Session, before: Mapping[Stage, float], sizes: Sizes, seconds: float
) -> list[Stage]:
    """What is too long alone, however little it looks at: it would only take others with it."""
    found = [stage for stage in _whole(session) if before.get(stage, 0.0) > seconds]
    if before.get("spectrum", 0.0) * min(sizes.least, sizes.known) / sizes.known > seconds:
        found += [stage for stage in before if stage in ("spectrum", *NEEDS_SPECTRUM)]
    return found


def _given_up(
    costs: dict[Stage, float], sizes: Sizes, seconds: float
) -> tuple[dict[Stage, float], int]:
    """What has to go for the rest to fit, taken out of `costs`, and the spectrum's examples."""
    count = _examples(costs, seconds, sizes)
    found: dict[Stage, float] = {}
    for stage in ORDER:
        if _total(costs, count / sizes.known) <= seconds:
            break
        if stage in costs:
            found[stage] = costs.pop(stage)
            count = _examples(costs, seconds, sizes)
    return found, count


def taken_up(session: Session, seconds: float) -> Stage | None:
    """The first of what was left out that fits after all, where others took less than planned."""
    for stage in (each for each in reversed(ORDER) if each in session.given_up):
        missing = stage in NEEDS_SPECTRUM and session.spectrum is None
        if missing or session.given_up[stage] > seconds:
            continue
        session.report.warnings.remove(_left_out(stage, session.given_up.pop(stage)))
        if stage in session.thrift:  # its share was of what many had
            session.thrift[stage] = max(seconds, session.thrift[stage])
        stages = [*session.parameters.stages, stage]
        session.parameters = session.parameters.model_copy(update={"stages": stages})
        return stage
    return None


def fewest(look: FirstLook | None) -> int:
    """Examples whose spectrum is worth having: fewer where λ₁ stands out of the trace."""
    if look is None or look.lambda_1 is None or look.lambda_1.value <= 0:
        return FEWEST[-1]
    wanted = PER_RATIO * max(0.0, look.trace.high) / look.lambda_1.value
    return int(min(max(wanted, FEWEST[0]), FEWEST[-1]))


def _whole(session: Session) -> list[Stage]:
    """Stages that cannot look at less: a gap that is exact in no more time than by a sample."""
    least = gap_seconds(session.opened.minimum, slower=1.0, seconds=0.0)
    return ["gap"] if least >= gap_seconds(session.opened.minimum, slower=1.0) else []


def _cap_gap(session: Session, costs: dict[Stage, float], seconds: float, *, exact: float) -> None:
    """A sampled gap ends with what the others leave: it may need four times the examples. It is
    exact after all where they leave the seconds of that."""
    if "gap" not in costs or _whole(session):
        return
    left = seconds - sum(took for stage, took in costs.items() if stage != "gap")
    if not exact_route(session.opened.minimum):
        session.thrift["gap"] = max(left, session.thrift.get("gap", costs["gap"]))
    elif left >= exact:
        session.thrift.pop("gap", None)
        costs["gap"] = exact
    elif "gap" in session.thrift:
        session.thrift["gap"] = max(left, session.thrift["gap"])


def _left_out(stage: Stage, took: float) -> str:
    return left_out([stage], f"about {duration(took)}, too long")


def _coarser(
    session: Session, plan: Plan, costs: Mapping[Stage, float], seconds: float
) -> dict[Stage, float]:
    """What stages take that are to look at less, where all would take longer than `seconds`."""
    total = sum(costs.values())
    whole = _whole(session)
    coarser = {s: costs[s] for s in COARSER if s in costs and s not in whole}
    if total <= seconds:
        return {}
    left = max(seconds - total + sum(coarser.values()), LEAST_SHARE * seconds)
    allowed = {k: v for k, v in shared(coarser, left).items() if v < coarser[k]}
    minimum, slower = session.opened.minimum, slower_than_counted(session.opened.minimum)
    session.thrift = {stage: most / slower for stage, most in allowed.items()}
    if "gap" in allowed:  # its sampled sweep looks at the clock
        session.thrift["gap"] = allowed["gap"]
    if "density" in allowed:
        session.probes = density_probes(minimum, plan, allowed["density"])
    top_k = session.parameters.top_k
    found = stage_costs(minimum, plan, list(allowed), top_k=top_k, allowed=allowed)
    return {stage: min(took, costs[stage]) for stage, took in found.items()}


def shared(costs: Mapping[Stage, float], seconds: float) -> dict[Stage, float]:
    """Equal shares of `seconds`; what one does not need goes to the others."""
    found: dict[Stage, float] = {}
    for done, stage in enumerate(sorted(costs, key=lambda each: costs[each])):
        found[stage] = min(costs[stage], seconds / (len(costs) - done))
        seconds -= found[stage]
    return found


def _examples(costs: Mapping[Stage, float], seconds: float, sizes: Sizes) -> int:
    """As many for the spectrum as the other stages leave time for; costs are those of `known`."""
    spectral = sum(costs.get(stage, 0.0) for stage in SPECTRAL)
    others = sum(costs.values()) - spectral
    share = 1.0 if spectral <= 0 else (seconds - others) / spectral
    if share >= 1:
        return sizes.most
    # Its vectors go once through as many others.
    fits = int(sizes.known * share * 0.8)
    return min(sizes.most, max(min(sizes.least, sizes.known), fits))


def _total(costs: dict[Stage, float], share: float) -> float:
    return sum(each * (share if stage in SPECTRAL else 1) for stage, each in costs.items())
