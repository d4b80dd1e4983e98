"""The sandboxed process' tasks for a weights report: what tensors there are, and rows of some."""

from __future__ import annotations

from typing import Any, BinaryIO

from minimascope.intake.files.tensor_checks import tied
from minimascope.intake.sandbox.mapped import Mapped, open_mapped
from minimascope.weight_matrices.row import bias_of, row


def _opened(source: BinaryIO, options: dict[str, Any]) -> Mapped:
    return open_mapped(source, torch_files=options.get("torch_files", "taken"))


def table(source: BinaryIO, output: BinaryIO, options: dict[str, Any]) -> dict[str, Any]:
    """Format, warnings, every tensor's name, shape, dtype; which names share numbers in memory."""
    found = _opened(source, options)
    rows = [
        {
            "name": name,
            "shape": list(tensor.shape),
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "floating": tensor.is_floating_point(),
        }
        for name, tensor in found.tensors.items()
    ]
    shared = tied(found.tensors)
    return {"format": found.format, "warnings": found.warnings, "tensors": rows, "tied": shared}


def rows(source: BinaryIO, output: BinaryIO, options: dict[str, Any]) -> dict[str, Any]:
    """The rows of `options["names"]`; `against` is an open file with earlier ones."""
    found = _opened(source, options)
    other = _opened(options["against"], options) if options.get("against") else None
    made = []
    for name in options["names"]:
        tensor = found.tensors[name]
        made.append(
            row(
                name,
                tensor,
                all_up_to=options["all_up_to"],
                bias=bias_of(name, found.tensors),
                before=other.tensors.get(name) if other else None,
            ).model_dump(mode="json")
        )
        for file in filter(None, (found, other)):
            file.forget()
    return {"rows": made}
