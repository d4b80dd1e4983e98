"""Writes a network as a `.pt2` in the user's own process, where the user's own code may run.

The file holds weights and a program of plain operators; it needs no architecture, and opening
it runs no code. Imports torch and the reader only when called.
"""

from __future__ import annotations

import inspect
import os
import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minimascope.contract.problems import ProblemError

if TYPE_CHECKING:
    from torch import Tensor, nn


_REST = inspect.Parameter.VAR_POSITIONAL
_ASIDE = re.compile(
    r"TORCH_LOGS|TORCHDYNAMO|For more information|^Developer|^Hint|^Suggested|^from user code|http"
    r"|^The following call|^The above exception|^To fix the error|^User Stack|most recent call"
)


def _failed(sentence: str, advice: str) -> ProblemError:
    return ProblemError("export_failed", sentence, advice)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode within, each module's own mode after."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


Batch = tuple["Tensor", ...]


def _batch(example_inputs: Tensor | Batch) -> Batch:
    """The example batch, at least two examples: torch.export would fix a batch of one."""
    given = example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)
    if not given or not all(len(getattr(each, "shape", ())) for each in given):
        raise _failed(
            "The model was given no batch of tensors.",
            "Give one tensor of examples, or a tuple of them, one an argument of forward.",
        )
    if len({len(each) for each in given}) > 1:
        counts = " and ".join(str(len(each)) for each in given)
        raise _failed(f"The inputs have {counts} examples.", "Give as many of each.")
    if len(given[0]) > 1:
        return tuple(each.detach() for each in given)
    return tuple(each.detach().repeat(2, *[1] * (each.ndim - 1)) for each in given)


def _save(model: nn.Module, batch: Batch, path: Path) -> None:
    """torch.export with a free batch size.

    torch keeps the example in the file, with all the memory that it is a slice of: what is shown to
    it has the example's shape and no number of it.
    """
    import torch

    try:
        # The exporter uses deprecated parts of torch; einsum's paths by size would fix the batch.
        with warnings.catch_warnings(), torch.backends.opt_einsum.flags(enabled=False):
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            warnings.filterwarnings("ignore", "The .grad attribute", UserWarning)
            # Recurrent layers of torch put back their own list of weights.
            warnings.filterwarnings("ignore", message=".*_flat_weights.*")
            shown = tuple(torch.zeros(b.shape, dtype=b.dtype, device=b.device) for b in batch)
            program = _without_writes(_program(model, shown))
            for kept in (program.state_dict, program.constants):
                _take_out(kept)
            torch.export.save(program, path)
    except Exception as error:
        raise _failed(
            f"torch.export cannot turn this model into a program: {_reason(error)}.",
            _ADVICE.get(type(error).__name__, "The line that torch names is where to look."),
        ) from error


def _program(model: nn.Module, shown: Batch) -> Any:
    """torch.export's program of any batch size.

    Operators whose kernel depends on sizes (cdist, einsum) make guards on the batch; the program
    is the same for all, and the guards are left to it.
    """
    import torch

    free = torch.export.Dim("batch", min=1)
    sizes = tuple({0: free} for _ in shown)
    try:
        program: Any = torch.export.export(model, shown, dynamic_shapes=_of_forward(model, sizes))
    except Exception as error:
        if "Constraints violated" not in str(error):
            raise
        program = torch.export.export(
            model,
            shown,
            dynamic_shapes=_of_forward(model, tuple({0: torch.export.Dim.DYNAMIC} for _ in shown)),
            prefer_deferred_runtime_asserts_over_guards=True,
        )
    return program


def _without_writes(program: Any) -> Any:
    """The same program with what is written in place, also into views, as new values."""
    calls = [each.target for each in program.graph.nodes if each.op == "call_function"]
    if any(getattr(getattr(call, "_schema", None), "is_mutable", False) for call in calls):
        return program.run_decompositions({})
    return program


_ADVICE = {
    "GuardOnDataDependentSymNode": "torch.where in place of `if`, or torch.cond, keeps both ways.",
    "UserError": "torch.where in place of `if`, or torch.cond, keeps both ways.",
}


def _reason(error: Exception) -> str:
    """What torch says, without its advice for its own developers; the user's line with it."""
    said = [line.strip() for line in str(error).strip().splitlines()]
    kept = [line for line in said if line and not _ASIDE.search(line)]
    own = [line for line in kept if line.startswith('File "') and "site-packages" not in line]
    words = [line for line in kept if not line.startswith(("File ", "return ", "raise "))]
    text = " ".join(words)[:400].rstrip(" .") or type(error).__name__
    return f"{text} ({own[-1]})" if own else text


def _take_out(tensors: dict[str, Any]) -> None:
    """Each tensor that is a slice of more memory gets memory of its own; tied ones stay tied."""
    import torch

    own: dict[tuple[Any, ...], Tensor] = {}
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor) or not tensor.numel():
            continue
        if tensor.untyped_storage().nbytes() <= tensor.numel() * tensor.element_size():
            continue
        place = (tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
        if place not in own:
            copy = tensor.detach().clone(memory_format=torch.contiguous_format)
            trained = isinstance(tensor, torch.nn.Parameter)
            own[place] = (
                torch.nn.Parameter(copy, requires_grad=tensor.requires_grad) if trained else copy
            )
        tensors[name] = own[place]


def _of_forward(model: nn.Module, sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sizes a parameter of forward: those of *args are together."""
    kinds = [each.kind for each in inspect.signature(model.forward).parameters.values()]
    rest = kinds.index(_REST) if _REST in kinds else len(sizes)
    return (*sizes[:rest], sizes[rest:]) if rest < len(sizes) else sizes


def _verify(model: nn.Module, batch: Batch, path: Path, workdir: Path) -> None:
    """Reads the file as the product does and compares outputs on the example."""
    import torch

    from minimascope.intake.networks.architecture import build_network
    from minimascope.intake.values.checkpoint import read_checkpoint

    copy = build_network(read_checkpoint(path, workdir=workdir), None)
    with torch.no_grad():
        ours, theirs = copy(*(each.cpu() for each in batch)), model(*batch).cpu()
    # The same operators in the same order, up to how attention and batch norm are summed.
    allowed = 100 * torch.finfo(theirs.dtype).eps * max(float(theirs.abs().max()), 1.0)
    off = float((ours - theirs).abs().max()) if ours.shape == theirs.shape else float("inf")
    if not off <= allowed:
        raise _failed(
            f"The exported copy's outputs differ from the model's by {off:.3g} (allowed "
            f"{allowed:.3g}).",
            "Check that forward does not depend on random numbers or on state it changes.",
        )


def export(model: nn.Module, example_inputs: Tensor | tuple[Tensor, ...], path: str | Path) -> Path:
    """Writes `model` in evaluation mode to `path` as a verified `.pt2`.

    `example_inputs`: one batch (n × ...), or a tuple of them, one an argument of forward; the
    batch size stays free. The file is read back by the product's own reader and its outputs are
    compared before it gets its name. Raises ProblemError: export_failed, or what the reader refuses
    (operator_refused, nan_weights, ...).
    """
    target = Path(path)
    batch = _batch(example_inputs)
    with tempfile.TemporaryDirectory(dir=target.resolve().parent) as folder, _evaluating(model):
        made = Path(folder) / "model.pt2"
        _save(model, batch, made)
        _verify(model, batch, made, Path(folder))
        os.replace(made, target)
    return target
