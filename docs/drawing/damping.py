"""Why λ matters: one network, one data set, two weight decays; and the gap over λ."""

from __future__ import annotations

from docs.drawing.demos import demo, reach_of
from docs.drawing.panels import Panel, keep, plane, row
from minimascope.figures.gap_curves import gap_figure
from minimascope.figures.plane import boundary_line, class_points, regions


def minimum(name: str) -> Panel:
    """Decision regions of a demo, its λ and its measured gap."""
    found = demo(name)
    gap = found.report.gap
    traces = [regions(found.arrays), boundary_line(found.arrays, width=2)]
    traces += class_points(found.arrays, size=5)
    unsaid = [trace.update(showlegend=False) for trace in traces]
    words = f"λ = {gap.lambda_:g}: measured gap {gap.measured.value:.2f} nats"
    return Panel(words, plane(unsaid, reach_of(found)), 300)


def picture() -> str:
    found = demo("weight-decay")
    curves = gap_figure(found.report.gap, n=found.report.data.train.n)
    said = (
        "Left and middle: decision regions of one network on one data set at two decays; the "
        "smaller one bends around single points and has the larger measured gap. Right: estimates "
        "of the gap of the first network over λ, falling, the estimate at its own λ marked."
    )
    panels = [minimum("weight-decay"), minimum("weak-decay")]
    return row([*panels, Panel("The first one's estimates over λ", curves, 380)], label=said)


if __name__ == "__main__":
    keep("concepts/weight_decay", picture())
