"""A data set as a value: inputs and targets, read once in the sandbox."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from minimascope.contract.problems import ProblemError
from minimascope.intake.sandbox.parser_process import parse
from minimascope.intake.values.checkpoint import checked_size, limits_for

if TYPE_CHECKING:
    from torch import Tensor

DATASET_BYTES = 1 << 30
TEXT_A_SECOND = 5 << 20  # bytes of a table; arrays are ten times as fast


@dataclass(frozen=True)
class Dataset:
    """Inputs n × ... (float32, float64, or int64 token ids); targets n int64, n or n × K float.

    `names` are the class names where labels were texts, in order of their numbers; `columns` is
    the width of one-hot targets that were read as classes.
    """

    inputs: Tensor
    targets: Tensor
    warnings: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    columns: int | None = None

    def for_loss(self, loss: str) -> Dataset:
        """The same data with targets as the loss takes them.

        cross_entropy, binary: n int64 (whole floats and exact one-hot rows are converted, and
        said so); mse: n × K floating. Raises ProblemError labels_not_integer.
        """
        from minimascope.objective.named import loss_named

        if not loss_named(loss).classifies:
            return replace(self, targets=_as_numbers(self.targets, self.inputs))
        targets, said = _as_classes(self.targets)
        columns = self.targets.shape[1] if self.targets.ndim == 2 else self.columns
        return replace(self, targets=targets, warnings=self.warnings + said, columns=columns)

    def numbered_as(self, train: Dataset) -> Dataset:
        """The same data with text labels numbered as in `train`, which may know more of them.

        Raises ProblemError labels_out_of_range for a text that `train` does not have.
        """
        if not self.names or not train.names or self.names == train.names:
            return self
        import torch

        strange = [name for name in self.names if name not in train.names]
        if strange:
            raise ProblemError(
                "labels_out_of_range",
                f"The label {strange[0][:60]!r} of the test data is not among the "
                f"{len(train.names)} labels of the training data.",
                "Both need the same classes; leave examples of others out.",
            )
        numbers = torch.tensor([train.names.index(name) for name in self.names])
        return replace(self, targets=numbers[self.targets], names=train.names)


def _as_numbers(targets: Tensor, inputs: Tensor) -> Tensor:
    if not targets.is_floating_point():
        targets = targets.to(inputs.dtype if inputs.is_floating_point() else None)
        targets = targets if targets.is_floating_point() else targets.float()
    return targets[:, None] if targets.ndim == 1 else targets.flatten(1)


def _one_hot(targets: Tensor) -> bool:
    zeros_and_ones = bool(((targets == 0) | (targets == 1)).all())
    return zeros_and_ones and bool((targets.sum(1) == 1).all())


def _as_classes(targets: Tensor) -> tuple[Tensor, list[str]]:
    import torch

    if targets.ndim == 2 and _one_hot(targets):
        return targets.argmax(1), ["One-hot targets were read as class numbers."]
    if targets.ndim != 1:
        if targets.ndim == 2 and bool((targets.sum(1).double() - 1).abs().max() < 1e-3):
            raise _not_integer("are probabilities of classes (soft labels), not class numbers")
        raise _not_integer(f"have shape {list(targets.shape)} and are not one-hot")
    if not targets.is_floating_point():
        return targets, []
    off = torch.nonzero(targets != targets.round())
    if len(off):
        place = int(off[0])
        raise _not_integer(f"are not whole numbers: y[{place}] = {targets[place].item():g}")
    return targets.long(), ["Labels saved as floating-point numbers were read as classes."]


def _not_integer(what: str) -> ProblemError:
    return ProblemError(
        "labels_not_integer",
        f"The labels {what}.",
        "Classification needs class numbers 0, 1, …; for regression choose the loss mse.",
    )


def convert_dataset(
    path: Path,
    *,
    output: Path | None,
    integers: Literal["float", "keep"] = "float",
    label: str | None = None,
    unlabelled: Literal["refused", "told"] = "refused",
) -> dict[str, Any]:
    """Converts a data set to safetensors in the sandbox; loads no torch in this process.

    A table whose labels nobody has named is refused, or its columns are told.
    """
    size = checked_size(path, largest=DATASET_BYTES)
    limits = limits_for(max(size, 128 << 20), rate=TEXT_A_SECOND, growth=8)
    options = {"integers": integers, "label": label, "unlabelled": unlabelled}
    return parse("dataset", path, output=output, options=options, limits=limits)


def read_dataset(
    path: Path,
    *,
    workdir: Path,
    integers: Literal["float", "keep"] = "float",
    label: str | None = None,
) -> Dataset:
    """Opens a data set, decided by content: .npz (X, y), .safetensors, .csv with a label column.

    `integers`: whole-number inputs become float32, or stay int64 token ids ("keep"). `label`
    names the labels where their name is not a usual one. The file is parsed in a sandboxed
    process; this process reads only its result in `workdir`. Raises ProblemError:
    not_a_dataset, label_missing, dataset_missing_arrays, nan_data, empty_data, pickle_refused,
    unsupported_format, deflate_bomb, file_damaged, sandbox_*.
    """
    from safetensors.torch import load_file

    converted = workdir / "data.safetensors"
    found = convert_dataset(path, output=converted, integers=integers, label=label)
    tensors = load_file(converted)
    converted.unlink()
    return Dataset(tensors["inputs"], tensors["targets"], found["warnings"], found["names"])
