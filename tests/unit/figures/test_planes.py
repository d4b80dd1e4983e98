"""Planes and embeddings, drawn from the arrays of an analysis."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.drawing.payload import drawing
from dashboard.drawing.plane_answer import plane_request
from minimascope.analysis.session.opening import Files
from minimascope.contract.problems import ProblemError
from minimascope.figures.coherence import class_starts, coherence_figure
from minimascope.figures.filmstrip import filmstrip
from minimascope.figures.plane import SCALE, explained_share
from tests.cases.reference_report import Found


@pytest.mark.parametrize("key", ["points:1,2", "points:1,1,2", "principal:2,2", "sphere:1", ""])
def test_keys_that_name_no_plane_are_refused(key: str) -> None:
    with pytest.raises(ProblemError) as refused:
        plane_request(key)
    assert refused.value.code == "no_such_slice"


def test_explained_sections_are_the_arrays(tabular: tuple[Files, Found]) -> None:
    report, arrays = tabular[1]
    assert report.spectrum is not None
    strip = filmstrip(arrays, report.spectrum.eigenvalues)
    vertices, owner = arrays["slice_boundary"], arrays["slice_boundary_vector"]
    known = np.isfinite(vertices).all(axis=1)
    for k in range(4):
        [line] = [t for t in strip.data if t.name == f"boundary explained by v{k + 1}"]
        assert (np.isfinite(np.asarray(line.x)) == (owner == k + 1)).all()
        assert explained_share(arrays, k) == (owner[known] == k + 1).mean()


def test_the_coherence_matrix_is_drawn_in_class_order(tabular: tuple[Files, Found]) -> None:
    arrays = tabular[1][1]
    figure = coherence_figure(arrays)
    z = np.asarray(figure.data[0].z) / SCALE
    # int8 steps of 1/127
    assert np.abs(z - arrays["coherence"]).max() <= 0.5 / SCALE + 1e-6
    classes = arrays["predictions"][arrays["coherence_order"]]
    assert (np.diff(classes) >= 0).all()
    assert class_starts(classes)[1:-1] == (np.flatnonzero(np.diff(classes)) + 1).tolist()
    assert len(figure.layout.shapes) == 2 * (len(set(classes.tolist())) - 1)


def test_embeddings_are_for_inputs_that_are_not_drawn_as_they_are(
    tabular: tuple[Files, Found], gauss: Found
) -> None:
    assert {"embedding_pca", "embedding_tsne"} <= set(drawing(*tabular[1])["figures"])
    flat = gauss[0].model_copy(deep=True)
    flat.data.input_shape = [2]
    assert not {"embedding_pca", "embedding_tsne"} & set(drawing(flat, gauss[1])["figures"])
