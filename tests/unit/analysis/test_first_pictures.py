"""What is published before any curvature: regions, losses, images, where token ids are drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from dashboard.drawing.first_look import first_look
from dashboard.drawing.pixels import shown
from minimascope.analysis.stages.images import black_and_white, pictured, pixels
from minimascope.analysis.stages.representation import penultimate, representation
from minimascope.analysis.turns import pictures_first
from minimascope.contract.arrays import ARRAYS
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import Report, Stage
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.figures.plane import class_points
from tests.cases.analyses import CNN, Kept, analysed, digit_images, save

EARLY = ["region_boundary", "region_class", "region_x", "region_y"]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Kept, nn.Module]:
    folder = tmp_path_factory.mktemp("first")
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3, stride=2), nn.ReLU(),
        nn.Flatten(), nn.Linear(24, 10),
    )  # fmt: skip
    inputs, labels = digit_images()
    save(folder, network, (inputs[:40], labels[:40]))
    asked = Parameters(architecture=CNN, top_k=1, stages=["spectrum"])
    return *analysed(folder, asked), network


def test_what_is_seen_first_is_what_the_network_does(
    digits: tuple[Report, Kept, nn.Module],
) -> None:
    report, kept, network = digits
    inputs, labels = digit_images()
    losses = nn.functional.cross_entropy(network(inputs[:40]), labels[:40], reduction="none")
    assert kept.arrays["train_loss"] == pytest.approx(losses.detach().numpy(), rel=1e-5)
    assert set(EARLY) <= set(kept.arrays) <= set(ARRAYS)
    look = first_look(report, kept.arrays)
    assert [each["row"] for each in look["odd"]] == losses.detach().argsort(descending=True)[
        :12
    ].tolist()
    assert sum(row[1] for row in look["classes"]) == 40
    assert look["splits"][0]["loss"] == pytest.approx(float(losses.mean().detach()), rel=1e-6)


def test_a_region_is_the_class_of_the_input_that_is_there(
    digits: tuple[Report, Kept, nn.Module],
) -> None:
    _, kept, network = digits
    inputs = digit_images()[0][:40].double()
    flat = inputs.flatten(1)
    axes = torch.linalg.svd(flat - flat.mean(dim=0), full_matrices=False).Vh[:2]
    x, y = torch.tensor(kept.arrays["region_x"]), torch.tensor(kept.arrays["region_y"])
    sign = axes.gather(1, axes.abs().argmax(dim=1, keepdim=True)).sign()
    axes = axes * sign
    at = flat.mean(dim=0) + x[7].double() * axes[0] + y[-3].double() * axes[1]
    predicted = network(at.float().reshape(1, 1, 8, 8)).argmax()
    assert kept.arrays["region_class"][-3, 7] == int(predicted)


def test_images_keep_their_colours_through_normalisation() -> None:
    taken = torch.rand(30, 3, 6, 5)
    taken[0], taken[1] = 0.0, 1.0
    mean, deviation = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.3, 0.1])
    given = (taken - mean[:, None, None]) / deviation[:, None, None]
    found = pictured(given, first=torch.arange(30))
    wanted = (255 * taken.permute(0, 2, 3, 1)).round().numpy()
    assert np.abs(found["images"].astype(float) - wanted).max() <= 3
    again = shown(given.double().numpy(), found["image_scale"])
    assert np.abs(again.astype(float) - wanted).max() <= 3


def test_large_images_are_shown_small_and_tables_not_at_all() -> None:
    large = torch.rand(2, 1, 96, 64)
    assert pixels(large, black_and_white(large)).shape == (2, 48, 32)
    assert pictured(torch.rand(9, 4), first=torch.arange(9)) == {}


class Tokens(nn.Module):
    """Classes are told by what the last layer is given, not by the ids."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(20, 6), nn.Linear(6, 3)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.embedding(ids).mean(dim=1))


def test_token_ids_are_drawn_by_what_the_last_layer_is_given() -> None:
    network, ids = Tokens().eval(), torch.randint(0, 20, (30, 4))
    minimum = Minimum(network, ids, torch.zeros(30, dtype=torch.int64))
    given = network.embedding(ids).mean(dim=1).detach()
    assert torch.equal(penultimate(minimum), given)
    drawn = representation(minimum)
    assert drawn is not None
    assert drawn.shape == (30, 2)
    values = torch.linalg.svdvals((given - given.mean(dim=0)).double())
    assert float(drawn.square().sum()) == pytest.approx(float(values[:2].square().sum()), rel=1e-6)


def test_more_classes_than_colours_are_right_or_wrong() -> None:
    labels = np.arange(40) % 20
    predictions = np.where(np.arange(40) < 3, 19 - labels, labels)
    arrays = {"points": np.random.default_rng(0).normal(size=(40, 2)), "labels": labels}
    assert len(class_points(arrays)) == 20
    right, wrong = class_points({**arrays, "predictions": predictions})
    assert (right.name, wrong.name) == ("right", "wrong")
    assert wrong.customdata[:, 0].tolist() == [0, 1, 2]
    assert wrong.text[2] == "<br>class 2"


def test_the_boundary_comes_before_a_gap_that_takes_longer() -> None:
    stages: list[Stage] = ["spectrum", "density", "gap", "boundary", "margins"]
    assert pictures_first(stages, {"gap": 9.0, "boundary": 1.0}) == stages
    assert pictures_first(stages, {"gap": 90.0, "boundary": 100.0}) == stages
    assert pictures_first(["spectrum", "gap"], {"gap": 90.0}) == ["spectrum", "gap"]
    moved = pictures_first(stages, {"gap": 90.0, "boundary": 1.0})
    assert moved == ["spectrum", "density", "boundary", "gap", "margins"]
