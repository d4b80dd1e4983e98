"""Fresh environments for wheels: nothing is importable in them but what the wheels ask for.

Installing torch again would take minutes, so what a requirement stands for is linked from the
environment of the tests: distribution by distribution, as the metadata names them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path
from zipfile import Path as ZipPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SOURCES = ("minimascope", "backend", "dashboard", "workers", "packaging", "docs")
PICTURES = "benchmarks/results"  # of the studies, which the documentation site shows
FILES = ("Makefile", "mkdocs.yml", "pyproject.toml", "README.md", "LICENSE", "constraints.txt")
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]


def built(folder: Path) -> dict[str, Path]:
    """Both wheels by name of the distribution: `make dist` in a copy, which leaves them, the
    library's source and the SBOM in `folder / "source" / "dist"`."""
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "documents")
    for name in (*SOURCES, PICTURES):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, source / name)
    # With what is installed here, whatever the lock's files say of their age.
    command = ["make", "-s", "dist", f"VENV={sys.prefix}", f"--old-file={sys.prefix}/.run"]
    subprocess.run(command, cwd=source, env={**os.environ, "PIP_NO_INDEX": "1"}, check=True)
    wheels = (source / "dist").glob("*.whl")
    return {metadata(wheel).metadata["Name"]: wheel for wheel in wheels}


def metadata(wheel: Path) -> Distribution:
    [info] = [each for each in ZipPath(wheel).iterdir() if each.name.endswith(".dist-info")]
    return PathDistribution(info)  # type: ignore[arg-type]


def closure(wheels: list[Path]) -> dict[str, Distribution]:
    """Every distribution that the wheels bring along, by canonical name, the wheels left out."""
    own = {canonicalize_name(metadata(each).metadata["Name"]): metadata(each) for each in wheels}
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(name, "") for name in own]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        package = own.get(name) or distribution(name)
        if name not in own:
            found[name] = package
        waiting += _required(package, extra)
    return found


def _required(package: Distribution, extra: str) -> Iterator[tuple[str, str]]:
    for line in package.requires or []:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        for each in ("", *requirement.extras):
            yield canonicalize_name(requirement.name), each


class Environment:
    """A virtual environment with the wheels installed and their requirements linked."""

    def __init__(self, folder: Path, wheels: list[Path]) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        self.bin = folder / "bin"
        install = ["--python", str(self.bin / "python"), "install", "--no-deps", "--no-index"]
        subprocess.run([*PIP, *install, *map(str, wheels)], check=True)
        [self.site] = folder.glob("lib/python*/site-packages")
        self.own = {path.name for path in self.site.iterdir()}
        linked = folder / "linked"
        linked.mkdir()
        for package in closure(wheels).values():
            _link(package, linked)
        (self.site / "linked.pth").write_text(f"{linked}\n")

    def run(self, program: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """A program of the environment, with as little from outside as there can be."""
        return subprocess.run(
            [str(self.bin / program), *arguments],
            cwd=cwd,
            env=self.variables(cwd),
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )

    def variables(self, folder: Path) -> dict[str, str]:
        return {
            "PATH": f"{self.bin}:{os.defpath}",
            "HOME": str(folder),
            "OMP_NUM_THREADS": "1",
        }


def _link(package: Distribution, linked: Path) -> None:
    for name in {file.parts[0] for file in package.files or [] if file.parts[0] != ".."}:
        target, link = Path(str(package.locate_file(name))), linked / name
        if target.exists() and not link.exists():
            link.symlink_to(target)
