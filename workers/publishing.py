"""What a child tells its supervisor: events as JSON lines, documents as files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from minimascope.contract.report import Report
from minimascope.contract.schemas import StageState


class SupervisorPublisher:
    """Small values go to the supervisor as JSON lines, documents as files in the workdir."""

    def __init__(self, out: TextIO, workdir: Path) -> None:
        self.out, self.workdir = out, workdir

    def send(self, event: str, **values: Any) -> None:
        self.out.write(json.dumps({"event": event, **values}) + "\n")
        self.out.flush()

    def progress(self, stage: str, fraction: float, message: str) -> None:
        self.send("progress", stage=stage, fraction=fraction, message=message)

    def stage(self, stage: str, state: StageState, seconds: float | None) -> None:
        self.send("stage", stage=stage, state=state, seconds=seconds)

    def report(self, report: Report) -> None:
        path = self.workdir / "report.json"
        temporary = path.with_suffix(".writing")
        temporary.write_text(report.model_dump_json(by_alias=True))
        os.replace(temporary, path)
        self.send("report", path=str(path))

    def array(self, name: str, value: np.ndarray) -> None:
        path = self.workdir / f"{name}.npy"
        temporary = self.workdir / f"{name}.writing.npy"
        np.save(temporary, value, allow_pickle=False)
        os.replace(temporary, path)  # an earlier one of this name may be on its way
        self.send("array", name=name, path=str(path))
