"""CPU seconds of every stage of a whole analysis of LeNet, of this code or beside an older one.

    python benchmarks/whole_analysis.py                                # n = 250 and 2,000
    python benchmarks/whole_analysis.py --before FOLDER --examples 2000  # a checkout of older code

One thread each, both at the same time: the same checkpoint and data go through both, what they say
is set side by side. With --before, results/whole_analysis.json is written: its row of that n.
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
    """A publisher that keeps the CPU seconds of every stage, and nothing else."""

    def __init__(self) -> None:
        self.began, self.seconds = 0.0, dict[str, float]()

    def stage(self, stage: str, state: str, seconds: float | None) -> None:
        if state == "running":
            self.began = time.process_time()
        else:
            self.seconds[stage] = time.process_time() - self.began

    def progress(self, *_: object) -> None: ...

    def report(self, *_: object) -> None: ...

    def array(self, *_: object) -> None: ...


def analysed(folder: Path) -> Row:
    """Seconds of every stage, and what the report says that must not change."""
    from minimascope.analysis.run import run_analysis
    from minimascope.analysis.session.opening import Files
    from minimascope.contract.parameters import Parameters

    torch.set_num_threads(1)
    asked = Parameters(architecture={"family": "sequential", "layers": LAYERS}, weight_decay=1e-4)
    files, timed = Files(folder / "model.pt", folder / "train.npz", None), Timed()
    began = time.process_time()
    report = run_analysis(files, asked, workdir=folder, publisher=timed)
    whole = time.process_time() - began
    seconds = {**timed.seconds, "opening": whole - sum(timed.seconds.values())}
    failures = [each.model_dump() for each in report.failures]
    return {"seconds": seconds, "whole": whole, "said": said(report), "failures": failures}


def said(report: Any) -> Row:
    """Numbers of each stage, with standard errors where they have one."""
    spectrum, gap, margins = report.spectrum, report.gap, report.margins
    boundary, density = report.boundary, report.spectrum.density
    found: Row = {
        "eigenvalues": [spectrum.eigenvalues[0], spectrum.eigenvalues[-1]],
        "trace": spectrum.trace.model_dump(),
        "headline": gap.headline.model_dump() if gap.headline else None,
        "n90": boundary.n90,
        "density": len(density.grid) if density else None,
        "flips at the boundary": boundary.flips and boundary.flips.model_dump(),
        "along eigenvectors": [each.estimate for each in margins.eigenvector],
    }
    for norm in ("l2", "linf"):
        section = getattr(margins, norm)
        keep = ("smallest", "median", "searched", "median_standard_error", "bounded", "covered")
        every = section.model_dump()
        found[norm] = {name: every[name] for name in keep}
    return found


def run(folder: Path, code: Path) -> Row:
    """In a process of its own, on the code of that checkout."""
    surroundings = {**os.environ, "MINIMASCOPE_CODE": str(code), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--of", str(folder)]
    answer = subprocess.run(command, env=surroundings, check=True, capture_output=True, text=True)
    row: Row = json.loads(answer.stdout.splitlines()[-1])
    return row


def compared(n: int, before: Path | None) -> Row:
    with tempfile.TemporaryDirectory() as place:
        folder, data = Path(place), digits(n)
        torch.save(trained(data).state_dict(), folder / "model.pt")
        np.savez(folder / "train.npz", X=data[0], y=data[1])
        places = {"now": HERE.parent} | ({} if before is None else {"before": before})
        with ThreadPoolExecutor() as pool:
            started = {name: pool.submit(run, folder, code) for name, code in places.items()}
        row: Row = {"n": n} | {name: each.result() for name, each in started.items()}
        if before is not None:
            row["ratio"] = row["before"]["whole"] / row["now"]["whole"]
    show(row)
    return row


def show(row: Row) -> None:
    print(f"LeNet, n = {row['n']}: CPU seconds" + (", before / now" if "before" in row else ""))
    for stage, seconds in row["now"]["seconds"].items():
        old = f"{row['before']['seconds'].get(stage, 0):8.1f} /" if "before" in row else ""
        print(f"  {stage:10}{old}{seconds:8.1f}")
    old = f"{row['before']['whole']:8.1f} /" if "before" in row else ""
    print(f"  {'whole':10}{old}{row['now']['whole']:8.1f}", end="")
    print(f"   {row['ratio']:.2f} times less" if "ratio" in row else "", flush=True)
    for name, value in row["now"]["said"].items():
        print(f"  {name}:", row["before"]["said"].get(name) if "before" in row else "", "|", value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--examples", type=int, nargs="*", default=[250, 2000])
    parser.add_argument("--of", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.of:
        print(json.dumps(analysed(asked.of), default=str))
        return
    rows = [compared(n, asked.before) for n in asked.examples]
    if asked.before is not None:
        counts = {row["n"] for row in rows}
        kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
        rows += [row for row in kept if row["n"] not in counts]
        rows.sort(key=lambda row: row["n"])
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
