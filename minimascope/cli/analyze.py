"""`minimascope analyze`: the worker's own code path on local files, without a server."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from minimascope.cli.options import Subparsers, add_parameters, existing, parameters
from minimascope.contract.problems import ProblemError

if TYPE_CHECKING:
    import numpy as np

    from minimascope.analysis.session.opening import Files
    from minimascope.contract.parameters import Parameters
    from minimascope.contract.report import Report
    from minimascope.contract.schemas import StageState


def register(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("analyze", help="analyse local files without a server")
    parser.add_argument("--checkpoint", required=True, type=Path, metavar="FILE")
    parser.add_argument("--train", required=True, type=Path, metavar="FILE")
    parser.add_argument("--test", type=Path, metavar="FILE")
    add_parameters(parser)
    parser.add_argument("--output", type=Path, metavar="report.json")
    parser.add_argument("--plan", action="store_true", help="say what it will cost, and stop")
    parser.add_argument("--arrays", type=Path, metavar="arrays.npz")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")


def run(args: argparse.Namespace) -> int:
    """Writes the report (and arrays), or prints the plan; ProblemError for `main` to print."""
    from minimascope.analysis.run import run_analysis
    from minimascope.analysis.session.opening import Files

    for path in filter(None, (args.checkpoint, args.train, args.test)):
        existing(str(path))
    if args.output is None and not args.plan:
        raise ProblemError("no_output", "Neither --output nor --plan was given.")
    asked = parameters(args)
    publisher = TerminalPublisher(quiet=args.quiet)
    with tempfile.TemporaryDirectory(prefix="minimascope-") as workdir:
        files = Files(args.checkpoint, args.train, args.test)
        if args.plan:
            print(plan(files, asked, workdir=Path(workdir)))
            return 0
        report = run_analysis(files, asked, workdir=Path(workdir), publisher=publisher)
    publisher.write_arrays(args.arrays)
    write(args.output, report.model_dump_json(by_alias=True, indent=1) + "\n")
    for failure in report.failures:
        print(f"{failure.stage}: {failure.sentence} {failure.advice}".rstrip(), file=sys.stderr)
    return 0


def plan(files: Files, asked: Parameters, *, workdir: Path) -> str:
    """What the spectrum and every stage will cost; ProblemError where it would not fit."""
    from minimascope.analysis.planning import advice, predicted
    from minimascope.analysis.session.opening import open_files
    from minimascope.curvature.running.durations import duration

    opened = open_files(files, asked, workdir=workdir)
    found, costs = predicted(opened, asked)
    parts = ", ".join(f"{stage} {duration(seconds)}" for stage, seconds in costs.items())
    shorter = advice(found, opened.minimum, asked)
    return "\n".join((found.block, f"stages    {parts}", *shorter))


def write(path: Path, text: str) -> None:
    """All or nothing: a reader never sees half a report."""
    temporary = path.with_name(path.name + ".writing")
    try:
        temporary.write_text(text)
        os.replace(temporary, path)
    except OSError as error:
        raise ProblemError(
            "cannot_write", f"Cannot write {path}: {error.strerror}.", "Choose another --output."
        ) from error


class TerminalPublisher:
    """Progress as one line on stderr where that is a terminal; arrays kept for the end."""

    def __init__(self, *, quiet: bool) -> None:
        self.shown = not quiet and sys.stderr.isatty()
        self.arrays: dict[str, np.ndarray] = {}

    def progress(self, stage: str, fraction: float, message: str) -> None:
        if self.shown:
            end = "\n" if fraction >= 1 else ""
            print(f"\r\033[K{fraction:4.0%} {stage}  {message}", end=end, file=sys.stderr)

    def stage(self, stage: str, state: StageState, seconds: float | None) -> None:
        """The progress line already says it."""

    def report(self, report: Report) -> None:
        """Written once, at the end."""

    def array(self, name: str, value: np.ndarray) -> None:
        self.arrays[name] = value

    def write_arrays(self, path: Path | None) -> None:
        import numpy as np

        if path is None:
            return
        try:
            with path.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **self.arrays)
        except OSError as error:
            raise ProblemError(
                "cannot_write", f"Cannot write {path}: {error.strerror}.", "Choose another file."
            ) from error
