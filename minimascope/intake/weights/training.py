"""What a checkpoint says of its training, beside the weights: facts as JSON, for others to judge.

Optimisers and schedulers are known by the form of their state_dicts, wherever a script, Lightning
or transformers keeps them; hyper-parameters by the names people give them. Nothing here is run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from minimascope.intake.weights import optimizer_state
from minimascope.intake.weights.inert_pickle import Inert
from minimascope.intake.weights.plain import number, numbers, table, tables, text

# Facts by the names that scripts, Lightning modules and TrainingArguments give them.
_NAMES: dict[str, tuple[str, ...]] = {
    "label_smoothing": ("label_smoothing", "label_smoothing_factor", "smoothing"),
    "lr": ("lr", "learning_rate"),
    "weight_decay": ("weight_decay", "wd"),
    "momentum": ("momentum",),
    "beta1": ("adam_beta1",),
    "beta2": ("adam_beta2",),
    "batch_size": ("batch_size", "train_batch_size", "per_device_train_batch_size"),
    "accumulated": ("gradient_accumulation_steps", "accumulate_grad_batches"),
    "optimizer": ("optim", "optimizer", "opt"),
    "schedule": ("lr_scheduler_type", "lr_scheduler", "scheduler", "sched"),
    "warmup_steps": ("warmup_steps",),
    "warmup_ratio": ("warmup_ratio",),
    "max_steps": ("max_steps",),
    "dropout": ("dropout", "dropout_rate", "drop_rate", "drop", "hidden_dropout_prob"),
    "problem_type": ("problem_type",),
    "mixup": ("mixup", "mixup_alpha"),
    "cutmix": ("cutmix", "cutmix_alpha"),
}
_HYPER = ("hyper_parameters", "hparams", "args", "config", "cfg", "training_args", "opt")
_STEPS = ("global_step", "step", "steps", "iteration", "iter_num", "num_updates", "n_iter")
_SCHEDULE_NUMBERS = (
    *("T_max", "eta_min", "step_size", "gamma", "start_factor", "end_factor", "total_iters"),
    *("factor", "power", "T_0", "T_mult", "total_steps"),
)
_CRITERIA = ("criterion", "loss_fn", "loss", "loss_func", "loss_function", "crit", "ce_loss")
UNSAID = -1.0  # of TrainingArguments, where a number was not given
MOST_CLASSES = 10_000
MOST_SCHEDULERS = 10
MOST_TABLES = 10_000


@dataclass(frozen=True)
class Training:
    """Facts as JSON values, empty where nothing is said, and tensors of the optimiser's state."""

    facts: dict[str, Any] = field(default_factory=dict)
    moments: dict[str, Tensor] = field(default_factory=dict)

    @property
    def without_weights(self) -> bool:
        """Whether a file without weights is one of training's own: an optimiser's state."""
        return "optimizer" in self.facts


def read(saved: Any, *, file_bytes: int) -> Training:
    """All that a saved value says of its training."""
    every = list(zip(range(MOST_TABLES), tables(saved), strict=False))
    found = [pair for _, pair in every]
    states = [(key, each) for key, each in found if optimizer_state.is_state(each)]
    states = list({id(each["param_groups"]): (key, each) for key, each in states}.values())
    facts: dict[str, Any] = {}
    moments: dict[str, Tensor] = {}
    if len(states) == 1:
        state = optimizer_state.read(states[0][1], file_bytes=file_bytes)
        facts["optimizer"], moments = {**state.facts, "key": states[0][0]}, state.moments
    elif states:
        facts["optimizers"] = len(states)
    facts["schedules"] = [_schedule(each) for _, each in found if _is_scheduler(each)]
    facts["schedules"] = facts["schedules"][:MOST_SCHEDULERS]
    facts["steps"] = _steps(saved)
    facts["hyper"] = _hyper(saved)
    return Training({key: each for key, each in facts.items() if each}, moments)


def _is_scheduler(value: dict[str, Any]) -> bool:
    return "last_epoch" in value and bool({"base_lrs", "_last_lr", "_step_count"} & set(value))


def _schedule(value: dict[str, Any]) -> dict[str, Any]:
    """One scheduler: its numbers and how far it went. Its class is told by which it has."""
    found: dict[str, Any] = {key: number(value.get(key)) for key in _SCHEDULE_NUMBERS}
    found = {key: each for key, each in found.items() if each is not None}
    stones = value.get("milestones")
    stones = list(stones) if isinstance(stones, (list, dict)) else list(_keys(stones))
    return {
        "numbers": found,
        "milestones": numbers(sorted(s for s in stones if type(s) in (int, float))[:1000]),
        "last": number(value.get("last_epoch")),
        "known": not {"lr_lambdas", "_schedulers", "_schedule_phases", "best", "mode"} & set(value),
    }


def _keys(value: Any) -> list[Any]:
    """Keys of a Counter that was not made."""
    items = getattr(value, "items", {})
    given = getattr(value, "arguments", ())
    first = given[0] if isinstance(given, tuple) and given and isinstance(given[0], dict) else {}
    return [*(items if isinstance(items, dict) else ()), *first]


def _steps(saved: Any) -> float | None:
    """Steps of the optimiser, as one number beside the weights."""
    own = table(saved)
    for place in (own, table(own.get("trainer_state"))):
        for name in _STEPS:
            value = number(place.get(name))
            if value is not None and value > 0 and value == math.floor(value):
                return value
    return None


def _hyper(saved: Any) -> dict[str, Any]:
    """Facts among hyper-parameters; where two tables say different things, neither."""
    own = table(saved)
    places = [table(own.get(name)) for name in (*_HYPER, "trainer_state")]
    if isinstance(saved, Inert) and saved.name.endswith("TrainingArguments"):
        places.append(own)
    found: dict[str, Any] = {}
    apart: set[str] = set()
    for place in [each for each in places if each and not optimizer_state.is_state(each)]:
        for fact, names in _NAMES.items():
            values = [_scalar(place[name]) for name in names if name in place]
            for value in [each for each in values if each not in (None, UNSAID)]:
                if found.setdefault(fact, value) != value:
                    apart.add(fact)
    return {fact: value for fact, value in found.items() if fact not in apart}


def _scalar(value: Any) -> float | str | None:
    as_number = number(value)
    return text(value) if as_number is None else as_number


def without_criterion(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors without those of a loss that was kept beside the network, and what they say."""
    facts: dict[str, Any] = {}
    network = {_criterion(name) for name, each in tensors.items() if each.ndim > 1} | {""}
    kept = {name: each for name, each in tensors.items() if _criterion(name) in network}
    if not kept:
        return tensors, {}
    for name, tensor in tensors.items():
        which = {"weight": "class_weights", "pos_weight": "pos_weight"}.get(name.split(".")[-1])
        if name in kept or which is None or tensor.ndim != 1:
            continue
        values = numbers(tensor.double().tolist()) if tensor.numel() <= MOST_CLASSES else None
        if values and min(values) >= 0 and max(values) > 0:
            facts[which], facts["criterion"] = values, name
    return kept, facts


def _criterion(name: str) -> str:
    """The loss that a tensor would belong to: "criterion" of `criterion.weight`, "" for none."""
    owners = name.split(".")[:-1]
    found = next((place for place, owner in enumerate(owners[:2]) if owner in _CRITERIA), None)
    return "" if found is None else ".".join(owners[: found + 1])
