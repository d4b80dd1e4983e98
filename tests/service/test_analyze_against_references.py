"""`minimascope analyze` on the reference networks agrees with numbers made apart from the project.

The command line runs as a user runs it: a process of its own, files in, report.json out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

REFERENCES = Path(__file__).parents[1] / "cases" / "reference"
FIGURE_4_EPSILON = 0.0472776  # the threshold the reference counted at


def analyze(folder: Path, out: Path, *options: str, activation: str) -> dict:
    """Runs `minimascope analyze` on one reference folder."""
    arguments = [
        *("--checkpoint", str(folder / "model.pt")),
        *("--architecture", json.dumps({"family": "mlp", "activation": activation})),
        *("--train", str(folder / "train.npz")),
        *("--test", str(folder / "test.npz")),
        *("--output", str(out / "report.json")),
        *("--arrays", str(out / "arrays.npz")),
    ]
    command = [sys.executable, "-m", "minimascope", "analyze", *arguments, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    return json.loads((out / "report.json").read_text())


@pytest.mark.parametrize("name", ["r1_softmaxreg_digits_wd1e-2", "r5_gelu_digits_noise20_wd1e-2"])
def test_gap_agrees_with_the_dense_oracle_at_every_lambda(name: str, tmp_path: Path) -> None:
    folder = REFERENCES / "gap" / name
    reference = json.loads((folder / "reference.json").read_text())
    architecture = json.loads((folder / "arch.json").read_text())
    lambdas = [row["lam"] for row in reference["grid"]] + [reference["lam_eval"]]
    report = analyze(
        folder,
        tmp_path,
        *("--weight-decay", str(reference["lam_train"])),
        *("--lambdas", ",".join(repr(value) for value in lambdas)),
        *("--stages", "spectrum,gap"),
        activation=architecture["activation"],
    )
    gap, n = report["gap"], reference["n"]
    at, exact = reference["at_lam_eval"], {"rtol": 1e-8, "atol": 0}
    estimates = {key: value["value"] for key, value in gap["estimates"].items()}
    assert gap["lambda"] == reference["lam_eval"]
    assert_allclose(estimates["soft_rank_ggn"], at["softrank_GGN_over_n"], **exact)
    assert_allclose(estimates["soft_rank_hessian_clipped"], at["softrank_Hclip_over_n"], **exact)
    assert_allclose(estimates["tic_ggn"], at["tic_GGN_cen"], **exact)
    assert_allclose(estimates["tic_ggn_uncentred"], at["tic_GGN_unc"], **exact)
    assert_allclose(estimates["alo_ggn"], at["alo_ggn_gap"], **exact)
    curves = gap["curves"]
    for row in [*reference["grid"], at]:
        i = int(np.argmin(np.abs(np.log(np.array(curves["lambda"]) / row["lam"]))))
        assert_allclose(curves["lambda"][i], row["lam"], rtol=1e-15)
        assert_allclose(curves["soft_rank_ggn"][i], row["rank_GGN"], **exact)
        # H₊ keeps rounding-size eigenvalues of either sign; at λ = 1e-6 they weigh p·1e-15/λ.
        assert_allclose(curves["soft_rank_hessian_clipped"][i], row["rank_Hclip"], rtol=1e-8)
        assert_allclose(curves["tic_ggn"][i], row["tic_GGN_cen"], **exact)
        assert_allclose(curves["tic_ggn_uncentred"][i], row["tic_GGN_unc"], **exact)
    assert_allclose(gap["measured"]["value"], reference["gap"], rtol=1e-10)
    assert_allclose(gap["measured"]["standard_error"], reference["gap_se_test"], rtol=1e-10)
    assert report["minimum"]["converged"] is True
    assert estimates["soft_rank_ggn"] * n > 1


def test_gauss_network_spectrum_and_certified_margin(tmp_path: Path) -> None:
    folder = REFERENCES / "boundary" / "gauss-normal"
    reference = json.loads((folder / "reference.json").read_text())
    report = analyze(folder, tmp_path, "--top-k", "30", activation="relu")
    found = np.array(report["spectrum"]["eigenvalues"])
    assert_allclose(found, reference["top30"], rtol=1e-6)
    assert all(report["spectrum"]["converged"])
    assert report["margins"]["l2"]["smallest"]["upper"] == pytest.approx(0.348, rel=0.05)
    assert report["boundary"]["n90"] == reference["n_vectors_for_90pct_energy"]
    with np.load(tmp_path / "arrays.npz") as arrays:
        assert arrays["alignment"].shape == (30, reference["n_train"])
        assert arrays["slice_alignment"].shape[0] == 30


def test_iris_network_spectrum_and_complexity(tmp_path: Path) -> None:
    folder = REFERENCES / "boundary" / "iris-normal"
    reference = json.loads((folder / "reference.json").read_text())
    report = analyze(
        folder,
        tmp_path,
        *("--top-k", "30", "--epsilon", str(FIGURE_4_EPSILON)),
        activation="relu",
    )
    assert_allclose(report["spectrum"]["eigenvalues"], reference["top30"], rtol=1e-6)
    boundary = report["boundary"]
    assert boundary["epsilon"]["value"] == FIGURE_4_EPSILON
    assert boundary["g_at_epsilon"] == pytest.approx(
        reference["G64"]["paper_fig4_0.0472776"], rel=0.01
    )
    assert boundary["n90"] == reference["n_vectors_for_90pct_energy"]


def test_wrong_input_is_one_line_and_exit_code_two(tmp_path: Path) -> None:
    folder = REFERENCES / "gap" / "r1_softmaxreg_digits_wd1e-2"
    page = tmp_path / "model.pt"
    page.write_text("<html>not a checkpoint</html>")
    command = [sys.executable, "-m", "minimascope", "analyze", "--checkpoint", str(page)]
    command += ["--train", str(folder / "train.npz"), "--output", str(tmp_path / "r.json")]
    command += ["--architecture", '{"family": "mlp", "activation": "tanh"}']
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "r.json").exists()
