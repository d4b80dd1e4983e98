"""How each measure changes where the parameters are rescaled and the function is not."""

from __future__ import annotations

from minimascope.analysis.session.session import Session
from minimascope.boundary.gradients import reinforcing_gradients
from minimascope.boundary.rescaling import find_rescaling, rescaled_measures
from minimascope.contract.report import Rescaled

FACTORS = (0.5, 1.0, 2.0)
MOST_VECTORS = 1500  # r × r eigenproblems of about a second each
MOST_NUMBERS = 2**26  # gradients held at once: 512 MB in float64


def rescaled_sections(session: Session, *, epsilon: float) -> list[Rescaled]:
    """A section a factor; none where no layer can be rescaled or the spectrum is not complete."""
    minimum, spectrum = session.opened.minimum, session.complete_spectrum
    vectors = None if spectrum is None else spectrum.known_eigenvectors
    if spectrum is None or vectors is None or not 0 < len(vectors) <= MOST_VECTORS:
        return []
    if minimum.n * minimum.dim > MOST_NUMBERS:
        return []
    found = find_rescaling(minimum)
    if found is None:
        return []
    measured = rescaled_measures(
        minimum,
        found,
        spectrum.known_eigenvalues,
        vectors,
        reinforcing_gradients(minimum, minimum.inputs).units,
        factors=FACTORS,
        epsilon=epsilon,
    )
    return [
        Rescaled.of(
            each,
            layer=found.layer,
            next_layer=found.next_layer,
            g=each.complexity.g_at_epsilon,
            count_outside=each.complexity.count_outside,
            n90=each.complexity.n90,
        )
        for each in measured
    ]
