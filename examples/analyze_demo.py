"""Analyses the demo minima with the command line's own code path.

    python examples/analyze_demo.py          # writes report.json and arrays.npz into each folder

What is shipped is exactly what `minimascope analyze` writes; the server imports it on first start.
"""

from __future__ import annotations

import json
from pathlib import Path

from minimascope.cli import main

DEMO = Path(__file__).parents[1] / "backend" / "demos"


def options(parameters: dict[str, object]) -> list[str]:
    """Parameters of request.json as command-line options."""
    given = []
    for name, value in parameters.items():
        if value is not None:
            given += ["--" + name.replace("_", "-"), _typed(value)]
    return given


def _typed(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value) if isinstance(value, dict) else str(value)


def analyze(folder: Path) -> int:
    request = json.loads((folder / "request.json").read_text())
    files = ["--checkpoint", str(folder / "checkpoint.safetensors")]
    files += ["--train", str(folder / "train.npz"), "--test", str(folder / "test.npz")]
    output = ["--output", str(folder / "report.json"), "--arrays", str(folder / "arrays.npz")]
    return main(["analyze", *files, *options(request["parameters"]), *output])


if __name__ == "__main__":
    for folder in sorted(path for path in DEMO.iterdir() if path.is_dir()):
        print(folder.name)
        if analyze(folder) != 0:
            raise SystemExit(f"{folder.name} could not be analysed")
