"""`minimascope cross-validate`: the gap by K-fold, with the user's own training script."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from minimascope.cli import progress
from minimascope.cli.files import existing, writable
from minimascope.cli.model_options import made, takes
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.machine.writing import write
from minimascope.results.words import cross_validated

if TYPE_CHECKING:
    from minimascope.validation.result import CrossValidation, Measured

# How a checkpoint that the script wrote is opened and evaluated.
EVALUATED = {"architecture", "loss", "label", "seed"}
SCRIPT = "your training script: gets --train-indices, --held-out-indices and --output"


@takes(Parameters, without=Parameters.model_fields.keys() - EVALUATED)
def command(
    script: Annotated[Path, typer.Option(metavar="FILE.py", help=SCRIPT)],
    data: Annotated[Path, typer.Option(metavar="FILE", help="the training data")],
    output: Annotated[Path, typer.Option(metavar="FILE.json", help="where the result goes")],
    asked: dict[str, Any],
    k: Annotated[int, typer.Option("--k", metavar="N", help="folds")] = 5,
    groups: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npy", help="copies of one original, held out together"),
    ] = None,
    stratify: Annotated[
        Literal["labels", "none"], typer.Option(help="shares of each class equal in all folds")
    ] = "labels",
    state: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="finished folds; default: beside output")
    ] = None,
    python: Annotated[str, typer.Option(metavar="PATH", help="default: this one")] = sys.executable,
    own: Annotated[
        list[str] | None, typer.Argument(metavar="-- ...", help="further arguments of the script")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress on standard error")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure the gap by K-fold: your script trains k times; a second call goes on after a stop."""
    for path in filter(None, (script, groups)):
        existing(path)
    data = existing(data)
    kept = state or output.with_suffix(".npz")
    for path in (output, kept):
        writable(path)
    if kept.resolve() in (output.resolve(), data.resolve()):
        sentence = f"{str(kept)!r} would hold the finished folds, but is another file of these."
        raise ProblemError("cannot_write", sentence, "Name another with --state.")
    parameters = made(Parameters, asked)
    split = {"k": k, "groups": _groups(groups), "state": kept}
    with (
        tempfile.TemporaryDirectory(prefix="minimascope-") as name,
        progress.shown(quiet=quiet) as bar,
    ):
        run = Run([python, str(script), *(own or [])], data, parameters, Path(name))
        found = run.folds(output.with_suffix(".log"), bar, by_label=stratify == "labels", **split)
    write(output, f"{found.estimate.model_dump_json(indent=1)}\n".encode())
    answer(as_json, found.estimate, cross_validated(found.estimate))


@dataclass(frozen=True)
class Run:
    """The script's command line, the data its indices are of, how its checkpoints are opened."""

    command: list[str]
    data: Path
    parameters: Parameters
    workdir: Path

    def folds(
        self, log: Path, bar: progress.Progress, *, by_label: bool, **split: Any
    ) -> CrossValidation:
        from minimascope.intake.values.dataset import read_dataset
        from minimascope.objective.named import loss_named
        from minimascope.validation.cross_validate import class_labels
        from minimascope.validation.script import Script, cross_validate_script

        asked = self.parameters
        targets = read_dataset(self.data, workdir=self.workdir, label=asked.label).targets
        labels = class_labels(targets, loss_named(asked.loss)) if by_label else None
        return cross_validate_script(
            Script(self.command, len(targets), log, self.evaluate),
            data=hashlib.sha256(self.data.read_bytes()).hexdigest(),
            loss=asked.loss,
            seed=asked.seed,
            labels=labels,
            progress=lambda done, sentence: bar.at(done, "folds", sentence),
            **split,
        )

    def evaluate(self, checkpoint: Path) -> Measured:
        """Losses of all examples under a checkpoint, plain ones, as an analysis would have them."""
        from minimascope.analysis.session.opening import Files, open_files
        from minimascope.curvature.minimum.batches import as_matrix
        from minimascope.validation.result import Measured

        opened = open_files(Files(checkpoint, self.data), self.parameters, workdir=self.workdir)
        kind, targets = opened.minimum.loss.plain, opened.minimum.targets
        outputs = as_matrix(opened.outputs)
        correct = kind.correct(outputs, targets).numpy() if kind.judges else None
        return Measured(kind.values(outputs, targets).double().numpy(), correct)


def _groups(path: Path | None) -> Any:
    if path is None:
        return None
    import numpy as np

    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        sentence = f"{str(path)!r} is no .npy of a number or text for each example."
        raise ProblemError("folds_impossible", sentence) from error
