"""`minimascope cross-validate`: the user's own script, fold by fold, in processes of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minimascope
from minimascope.cli import main
from minimascope.contract.report import CrossValidation

HEAD = """
import argparse, json, sys
import numpy as np
parser = argparse.ArgumentParser()
for name in ("train-indices", "held-out-indices", "output"):
    parser.add_argument(f"--{name}", required=True)
parser.add_argument("--ridge", type=float, default=0.5)
args = parser.parse_args()
data = np.load("train.npz")
X, y = data["X"], data["y"]
rows, others = np.load(args.train_indices), np.load(args.held_out_indices)
A = X[rows].T @ X[rows] + args.ridge * np.eye(X.shape[1])
w = np.linalg.solve(A, X[rows].T @ y[rows])
losses = 0.5 * (y - X @ w) ** 2
"""
ENDS = {
    "npz": "np.savez(args.output, train=losses[rows], held_out=losses[others])",
    "npy": "np.save(args.output, losses)",
    "json": "json.dump({'losses': losses.tolist()}, open(args.output, 'w'))",
    "list": "json.dump(losses.tolist(), open(args.output + '.json', 'w'))",
}
CHECKPOINT = """
import torch
torch.save({"layers.0.weight": torch.tensor(w[None]), "layers.0.bias": torch.zeros(1).double()},
           args.output)
"""


def fit(train: tuple[np.ndarray, np.ndarray]) -> Any:
    X, y = train
    w = np.linalg.solve(X.T @ X + 0.5 * np.eye(X.shape[1]), X.T @ y)
    return lambda X: X @ w


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(40, 3)), random.normal(size=40)
    np.savez(tmp_path / "train.npz", X=X, y=y)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(place: Path, end: str) -> list[str]:
    (place / "train.py").write_text(HEAD + end)
    common = ["--script", "train.py", "--data", "train.npz", "--output", "folds.json"]
    return ["cross-validate", *common, "--loss", "mse"]


def library(place: Path, k: int) -> Any:
    data = np.load(place / "train.npz")
    return minimascope.cross_validate(fit, (data["X"], data["y"]), k, loss="mse")


@pytest.mark.parametrize("kind", ENDS)
def test_a_script_that_writes_losses_gives_what_the_function_gives(kind: str, place: Path) -> None:
    assert main([*written(place, ENDS[kind]), "--k", "4", "--quiet"]) == 0
    found = CrossValidation.model_validate_json((place / "folds.json").read_text())
    expected = library(place, 4).estimate
    assert found.gap == pytest.approx(expected.gap, rel=1e-12)
    assert found.standard_error == pytest.approx(expected.standard_error, rel=1e-12)
    assert (found.k, found.n, found.loss) == (4, 40, "mse")


def test_a_checkpoint_is_evaluated_as_an_analysis_would(place: Path) -> None:
    spec = json.dumps({"family": "sequential", "layers": [["Linear", 3, 1]]})
    argv = [*written(place, CHECKPOINT), "--k", "2", "--architecture", spec, "--quiet"]
    assert main(argv) == 0
    found = CrossValidation.model_validate_json((place / "folds.json").read_text())
    assert found.gap == pytest.approx(library(place, 2).gap, rel=1e-10)


def test_own_arguments_reach_the_script(place: Path) -> None:
    argv = written(place, ENDS["npz"])
    assert main([*argv, "--quiet", "--", "--ridge", "1e6"]) == 0
    found = CrossValidation.model_validate_json((place / "folds.json").read_text())
    assert abs(found.gap) < abs(library(place, 5).gap) / 10


def test_a_second_call_goes_on_and_another_script_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    once = "from pathlib import Path\nruns = Path('runs'); n = len(list(Path('.').glob('run*')))\n"
    once += "Path(f'run{n}').touch()\nif n == 2: sys.exit('out of luck')\n" + ENDS["npz"]
    argv = [*written(place, once), "--k", "4", "--quiet"]
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert "'train.py' ended with status 1 in fold 3: out of luck" in err
    assert err.count("\n") == 1
    assert not (place / "folds.json").exists()
    assert main([*argv, "--json"]) == 0
    assert len(list(place.glob("run*"))) == 5
    assert json.loads(capsys.readouterr().out)["gap"] == pytest.approx(library(place, 4).gap)
    with np.load(place / "folds.npz") as kept:
        assert len(kept["held_out_3"]) == 10
    (place / "train.py").write_text(HEAD + ENDS["npz"])
    assert main(argv) == 2
    assert "other script" in capsys.readouterr().err


def test_ctrl_c_keeps_the_finished_folds(place: Path) -> None:
    slow = "import time, os\nif os.path.exists('first'): time.sleep(60)\nopen('first', 'w')\n"
    argv = [*written(place, slow + ENDS["npz"]), "--k", "3", "--quiet"]
    code = f"import sys; from minimascope.cli import main; sys.exit(main({argv!r}))"
    root = str(Path(minimascope.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}, stderr=subprocess.PIPE
    )
    end = time.monotonic() + 120
    while time.monotonic() < end and not _done(place / "folds.npz"):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1].decode()
    assert (process.returncode, err) == (130, "minimascope: stopped.\n")
    assert _done(place / "folds.npz") == [0]


def _done(path: Path) -> list[int]:
    if not path.exists():
        return []
    with np.load(path) as kept:
        return list(json.loads(str(kept["of"]))["done"])


@pytest.mark.parametrize(
    ("end", "more", "words"),
    [
        ("", [], "wrote nothing at the path given as --output"),
        ("raise ValueError('no such thing')", [], "in fold 1: ValueError: no such thing"),
        (
            "np.savez(args.output, train=losses, held_out=losses)",
            [],
            "'train' of shape [40] for 32",
        ),
        ("np.savez(args.output, train=losses[rows])", [], "wrote no 'held_out'"),
        ("losses[7] = np.nan\nnp.save(args.output, losses)", [], "The loss of example 7 is nan"),
        ("open(args.output, 'w').write('{broken')", [], "cannot be read"),
        ("open(args.output, 'w').write('good')", [], "Checkpoint"),
        ("pass", ["--k", "1"], "at least 2"),
        ("pass", ["--k", "41"], "k = 41 folds of 40 examples"),
        ("pass", ["--k", "x"], "valid integer"),
        ("pass", ["--groups", "train.npz"], "is no .npy"),
        ("pass", ["--groups", "groups.npy"], "k = 5 folds of 1 groups"),
        ("pass", ["--groups", "missing.npy"], "no file 'missing.npy'"),
        ("pass", ["--python", "/no/python"], "'/no/python' cannot be started"),
        ("pass", ["--state", "train.npz"], "is another file of these"),
        ("pass", ["--script", "missing.py"], "no file 'missing.py'"),
        ("pass", ["--output", "/no/such/folder/folds.json"], "Cannot write"),
    ],
)
def test_bad_input_is_one_line(
    end: str, more: list[str], words: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(place / "groups.npy", np.zeros(40))
    assert main([*written(place, end), "--quiet", *more]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert words in err
    assert "Traceback" not in err
