"""What a file says of its training, as fields of an analysis, each with the words that say so.

A proposal is certain where the file leaves no choice; the rest is shown to a person and taken only
if they take it.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from minimascope.contract.objective import MOST_PATTERNS, OPTIMIZERS
from minimascope.intake.training.naming import Network
from minimascope.intake.training.rates import (
    TRANSFORMERS,
    relative_rates,
    transformers_rates,
)
from minimascope.intake.values.training_facts import GroupFacts, OptimizerFacts, TrainingFacts

SAME = 1e-3  # relative difference of two rates that are the same
NAMED = {
    "adamw_torch": "adamw",
    "adamw_torch_fused": "adamw",
    "adamw_hf": "adamw",
    "adamw": "adamw",
    "adam": "adam",
    "sgd": "sgd",
    "momentum": "sgd",
    "lbfgs": "lbfgs",
}
PROBLEMS = {"regression": "torch_mse", "multi_label_classification": "multilabel"}


@dataclass(frozen=True)
class Proposal:
    """Fields of the parameters, and what the file says in a few words."""

    fields: dict[str, Any]
    words: str
    certain: bool = True


@dataclass(frozen=True)
class Proposals:
    """In the order in which they are said; `open` are sentences of what the file leaves open."""

    found: list[Proposal] = field(default_factory=list)
    open: list[str] = field(default_factory=list)


def proposals(
    facts: TrainingFacts,
    network: Network,
    *,
    steps: int | None = None,
    optimizer: str | None = None,
) -> Proposals:
    """All there are; steps and optimizer as a person told them, where they did."""
    made = _Proposer(facts, network, steps, optimizer)
    made.all()
    return Proposals(made.found, made.open)


class _Proposer:
    """Collects; one method a theme."""

    def __init__(
        self, facts: TrainingFacts, network: Network, steps: int | None, told: str | None
    ) -> None:
        self.facts, self.network = facts, network
        self.found: list[Proposal] = []
        self.open: list[str] = []
        own = steps or (facts.optimizer.steps if facts.optimizer else None) or facts.steps
        self.steps = int(own) if own and own >= 1 else None
        self.name = self._named(told)
        self.names = network.names(facts.optimizer) if facts.optimizer else None

    def add(self, fields: dict[str, Any], words: str, *, certain: bool = True) -> None:
        self.found.append(Proposal(fields, words, certain))

    def all(self) -> None:
        self._loss()
        self._optimizer()
        self._penalty()
        if self.name in ("sgd", "adam", "adamw"):
            self._rates()
        self._trained()
        self._rest()

    def _named(self, told: str | None) -> str | None:
        """The optimiser: as the state or the hyper-parameters have it, else as told."""
        own = self.facts.optimizer
        if own is None:
            return NAMED.get(self.facts.text("optimizer"), told)
        if own.name == "adam or adamw":
            given = NAMED.get(self.facts.text("optimizer"), told)
            return given if given in ("adam", "adamw") else None
        return own.name

    def _loss(self) -> None:
        facts = self.facts
        if facts.class_weights:
            said = f"{len(facts.class_weights)} class weights ({facts.criterion})"
            self.add({"class_weights": facts.class_weights}, said)
        if facts.pos_weight:
            said = f"the binary loss with weights of positives ({facts.criterion})"
            self.add({"loss": "binary", "pos_weight": facts.pos_weight}, said)
        problem = facts.text("problem_type")
        if problem in PROBLEMS:
            loss = PROBLEMS[problem]
            self.add({"loss": loss}, f"the loss {loss} (problem_type {problem})")
        smoothing = facts.number("label_smoothing")
        if smoothing and 0 < smoothing < 1:
            self.add({"label_smoothing": smoothing}, f"label smoothing {smoothing:g}")

    def _optimizer(self) -> None:
        own = self.facts.optimizer
        if self.facts.optimizers > 1:
            self.open.append(
                f"The file holds the state of {self.facts.optimizers} optimisers; which of them "
                "trained these weights it does not say."
            )
        if own is not None and own.name == "adam or adamw" and self.name is None:
            self.open.append(
                "The file's optimiser is Adam or AdamW, which older files do not tell apart: say "
                "which, and its settings are taken from the file."
            )
        if self.name is None or (own is None and not self.facts.text("optimizer")):
            return
        fields: dict[str, Any] = {"optimizer": self.name}
        group = own.groups[0] if own else GroupFacts()
        if self.name == "sgd":
            momentum = group.momentum if own else self.facts.number("momentum")
            if momentum is not None:
                fields["momentum"] = momentum
        if self.name in ("adam", "adamw"):
            betas = group.betas if own else _pair(self.facts)
            if betas:
                fields["betas"] = tuple(betas)
        self.add(fields, _optimizer_words(fields))

    def _penalty(self) -> None:
        own = self.facts.optimizer
        if self.name in (None, "lbfgs"):
            return
        if own is None:
            decay = self.facts.number("weight_decay")
            if decay is not None and self.facts.text("optimizer"):
                self.add({"weight_decay": decay}, f"weight decay {decay:g}")
            return
        decays = {group.weight_decay for group in own.groups}
        if len(decays) == 1:
            decay = own.groups[0].weight_decay
            if decay is not None:
                self.add({"weight_decay": decay}, f"weight decay {decay:g}")
        elif self.names is None:
            self.open.append(
                "The optimiser's groups differ in weight decay, and which parameters are in which "
                "the file does not say for this network: say weight_decay and decay_on."
            )
        else:
            self._by_group(own, self.names)

    def _by_group(self, own: OptimizerFacts, names: dict[int, str]) -> None:
        decays = {
            names[key]: group.weight_decay or 0.0 for group in own.groups for key in group.ids
        }
        decays = {name: decays[name] for name in self._moved() if name in self.network.trained}
        if not decays:
            return
        most = max(decays.values())
        matrices = {name: most if len(self.network.shapes[name]) > 1 else 0.0 for name in decays}
        if decays == matrices:
            fields: dict[str, Any] = {"weight_decay": most, "decay_on": "matrices"}
            self.add(fields, f"weight decay {most:g} on matrices")
            return
        usual = Counter(decays.values()).most_common(1)[0][0]
        table = {name: decay for name, decay in decays.items() if decay != usual}
        if len(table) <= MOST_PATTERNS:
            fields = {"weight_decay": usual, "decay_table": table}
            self.add(fields, f"weight decay {_listed(decays.values())} by group")

    def _rates(self) -> None:
        """lr, and how it went: by name where one of the contract's schedules says the same."""
        own = self.facts.optimizer
        peaks = {group.peak for group in own.groups} if own else {self.facts.number("lr")}
        if len(peaks) != 1:
            self.open.append(
                f"The learning rates of the optimiser's groups differ ({_listed(peaks)}): say "
                "lr_sum for most of the parameters."
            )
            return
        (peak,) = peaks
        if peak is None or peak <= 0:
            return
        if self.facts.text("schedule") in TRANSFORMERS and self.facts.number("max_steps"):
            self._of_transformers(peak)
        elif len(self.facts.schedules) == 1 and own:
            self._scheduled(peak, own.groups[0])
        elif own and not self.facts.schedules and _unmoved(own):
            self._told({"lr": peak, "schedule": "constant"}, f"a constant learning rate {peak:g}")
        else:
            self._unknown(peak)

    def _told(self, fields: dict[str, Any], words: str) -> None:
        if self.steps is None:
            self.add({"lr": fields["lr"]}, words, certain=False)
            self.open.append(f"The file says {words}, but not after how many steps: say steps.")
            return
        self.add({**fields, "steps": self.steps}, f"{self.steps:,} steps with {words}")

    def _unknown(self, peak: float) -> None:
        self.add({"lr": peak}, f"a learning rate from {peak:g}", certain=False)
        after = f" {self.steps:,} steps" if self.steps else " all steps"
        self.open.append(
            f"The learning rate began at {peak:g}, and how it went the file does not say: tell "
            f"schedule and steps, or lr_sum over{after}."
        )

    def _scheduled(self, peak: float, group: GroupFacts) -> None:
        schedule = self.facts.schedules[0]
        ticks = int(schedule.last) if schedule.last and schedule.last > 0 else 0
        rates = relative_rates(schedule, peak, ticks) if ticks else None
        ends = group.lr if group.lr is not None else -1.0
        if rates is None or abs(rates[-1] * peak - ends) > SAME * max(ends, 1e-3 * peak):
            self._unknown(peak)
            return
        share = float(rates[:-1].mean())
        falls = self._named_schedule(share)
        if falls is not None:
            self._told({"lr": peak, "schedule": falls}, f"a {falls} schedule from {peak:g}")
        elif self.steps is None:
            self._told({"lr": peak}, f"a learning rate of {share * peak:.3g} on average")
        else:
            total = share * peak * self.steps
            self._told({"lr": peak, "lr_sum": total}, f"learning rates of {total:.4g} in all")

    def _named_schedule(self, share: float) -> str | None:
        """A fall to 0, by cosine: the same sum as the contract's own."""
        n = self.facts.schedules[0].numbers
        whole = "T_max" in n and not n.get("eta_min") and n["T_max"] == self.facts.schedules[0].last
        if not whole or self.steps is None:
            return None
        return "cosine" if abs(share * self.steps - (self.steps + 1) / 2) < 0.5 else None

    def _of_transformers(self, peak: float) -> None:
        name, planned = self.facts.text("schedule"), int(self.facts.number("max_steps") or 0)
        steps = self.steps or planned
        warm = self.facts.number("warmup_steps") or 0.0
        share = self.facts.number("warmup_ratio") or 0.0
        share, warm = (warm, 0.0) if 0 < warm < 1 else (share, warm)
        warmup = int(warm) if warm >= 1 else math.ceil(share * planned)
        self.steps = steps
        if warmup == 0 and steps == planned and name in ("linear", "cosine"):
            self._told({"lr": peak, "schedule": name}, f"a {name} schedule from {peak:g}")
            return
        total = float(transformers_rates(name, steps, planned, warmup).sum()) * peak
        words = f"a {name} schedule to {peak:g}, learning rates of {total:.4g} in all"
        self._told({"lr": peak, "lr_sum": total}, words)

    def _trained(self) -> None:
        """Parameters that the optimiser never had, or never moved, were frozen."""
        kept, everything = self._moved(), self.network.trained
        if not kept or len(kept) > MOST_PATTERNS or set(kept) >= set(everything):
            return
        said = f"{len(kept)} of {len(everything)} tensors trained"
        self.add({"trainable": kept}, said)

    def _moved(self) -> list[str]:
        """Names of what the optimiser has a state of; of all its parameters where it has none."""
        own = self.facts.optimizer
        if own is None or self.names is None:
            return []
        moved = {row.id for row in own.state} if self.name != "lbfgs" else set()
        return [name for key, name in self.names.items() if not moved or key in moved]

    def _rest(self) -> None:
        size, times = self.facts.number("batch_size"), self.facts.number("accumulated") or 1.0
        if size and size >= 1 and times >= 1:
            self.add({"batch_size": int(size * times)}, f"batches of {int(size * times)}")
        if (self.facts.number("dropout") or 0.0) > 0:
            self.add({"dropout": True}, "dropout")
        if any((self.facts.number(name) or 0.0) > 0 for name in ("mixup", "cutmix")):
            self.add({"augmentation": True}, "mixed inputs")


def _pair(facts: TrainingFacts) -> list[float] | None:
    found = [facts.number("beta1"), facts.number("beta2")]
    kept = [each for each in found if each is not None]
    return kept if len(kept) == 2 else None


def _unmoved(own: OptimizerFacts) -> bool:
    """No scheduler has touched the learning rate, so far as the groups tell."""
    return all(group.initial_lr in (None, group.lr) for group in own.groups)


def _optimizer_words(fields: dict[str, Any]) -> str:
    name = OPTIMIZERS.get(fields["optimizer"], "an optimiser without a model of its noise")
    momentum = fields.get("momentum")
    return f"{name} with momentum {momentum:g}" if momentum else name


def _listed(values: Any) -> str:
    return ", ".join(f"{each:g}" for each in sorted({v for v in values if v is not None}))
