"""Writes the lock: every file that an installation may take, by its sha256.

    python packaging/lock/write.py        # asks the package index for names and hashes, no file

`constraints.txt` says which versions. Each set is installed with `pip --require-hashes --no-deps`,
so that nothing comes in which is not written here. All hashes of a release are listed: a machine
takes the wheel that fits it. What torch needs beside it on a GPU is a file of its own, because the
CPU's wheel, of the same version, needs none of it: see `accelerator.py`. That wheel is on PyTorch's
own index and wherever else pip is told to look; it is taken where it is found (`torch-cpu.txt`,
written by hand: PyPI does not list its hash).
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
UV = "uv==0.13.9"
LIBRARY, SERVER = f"@ file://{ROOT}", f"@ file://{ROOT / 'packaging' / 'server'}"
SETS = {
    "run": [
        f"minimascope[frames,huggingface,images,mcp,parquet] {LIBRARY}",
        f"minimascope-server {SERVER}",
        "setuptools",
    ],
    "image": [
        f"minimascope[huggingface,images,parquet] {LIBRARY}",
        f"minimascope-server[otel,postgres,s3] {SERVER}",
        "setuptools",
    ],
    "docs": ["mkdocs-material"],
    "test": [f"minimascope[test] {LIBRARY}", f"minimascope-server {SERVER}", "setuptools"],
}
GPU = re.compile(r"(nvidia-|cuda-|triton==)")
HEADER = "# Written by packaging/lock/write.py: not by hand.\n"


def compiled(requirements: list[str], *options: str) -> list[str]:
    """Requirement by requirement, each with its hashes."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "wanted.in"
        wanted.write_text("\n".join(requirements))
        command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version=3.11"]
        command += ["--generate-hashes", "--no-header", "--no-annotate", *options, str(wanted)]
        command += ["--no-emit-package=minimascope", "--no-emit-package=minimascope-server"]
        command += ["--constraints", str(ROOT / "constraints.txt")]
        done = subprocess.run(  # noqa: S603 - the command is ours
            command, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{done.stderr}\nIs there uv? pip install {UV}")
    return re.split(r"\n(?=\S)", done.stdout.strip())


def main() -> int:
    gpu: dict[str, None] = {}
    for name, requirements in SETS.items():
        found = compiled(requirements)
        if name == "test":
            oracles = (ROOT / "tests" / "oracles.txt").read_text().splitlines()
            found += compiled([each for each in oracles if "==" in each], "--no-deps")
        gpu |= dict.fromkeys(each for each in found if GPU.match(each))
        kept = [each for each in found if not GPU.match(each)]
        (HERE / f"{name}.txt").write_text(HEADER + "\n".join(kept) + "\n")
    (HERE / "gpu.txt").write_text(HEADER + "\n".join(gpu) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
