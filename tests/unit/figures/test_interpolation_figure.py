"""The line between two minima, drawn."""

from __future__ import annotations

import numpy as np

from minimascope.figures.interpolation import interpolation_figure
from tests.cases.curves import CURVE, SPLIT


def test_bands_are_one_standard_error_and_unknown_losses_are_gaps() -> None:
    figure = interpolation_figure(CURVE, ("A", "B"))
    [line] = [t for t in figure.data if t.name == "training"]
    assert np.isnan(line.y[-1])
    assert line.customdata[:4].tolist() == SPLIT.loss_standard_error[:4]
    [band] = [t for t in figure.data if t.name == "training loss ± s.e. over examples"]
    upper, lower = np.split(np.asarray(band.y), 2)
    assert np.allclose(upper - lower[::-1], 2 * np.asarray(SPLIT.loss_standard_error[:4], float))
    # 0.9 is the highest between the ends; the 3 before them leaves the frame.
    assert 0.9 < figure.layout.yaxis.range[1] < 3
