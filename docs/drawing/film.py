"""The film of the README: one minimum, its eigenvectors, the boundary moved, the sentence.

An SVG whose style shows one picture after another; no script. Whoever wants less motion sees the
first eigenvector.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from torch import nn

from docs.drawing.demos import Demo, boundary_of, demo, reach_of, spiral_network
from docs.drawing.panels import INK, MUTED, framed, keep, line, plane
from minimascope.contract.report.sentences import nats
from minimascope.figures.coloured import plain_arrays
from minimascope.figures.plane import (
    boundary_line,
    class_points,
    explained_line,
    explained_share,
    field,
    regions,
)
from minimascope.figures.spectrum import spectrum_figure
from minimascope.figures.static import svg
from minimascope.figures.static_axes import axes_of
from minimascope.figures.symlog import symlog
from minimascope.results.range_bar import range_bar

NAME = "weight-decay"
WIDTH, HEIGHT, SIDE = 900, 420, 380
SPECTRUM = (470, 320)  # pixels
TALL = 402  # of the plane, which is then square
VECTORS = 5
WALK = (0.08, 0.16, 0.24, 0.3, 0.24, 0.16, 0.08, 0.0, -0.08, -0.16, -0.24, -0.3, -0.24, -0.12, 0.0)
STILL = 1  # the frame for whoever wants less motion


@dataclass(frozen=True)
class Frame:
    """The plane, what stands to its right (with its top in pixels), words, and seconds."""

    plane: go.Figure
    right: str
    words: tuple[str, str]
    seconds: float


def quiet(traces: list[Any]) -> list[Any]:
    return [trace.update(showlegend=False) for trace in traces]


def first(found: Demo, spectrum: str) -> Frame:
    n, p = found.report.data.train.n, found.report.checkpoint.parameters
    traces = [
        regions(found.arrays),
        boundary_line(found.arrays),
        *class_points(found.arrays, size=5),
    ]
    words = (
        f"A trained network: {p:,} weights, {n} examples",
        "Its loss curves in some directions of weight space",
    )
    return Frame(plane(quiet(traces), reach_of(found), height=TALL), spectrum, words, 2.0)


def along(found: Demo, k: int) -> Frame:
    """The alignment with eigenvector k (0-based), its share of the boundary in bold."""
    value, share = found.report.spectrum.eigenvalues[k], explained_share(found.arrays, k)
    traces = [
        field(found.arrays, k),
        boundary_line(found.arrays, width=1, colour="muted"),
        explained_line(found.arrays, k).update(line={"width": 4.5}),
        *class_points(found.arrays, size=4),
    ]
    words = (
        f"v{'₁₂₃₄₅'[k]}, curvature {value:.2g}, draws {share:.0%} of the boundary",
        "Where its colour changes, the decision does",
    )
    return Frame(plane(quiet(traces), reach_of(found), height=TALL), spectra(found, k), words, 1.3)


def walked(found: Demo) -> list[Frame]:
    """The boundary as the weights move along v₁ and back."""
    model, theta = spiral_network(NAME)
    v = torch.as_tensor(found.arrays["eigenvectors"][0]).double()
    frames = []
    for epsilon in WALK:
        nn.utils.vector_to_parameters(theta + epsilon * v, model.parameters())
        drawn = boundary_of(model, reach_of(found))
        still = boundary_line(found.arrays, width=1.2, colour="muted").update(line={"dash": "dot"})
        traces = [
            still,
            line(drawn[:, 0], drawn[:, 1], width=3),
            *class_points(found.arrays, size=4),
        ]
        words = (
            f"Weights moved along v₁ by {epsilon:+.2f}".replace("-", "−"),
            "The boundary swings through the data",
        )
        figure = plane(quiet(traces), reach_of(found), height=TALL)
        frames.append(Frame(figure, spectra(found, 0), words, 0.16))
    return frames


def verdict(found: Demo) -> Frame:
    """What the report says of the gap, beside what was measured."""
    gap = found.report.gap
    low, high = gap.headline.half
    words = (
        f"Expect test loss about {nats(gap.headline.value)} nats above training",
        f"(likely {nats(low)} to {nats(high)}); measured: {nats(gap.measured.value)}",
    )
    traces = [
        regions(found.arrays),
        boundary_line(found.arrays),
        *class_points(found.arrays, size=5),
    ]
    bar = range_bar(gap).replace("<svg ", f'<svg x="{SIDE + 20}" y="170" ', 1)
    bar = bar.replace('width="520"', 'width="470"', 1)
    return Frame(plane(quiet(traces), reach_of(found), height=TALL), bar, words, 4.0)


def spectra(found: Demo, k: int | None) -> str:
    """The spectrum, drawn once for all frames, with eigenvalue k in red."""
    at = f'x="{SIDE + 20}" y="84"'
    if k is None:
        return f'<use href="#spectrum" {at}/>'
    figure = spectrum_figure(found.report.spectrum)
    axes = axes_of(plain_arrays(figure.to_plotly_json())["layout"], [], *SPECTRUM)
    values = np.array([found.report.spectrum.eigenvalues[k]])
    place = symlog(values, linear=figure.layout.meta["linear"])
    x = SIDE + 20 + float(axes["xaxis"].at(place)[0])
    low, high = (84 + float(each) for each in axes["yaxis2"].at([0.0, 1.0]))
    stem = f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="#c2290a" stroke-width="5"/>'
    return f'<use href="#spectrum" {at}/>{stem}'


def kept_once(found: Demo) -> str:
    figure = svg(spectrum_figure(found.report.spectrum), width=SPECTRUM[0])
    return "<defs>" + figure.replace("<svg ", '<svg id="spectrum" ', 1) + "</defs>"


def drawn(frame: Frame) -> str:
    left = svg(frame.plane, width=SIDE, fields=True)
    left = left.replace("<svg ", '<svg x="10" y="10" ', 1)
    said = "".join(
        f'<text x="{SIDE + 34}" y="{y}" fill="{colour}" style="font:{weight} 16px sans-serif">'
        f"{escape(words)}</text>"
        for words, y, colour, weight in zip(
            frame.words, (40, 66), (INK, MUTED), (600, 400), strict=True
        )
    )
    return left + frame.right + said


def film(frames: list[Frame]) -> str:
    """One picture after another, around and around."""
    whole = sum(frame.seconds for frame in frames)
    rules, groups, begun = [], [], 0.0
    for k, frame in enumerate(frames):
        begins, ends = 100 * begun / whole, 100 * (begun + frame.seconds) / whole
        hidden = "0%{visibility:hidden}" if k else ""
        rules.append(
            f"@keyframes f{k}{{{hidden}{begins:.2f}%{{visibility:visible}}"
            f"{ends:.2f}%{{visibility:hidden}}}}#f{k}{{animation-name:f{k}}}"
        )
        groups.append(f'<g class="f" id="f{k}">{drawn(frame)}</g>')
        begun += frame.seconds
    style = (
        f".f{{visibility:hidden;animation:none {whole:.2f}s step-end infinite}}{''.join(rules)}"
        "@media (prefers-reduced-motion:reduce){.f{animation:none!important}"
        f"#f{STILL}{{visibility:visible}}}}"
    )
    said = (
        "A film: the decision boundary of a small network, its first five Hessian eigenvectors one "
        "after another beside the spectrum, the boundary swinging as weights move along the first, "
        "and the estimate of the generalization gap beside what was measured."
    )
    body = f"<style>{style}</style>{kept_once(demo(NAME))}{''.join(groups)}"
    return framed(body, WIDTH, HEIGHT, said)


def picture() -> str:
    found = demo(NAME)
    frames = [first(found, spectra(found, None)), *(along(found, k) for k in range(VECTORS))]
    return film([*frames, *walked(found), verdict(found)])


if __name__ == "__main__":
    keep("film", picture())
