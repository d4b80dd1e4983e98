"""The figures of one result, a method each: the dashboard's own, in the light palette."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report
from minimascope.results.refusals import needed


@dataclass(frozen=True)
class Plots:
    """Each gives a `plotly.graph_objects.Figure`.

    Raises ProblemError no_such_figure where the report has nothing to draw, not_installed without
    plotly.
    """

    report: Report
    arrays: Mapping[str, np.ndarray]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.names()]

    def names(self) -> list[str]:
        """Of the figures that this report has."""
        return list(_makers(self.report, self.arrays))

    def __call__(self, name: str) -> Any:
        """The figure of that name."""
        return self._drawn(name)

    def spectrum(self) -> Any:
        """Top eigenvalues of H and the density below them."""
        return self._drawn("spectrum")

    def boundary(self, v: int = 1) -> Any:
        """The decision boundary, where the gradient is aligned with eigenvector v = 1, 2, …"""
        known = 0 if self.report.spectrum is None else len(self.report.spectrum.eigenvalues)
        if not 1 <= v <= known:
            raise ProblemError(
                "no_such_figure", f"There is no eigenvector {v}: {known} were computed."
            )
        return self._drawn("boundary", k=v - 1)

    def gap(self) -> Any:
        """Estimates of the gap over λ, the headline and what was measured."""
        return self._drawn("gap")

    def margins(self) -> Any:
        """Distances of training points to the decision boundary, as brackets."""
        return self._drawn("margins")

    def layers(self) -> Any:
        """Shares of the layers in each top eigenvector."""
        return self._drawn("layers")

    def walk(self) -> Any:
        """Loss, accuracy and boundary along the top eigenvectors."""
        return self._drawn("walk")

    def surface(self) -> Any:
        """Mean training and test loss over the plane of the first two eigenvectors."""
        return self._drawn("surface")

    def examples(self) -> Any:
        """Leave-one-out loss of each training example against its loss."""
        return self._drawn("data")

    def tokens(self) -> Any:
        """Of a language model: the tokens of its dearest sequences, by their loss."""
        return self._drawn("tokens")

    def token_pull(self, v: int = 1) -> Any:
        """The same tokens by how fast their loss rises along eigenvector v = 1, 2, …"""
        return self._drawn("token_pull", k=v - 1)

    def token_flips(self) -> Any:
        """Share of next tokens that change along the top eigenvectors."""
        return self._drawn("token_flips")

    def positions(self) -> Any:
        """Loss by position in the sequence."""
        return self._drawn("positions")

    def sequences(self) -> Any:
        """Every sequence by its mean hidden state, coloured by its loss."""
        return self._drawn("sequences")

    def _drawn(self, name: str, **more: Any) -> Any:
        from minimascope.figures.coloured import coloured

        makers = _makers(self.report, self.arrays, **more)
        if name not in makers:
            shown = ", ".join(makers) or "none"
            raise ProblemError(
                "no_such_figure",
                f"This report has nothing to draw as {name!r:.40}; its figures are: {shown}.",
                "Was its stage among those computed?",
            )
        return coloured(makers[name]())


def _makers(report: Report, arrays: Mapping[str, np.ndarray], *, k: int = 0) -> Any:
    needed("plotly", "A figure")
    from minimascope.figures.of_report import boundary, figures_of, tokens

    held = dict(arrays)
    return {**figures_of(report, held), **boundary(report, held, k=k), **tokens(report, held, k=k)}
