"""Fields of the upload page: where each keeps its value, and which one a refusal is about."""

from __future__ import annotations

from dashboard.components import ids
from dashboard.pages.upload.told_fields import FIELDS
from minimascope.contract.problems import ProblemError

GROUPS = ("family", "activation", "loss", "optimizer", "dtype", "stages", "budget")
ASKED = (
    *("name", "family", "activation", "sequential", "loss", "optimizer", "label", "resize"),
    *("top-k", "examples", "budget", "seconds", "lambdas", "seed", "dtype", "stages"),
)
# By id: what was chosen is in a store, what was typed is the input's value.
HELD = {f"up-{each}": "data" if each in GROUPS else "value" for each in ASKED} | {
    each.id: "data" if each.kind == "choice" else "value" for each in FIELDS
}
# Of refusals whose code says it.
BY_CODE = {
    "activation_missing": ids.UP_ACTIVATION,
    "architecture_missing": ids.UP_FAMILY,
    "architecture_mismatch": ids.UP_FAMILY,
    "order_open": ids.UP_FAMILY,
    "bad_architecture": ids.UP_SEQUENTIAL,
    "architecture_invalid": ids.UP_SEQUENTIAL,
    "label_missing": ids.UP_LABEL,
    "sizes_differ": ids.UP_RESIZE,
    "output_shape_mismatch": ids.UP_LOSS,
    "labels_not_integer": ids.UP_LOSS,
    "link_mismatch": "up-link",
    "example_weights_invalid": "up-example-weights",
    "no_stage": ids.UP_STAGES,
    "nan_weights": ids.drop("checkpoint"),
    "optimizer_state_mismatch": ids.drop("optimizer_state"),
    "columns_differ": ids.drop("test"),
    "input_shape_mismatch": ids.drop("train"),
    "labels_out_of_range": ids.drop("train"),
}
# Of the others, by how their sentence begins: the worker names the file, the form its field.
BY_BEGINNING = {
    "Training data": ids.drop("train"),
    "Test data": ids.drop("test"),
    "Checkpoint": ids.drop("checkpoint"),
    "Optimiser's state": ids.drop("optimizer_state"),
    "No checkpoint": ids.drop("checkpoint"),
    "No training set": ids.drop("train"),
    "Eigenpairs": "up-top-k",
    "Top k": "up-top-k",
    "Seconds": "up-seconds",
    "Seed": "up-seed",
    "The further λ": "up-lambdas",
    "Lambdas": "up-lambdas",
    "Examples for the spectrum": "up-examples",
    "Spectrum examples": "up-examples",
    **{each.words: each.id for each in FIELDS},
    **{each.name.replace("_", " ").capitalize(): each.id for each in FIELDS},
}


def field_of(problem: ProblemError) -> str:
    """The id of the field, or of the zone; "" where it is about none, or several."""
    beginning = max(
        (each for each in BY_BEGINNING if problem.sentence.startswith(each)), key=len, default=""
    )
    return BY_BEGINNING.get(beginning) or BY_CODE.get(problem.code, "")
