"""A data set as a value: inputs and targets, read once in the sandbox."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from minimascope.contract.problems import ProblemError
from minimascope.intake.files.taken import named
from minimascope.intake.sandbox.parser_process import parse
from minimascope.intake.values.checkpoint import checked_size, limits_for, torch_files

if TYPE_CHECKING:
    from torch import Tensor

    from minimascope.objective.loss import Loss

DATASET_BYTES = 1 << 30
SHARES_OFF = 1e-3  # of the sum of soft labels from one: they come rounded
TEXT_A_SECOND = 5 << 20  # bytes of a table; arrays are ten times as fast


@dataclass(frozen=True)
class Dataset:
    """Inputs n × ... (float32, float64, or int64 token ids); targets n int64, n or n × K float.

    `names` are the class names where labels were texts, in order of their numbers; `columns` is
    the width of one-hot targets that were read as classes; `aside` are numbers (n, float64) that
    are neither, by the name of their column or array. `inputs_named` are the columns of a table
    that the inputs are; `bytes` tells that they were saved as such; `taken` is a row for each part
    of the file (`intake.files.taken`). Where a network takes several tensors, `parts` are they
    (n × ...), and `inputs` the numbers of the examples (n × 1).
    """

    inputs: Tensor
    targets: Tensor
    warnings: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    columns: int | None = None
    aside: dict[str, Tensor] = field(default_factory=dict)
    inputs_named: list[str] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    bytes: bool = False
    parts: list[Tensor] = field(default_factory=list)

    def for_loss(self, loss: Loss) -> Dataset:
        """The same data with targets as the loss takes them; asked again, nothing changes.

        Classes: n int64 (whole floats and exact one-hot rows are converted, and said so), or
        n × K shares of classes where the loss takes soft labels; shares and numbers: n × K
        floating. Raises ProblemError labels_not_integer.
        """
        if loss.reads == "anything":
            return self
        if loss.reads == "labels_of_positions":
            if self.targets.ndim != 2:
                raise _not_integer(f"have shape {list(self.targets.shape)}, not one a position")
            return replace(self, targets=self.targets.long())
        if loss.reads in ("numbers", "shares"):
            return replace(self, targets=_as_numbers(self.targets, self.inputs))
        if loss.reads == "class_or_shares" and _are_shares(self.targets):
            return self
        targets, said = _as_classes(self.targets)
        columns = self.targets.shape[1] if self.targets.ndim == 2 else self.columns
        return replace(self, targets=targets, warnings=self.warnings + said, columns=columns)

    def counted(self, ignored: Collection[int]) -> Dataset:
        """Without the examples of these labels, which count for nothing, neither in n.

        Raises ProblemError empty_data where no other is left.
        """
        import torch

        if self.targets.ndim != 1 or self.targets.is_floating_point() or self.names:
            return self
        out = torch.isin(self.targets, torch.tensor(sorted(ignored)))
        count = int(out.sum())
        if not count:
            return self
        which = ", ".join(str(k) for k in sorted(ignored) if bool((self.targets == k).any()))
        if count == len(self.targets):
            raise ProblemError(
                "empty_data", f"All {count} examples have the label {which}, which is ignored."
            )
        said = f"{count} examples of label {which} count for nothing and were left out."
        return replace(
            self,
            inputs=self.inputs[~out],
            targets=self.targets[~out],
            warnings=[*self.warnings, said],
            aside={name: each[~out] for name, each in self.aside.items()},
        )

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


def in_order(test: Dataset, train: Dataset) -> Dataset:
    """The test data with the columns of its table in the order of the training table's.

    Raises ProblemError columns_differ where a column of the training data is missing.
    """
    own, wanted = test.inputs_named, train.inputs_named
    if not own or not wanted or own == wanted:
        return test
    missing = [name for name in wanted if name not in own]
    if missing:
        raise ProblemError(
            "columns_differ",
            f"The test table has no column {missing[0][:60]!r}, which the training table has.",
            "Both tables need the same columns by name, in any order.",
        )
    gone = [name for name in own if name not in wanted]
    said = ["The columns of the test table were put into the order of the training table's."]
    taken = list(test.taken)
    if gone:
        shown = named(gone)
        said.append(f"Columns {shown} of the test table are not in the training table: left.")
        taken.append(
            {"part": f"columns {shown}", "words": "not in the training table", "taken": False}
        )
    places = [own.index(name) for name in wanted]
    return replace(
        test,
        inputs=test.inputs[:, places],
        warnings=[*test.warnings, *said],
        inputs_named=wanted,
        taken=taken,
    )


def _as_numbers(targets: Tensor, inputs: Tensor) -> Tensor:
    if not targets.is_floating_point():
        targets = targets.to(inputs.dtype if inputs.is_floating_point() else None)
        targets = targets if targets.is_floating_point() else targets.float()
    return targets[:, None] if targets.ndim == 1 else targets.flatten(1)


def _are_shares(targets: Tensor) -> bool:
    """Soft labels: rows of numbers from 0 to 1 that sum to one, other than 0 and 1 alone."""
    if targets.ndim != 2 or not targets.is_floating_point() or _one_hot(targets):
        return False
    off = (targets.double().sum(1) - 1).abs().max()
    return bool((targets >= 0).all()) and float(off) < SHARES_OFF


def _one_hot(targets: Tensor) -> bool:
    zeros_and_ones = bool(((targets == 0) | (targets == 1)).all())
    return zeros_and_ones and bool((targets.sum(1) == 1).all())


def _as_classes(targets: Tensor) -> tuple[Tensor, list[str]]:
    import torch

    if targets.ndim == 2 and _one_hot(targets):
        return targets.argmax(1), ["One-hot targets were read as class numbers."]
    if targets.ndim != 1:
        if _are_shares(targets):
            raise _not_integer("are shares of classes (soft labels), which cross_entropy takes")
        raise _not_integer(f"have shape {list(targets.shape)} and are not one-hot")
    if set(targets.unique().tolist()) == {-1, 1}:
        return (targets > 0).long(), ["Labels −1 and 1 were read as classes 0 and 1."]
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
        "Classification needs class numbers 0, 1, …, cross_entropy also rows that sum to one, "
        "multilabel a 0 or 1 an output; for regression choose the loss mse (squared error).",
    )


def convert_dataset(
    path: Path,
    *,
    output: Path | None,
    integers: Literal["float", "keep"] = "float",
    label: str | None = None,
    aside: Sequence[str] = (),
    role: Literal["train", "test"] = "train",
    several: Sequence[tuple[str, bool]] = (),
    resize: str | None = None,
    unlabelled: Literal["refused", "told"] = "refused",
) -> dict[str, Any]:
    """Converts a data set to safetensors in the sandbox; loads no torch in this process.

    A table whose labels nobody has named is refused, or its columns are told; so are the sizes of
    images that have several.
    """
    size = checked_size(path, largest=DATASET_BYTES)
    limits = limits_for(max(size, 128 << 20), rate=TEXT_A_SECOND, growth=8)
    options: dict[str, Any] = {"integers": integers, "label": label, "unlabelled": unlabelled}
    options |= {"aside": list(aside), "role": role, "torch_files": torch_files()}
    size = None if resize is None else [int(side) for side in resize.split("x")]
    options |= {"several": list(several), "resize": size}
    return parse("dataset", path, output=output, options=options, limits=limits)


def read_dataset(
    path: Path,
    *,
    workdir: Path,
    integers: Literal["float", "keep"] = "float",
    label: str | None = None,
    aside: Sequence[str] = (),
    role: Literal["train", "test"] = "train",
    several: Sequence[tuple[str, bool]] = (),
    resize: str | None = None,
) -> Dataset:
    """Opens a data set, decided by content: .npz (X, y), .safetensors, .csv with a label column.

    `integers`: whole-number inputs become float32, or stay int64 token ids ("keep"). `label`
    names the labels where their name is not a usual one, `aside` what is neither they nor inputs
    and is kept where the file has it; `role` says which part of a file that holds training and test
    data; `several`: name, and whether floating, of each input of a network that takes more than
    one; `resize`: "HxW", what images are resized to. The file is parsed in a sandboxed process;
    this process reads only its result in `workdir`.
    Raises ProblemError: not_a_dataset, label_missing, dataset_missing_arrays, nan_data, empty_data,
    pickle_refused, unsupported_format, deflate_bomb, file_damaged, sandbox_*.
    """
    import torch
    from safetensors.torch import load_file

    converted = workdir / "data.safetensors"
    asked: dict[str, Any] = {"label": label, "aside": aside, "role": role, "several": several}
    asked |= {"resize": resize}
    found = convert_dataset(path, output=converted, integers=integers, **asked)
    tensors = load_file(converted)
    converted.unlink()
    kept = {name: tensors[f"aside.{name}"] for name in aside if f"aside.{name}" in tensors}
    rest = [tensors[f"inputs.{k}"] for k in range(1, len(several))]
    numbers = torch.arange(len(tensors["targets"]))[:, None]
    return Dataset(
        numbers if several else tensors["inputs"],
        tensors["targets"],
        found["warnings"],
        found["names"],
        aside=kept,
        inputs_named=found["inputs_named"],
        taken=found["taken"],
        bytes=found["bytes"],
        parts=[tensors["inputs"], *rest] if several else [],
    )
