"""Copies of the examples as augmentation makes them in training, and which original each is of.

The objective of training with augmentation is the mean over all copies, and an example is left out
with all of its own (`curvature/minimum/copies`): so the function that altered inputs in training
makes them, each original first as it is.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from minimascope.contract.problems import ProblemError
from minimascope.intake.values.dataset import Dataset
from minimascope.training.refusals import data_unusable, first_line, named
from minimascope.training.table import Key, Table

COPIES = 4  # where nobody says
GROUPS = "copy of"
USUAL_BATCH = 64  # where the data have none

Augment = Callable[[Any], Any]


@dataclass(frozen=True)
class Augmented:
    """Examples with their copies, and the place of the original each (n,) is of."""

    table: Table
    groups: Tensor

    def marked(self, data: Dataset) -> Dataset:
        """`data`, made of the table, with the groups aside, as files have them."""
        return replace(data, aside={**data.aside, GROUPS: self.groups.double()})


def check_augment(augment: Any, copies: int | None) -> None:
    """Raises ProblemError where the two are not what they should be."""
    if augment is None and copies is None:
        return
    if augment is None:
        said = f"copies = {copies!r:.60} says how many of what: give augment, the function too."
    elif not callable(augment):
        said = f"augment is a {named(augment)}; it needs to be a function of a batch of inputs."
    elif copies is not None and not (type(copies) is int and copies > 0):
        said = f"copies = {copies!r:.60} needs to be a whole number above 0."
    else:
        return
    raise ProblemError("invalid_parameters", said)


def augmented(table: Table, augment: Augment, copies: int, seed: int) -> Augmented:
    """n (1 + copies) examples: each, then its copies. Raises ProblemError data_unusable."""
    if table.augmented:
        raise data_unusable(
            "Examples differ each time they are asked for, and augment was given too.",
            "Give the data without augmentation, so that each original is known.",
        )
    if len(table.inputs) != 1 or table.target is None:
        raise data_unusable(
            f"augment alters one tensor of inputs, and the data have {len(table.inputs)}.",
            "Put the copies into the data, and say with groups which original each is of.",
        )
    (key,) = table.inputs
    _seed_all(seed)
    drawn = [_altered(table, key, augment) for _ in range(copies)]
    if all(torch.equal(each, table.columns[key]) for each in drawn):
        raise data_unusable(
            "augment left every input as it is.", "Is it switched to evaluation, or in place?"
        )
    columns = {
        name: torch.stack([each, *(drawn if name == key else [each] * copies)], dim=1).flatten(0, 1)
        for name, each in table.columns.items()
    }
    said = f"Each of the {table.n} examples stands with {copies} copies that augment made of it."
    found = replace(table, columns=columns, said=[*table.said, said])
    return Augmented(found, torch.arange(table.n).repeat_interleave(copies + 1))


def _seed_all(seed: int) -> None:
    """Whichever of the three a transformation draws from; `analyze` puts them back."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def _altered(table: Table, key: Key, augment: Augment) -> Tensor:
    batches = table.columns[key].split(table.batch_size or USUAL_BATCH)
    return torch.cat([_of_batch(augment, batch) for batch in batches])


def _of_batch(augment: Augment, batch: Tensor) -> Tensor:
    try:
        with torch.no_grad():
            found = augment(batch.clone())
    except Exception as error:
        raise data_unusable(
            f"augment failed on inputs of shape {list(batch.shape)}: {first_line(error)}."
        ) from error
    if not isinstance(found, Tensor):
        raise data_unusable(f"augment returned a {named(found)}, not a tensor of altered inputs.")
    if found.shape != batch.shape:
        raise data_unusable(
            f"augment made inputs of shape {list(found.shape)} of {list(batch.shape)}.",
            "It needs to keep the shape of the batch: one altered input for each.",
        )
    if found.is_floating_point() and not bool(torch.isfinite(found).all()):
        raise data_unusable("augment made inputs that are not finite.")
    return found.detach().to(batch)
