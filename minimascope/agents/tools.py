"""The tools, as an agent reads of them: names, arguments and docstrings are its manual."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio
from mcp.server.mcpserver import Context, Image
from pydantic import BaseModel, Field

from minimascope.agents import minima as asked
from minimascope.agents.minima import Minima, Order
from minimascope.cli.files import given
from minimascope.cli.server import SHA256
from minimascope.contract.extras import adding
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report

LAYERS = 60  # of a checkpoint that are listed
EVERY_SECONDS = 0.5
Id = Annotated[
    str, Field(description="id of an analysis, or the path of a saved report (.npz)", min_length=1)
]
Seconds = Annotated[float, Field(ge=0, le=240, description="how long to wait before answering")]
File = Annotated[str, Field(min_length=1)]


def _check_whole(checkpoint: str) -> None:
    """Bare weights without an architecture are refused at once, not after the wait.

    What a server has already is known by its id, and a folder holds its network.
    """
    if SHA256.fullmatch(checkpoint) or Path(checkpoint).expanduser().is_dir():
        return
    from minimascope.intake.inspection import inspect_checkpoint
    from minimascope.intake.networks.architecture import check_described

    with tempfile.TemporaryDirectory(prefix="minimascope-") as workdir:
        found = inspect_checkpoint(given(checkpoint, "checkpoint"), workdir=Path(workdir))
    check_described(None, found["format"])


def _data(path: str, label: str | None, place: Path, problem: ProblemError) -> dict[str, Any]:
    """What a file holds that is no checkpoint; the first refusal stands where it is no data too."""
    from minimascope.intake.inspection import inspect_dataset

    try:
        return inspect_dataset(given(path, "dataset"), workdir=place, label=label)
    except ProblemError:
        raise problem from None


def as_json(value: Any) -> str:
    """Without null, which says nothing."""
    if isinstance(value, BaseModel):
        return value.model_dump_json(by_alias=True, exclude_none=True, indent=1)
    return json.dumps(value, ensure_ascii=False, indent=1, default=str)


class Tools:
    """Each public method is a tool."""

    def __init__(self, minima: Minima) -> None:
        self._minima = minima

    def every(self) -> list[Callable[..., Any]]:
        """In the order one needs them."""
        asking = (self.analyses, self.read, self.compare, self.draw)
        return [self.inspect, self.weights, self.analyze, self.wait, *asking]

    def inspect(
        self,
        path: File,
        kind: Annotated[
            Literal["checkpoint", "dataset"] | None,
            Field(description="by default, what the file is by its content"),
        ] = None,
        label: Annotated[str | None, Field(description="column or array of the labels")] = None,
    ) -> str:
        """What a file of weights or of data holds, and what it says of its training.

        Nothing in the file is run. Use it before `analyze`: it says which architecture, loss and
        weight decay are known, and what has to be asked of the person.
        """
        from minimascope.intake.inspection import inspect_checkpoint, inspect_dataset

        with tempfile.TemporaryDirectory(prefix="minimascope-") as workdir:
            place = Path(workdir)
            if kind == "dataset":
                return as_json(inspect_dataset(given(path, kind), workdir=place, label=label))
            try:
                found = inspect_checkpoint(given(path, "checkpoint"), workdir=place)
            except ProblemError as problem:
                if kind is not None or problem.code != "not_a_checkpoint":
                    raise
                return as_json(_data(path, label, place, problem))
        rest = len(found["layers"]) - LAYERS
        shown = {**found, "layers": found["layers"][:LAYERS]}
        return as_json({**shown, "layers_not_shown": rest} if rest > 0 else shown)

    def weights(self, path: File, against: File | None = None) -> str:
        """What weights alone say, layer by layer, without data: norms, spectra, dead units,
        layers left as initialised; with `against`, an earlier checkpoint, how far each moved."""
        from minimascope.intake.weighing import weigh
        from minimascope.results.weights import Weights

        other = given(against, "checkpoint") if against else None
        return str(Weights(weigh(given(path, "checkpoint"), against=other)))

    def analyze(
        self,
        checkpoint: File,
        train: File,
        test: File | None = None,
        optimizer_state: File | None = None,
        name: Annotated[str, Field(max_length=200)] = "",
        parameters: Parameters | None = None,
    ) -> str:
        """Begin the analysis of a trained network and its training data; gives its id.

        Say in `parameters` how it was trained as far as it is known: architecture (for bare
        weights), loss, optimizer, weight_decay, schedule, augmentation. What is not told is listed
        in the report and makes the estimate of the gap wider or withholds it. Then `wait`.
        """
        order = Order(checkpoint, train, test, optimizer_state, name, parameters or Parameters())
        if order.parameters.architecture is None:
            _check_whole(checkpoint)
        return self._minima.submit(order).line()

    async def wait(self, identifier: Id, context: Context, seconds: Seconds = 45.0) -> str:
        """Wait for an analysis: its findings, or how far it is, after which one calls again."""
        deadline = anyio.current_time() + seconds
        while True:
            found = await anyio.to_thread.run_sync(self._minima.standing, identifier)
            if found.ended or anyio.current_time() >= deadline:
                break
            await context.report_progress(found.progress, 1.0, found.message)
            await anyio.sleep(EVERY_SECONDS)
        if found.state != "done":
            return found.line()
        report = await anyio.to_thread.run_sync(self._minima.report, identifier)
        return f"{found.line()}\n\n{_card(report)}"

    def analyses(self) -> str:
        """The analyses there are, newest first: id, name, state."""
        return (
            "\n".join(each.line() for each in self._minima.listed()) or "There is no analysis yet."
        )

    def read(
        self,
        identifier: Id,
        section: Annotated[
            str | None, Field(description="e.g. gap, spectrum, boundary, margins, objective")
        ] = None,
    ) -> str:
        """What an analysis found: the card with verdict and key numbers, or one section as JSON."""
        report = asked.report(self._minima, identifier)
        if section is None:
            return _card(report)
        if section not in Report.model_fields:
            known = ", ".join(Report.model_fields)
            raise ProblemError(
                "invalid_parameters", f"A report has no section {section!r:.60}; it has {known}."
            )
        return as_json(report.model_dump(mode="json", include={section}, by_alias=True))

    def compare(self, identifiers: Annotated[list[Id], Field(min_length=2)]) -> str:
        """Several minima side by side: which generalizes best, and their key numbers."""
        from minimascope.contract.compared import sentences
        from minimascope.contract.report.key_numbers import key_numbers
        from minimascope.contract.schemas import KeyNumbers
        from minimascope.results.side_by_side import table

        items = [_column(self._minima, each, KeyNumbers, key_numbers) for each in identifiers]
        saved = [each for each in identifiers if Path(each).suffix == ".npz"]
        same = not saved and len({self._minima.data(each) for each in identifiers}) == 1
        names = [item.name or item.id[:8] for item in items]
        said = sentences(items, names, one_data=same)
        return "\n".join([*([said, ""] if said else []), *table(items)])

    def draw(
        self,
        identifier: Id,
        figure: Annotated[
            str, Field(description="e.g. boundary, spectrum, gap, margins")
        ] = "boundary",
        v: Annotated[int, Field(ge=1, description="eigenvector, for the boundary")] = 1,
    ) -> list[Any]:
        """A picture of an analysis, as PNG, and which others there are."""
        from minimascope.results.page import TITLES

        plot = asked.result(self._minima, identifier).plot
        drawn = plot.boundary(v=v) if figure == "boundary" else plot(figure)
        try:
            from minimascope.figures.static_png import png

            picture = png(drawn, label=TITLES.get(figure, figure))
        except ImportError as error:
            raise ProblemError(
                "not_installed", "Pictures need Pillow.", f"{adding('mcp')}."
            ) from error
        others = ", ".join(name for name in plot.names() if name != figure)
        words = f"{TITLES.get(figure, figure)} of {identifier}. Other figures: {others}."
        return [Image(data=picture, format="png"), words]


def _column(minima: Minima, identifier: str, row: Any, numbers: Any) -> Any:
    report = asked.report(minima, identifier)
    if Path(identifier).suffix == ".npz":
        name, state = Path(identifier).stem, "done"
    else:
        standing = minima.standing(identifier)
        name, state = standing.name, standing.state
    return row(id=identifier, name=name, state=state, **numbers(report))


def _card(report: Report) -> str:
    from minimascope.results import card

    return card.text(report)
