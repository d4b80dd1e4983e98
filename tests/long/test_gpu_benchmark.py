"""The benchmark of a GPU runs from end to end beside torch, numpy and scipy alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.unit.curvature.test_alone import REFUSE, ROOT

RUN = """
import runpy
ALLOWED.add("devices")  # the benchmarks' own
sys.argv[:] = [{script!r}, *{options!r}]
runpy.run_path({script!r}, run_name="__main__")
"""


def test_it_answers_for_every_kind_of_network_on_a_cpu(tmp_path: Path) -> None:
    out, script = tmp_path / "gpu.json", str(ROOT / "benchmarks" / "gpu.py")
    options = ["--tiny", "--device", "cpu", "--out", str(out)]
    program = REFUSE + RUN.format(script=script, options=options)
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], cwd=ROOT, check=True)
    answer = json.loads(out.read_text())
    assert len(answer["networks"]) == 4
    for row in answer["networks"].values():
        assert row["off_by"] < 1e-4
        assert {len(row["questions"]), len(row["Hessian"])} == {3, 4}
        assert row["questions"]["SLQ 4 × 40"]["products"] == 160
        assert len(row["questions"]["top 10 at 1e-3"]["eigenvalues"]) == 10


def test_what_does_not_fit_its_time_is_left_out(tmp_path: Path) -> None:
    out, script = tmp_path / "gpu.json", str(ROOT / "benchmarks" / "gpu.py")
    command = [sys.executable, script, "--tiny", "--device", "cpu", "--seconds=0", f"--out={out}"]
    subprocess.run(command, check=True)
    rows = json.loads(out.read_text())["networks"].values()
    assert all(row["error"] == "left out: 0 s were over" for row in rows)
