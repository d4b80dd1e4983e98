"""Decision boundary: alignment of training points, complexity, and the drawn plane."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from minimascope.analysis.costs.boundary import RANDOM_VECTORS, boundary_sizes
from minimascope.analysis.costs.planes import has_principal_plane
from minimascope.analysis.session.opening import is_planar
from minimascope.analysis.session.sampling import some_rows
from minimascope.analysis.session.session import Session
from minimascope.analysis.stages import tokens
from minimascope.analysis.stages.class_subsets import subset_sections
from minimascope.analysis.stages.embeddings import NO_EMBEDDING, tsne
from minimascope.analysis.stages.images import are_images
from minimascope.analysis.stages.planes import slice_arrays
from minimascope.analysis.stages.representation import penultimate
from minimascope.analysis.stages.rescaled import rescaled_sections
from minimascope.analysis.stages.walks import publish_surface, publish_walks
from minimascope.boundary.alignment import Alignment, align
from minimascope.boundary.classification import require_classification
from minimascope.boundary.coherence import class_alignment, gradient_coherence
from minimascope.boundary.complexity import (
    Complexity,
    alignment_matrix,
    complexity,
    random_max_alignment,
)
from minimascope.boundary.flips import control_vectors, sign_flips
from minimascope.boundary.planes import Frame, principal_plane
from minimascope.boundary.slices import Slice, input_plane, plane_slice
from minimascope.contract.report import Boundary, Flips
from minimascope.curvature.minimum.single import single
from minimascope.curvature.spectrum.spectrum import Spectrum

COHERENT = 300  # points in the coherence matrix
GRADIENT_NUMBERS = 2**27  # gradients of those points held at once: 1 GB in float64
INPUT_PLANE = "The input plane itself."
PRINCIPAL_PLANE = (
    "The plane of the first two principal components of the training inputs: the network is "
    "evaluated on it, and every training point has its distance from it."
)
NO_PLANE = "None: the inputs are not real-valued with at least two features."


def run(session: Session) -> None:
    """Fills `report.boundary`: alignment, complexity, a plane and its flips, walks.

    Of a language model it is `report.tokens`: which next tokens change along eigenvectors.
    """
    minimum, spectrum = session.opened.minimum, session.spectrum
    assert spectrum is not None
    if tokens.has_positions(minimum):
        tokens.run(session)
        return
    require_classification(minimum)
    vectors = len(spectrum.eigenvectors)
    sizes = boundary_sizes(minimum, vectors=vectors, seconds=session.allowed("boundary"))
    aligned = align(minimum, spectrum.eigenvectors, minimum.inputs)
    session.alignment = aligned.values
    session.array("alignment", aligned.values.double())
    session.progress(0.2, "Complexity of the boundary over all known eigenvectors")
    matrix = known_alignment(session, spectrum)
    found = measure(session, matrix)
    section = Boundary.of(found, flips=None)
    section.subsets = subset_sections(
        session, matrix, epsilon=found.epsilon.value, hessians=sizes.hessians
    )
    section.rescaled = rescaled_sections(session, epsilon=found.epsilon.value)
    session.progress(0.4, "Coherence of gradients")
    publish_classes(session, aligned, outputs=section_classes(session))
    session.progress(0.5, "Decision boundary over the drawn plane")
    controls = control_vectors(minimum, seed=session.parameters.seed)
    # One pass over the grid for both: a gradient costs more than its products with vectors.
    vectors = torch.cat([spectrum.eigenvectors, controls.to(aligned.values)])
    drawn = drawn_plane(session, vectors, resolution=sizes.resolution)
    section.plane = plane_sentence(session)
    if drawn is not None:
        known = len(spectrum.eigenvectors)
        plane = replace(drawn, alignment=drawn.alignment[:known])
        for name, values in slice_arrays(plane).items():
            session.array(name, values)
        section.slice_underflowed = plane.underflowed
        session.progress(0.8, "Sign flips along the boundary")
        flips = sign_flips(minimum, plane, random=drawn.alignment[known:])
        section.flips, section.explained = Flips.of(flips), flips.explained
    walked = publish_walks(session, spectrum, count=sizes.walked)
    section.walked = None if walked.whole else walked.taken.n
    if sizes.surface and len(walked.walks) > 1:
        vectors = spectrum.eigenvectors
        section.surface = publish_surface(session, walked, vectors, side=sizes.surface)
    if sizes.embedded:
        publish_embedding(session)
    session.report.boundary = section


def known_alignment(session: Session, spectrum: Spectrum) -> Tensor:
    """Alignments (r, n) of every eigenvector known; publishes the largest of each."""
    known = spectrum.known_eigenvectors
    vectors = spectrum.eigenvectors if known is None or not len(known) else known
    matrix = alignment_matrix(session.opened.minimum, vectors)
    usable = ~matrix[0].isnan()
    if bool(usable.any()):
        largest = matrix[:, usable].abs().amax(dim=1)
        session.array("max_alignment", largest.double().sort(descending=True).values)
    return matrix


def measure(session: Session, matrix: Tensor) -> Complexity:
    """G(ε), n90 and the energy left outside, over every eigenvector known."""
    minimum, parameters = session.opened.minimum, session.parameters
    random = None
    if parameters.epsilon is None:
        random = random_max_alignment(minimum, count=RANDOM_VECTORS, seed=parameters.seed)
    return complexity(matrix, dim=minimum.dim, epsilon=parameters.epsilon, random=random)


def section_classes(session: Session) -> int:
    """Classes the network tells apart."""
    classes = session.report.data.classes
    assert classes is not None
    return classes


def publish_classes(session: Session, aligned: Alignment, *, outputs: int) -> None:
    """Mean alignment of every class; cosines between the gradients of single points."""
    minimum = session.opened.minimum
    session.array("class_alignment", class_alignment(aligned.values, aligned.classes, outputs))
    count = min(COHERENT, minimum.n, GRADIENT_NUMBERS // minimum.dim)
    if count < 2:
        return
    rows = some_rows(minimum, count, seed=session.parameters.seed)
    found = gradient_coherence(minimum, minimum.inputs[rows])
    session.array("coherence", found.cosines.float())
    session.array("coherence_order", rows[found.order])
    session.array("coherence_class_means", found.class_means.double())


def drawn_plane(session: Session, vectors: Tensor, *, resolution: int | None) -> Slice | None:
    """The input plane, or that of the first two principal components; None if there is none."""
    if resolution is None:
        return None
    minimum = single(session.opened.minimum)
    frame = Frame(resolution)

    def progress(done: float) -> None:
        session.progress(0.5 + 0.3 * done, "Decision boundary over the drawn plane")

    if is_planar(minimum):
        return input_plane(minimum, vectors, frame=frame, progress=progress)
    plane = principal_plane(minimum.inputs)
    return plane_slice(minimum, vectors, plane, frame=frame, progress=progress)


def plane_sentence(session: Session) -> str:
    if is_planar(session.opened.minimum):
        return INPUT_PLANE
    return PRINCIPAL_PLANE if has_principal_plane(session.opened.minimum) else NO_PLANE


def publish_embedding(session: Session) -> None:
    """t-SNE where inputs cannot be drawn as they are; images go by what the last layer gets."""
    minimum = session.opened.minimum
    session.progress(0.95, "t-SNE embedding")
    shown = penultimate(minimum) if are_images(minimum.inputs) else minimum.inputs
    try:
        coordinates = tsne(shown, seed=session.parameters.seed)
    except ModuleNotFoundError:  # an extra
        session.report.warnings.append(NO_EMBEDDING)
        return
    if coordinates is not None:
        session.array("embedding_tsne", coordinates)
