"""The real worker child killed in the middle of a spectrum: the next one goes on from its state."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from minimascope.contract.report import Report
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted
from tests.unit.curvature.test_killed_job import lanczos_size
from workers.process.child_process import ChildProcess

# The worker's own child; it only saves after every product instead of every five seconds.
COMMAND = (
    sys.executable,
    "-W",
    "ignore",
    "-c",
    "from minimascope.curvature.running import saved_state\n"
    "saved_state.EVERY, saved_state.SHARE = 0.0, 0\n"
    "from workers.process import child; raise SystemExit(child.main())",
)


def job(folder: Path, attempt: str) -> dict[str, Any]:
    minimum, workdir = lanczos_size(), folder / attempt
    workdir.mkdir()
    torch.save(minimum.network.state_dict(), workdir / "checkpoint")
    with (workdir / "train").open("wb") as file:
        np.savez(file, X=minimum.inputs.numpy(), y=minimum.targets.numpy())
    return {
        "kind": "analysis",
        "files": {role: str(workdir / role) for role in ("checkpoint", "train")},
        "parameters": {
            "architecture": {"family": "mlp", "activation": "tanh"},
            "stages": ["spectrum"],
            "top_k": 3,
        },
        "workdir": str(workdir),
        "unfinished": str(folder / "unfinished"),
    }


def events(child: ChildProcess) -> Iterator[dict[str, Any]]:
    while (event := child.events.get(timeout=60)) and event["event"] != "end":
        assert event["event"] != "problem", event
        yield event


def products(event: dict[str, Any]) -> int | None:
    message = event.get("message", "")
    return int(message.split()[0]) if "products done of" in message else None


def finished(child: ChildProcess) -> tuple[Report, list[int]]:
    """The report of a child that is let work, and products after each of its steps."""
    report: Report | None = None
    counts: list[int] = []
    for event in events(child):
        if done := products(event):
            counts.append(done)
        if event["event"] == "report":
            report = Report.model_validate(json.loads(Path(event["path"]).read_text()))
    child.end()
    assert report is not None
    return report, counts


def test_a_killed_child_is_followed_by_one_that_goes_on(tmp_path: Path) -> None:
    first = ChildProcess(COMMAND)
    second = ChildProcess(COMMAND)  # imports while the first one works
    first.tell(job(tmp_path, "first"))
    assert any((products(event) or 0) >= 12 for event in events(first))
    first._signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    first.end()
    with np.load(tmp_path / "unfinished" / "spectrum.npz", allow_pickle=False) as kept:
        before = int(kept["products"])
    assert before >= 12
    second.tell(job(tmp_path, "second"))
    resumed, counts = finished(second)
    assert counts[0] == before + 1
    whole = compute_spectrum(lanczos_size(), Wanted(top_k=3))
    assert resumed.spectrum is not None
    assert before < whole.products
    # Over both children no product is done twice but one a pair, to recompute its residual.
    assert resumed.spectrum.products <= whole.products + 3
    found = torch.tensor(resumed.spectrum.eigenvalues, dtype=torch.float64)
    # The same recurrence on the same machine; rounding of restored rows: 1e-10 of λ1.
    assert (found - whole.eigenvalues).abs().max() <= 1e-10 * whole.eigenvalues[0]
    assert not any((tmp_path / "unfinished").iterdir())
