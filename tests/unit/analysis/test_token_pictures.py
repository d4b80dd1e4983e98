"""What the report says of a language model, against the model itself: losses, pulls, flips."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dashboard.drawing.first_look import first_look
from dashboard.drawing.payload import drawing
from dashboard.pages.analysis.findings import boundary_finding, data_finding
from dashboard.pages.analysis.key_numbers import MAKERS
from dashboard.pages.analysis.tabs import GROUPS, side
from minimascope.analysis.run import run_analysis
from minimascope.analysis.session.opening import Files, open_files
from minimascope.contract.arrays import ARRAYS
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import Report, Tokens
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.results.result import Result
from tests.cases.analyses import Kept
from tests.cases.language_models import LENGTH, VOCABULARY, WORDS, folder_of, tokens


@dataclass(frozen=True)
class Found:
    """One analysis of a GPT-2 and the model in float64."""

    report: Report
    arrays: dict[str, np.ndarray]
    minimum: Minimum
    model: nn.Module
    ids: Tensor
    labels: Tensor


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("tokens")
    model, path = folder_of("GPT-2", folder)
    ids = np.load(tokens(folder))["X"]
    labels = ids.copy()
    labels[1, 3:] = -100
    held = tmp_path_factory.mktemp("held")
    files = Files(path, tokens(folder, y=labels), tokens(held))
    asked = Parameters(top_k=2, weight_decay=1e-2, stages=["spectrum", "gap", "boundary"])
    kept = Kept()
    report = run_analysis(files, asked, workdir=folder, publisher=kept)
    minimum = open_files(files, asked, workdir=folder).minimum
    wide = model.double()
    return Found(report, kept.arrays, minimum, wide, torch.tensor(ids), torch.tensor(labels))


def losses_at(found: Found, theta: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Loss and likeliest token of each next position (n × T−1), by the model's own forward."""
    parts = found.minimum.unflatten(found.minimum.theta if theta is None else theta)
    named = dict(found.model.named_parameters())
    with torch.no_grad():
        for mine, given in zip(named.values(), parts.values(), strict=True):
            mine.copy_(given)
        logits = found.model(input_ids=found.ids).logits[:, :-1]
    after = found.labels[:, 1:]
    each = nn.functional.cross_entropy(logits.flatten(0, 1), after.flatten(), reduction="none")
    return each.reshape(after.shape).masked_fill(after == -100, math.nan), logits.argmax(2)


def test_perplexity_and_loss_by_position_are_the_models_own(found: Found) -> None:
    losses, _ = losses_at(found)
    said = found.report.tokens
    assert said is not None
    assert said.perplexity == pytest.approx(math.exp(float(losses.nanmean())), rel=1e-6)
    assert (said.counted, said.length, said.words) == (10, LENGTH - 1, WORDS)
    mean = found.arrays["position_loss"][:, 0]
    assert mean == pytest.approx(losses.nanmean(0).numpy(), rel=1e-6)
    error = found.arrays["position_loss"][0, 1]
    assert error == pytest.approx(float(losses[:, 0].std()) / len(losses) ** 0.5, rel=1e-4)
    rows = found.arrays["token_rows"]
    assert found.arrays["token_loss"] == pytest.approx(losses[rows].numpy(), rel=1e-5, nan_ok=True)
    # A label that does not count is shown as the input that it would be.
    assert (found.arrays["token_ids"] == found.ids[rows, 1:].numpy()).all()


def test_the_dearest_are_those_that_cost_most_to_leave_out(found: Found) -> None:
    said = found.report.tokens
    assert said is not None
    left_out = found.arrays["alo_loss"]
    if "alo_loss_moved" in found.arrays:
        moved = found.arrays["alo_loss_moved"]
        left_out = np.where(np.isfinite(moved), moved, left_out)
    costs = left_out - found.arrays["train_loss"]
    assert [each.row for each in said.shown] == np.argsort(-costs).tolist()
    assert [each.cost for each in said.shown] == pytest.approx(np.sort(costs)[::-1], rel=1e-5)


def test_a_pull_is_the_slope_of_a_tokens_loss(found: Found) -> None:
    v = torch.from_numpy(found.arrays["eigenvectors"])
    for k, pulls in enumerate(found.arrays["token_pull"]):
        step = 1e-5
        ends = [losses_at(found, found.minimum.theta + s * step * v[k])[0] for s in (1, -1)]
        slope = ((ends[0] - ends[1]) / (2 * step))[found.arrays["token_rows"]]
        assert pulls == pytest.approx(slope.numpy(), rel=1e-4, abs=1e-6, nan_ok=True)


def test_what_flips_is_another_token_there(found: Found) -> None:
    v, said = torch.from_numpy(found.arrays["eigenvectors"]), found.report.tokens
    assert said is not None
    counted, start = found.labels[:, 1:] != -100, losses_at(found)[1]
    for k, along in enumerate(said.flips):
        for place in (0, 5, -1):
            epsilon = found.arrays["walk_epsilon"][k, place]
            losses, there = losses_at(found, found.minimum.theta + epsilon * v[k])
            share = float((there != start)[counted].double().mean())
            assert found.arrays["token_flipped"][k, place] == pytest.approx(share)
            assert found.arrays["walk_loss"][k, place] == pytest.approx(float(losses.nanmean()))
        for flip in along.first:
            there = losses_at(found, found.minimum.theta + flip.epsilon * v[k])[1]
            assert int(start[flip.row, flip.position]) == flip.before
            assert int(there[flip.row, flip.position]) == flip.after != flip.before
    assert any(each.first for each in said.flips)


def test_pictures_and_pages_speak_of_tokens(found: Found) -> None:
    result = Result(found.report, found.arrays)
    assert set(found.arrays) <= set(ARRAYS)
    names = {"tokens", "token_pull", "token_flips", "positions", "sequences", "data"}
    assert names <= set(result.plot.names())
    shown = [word for line in result.plot.tokens().data[0].text for word in line if word]
    first = [VOCABULARY[i].removeprefix("Ġ") for i in found.arrays["token_ids"][0]]
    assert shown[: len(first)] == first
    pulls = result.plot.token_pull(v=2).data
    assert [trace.visible for trace in pulls] == [False, True]
    assert len(result.plot.token_flips().data) == len(found.arrays["token_flipped"])
    assert "perplexity" in str(result)
    assert {f"{each}" for each in drawing(found.report, found.arrays)["figures"]} >= names
    assert all(side(part, found.report) for _, parts in GROUPS.values() for part in parts)
    assert "next tokens flip" in boundary_finding(found.report)
    assert [make(found.report, final=True).label for make in MAKERS][2] == "Perplexity"
    assert data_finding(found.report)
    look = first_look(found.report, found.arrays)
    assert look["odd"][0]["label"] == " ".join(first)


def test_a_token_is_never_markup() -> None:
    from minimascope.figures.tokens import tokens_figure

    rows = np.array([[1, 2]])
    arrays = {"token_rows": np.array([0]), "token_ids": rows, "token_likeliest": rows}
    told = {"sequences": 1, "length": 2, "counted": 2, "words": 3, "perplexity": 1.0}
    said = Tokens(texts={"1": "<b>x</b>", "2": "a\nb"}, **told)
    (drawn,) = tokens_figure(said, {**arrays, "token_loss": np.ones((1, 2))}).data
    assert list(drawn.text[0][:2]) == ["&lt;b&gt;x&lt;/b&gt;", "a⏎b"]
