"""Fields of the objective on the upload page: for which loss and optimiser each one counts.

A field's help is the contract's own description of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from minimascope.contract.objective import ObjectiveParameters
from minimascope.contract.problems import ProblemError

Kind = Literal["number", "whole", "text", "numbers", "texts", "table", "choice"]
Options = dict[str, str]

RATES = ("sgd", "adam", "adamw")
ADAM = ("adam", "adamw")
UNSAID = "Not said"
YES_NO: Options = {"": UNSAID, "yes": "Yes", "no": "No"}
OPTIMIZERS: Options = {
    "": UNSAID,
    "sgd": "SGD",
    "adam": "Adam",
    "adamw": "AdamW",
    "lbfgs": "L-BFGS",
    "other": "Another",
}
SCHEDULES: Options = {
    "": UNSAID,
    "constant": "Constant",
    "cosine": "Cosine",
    "linear": "Linear to 0",
    "step": "Step",
}
LINKS: Options = {
    "": "What the last layer tells",
    "logits": "Logits",
    "log_probabilities": "Log-probabilities",
    "probabilities": "Probabilities",
}
# What an optimiser needs, or what it takes away, in a sentence.
ABOUT: Options = {
    "": "Without it, weight decay alone can say how strong the pull was.",
    "sgd": "Rate, steps and momentum say how long it trained; at a minimum they do not count.",
    "adam": "Its second moments are read from the file, or estimated from gradients.",
    "adamw": "Its second moments are read from the file, or estimated from gradients.",
    "lbfgs": "It ends at a minimum: weight decay says all.",
    "other": "How it weighs directions is not known: away from a minimum there is no estimate.",
}


@dataclass(frozen=True)
class Field:
    """One field of the parameters. `optimizers`, `losses`: those it counts for; None for all."""

    name: str
    words: str
    kind: Kind
    example: str = ""
    options: Options | None = None
    optimizers: tuple[str, ...] | None = None
    losses: tuple[str, ...] | None = None

    @property
    def id(self) -> str:
        """Of its input, or of the store of its choice."""
        return f"up-{self.name.replace('_', '-')}"

    @property
    def help(self) -> str:
        said = ObjectiveParameters.model_fields[self.name].description or ""
        return f"{said[:1].upper()}{said[1:]}."

    def counts(self, loss: str, optimizer: str) -> bool:
        """Whether it is shown, and asked for."""
        for chosen, among in ((loss, self.losses), (optimizer, self.optimizers)):
            if among is not None and chosen not in among:
                return False
        return True


OF_LOSS = (
    Field("label_smoothing", "Label smoothing", "number", "0.1", losses=("cross_entropy",)),
    Field("class_weights", "Class weights", "numbers", "1, 2.5", losses=("cross_entropy",)),
    Field("ignore_index", "Label to ignore", "whole", "-1", losses=("cross_entropy",)),
    Field("pos_weight", "Weights of positives", "numbers", "3", losses=("binary", "multilabel")),
    Field("example_weights", "Example weights", "text", "weight"),
    Field(
        "link",
        "Outputs are",
        "choice",
        options=LINKS,
        losses=("cross_entropy", "binary", "multilabel"),
    ),
)
OF_OPTIMIZER = (
    Field("lr", "Learning rate", "number", "0.1", optimizers=RATES),
    Field("steps", "Steps", "whole", "20000", optimizers=RATES),
    Field("momentum", "Momentum", "number", "0.9", optimizers=("sgd",)),
    Field("schedule", "Schedule", "choice", options=SCHEDULES, optimizers=RATES),
    Field("lr_sum", "Or the sum of all rates", "number", "24.1", optimizers=RATES),
    Field("betas", "Betas", "numbers", "0.9, 0.999", optimizers=ADAM),
    Field("batch_size", "Batch size", "whole", "64", optimizers=ADAM),
)
OF_PENALTY = (
    Field("weight_decay", "Weight decay", "number", "1e-3"),
    Field("decay_on", "Decayed", "text", "all"),
)
MORE = (
    Field("decay_table", "Weight decay by pattern", "table", '{"head.*": 0.01}'),
    Field("trainable", "Trained parameters", "texts", "head.*, norm.*"),
    Field("augmentation", "Augmentation", "choice", options=YES_NO),
    Field("dropout", "Dropout", "choice", options=YES_NO),
    Field("groups", "Copies of one original", "text", "original"),
)
FIELDS = (*OF_LOSS, *OF_OPTIMIZER, *OF_PENALTY, *MORE)
CHOSEN = tuple(each for each in FIELDS if each.kind == "choice")
TYPED = tuple(each for each in FIELDS if each.kind != "choice")


def conditions() -> dict[str, list[list[str] | None]]:
    """By id: losses and optimisers a field counts for, as the browser shows it."""
    return {
        each.id: [
            None if each.losses is None else list(each.losses),
            None if each.optimizers is None else list(each.optimizers),
        ]
        for each in FIELDS
    }


def told(values: dict[str, Any]) -> dict[str, Any]:
    """Fields of the parameters that were filled in and count. Raises ProblemError `bad_setting`."""
    loss, optimizer = values["loss"], values.get("optimizer") or ""
    found: dict[str, Any] = {}
    for each in FIELDS:
        text = str(values.get(each.name) or "").strip()
        if text and each.counts(loss, optimizer):
            found[each.name] = _READ[each.kind](each, text)
    return found | ({"optimizer": optimizer} if optimizer else {})


def _wrong(field: Field, text: str, what: str) -> ProblemError:
    return ProblemError("bad_setting", f"{field.words} is “{text:.100}”, which is not {what}.")


def _number(field: Field, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _wrong(field, text, "a number") from None


def _whole(field: Field, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise _wrong(field, text, "a whole number") from None


def _numbers(field: Field, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise _wrong(field, text, "a list of numbers") from None


def _table(field: Field, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _wrong(field, text, "a JSON table")
    return found


def _chosen(_: Field, text: str) -> str | bool:
    return {"yes": True, "no": False}.get(text, text)


_READ: dict[Kind, Callable[[Field, str], Any]] = {
    "number": _number,
    "whole": _whole,
    "numbers": _numbers,
    "table": _table,
    "text": lambda _, text: text[:200],
    "texts": lambda _, text: [part.strip() for part in text.split(",") if part.strip()],
    "choice": _chosen,
}
