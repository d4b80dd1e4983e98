"""Network and examples of a script as those of files: one tensor in, logits out.

Where a network takes several tensors, its input becomes the number of an example (n × 1), and the
examples become constants of the network: everything that is asked of parameters is the same, and
distances between inputs have no meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from minimascope.intake.networks.around import Around
from minimascope.intake.networks.input_shapes import takes_ids
from minimascope.intake.networks.program import HELD
from minimascope.intake.values.dataset import Dataset
from minimascope.training.attention_masks import with_added_masks
from minimascope.training.refusals import data_unusable, first_line, model_unusable, named
from minimascope.training.table import Key, Table

Forward = Callable[[Any, Any], Any]
PROBED = 2


@dataclass(frozen=True)
class Joined:
    """A network of one tensor, and data as files are read."""

    network: nn.Module
    train: Dataset
    test: Dataset | None
    said: list[str] = field(default_factory=list)


def joined(network: nn.Module, train: Table, test: Table | None, forward: Forward | None) -> Joined:
    """Raises ProblemError data_unusable, model_unusable where they do not go together."""
    _check(train, test)
    choose: Any = getattr(network, "set_attn_implementation", None)
    if choose is not None:  # of transformers' models: the one with second derivatives
        choose("eager")
    inputs = train.inputs
    if len(inputs) == 1:
        direct = _direct(network, train, next(iter(inputs)), forward)
        if direct is not None:
            key = next(iter(inputs))
            return Joined(
                direct,
                _dataset(direct, train, key),
                None if test is None else _dataset(direct, test, key),
            )
    return _by_number(network, train, test, forward)


def _check(train: Table, test: Table | None) -> None:
    if train.target is None:
        keys = ", ".join(map(str, train.columns))
        raise data_unusable(
            f"Batches have {keys}, and nothing tells which are the targets.",
            "Name them labels, targets or y.",
        )
    if not train.inputs:
        raise data_unusable(f"Batches have nothing but {train.target!r}.")
    if test is not None and set(test.columns) != set(train.columns):
        raise data_unusable("Batches of the test data have other parts than those of training.")


def _direct(network: nn.Module, table: Table, key: Key, forward: Forward | None) -> Any:
    """The network of the one input, None where `forward` reads more of a batch than that."""

    def call(within: nn.Module, inputs: Tensor) -> Any:
        if forward is not None:
            return outputs_in(forward(within, table.batch({key: inputs, _absent(table): None})))
        if isinstance(key, str) and hasattr(within, "main_input_name"):
            return outputs_in(within(**{key: inputs}))
        return outputs_in(within(inputs))

    few = _input(network, table.columns[key])[:PROBED]
    try:
        with torch.no_grad():
            found = network(few) if forward is None and not _by_name(network, key) else None
            if isinstance(found, Tensor):
                return network
            call(network, few)
    except Exception as error:
        if forward is not None:
            return None
        # `fitted` says what shapes it takes, in better words.
        return network if isinstance(error, (RuntimeError, ValueError, IndexError)) else None
    return Around(network, call).eval()


def _by_name(network: nn.Module, key: Key) -> bool:
    return isinstance(key, str) and hasattr(network, "main_input_name")


def _absent(table: Table) -> Key:
    assert table.target is not None
    return table.target


def outputs_in(found: Any) -> Tensor:
    """The outputs among what a model returns. Raises ProblemError model_unusable."""
    for name in ("logits", "prediction_logits"):  # as Hugging Face's outputs have them
        if isinstance(getattr(found, name, None), Tensor):
            return getattr(found, name)
    if isinstance(found, dict) and isinstance(found.get("logits"), Tensor):
        return found["logits"]
    if isinstance(found, Tensor):
        return found
    raise model_unusable(
        f"The model returned a {named(found)}, not one tensor of outputs.",
        "Say which it is: forward=lambda model, batch: model(batch[0])[0].",
    )


def _input(network: nn.Module, values: Tensor) -> Tensor:
    """In the network's own kind of numbers: whole numbers are tokens, or become floating."""
    kind = next((q.dtype for q in network.parameters() if q.is_floating_point()), torch.float32)
    if values.is_floating_point():
        return values.to(kind)
    return values.long() if takes_ids(network) else values.to(kind)


def _dataset(network: nn.Module, table: Table, key: Key) -> Dataset:
    values = table.columns[key]
    if not values.is_floating_point():
        values = values.long() if takes_ids(network) else values.float()
    return Dataset(values, _targets(table), list(table.said))


def _targets(table: Table) -> Tensor:
    y = table.columns[_absent(table)]
    return y if y.is_floating_point() else y.long()


def _by_number(
    network: nn.Module, train: Table, test: Table | None, forward: Forward | None
) -> Joined:
    keys = list(train.columns if forward is not None else train.inputs)

    def outputs(columns: dict[Key, Tensor]) -> Tensor:
        with torch.no_grad():
            return _called(network, train, {key: columns[key] for key in keys}, forward)

    tables = with_added_masks(network, [train] if test is None else [train, test], outputs)
    places = {key: f"{HELD}{place}" for place, key in enumerate(keys)}
    for key, place in places.items():
        network.register_buffer(place, torch.cat([each.columns[key] for each in tables]))

    def call(within: nn.Module, numbers: Tensor) -> Any:
        rows = numbers.reshape(-1)
        return _called(
            within, train, {k: getattr(within, p)[rows] for k, p in places.items()}, forward
        )

    around = Around(network, call).eval()
    _try(around)
    starts = [0, train.n]
    data = [
        Dataset(torch.arange(at, at + each.n)[:, None], _targets(each), list(each.said))
        for at, each in zip(starts, tables, strict=False)
    ]
    said = ["The network takes several inputs: nothing is said of distances between examples."]
    return Joined(around, data[0], data[1] if test is not None else None, said)


def _called(
    network: nn.Module, table: Table, columns: dict[Key, Tensor], forward: Forward | None
) -> Tensor:
    if forward is not None:
        return outputs_in(forward(network, table.batch(columns)))
    if any(isinstance(key, str) for key in columns):
        return outputs_in(network(**{str(key): each for key, each in columns.items()}))
    return outputs_in(network(*columns.values()))


def _try(network: nn.Module) -> None:
    try:
        with torch.no_grad():
            network(torch.arange(1)[:, None])
    except (RuntimeError, TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise model_unusable(
            f"The model cannot be run on a batch: {first_line(error)}.",
            "Say how: forward=lambda model, batch: model(batch['x'], batch['mask']).",
        ) from error
