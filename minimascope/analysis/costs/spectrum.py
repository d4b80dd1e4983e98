"""What the spectrum is of and what it takes: the plan of its products, which are timed."""

from __future__ import annotations

from minimascope.contract.parameters import Parameters
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.spectrum.plan import Plan, plan_spectrum
from minimascope.curvature.spectrum.wanted import Wanted

TOLERANCES = {"float64": 1e-6, "float32": 1e-5}  # residual at which a pair counts as converged


def eigenvectors_of(minimum: Minimum, parameters: Parameters) -> int:
    """How many eigenvectors every later stage gets."""
    return min(parameters.top_k, minimum.dim)


def wanted_pairs(minimum: Minimum, parameters: Parameters) -> Wanted:
    """The eigenpairs an analysis asks for; all of them where a later stage has a use for them."""
    return Wanted(
        eigenvectors_of(minimum, parameters),
        TOLERANCES[parameters.dtype],
        whole=set(parameters.stages) != {"spectrum"},
    )


def plan_stage(examples: Minimum, parameters: Parameters) -> Plan:
    """The plan of the spectrum of these examples; ValueError where it would not fit."""
    return plan_spectrum(examples, wanted_pairs(examples, parameters))


def spectrum_seconds(plan: Plan, *, vectors: int, sampled: bool) -> float:
    """Wall seconds; the vectors of a sample go once through as many other examples."""
    return plan.seconds + (vectors * plan.seconds_per_product if sampled else 0.0)
