"""A finished analysis in hand: what it says, its figures, its tables, and where it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import override

from minimascope.client.reports import Reports
from minimascope.contract.report import Report
from minimascope.contract.schemas import Analysis
from minimascope.machine.writing import write
from minimascope.results import card, files, page, tables
from minimascope.results.plots import Plots


@dataclass(frozen=True)
class Result:
    """A report with its arrays.

    `report` is the document that the service has too, and its sections (`gap`, `spectrum`,
    `boundary`, `margins`, `data`, `failures`, `warnings`, …) are attributes here; `arrays` are by
    the names of `minimascope.contract.arrays`.
    """

    report: Report
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        if name in Report.model_fields:
            return getattr(self.report, name)
        raise AttributeError(f"a result has no {name!r}")

    @property
    def plot(self) -> Plots:
        """Its figures, drawn with Plotly: `plot.spectrum()`, `plot.boundary(v=1)`, …"""
        return Plots(self.report, self.arrays)

    @override
    def __str__(self) -> str:
        return card.text(self.report)

    @override
    def __repr__(self) -> str:
        return card.text(self.report)

    def _repr_html_(self) -> str:
        """For notebooks: verdict, range bar, key numbers and figures without a script."""
        return page.fragment(self.report, self.arrays)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """The same, with the card for where HTML is not shown."""
        return {"text/html": self._repr_html_(), "text/plain": str(self)}

    def frame(self) -> Any:
        """Key numbers as a DataFrame of one row, as `minimascope compare` has them."""
        return tables.frame([self.report])

    def layers(self) -> Any:
        """A DataFrame with a row a layer: parameters' share of eigenvectors, blocks of H."""
        return tables.layers(self.report)

    def examples(self) -> Any:
        """A DataFrame with a row a training example, dearest to leave out first.

        `cost` is the leave-one-out loss minus the loss (nats), `margin` an upper bound on the
        distance to the boundary.
        """
        return tables.examples(self.arrays)

    def save(self, path: str | Path) -> Path:
        """Writes report and arrays to one file, which `minimascope.load` reads.

        Raises ProblemError cannot_write.
        """
        return files.save(self.report, self.arrays, path)

    def publish(
        self,
        url: str,
        *,
        name: str = "",
        run: str | None = None,
        step: int | None = None,
        token: str = "",
    ) -> Analysis:
        """Puts the report on a server, which computes nothing again and says so.

            report.publish("http://127.0.0.1:8717", run="wd 1e-3", step=1000)

        It is shown as computed elsewhere by this version. `run` and `step` make it one of a
        training run, whose page is at /runs/NAME. Eigenvectors stay here. Raises ProblemError:
        server_unreachable, unauthorized, too_large, storage_full, invalid_request.
        """
        with Reports(url, token) as server:
            return server.publish(self, name=name, run=run, step=step)

    def html(self, path: str | Path) -> Path:
        """Writes a page of its own, figures included: it needs no server and no network.

        Raises ProblemError cannot_write, not_installed.
        """
        return write(path, page.whole(self.report, self.arrays).encode())


def load(path: str | Path) -> Result:
    """What `Result.save` wrote. Raises ProblemError no_such_file, not_a_report."""
    return Result(*files.load(path))
