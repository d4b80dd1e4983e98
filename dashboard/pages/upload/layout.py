"""A new analysis in four steps: checkpoint, data and network, training, name; the rest folded."""

from __future__ import annotations

import uuid
from typing import Any

from dash import dcc, html

from dashboard.components import budget, ids
from dashboard.components.choice import several
from dashboard.components.drop_zone import checkpoint_zone, described, drop_zone
from dashboard.components.words import STAGES
from dashboard.pages.upload import checks, weights
from dashboard.pages.upload.parts import field, folded, group, step, text
from dashboard.pages.upload.training import loss_options, training

ACTIVATIONS = (
    *("relu", "gelu", "tanh", "silu", "sigmoid", "leaky_relu", "elu", "softplus"),
    "identity",
)
FAMILIES = {
    "mlp": "Fully connected (mlp)",
    "sequential": "Sequential, as JSON",
    "file": "In the file (.pt2, Hugging Face)",
}
OTHERS = (
    "Residual connections, attention, code of your own: minimascope.export(model, batch, "
    '"model.pt2") in your own script writes a file that needs no architecture.'
)
DTYPES = {"float64": "float64", "float32": "float32"}
SINGLE = (
    "float32 takes half the time, less where convolutions are large; a pair then counts as "
    "converged at a residual of 1e-5, not 1e-6."
)
SAMPLED = "A sample for spectrum and density where they take long."
RESIZE = "Height x width, where images have several sizes and training resized them."
LOSSES = {
    "cross_entropy": "Cross-entropy",
    "binary": "Binary logistic",
    "multilabel": "Several labels",
    "mse": "Squared error",
    "torch_mse": "torch's MSELoss",
}
SEQUENTIAL = (
    '{"family": "sequential", "layers": [["Linear", 2, 100], ["ReLU"], ["Linear", 100, 3]]}'
)
START = "Start analysis"
ZONES = ("checkpoint", "train", "test", "optimizer_state")
DATA = ".npz,.csv,.safetensors,.parquet,.zip"


def _architecture() -> html.Div:
    activations = {name: name for name in ACTIVATIONS}
    hint = "A state dict does not hold it, so it has to be said."
    layers = field(
        "Layers",
        dcc.Textarea(id=ids.UP_SEQUENTIAL, value=SEQUENTIAL, className="text code", rows=3),
        "Parameters are matched by name, else by order and shape.",
        wide=True,
        gone=True,
    )
    return html.Div(
        [
            group("Architecture", ids.UP_FAMILY, FAMILIES, "mlp", OTHERS),
            # Nothing is chosen beforehand: a wrong activation gives plausible wrong numbers.
            group("Activation", ids.UP_ACTIVATION, activations, "", hint),
            layers,
            group("Loss", ids.UP_LOSS, LOSSES, "cross_entropy"),
            loss_options(),
            checks.candidates_field(),
        ],
        className="fields",
    )


def _stages() -> html.Div:
    words = "Stages"
    hint = "Density, boundary and margins need the spectrum. Fewer stages are done sooner."
    group = several(ids.UP_STAGES, STAGES, label=words)
    parts = [html.Span(words, className="group-label"), group, html.Span(hint, className="hint")]
    return html.Div(parts, className="field wide", id="up-stages-field")


def _settings() -> html.Div:
    return html.Div(
        [
            field(
                "Eigenpairs",
                text("up-top-k", value="10"),
                "How many to compute.",
            ),
            field("Seed", text("up-seed", value="0")),
            field(
                "Further λ on the curves",
                text("up-lambdas", placeholder="1e-4, 1e-3, 1e-2"),
                "Optional, separated by commas.",
            ),
            field("Examples for the spectrum", text("up-examples", placeholder="all"), SAMPLED),
            group("Precision", "up-dtype", DTYPES, "float64", SINGLE),
            _stages(),
        ],
        className="fields fields-three",
    )


def _budget() -> html.Div:
    """How long it may take; seconds of one's own where they are asked for (`upload_budget`)."""
    look = "hint field wide"
    about = html.P(budget.ABOUT["normal"], className=look, id=ids.UP_BUDGET_SAID, role="status")
    typed = field("Seconds", text("up-seconds", placeholder="120"), gone=True)
    chosen = group("How long", ids.UP_BUDGET, budget.BUDGETS, "normal")
    return html.Div([chosen, about, typed], className="fields")


def layout(**_: Any) -> html.Div:
    """Four steps on one page; the start button ends them."""
    train = drop_zone(
        "train",
        "Training set",
        ".npz with X and y, .csv, .safetensors, .parquet, images as .zip",
        DATA,
    )
    test = drop_zone("test", "Test set, optional", "measures the gap itself", DATA)
    label = dcc.Input(
        id=ids.UP_LABEL, type="text", placeholder="species", className="text", debounce=True
    )
    hint = "Of a table, where it is not named y, label or target."
    data = html.Div([described("train", train), described("test", test)], className="drops")
    size = dcc.Input(
        id=ids.UP_RESIZE, type="text", placeholder="64x64", className="text", debounce=True
    )
    # Shown where the data are a table, or images (`upload/found.mjs`).
    fields = [
        field("Label column", label, hint, gone=True),
        field("Resize images", size, RESIZE, gone=True),
    ]
    labels = html.Div(fields, className="fields")
    start = html.Div(
        [
            # First: what is said later must not move the button from under a pointer.
            html.Button(START, id="up-start", className="button primary"),
            html.Div(id=ids.UP_PROBLEM),
            html.Div(id="up-cost", role="status"),
        ],
        className="step-end",
    )
    typed = text("up-name", placeholder="normal initialisation, seed 3")
    name = html.Div([field("Name", typed, wide=True)], className="fields")
    words = "Advanced: eigenpairs, further λ, sample, precision, stages"
    advanced = html.Div([folded(words, "up-advanced", _settings())], className="fields")
    stores = [dcc.Store(id=ids.uploaded(kind)) for kind in ZONES]
    return html.Div(
        [
            html.H1("New analysis"),
            step(1, "Checkpoint", described("checkpoint", checkpoint_zone()), weights.section()),
            step(2, "Data and network", data, labels, _architecture()),
            step(3, "Training", *training()),
            step(4, "Name and time", name, _budget(), advanced, start),
            *stores,
            dcc.Store(id="up-key", data=uuid.uuid4().hex),
        ],
        className="page page-narrow page-upload",
    )
