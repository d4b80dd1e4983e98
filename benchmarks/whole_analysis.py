"""CPU seconds of every stage of a whole analysis of LeNet, of this code or beside an older one.

    python benchmarks/whole_analysis.py                                # n = 250 and 2,000
    python benchmarks/whole_analysis.py --before FOLDER --examples 2000  # a checkout of older code

One thread each, both at the same time: the same checkpoint and data go through both, what they say
is set side by side. Then this code again, in the 300 s that it has by default on a CPU. With
--before, results/whole_analysis.json is written: its row of that n. A run that takes longer than
--limit wall seconds is stopped, and its row says what it had taken: the ratio is one at least.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "whole_analysis.json"
BUDGET = 300.0  # seconds, the default on a CPU
sys.path[:0] = [os.environ.get("MINIMASCOPE_CODE", str(HERE.parent))]

import numpy as np
import torch
from sklearn import datasets
from torch import nn

Row = dict[str, Any]
LAYERS: list[list[Any]] = [
    *(["Conv2d", 1, 6, 5, {"padding": 2}], ["ReLU"], ["MaxPool2d", 2]),
    *(["Conv2d", 6, 16, 5], ["ReLU"], ["MaxPool2d", 2], ["Flatten"]),
    *(["Linear", 400, 120], ["ReLU"], ["Linear", 120, 84], ["ReLU"], ["Linear", 84, 10]),
]


def lenet() -> nn.Sequential:
    made: list[nn.Module] = []
    for name, *arguments in LAYERS:
        named = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
        made.append(getattr(nn, name)(*arguments, **named))
    return nn.Sequential(*made)


def digits(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Of scikit-learn's 1,797 digits, enlarged to 28 × 28; beyond those, some again with noise."""
    inputs, targets = datasets.load_digits(return_X_y=True)
    draw = np.random.default_rng(0)
    order = draw.permutation(len(inputs))
    rows = np.concatenate([order, order])[:n]
    images = torch.tensor(inputs[rows].reshape(-1, 1, 8, 8) / 16, dtype=torch.float32)
    images = nn.functional.interpolate(images, 28, mode="bilinear").numpy()
    images[len(order) :] += 0.1 * draw.standard_normal(images[len(order) :].shape)
    return images.astype(np.float32), targets[rows]


def trained(data: tuple[np.ndarray, np.ndarray]) -> nn.Sequential:
    """600 steps of Adam on batches of 128."""
    torch.manual_seed(0)
    inputs, targets = torch.tensor(data[0]), torch.tensor(data[1])
    network = lenet()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, weight_decay=1e-4)
    for _ in range(600):
        rows = torch.randint(len(inputs), (128,))
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(inputs[rows]), targets[rows]).backward()
        optimiser.step()
    return network


class Timed:
    """A publisher that keeps the CPU seconds of every stage, in a file while it goes on."""

    def __init__(self, kept: Path) -> None:
        self.began, self.running, self.seconds = 0.0, "", dict[str, float]()
        self.kept = kept

    def stage(self, stage: str, state: str, seconds: float | None) -> None:
        if state == "running":
            self.began, self.running = time.process_time(), stage
        else:
            self.progress()
            self.running = ""

    def progress(self, *_: object) -> None:
        if self.running:
            took = time.process_time() - self.began
            self.seconds[self.running] = self.seconds.get(self.running, 0.0) + took
            self.began += took
            row = {"seconds": self.seconds, "whole": time.process_time(), "said": {}}
            self.kept.write_text(json.dumps(row | {"stopped in": self.running}))

    def report(self, *_: object) -> None: ...

    def array(self, *_: object) -> None: ...


def analysed(folder: Path, kept: Path, budget: float | None) -> Row:
    """Seconds of every stage, and what the report says that must not change."""
    from minimascope.analysis.run import run_analysis
    from minimascope.analysis.session.opening import Files
    from minimascope.contract.parameters import Parameters

    torch.set_num_threads(1)
    told: Row = {} if budget is None else {"seconds": budget}
    sequential = {"family": "sequential", "layers": LAYERS}
    asked = Parameters(architecture=sequential, weight_decay=1e-4, **told)
    files, timed = Files(folder / "model.pt", folder / "train.npz", None), Timed(kept)
    (workdir := kept.with_suffix("")).mkdir()
    began = time.process_time()
    report = run_analysis(files, asked, workdir=workdir, publisher=timed)
    whole = time.process_time() - began
    seconds = {**timed.seconds, "opening": whole - sum(timed.seconds.values())}
    failures = [each.model_dump() for each in report.failures]
    return {"seconds": seconds, "whole": whole, "said": said(report), "failures": failures}


def said(report: Any) -> Row:
    """Numbers of each stage that was reached, with standard errors where they have one."""
    spectrum, gap, margins, boundary = report.spectrum, report.gap, report.margins, report.boundary
    found: Row = {"warnings": list(report.warnings)}
    if spectrum is not None:
        found["eigenvalues"] = [spectrum.eigenvalues[0], spectrum.eigenvalues[-1]]
        found["examples of the spectrum"] = spectrum.model_dump().get("examples")
        found["trace"] = spectrum.trace.model_dump()
        found["density"] = len(spectrum.density.grid) if spectrum.density else None
    if gap is not None:
        found["headline"] = gap.headline.model_dump() if gap.headline else None
        found["route"] = getattr(gap, "route", None)
        found["gap"] = {name: each.model_dump() for name, each in gap.estimates.items()}
    if boundary is not None:
        found["n90"] = boundary.n90
        found["flips at the boundary"] = boundary.flips and boundary.flips.model_dump()
    if margins is None:
        return found
    found["along eigenvectors"] = [each.estimate for each in margins.eigenvector]
    for norm in ("l2", "linf"):
        section = getattr(margins, norm)
        keep = ("smallest", "median", "searched", "median_standard_error", "bounded", "covered")
        every = section.model_dump()
        found[norm] = {name: every[name] for name in keep}
    return found


def run(folder: Path, name: str, code: Path, limit: float, budget: float | None) -> Row:
    """In a process of its own, on the code of that checkout, for `limit` seconds at most."""
    surroundings = {**os.environ, "MINIMASCOPE_CODE": str(code), "OMP_NUM_THREADS": "1"}
    kept = folder / f"{name}.json"
    command = [sys.executable, __file__, "--of", str(kept)]
    command += [] if budget is None else ["--budget", str(budget)]
    text: Row = {"capture_output": True, "text": True}
    try:
        answer = subprocess.run(command, env=surroundings, check=True, timeout=limit, **text)
        row: Row = json.loads(answer.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        row = json.loads(kept.read_text())
    return row


def compared(n: int, before: Path | None, limit: float) -> Row:
    with tempfile.TemporaryDirectory() as place:
        folder, data = Path(place), digits(n)
        torch.save(trained(data).state_dict(), folder / "model.pt")
        np.savez(folder / "train.npz", X=data[0], y=data[1])
        places = {"now": HERE.parent} | ({} if before is None else {"before": before})
        with ThreadPoolExecutor() as pool:
            started = {
                name: pool.submit(run, folder, name, code, limit, None)
                for name, code in places.items()
            }
        row: Row = {"n": n} | {name: each.result() for name, each in started.items()}
        row["in time"] = run(folder, "in time", HERE.parent, limit, BUDGET)
        if before is not None:
            row["ratio"] = row["before"]["whole"] / row["now"]["whole"]
    show(row)
    return row


def show(row: Row) -> None:
    runs = [name for name in ("before", "now", "in time") if name in row]
    print(f"LeNet, n = {row['n']}: CPU seconds")
    print(" " * 14 + "".join(f"{name:>10}" for name in runs))
    for stage in row["now"]["seconds"]:
        took = "".join(f"{row[name]['seconds'].get(stage, 0.0):10.1f}" for name in runs)
        print(f"  {stage:12}" + took)
    print("  whole       " + "".join(f"{row[name]['whole']:10.1f}" for name in runs))
    for name in runs:
        if "stopped in" in row[name]:
            print(f"  {name} was stopped in the {row[name]['stopped in']}")
    if "ratio" in row:
        print(f"  before / now {row['ratio']:.2f}", flush=True)
    for what in row["now"]["said"]:
        print(f"  {what}:", *(f"\n    {name}: {row[name]['said'].get(what)}" for name in runs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--examples", type=int, nargs="*", default=[250, 2000])
    parser.add_argument("--limit", type=float, default=7200.0)
    parser.add_argument("--of", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--budget", type=float, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.of:
        found = analysed(asked.of.parent, asked.of, asked.budget)
        print(json.dumps(found, default=str))
        return
    rows = [compared(n, asked.before, asked.limit) for n in asked.examples]
    if asked.before is not None:
        counts = {row["n"] for row in rows}
        kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
        rows += [row for row in kept if row["n"] not in counts]
        rows.sort(key=lambda row: row["n"])
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
