"""`analyze` with what altered inputs, against copies made by hand and sent as files."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import minimascope
from minimascope.analysis.run import run_analysis
from minimascope.analysis.session.opening import Files
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from tests.cases.analyses import Kept
from tests.cases.script import BATCH, DECAY, RATE, trained

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
LAYERS = [["Linear", 2, 6], ["Tanh"], ["Linear", 6, 3]]
NOISE = 0.05


def mirrored(X: Tensor) -> Tensor:
    return X * torch.tensor([-1.0, 1.0])


def shaken(X: Tensor) -> Tensor:
    """From all three generators that transformations draw from."""
    return X + NOISE * torch.randn_like(X) + NOISE * random.random() + NOISE * np.random.rand()


def by_hand(script: Any, copies: list[Tensor], folder: Path) -> Any:
    """The report of files with every example and its copies, numbered by their original."""
    torch.save(script.model.state_dict(), folder / "model.pt")
    X = torch.stack([script.X, *copies], dim=1).flatten(0, 1)
    y = script.y.repeat_interleave(1 + len(copies))
    groups = torch.arange(len(script.X)).repeat_interleave(1 + len(copies))
    np.savez(folder / "train.npz", X=X, y=y, original=groups)
    sent = Parameters(
        architecture={"family": "sequential", "layers": LAYERS},
        stages=["gap"],
        groups="original",
        augmentation=True,
        dropout=False,
        weight_decay=DECAY,
        optimizer="sgd",
        lr=RATE,
        steps=60,
        batch_size=BATCH,
    )
    files = Files(folder / "model.pt", folder / "train.npz", None)
    return run_analysis(files, sent, workdir=folder, publisher=Kept())


def by_function(script: Any, **told: Any) -> Any:
    return minimascope.analyze(
        script.model,
        script.loader,
        script.criterion,
        script.optimizer,
        stages=["gap"],
        steps=60,
        progress=False,
        **told,
    )


def gap_of(report: Any) -> dict[str, Any]:
    found = report.gap.model_dump(mode="json")
    found.pop("plan")
    return found


def test_copies_of_a_function_are_copies_made_by_hand(tmp_path: Path) -> None:
    script = trained()
    found = by_function(script, augment=mirrored, copies=1)
    wanted = by_hand(script, [mirrored(script.X)], tmp_path)
    assert gap_of(found) == gap_of(wanted)
    assert found.gap.headline is not None
    assert found.gap.headline.value != by_function(script).gap.headline.value
    assert any("1 copies that augment made" in said for said in found.warnings)


def test_draws_follow_the_seed_and_leave_the_script_its_own(tmp_path: Path) -> None:
    script, seed = trained(), 7
    torch.manual_seed(1)
    found = by_function(script, augment=shaken, seed=seed)
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(after, torch.rand(1))
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    copies = [torch.cat([shaken(part) for part in script.X.split(BATCH)]) for _ in range(4)]
    wanted = gap_of(by_hand(script, copies, tmp_path))
    # Sent with another seed, which only draws what estimates nothing.
    drawn = {"sampled_fisher_soft_rank"}
    assert found.gap.headline.value == pytest.approx(wanted["headline"]["value"], rel=1e-12)
    assert {*found.gap.estimates} - drawn == {*wanted["estimates"]} - drawn


class Once:
    """A data set that alters its inputs by itself."""

    def __len__(self) -> int:
        return 36

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        return torch.randn(2), place % 3


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"augment": "flip"}, "augment is a str; it needs to be a function"),
        ({"copies": 3}, "copies = 3 says how many of what"),
        ({"augment": mirrored, "copies": 0}, "copies = 0 needs to be a whole number above 0"),
        ({"augment": mirrored, "copies": True}, "copies = True needs to be"),
        ({"augment": mirrored, "groups": "original"}, "groups says which copies the data have"),
        ({"augment": lambda X: X}, "augment left every input as it is"),
        ({"augment": lambda X: (X, 1)}, "augment returned a tuple"),
        ({"augment": lambda X: X[:, :1]}, "augment made inputs of shape [12, 1] of [12, 2]"),
        ({"augment": lambda X: X / 0}, "augment made inputs that are not finite"),
        ({"augment": lambda X: X @ X}, "augment failed on inputs of shape [12, 2]"),
        ({"augment": mirrored, "data": Once()}, "Examples differ each time they are asked for"),
    ],
)
def test_wrong_use_gets_one_sentence(told: dict[str, Any], sentence: str) -> None:
    script = trained()
    given = {"data": script.loader, **told}
    with pytest.raises(ProblemError) as caught:
        minimascope.analyze(script.model, criterion=script.criterion, progress=False, **given)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
