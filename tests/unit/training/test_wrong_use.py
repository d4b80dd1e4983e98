"""Wrong and unusual uses of `analyze`: one sentence each, or what was done about it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import minimascope as ms
from minimascope.contract.problems import ProblemError
from tests.cases.script import trained

SPECTRUM = {"stages": ["spectrum"], "progress": False}


@pytest.fixture
def wrapped(tmp_path: Path) -> Iterator[nn.Module]:
    """The model in torch's own DistributedDataParallel, of a group of one."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'group'}", rank=0, world_size=1
    )
    yield nn.parallel.DistributedDataParallel(trained().model)
    torch.distributed.destroy_process_group()


def test_a_wrapped_or_compiled_model_is_analysed_as_what_is_within(wrapped: nn.Module) -> None:
    script = trained()
    compiled: Any = torch.compile(script.model)
    plain = ms.analyze(script.model, script.loader, script.criterion, **SPECTRUM)
    for model, said in ((wrapped, "wrapped in DistributedData"), (compiled, "was compiled")):
        found = ms.analyze(model, script.loader, script.criterion, **SPECTRUM)
        assert found.spectrum.eigenvalues == plain.spectrum.eigenvalues
        assert any(said in each for each in found.warnings)


def test_half_precision_is_widened_and_said() -> None:
    script = trained()
    half = copy.deepcopy(script.model).half()
    found = ms.analyze(half, script.loader, script.criterion, **SPECTRUM)
    assert any("in float16; its weights were taken as they are" in each for each in found.warnings)


def used_up() -> Any:
    script = trained()
    batches = iter(script.loader)
    list(batches)
    return batches


def one_number() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no data": ({"data": None}, "No training data came"),
    "iterator used up": ({"data": used_up}, "which can be gone over once, and may be used up"),
    "loss without mean": (
        {"criterion": nn.CrossEntropyLoss(reduction="none")},
        "has reduction='none', so nothing says what is minimised",
    ),
    "outputs (n,)": ({"model": one_number}, "shape .* an example, which does not fit the loss"),
    "data on a device without numbers": (
        {"data": (torch.zeros(3, 2, device="meta"), torch.zeros(3, device="meta"))},
        "cannot be gone over",
    ),
    "another model's optimiser": (
        {"optimizer": torch.optim.SGD(one_number().parameters(), lr=0.1)},
        "holds none of the model's parameters",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_gets_one_sentence(name: str) -> None:
    more, sentence = WRONG[name]
    script = trained()
    given = {"model": script.model, "data": script.loader, "criterion": script.criterion}
    given |= {key: each() if each in (used_up, one_number) else each for key, each in more.items()}
    with pytest.raises(ProblemError, match=sentence) as refused:
        ms.analyze(**given, **SPECTRUM)
    assert refused.value.sentence.count(". ") == 0
    assert refused.value.sentence.endswith(".")
