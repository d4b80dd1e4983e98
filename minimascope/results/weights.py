"""A weights report in hand: its table as text, HTML or DataFrame, a figure a layer."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from typing_extensions import override

from minimascope.contract.problems import ProblemError
from minimascope.contract.weights import WeightReport, WeightRow
from minimascope.results.refusals import needed

WIDTH = 100
HEAD = ("name", "shape", "norm", "σ₁", "stable rank", "α (p)", "spikes")
CHANGE = ("change", "rank")
NAME = 44
SHOWN = 4  # names before a note


def cells(row: WeightRow, *, compared: bool) -> list[str]:
    """The row as texts, under HEAD and, where compared, CHANGE."""
    law, random, change = row.power_law, row.random_matrix, row.change
    found = [
        row.name if len(row.name) <= NAME else f"…{row.name[1 - NAME :]}",
        " × ".join(map(str, row.shape)) or "scalar",
        f"{row.norm:.4g}",
        _number(row.spectral_norm),
        _number(row.stable_rank),
        "–" if law is None else f"{law.alpha:.2f} ± {law.error:.2f} ({law.p_value:.2f})",
        "–" if random is None else str(random.spikes),
    ]
    if compared:
        at_least = "≥ " if change and change.rank_at_least else ""
        found += [
            "–" if change is None else _number(change.relative, percent=True),
            "–" if change is None or change.rank is None else f"{at_least}{change.rank}",
        ]
    return found


def _number(value: float | None, *, percent: bool = False) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.3g} %" if percent else f"{value:.4g}"


def _first(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def head(report: WeightReport) -> tuple[str, ...]:
    return (*HEAD, *(CHANGE if report.against is not None else ()))


@dataclass(frozen=True)
class Weights:
    """What `minimascope.weights` gives. `report` is the document that REST and --json have too."""

    report: WeightReport

    def __getattr__(self, name: str) -> Any:
        if name in WeightReport.model_fields:
            return getattr(self.report, name)
        raise AttributeError(f"a weights report has no {name!r}")

    @override
    def __str__(self) -> str:
        return "\n".join(self._lines())

    __repr__ = __str__

    def _lines(self) -> Iterator[str]:
        report, compared = self.report, self.report.against is not None
        kind = f", {report.format}" if report.format else ""
        yield f"{report.name or 'weights'}: {report.parameters:,} parameters{kind}"
        yield ""
        table = [head(report), *(cells(row, compared=compared) for row in report.rows)]
        widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
        for row in table:
            yield "  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip()
        yield ""
        for sentence in (*report.findings, *report.warnings, *self.notes()):
            yield from textwrap.wrap(sentence, WIDTH, subsequent_indent="  ")

    def notes(self) -> list[str]:
        """Why columns are empty, once each, after the names that it is said of."""
        names = dict[str, list[str]]()
        for row in self.report.rows:
            for note in row.notes:
                names.setdefault(note, []).append(row.name)
        return [f"{_first(of)}: {note}" for note, of in names.items()]

    def row(self, name: str) -> WeightRow:
        """Of the tensor of that name. Raises ProblemError no_such_figure."""
        for row in self.report.rows:
            if row.name == name:
                return row
        shown = ", ".join(row.name for row in self.report.rows[:8])
        raise ProblemError("no_such_figure", f"There is no weight {name!r:.80}; there are {shown}.")

    def frame(self) -> Any:
        """A DataFrame with a row a tensor, nested columns as "power_law.alpha"."""
        pandas = needed("pandas", "A DataFrame")
        rows = [row.model_dump(exclude={"digest"}) for row in self.report.rows]
        return pandas.json_normalize(rows).set_index("name")

    def plot(self, name: str) -> Any:
        """The spectrum of one weight as a Plotly figure. Raises no_such_figure, not_installed."""
        needed("plotly", "A figure")
        from minimascope.figures.coloured import coloured
        from minimascope.figures.weight_spectrum import weight_figure

        row = self.row(name)
        if row.singular_values is None or row.matrix is None:
            why = " ".join(row.notes) or "It is no matrix."
            raise ProblemError("no_such_figure", f"{name!r:.80} has no spectrum. {why}")
        return coloured(
            weight_figure(
                row.singular_values, row.matrix, random=row.random_matrix, law=row.power_law
            )
        )

    def _repr_html_(self) -> str:
        compared = self.report.against is not None
        names = "".join(f"<th>{escape(name)}</th>" for name in head(self.report))
        rows = "".join(
            "<tr>"
            + "".join(f"<td>{escape(cell)}</td>" for cell in cells(row, compared=compared))
            + "</tr>"
            for row in self.report.rows
        )
        said = "".join(
            f"<p>{escape(each)}</p>" for each in (*self.report.findings, *self.report.warnings)
        )
        return f"<div>{said}<table><tr>{names}</tr>{rows}</table></div>"
