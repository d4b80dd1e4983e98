"""Folders of causal language models with files of tokens, from intake to a report."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from minimascope.analysis.run import run_analysis
from minimascope.analysis.session.opening import Files, open_files
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.token_head import token_head
from tests.cases.analyses import Kept
from tests.cases.language_models import PAD, SEQUENCES, folder_of, tokens

STAGES: list[Any] = ["spectrum", "boundary", "margins"]


@pytest.mark.parametrize("kind", ["GPT-2", "Llama"])
def test_the_loss_and_its_hessian_are_the_models_own(kind: str, tmp_path: Path) -> None:
    model, path = folder_of(kind, tmp_path)
    train = tokens(tmp_path)
    opened = open_files(Files(path, train), Parameters(), workdir=tmp_path)
    minimum, ids = opened.minimum, torch.tensor(np.load(train)["X"])
    model = model.double()
    said = model(input_ids=ids, labels=ids)  # its loss is in float32, whatever the model is in
    loss = nn.functional.cross_entropy(said.logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    ours = minimum.loss.values(minimum.network(ids).flatten(1), minimum.targets).mean()
    torch.testing.assert_close(ours, loss)
    assert float(said.loss.detach()) == pytest.approx(float(ours.detach()), rel=1e-6)
    q = [each for each in model.parameters() if each.requires_grad]
    first = torch.autograd.grad(loss, q, create_graph=True)
    v = torch.randn(minimum.dim, dtype=torch.float64)
    parts = list(minimum.unflatten(v).values())
    dense = torch.cat([each.flatten() for each in torch.autograd.grad(first, q, parts)])
    # Llama's norms and rotations are in float32, whatever the model is in.
    close = {"rtol": 1e-8, "atol": 1e-12} if kind == "GPT-2" else {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(hessian(minimum).matvec(v), dense, **close)


def test_what_is_masked_is_no_label(tmp_path: Path) -> None:
    model, path = folder_of("GPT-2", tmp_path)
    ids = np.load(tokens(tmp_path))["X"]
    mask = np.ones_like(ids)
    mask[0, :2], mask[1, 4:] = 0, 0
    train = tokens(tmp_path, X=np.stack([ids, mask], axis=1))
    opened = open_files(Files(path, train), Parameters(), workdir=tmp_path)
    labels = torch.tensor(np.where(mask > 0, ids, -100))
    labels[0, 2] = -100  # the first that is seen: nothing before it is
    found = model(
        input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask), labels=labels
    ).loss
    minimum = opened.minimum
    ours = minimum.loss.values(minimum.network(minimum.inputs).flatten(1), minimum.targets).mean()
    assert float(ours.detach()) == pytest.approx(float(found.detach()), rel=1e-5)


def test_a_report_has_trace_and_eigenvalues_and_says_what_does_not_apply(tmp_path: Path) -> None:
    _, path = folder_of("GPT-2", tmp_path)
    files, asked = Files(path, tokens(tmp_path)), Parameters(top_k=2, stages=STAGES)
    report = run_analysis(files, asked, workdir=tmp_path, publisher=Kept())
    minimum = open_files(files, asked, workdir=tmp_path).minimum
    H = hessian(minimum).matmat(torch.eye(minimum.dim, dtype=torch.float64))
    exact = torch.linalg.eigvalsh(H).flip(0)
    spectrum = report.spectrum
    assert spectrum is not None
    torch.testing.assert_close(
        torch.tensor(spectrum.eigenvalues[:2]).double(), exact[:2], rtol=1e-5, atol=0
    )
    error = spectrum.trace.standard_error or 0.0
    assert abs(spectrum.trace.value - float(H.trace())) <= 4 * error + 1e-9 * float(H.trace().abs())
    said = {each.stage: each for each in report.failures}
    assert set(said) <= {"boundary", "margins"}
    assert all(each.code == "not_computable" for each in said.values())
    assert "no one decision boundary" in said["margins"].sentence
    assert any("predicts the next token" in each for each in report.warnings)


def test_labels_of_whole_texts_are_refused_in_words(tmp_path: Path) -> None:
    _, path = folder_of("GPT-2", tmp_path)
    train = tokens(tmp_path, y=np.arange(SEQUENCES) % 2)
    with pytest.raises(ProblemError, match="a token for each position"):
        open_files(Files(path, train), Parameters(), workdir=tmp_path)


def test_a_head_of_another_kind_is_refused_by_its_name(tmp_path: Path) -> None:
    _, path = folder_of("GPT-2", tmp_path)
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    config["architectures"] = ["GPT2Model"]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.write(tmp_path / "model" / "model.safetensors", "model.safetensors")
    with pytest.raises(ProblemError, match="only classifiers and language models"):
        open_files(Files(path, tokens(tmp_path)), Parameters(), workdir=tmp_path)


def test_a_masked_model_is_asked_for_what_was_masked(tmp_path: Path) -> None:
    """Padding, an attention mask, a tied head with a bias of its own: loss and H as autograd's."""
    model, path = folder_of("BERT", tmp_path)
    ids = np.load(tokens(tmp_path))["X"]
    mask = np.ones_like(ids)
    mask[0, 3:] = 0
    masked = np.random.default_rng(1).random(ids.shape) < 0.5
    masked[:, 0] = True
    labels = np.where(masked & (mask > 0), ids, -100)
    given = np.where(masked, 0, ids)
    train = tokens(tmp_path, X=np.stack([given, mask], axis=1), y=labels)
    minimum = open_files(Files(path, train), Parameters(), workdir=tmp_path).minimum
    told = {"input_ids": torch.tensor(given), "attention_mask": torch.tensor(mask)}
    model = model.double()
    logits = model(**told).logits.flatten(0, 1)
    loss = nn.functional.cross_entropy(logits, torch.tensor(labels).flatten())
    ours = minimum.loss.values(minimum.network(minimum.inputs).flatten(1), minimum.targets).mean()
    torch.testing.assert_close(ours, loss)
    q = [each for each in model.parameters() if each.requires_grad]
    first = torch.autograd.grad(loss, q, create_graph=True)
    v = torch.randn(minimum.dim, dtype=torch.float64)
    parts = list(minimum.unflatten(v).values())
    dense = torch.autograd.grad(first, q, parts, allow_unused=True, materialize_grads=True)
    assert token_head(minimum) is not None
    flat = torch.cat([each.flatten() for each in dense])
    torch.testing.assert_close(hessian(minimum).matvec(v), flat, rtol=1e-8, atol=1e-12)


def test_padding_without_a_mask_is_no_label(tmp_path: Path) -> None:
    """Of a model that knows its pad token, ids that end with it are masked and not asked for."""
    model, path = folder_of("GPT-2", tmp_path, pad_token_id=PAD)
    ids = np.load(tokens(tmp_path))["X"]
    ids[0, 3:], ids[1, 4:] = PAD, PAD
    opened = open_files(Files(path, tokens(tmp_path, X=ids, y=ids)), Parameters(), workdir=tmp_path)
    labels = torch.tensor(np.where(ids == PAD, -100, ids))
    mask = torch.tensor(ids != PAD).long()
    found = model(input_ids=torch.tensor(ids), attention_mask=mask, labels=labels).loss
    minimum = opened.minimum
    ours = minimum.loss.values(minimum.network(minimum.inputs).flatten(1), minimum.targets).mean()
    assert float(ours.detach()) == pytest.approx(float(found.detach()), rel=1e-5)
    assert any("padding" in each for each in opened.warnings)
