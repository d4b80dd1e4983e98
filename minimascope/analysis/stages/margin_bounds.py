"""Lower bounds of the margins of all points that the network gets right, in one norm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.analysis.costs.certificates import BoundSizes
from minimascope.analysis.session.session import Session
from minimascope.analysis.stages.margin_search import STAGE, Found, certifiable, labels
from minimascope.boundary.boundary_search import NormName
from minimascope.boundary.certificates.cover import can_be_covered, covered_radii
from minimascope.boundary.certificates.graph import Graph
from minimascope.boundary.certificates.radii import Points, radii_at_least
from minimascope.boundary.classification import class_of
from minimascope.contract.report.margins import CLOSED
from minimascope.curvature.minimum.batches import outputs_at
from minimascope.curvature.minimum.fingerprint import fingerprint
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.running.saved_state import Keeper
from minimascope.machine.unfinished import kept_in

METHOD = (
    "Linear relaxation (CROWN) in float64 with rounding subtracted, by bisection; the smallest "
    "margin over {covered}{boxes}. Of the network with float64 weights; underflow aside."
)
BOXES = "; {count:,} boxes cut"


@dataclass(frozen=True)
class Lower:
    """Of all n training points: `values` (n,) lower bounds, NaN where there is none and where the
    network is wrong; `right` (n,). `bounded` points have one of their own, `covered` have any."""

    values: Tensor
    right: Tensor
    bounded: int
    covered: int
    boxes: int

    def method(self, n: int) -> str:
        """In a sentence."""
        covered = "all points" if self.covered >= n else f"{self.covered:,} of {n:,} points"
        boxes = BOXES.format(count=self.boxes) if self.boxes else ""
        return METHOD.format(covered=covered, boxes=boxes)


def lower_bounds(
    session: Session,
    sizes: BoundSizes,
    rows: Tensor,
    found: Found,
    progress: Callable[[float], None],
) -> Lower:
    """For crossings and radii found of training `rows`; a file in the job's folder keeps them."""
    minimum, norm = session.opened.minimum, found.crossings.norm
    own = class_of(outputs_at(minimum, minimum.inputs)).cpu()
    everything = torch.arange(minimum.n, device=minimum.inputs.device)
    right = own == labels(minimum, everything).cpu()
    values = torch.full((minimum.n,), torch.nan, dtype=torch.float64)
    values[rows.cpu()] = found.radii
    bounded = int(values.isfinite().sum())
    upper = torch.full((minimum.n,), torch.nan, dtype=torch.float64)
    upper[rows.cpu()] = found.crossings.values.double().cpu()
    known = right & upper.isfinite()
    if sizes.graph is None or not bool(known.any()):
        return Lower(values, right, 0, 0, 0)
    keeper = Keeper(
        kept_in(session.unfinished, f"{STAGE}-bounds-{norm}"),
        fingerprint(minimum, seed=session.parameters.seed, also=(upper, values))
        if session.unfinished
        else "",
    )
    stored = keeper.stored()
    if stored is None:
        work = _Work(minimum, sizes.graph, sizes, norm, own, right, upper, values)
        stored = work.done(_first(rows, minimum.n, sizes.covered), progress)
        keeper.keep(stored)
    values, boxes = stored["values"], int(stored["boxes"])
    return Lower(values, right, bounded, min(sizes.covered, minimum.n), boxes)


def _first(rows: Tensor, n: int, count: int) -> Tensor:
    """`count` rows of n, those of `rows` before any other."""
    others = torch.ones(n, dtype=torch.bool)
    others[rows.cpu()] = False
    return torch.cat([rows.cpu(), others.nonzero()[:, 0]])[:count]


@dataclass
class _Work:
    """What bounds all points: the smallest margin first, then boxes."""

    minimum: Minimum
    graph: Graph
    sizes: BoundSizes
    norm: NormName
    own: Tensor
    right: Tensor
    upper: Tensor
    values: Tensor

    def done(self, rows: Tensor, progress: Callable[[float], None]) -> dict[str, Tensor]:
        """The values (n,), and the boxes cut."""
        smallest = float(self.upper[self.right & self.upper.isfinite()].min())
        rows = rows[self.right[rows]]
        self._improve(
            rows,
            radii_at_least(
                self.graph,
                self._points(rows),
                smallest,
                self.norm,
                budget=self.sizes.budget,
                progress=lambda done: progress(0.5 * done),
            ),
        )
        boxes = self._cover(smallest, lambda done: progress(0.5 + 0.5 * done))
        return {"values": self.values, "boxes": torch.tensor(boxes)}

    def _cover(self, smallest: float, progress: Callable[[float], None]) -> int:
        """Boxes for the points that may have the smallest margin; in the plane for the others."""
        inputs, spent = self.minimum.inputs[0].numel(), 0
        if not self.sizes.boxes or not can_be_covered(inputs, self.norm):
            return 0
        open_ = self.right & self.upper.isfinite() & ~(self.values >= CLOSED * self.upper)
        rounds = [open_ & (self.values < CLOSED * smallest)]
        rounds += [open_] if inputs <= 2 else []
        for wanted in rounds:
            rows = wanted.nonzero()[:, 0]
            if len(rows):
                found, cut = covered_radii(
                    self.graph,
                    self._points(rows),
                    self.upper[rows],
                    self.norm,
                    most=self.sizes.boxes - spent,
                    progress=progress,
                )
                self._improve(rows, found)
                spent += cut
        return spent

    def _points(self, rows: Tensor) -> Points:
        found = certifiable(self.minimum, rows.to(self.minimum.inputs.device), self.own[rows])
        return Points(found.x, found.own)

    def _improve(self, rows: Tensor, found: Tensor) -> None:
        known = self.values[rows]
        self.values[rows] = torch.where(known.isnan(), found, torch.maximum(known, found))
