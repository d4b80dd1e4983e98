"""The script goes on as if nothing had been: after success, an exception, and Ctrl-C."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import minimascope
from tests.cases.script import trained


def state_of(model: nn.Module, optimizer: torch.optim.Optimizer, loader: Any) -> dict[str, Any]:
    """All that an analysis could leave otherwise."""
    digest = hashlib.sha256()
    for name, q in [*model.named_parameters(), *model.named_buffers()]:
        digest.update(f"{name} {q.dtype} {q.device} {q.requires_grad} {id(q)}".encode())
        digest.update(q.detach().numpy().tobytes())
        digest.update(b"" if q.grad is None else q.grad.numpy().tobytes())
    hooks = [
        (n, list(m._forward_hooks), list(m._forward_pre_hooks)) for n, m in model.named_modules()
    ]
    return {
        "weights": digest.hexdigest(),
        "modes": [each.training for each in model.modules()],
        "hooks": hooks,
        "optimizer": str(optimizer.state_dict()),
        "torch": torch.get_rng_state().tolist(),
        "numpy": str(np.random.get_state()),
        "python": random.getstate(),
        "generator": loader.generator.get_state().tolist(),
        "threads": torch.get_num_threads(),
        "kind": torch.get_default_dtype(),
        "grad": torch.is_grad_enabled(),
        "tf32": (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32),
        "fast": torch.backends.mha.get_fastpath_enabled(),
    }


@pytest.mark.parametrize("ending", [None, RuntimeError, KeyboardInterrupt])
def test_model_optimiser_loader_and_process_are_as_before(
    ending: type[BaseException] | None,
) -> None:
    script = trained(torch.optim.Adam, epochs=2)
    model = nn.Sequential(script.model[0], nn.BatchNorm1d(6), nn.Dropout(0.2), script.model[2])
    model[1].eval()  # a mode of its own within a model in training
    script.optimizer.add_param_group({"params": list(model[1].parameters())})
    script.criterion(model(script.X), script.y).backward()
    heard: list[str] = []
    model[0].register_forward_hook(lambda *_: heard.append("called"))
    generator = torch.Generator().manual_seed(4)
    loader = DataLoader(
        TensorDataset(script.X, script.y), 12, shuffle=True, drop_last=True, generator=generator
    )
    before = state_of(model, script.optimizer, loader)

    def progress(fraction: float, sentence: str) -> None:
        if ending is not None and fraction > 0.2:
            raise ending("from within")

    def run() -> None:
        with torch.no_grad():
            minimascope.analyze(
                model,
                loader,
                script.criterion,
                script.optimizer,
                stages=["spectrum", "gap"],
                top_k=2,
                progress=progress,
            )

    if ending is not None:
        with pytest.raises(ending):
            run()
    else:
        run()
    assert state_of(model, script.optimizer, loader) == before
    assert heard == []


def test_an_exception_of_the_scripts_own_function_leaves_everything() -> None:
    script = trained(epochs=1)
    loader = DataLoader(
        TensorDataset(script.X, script.y), 12, generator=torch.Generator().manual_seed(1)
    )
    before = state_of(script.model, script.optimizer, loader)

    def criterion(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        torch.rand(3)
        raise ZeroDivisionError("of the script")

    with pytest.raises(minimascope.ProblemError, match="criterion cannot be applied"):
        minimascope.analyze(script.model, loader, criterion, stages=["spectrum"])
    assert state_of(script.model, script.optimizer, loader) == before


@pytest.mark.parametrize("name", ["analyze", "track"])
def test_the_first_use_of_a_name_draws_no_random_number(name: str) -> None:
    """In a process of its own: what is imported once draws no more."""
    code = (
        "import random, minimascope; random.seed(7); state = random.getstate(); "
        f"minimascope.{name}; assert random.getstate() == state"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
