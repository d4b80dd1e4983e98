"""`minimascope analyze`: the worker's own code path on local files, without a server."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minimascope.cli import findings, progress, schedule_file
from minimascope.cli.fail_if import FAIL_IF, condition, judged
from minimascope.cli.files import existing, given, writable
from minimascope.cli.model_options import OPTIMIZER_STATE, made, takes
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.parameters import USUAL, Parameters
from minimascope.contract.problems import ProblemError
from minimascope.machine.processes import age
from minimascope.machine.writing import write

if TYPE_CHECKING:
    import numpy as np

    from minimascope.analysis.session.assembly import Opened
    from minimascope.analysis.session.opening import Files
    from minimascope.contract.report import Report
    from minimascope.contract.schemas import StageState


GOING = 0.5  # seconds in which the report is written and Python ends
EVERYTHING = (
    f"however long it takes: without it an analysis on the CPU has --seconds-at-most {USUAL:.0f}, "
    "where neither is given"
)


@takes(Parameters, or_file={"schedule": schedule_file.told_by})
def command(
    checkpoint: Annotated[Path, typer.Option(metavar="FILE", help="trained weights")],
    train: Annotated[Path, typer.Option(metavar="FILE", help="the training data")],
    asked: dict[str, Any],
    test: Annotated[Path | None, typer.Option(metavar="FILE", help="held-out data")] = None,
    optimizer_state: Annotated[
        Path | None, typer.Option(metavar="FILE", help=OPTIMIZER_STATE)
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="where the report goes")
    ] = None,
    arrays: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="where its arrays go")
    ] = None,
    fail_if: Annotated[list[str] | None, typer.Option(metavar="CONDITION", help=FAIL_IF)] = None,
    plan: Annotated[bool, typer.Option("--plan", help="say what it will cost, and stop")] = False,
    everything: Annotated[bool, typer.Option("--everything", help=EVERYTHING)] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress on standard error")] = False,
    as_json: AsJson = False,
) -> int:
    """Analyse a minimum from local files; ends with the verdict and the key numbers."""
    conditions = [condition(each) for each in fail_if or ()]
    files = _files(checkpoint, train, test, optimizer_state)
    if plan and (output or arrays or conditions):
        raise ProblemError("plan_only", "With --plan nothing is computed that could be written.")
    for path in filter(None, (output, arrays)):
        writable(path)
    parameters = made(Parameters, asked)
    if everything:
        parameters = parameters.model_copy(update={"seconds_at_most": None})
    elif parameters.seconds_at_most is None and parameters.device == "cpu":
        parameters = parameters.model_copy(update={"seconds_at_most": USUAL})
    with tempfile.TemporaryDirectory(prefix="minimascope-") as workdir:
        if plan:
            _plan(files, parameters, Path(workdir), as_json=as_json)
            return 0
        publisher = TerminalPublisher(quiet=quiet)
        report = _report(files, parameters, Path(workdir), publisher)
    publisher.write_arrays(arrays)
    _end(report, output, as_json=as_json)
    return judged(conditions, report)


def _files(checkpoint: Path, train: Path, test: Path | None, optimizer_state: Path | None) -> Files:
    """What the paths stand for. Raises ProblemError no_such_file and the like."""
    found = given(checkpoint, "checkpoint"), given(train, "dataset")
    held = given(test, "dataset") if test else None
    state = existing(optimizer_state) if optimizer_state else None
    from minimascope.analysis.session.opening import Files

    return Files(*found, held, optimizer_state=state)


def _report(
    files: Files,
    parameters: Parameters,
    workdir: Path,
    publisher: TerminalPublisher,
) -> Report:
    """The report; seconds of `parameters` count from the start of the process."""
    from minimascope.analysis.run import run_opened
    from minimascope.analysis.session.opening import open_files
    from minimascope.curvature.running.deadline import within

    def opened() -> Opened:
        return open_files(files, parameters, workdir=workdir)

    seconds = parameters.seconds
    if seconds is not None:
        seconds = max(seconds / 2, seconds - age() - GOING)
    with publisher.shown, within(seconds):
        return run_opened(opened, parameters, publisher=publisher)


def _end(report: Report, output: Path | None, *, as_json: bool) -> None:
    text = report.model_dump_json(by_alias=True, indent=1)
    if output is not None:
        write(output, f"{text}\n".encode())
    if as_json:
        print(text)
    else:
        findings.show(report)
    findings.show_failures(report)


def _plan(files: Files, parameters: Parameters, workdir: Path, *, as_json: bool) -> None:
    """What the spectrum and every stage will cost; ProblemError where it would not fit."""
    from minimascope.analysis.planning import advice, planned, predicted
    from minimascope.analysis.session.opening import open_files
    from minimascope.curvature.running.durations import duration

    opened = open_files(files, parameters, workdir=workdir)
    if as_json:
        answer(True, planned(opened, parameters), "")
        return
    found, costs = predicted(opened, parameters)
    parts = ", ".join(f"{stage} {duration(seconds)}" for stage, seconds in costs.items())
    shorter = advice(found, opened.minimum, parameters)
    print("\n".join((found.block, f"stages    {parts}", *shorter)))


class TerminalPublisher:
    """Progress to the terminal; arrays kept for the end."""

    def __init__(self, *, quiet: bool) -> None:
        self.shown = progress.shown(quiet=quiet)
        self.arrays: dict[str, np.ndarray] = {}

    def progress(self, stage: str, fraction: float, message: str) -> None:
        self.shown.at(fraction, stage, message)

    def stage(self, stage: str, state: StageState, seconds: float | None) -> None:
        """The progress already says it."""

    def report(self, report: Report) -> None:
        """Written once, at the end."""

    def array(self, name: str, value: np.ndarray) -> None:
        self.arrays[name] = value

    def write_arrays(self, path: Path | None) -> None:
        """As .npz. Raises ProblemError `cannot_write`."""
        import io

        import numpy as np

        if path is not None:
            content = io.BytesIO()
            np.savez_compressed(content, allow_pickle=False, **self.arrays)
            write(path, content.getvalue())
