"""A new analysis in three steps: the checkpoint, what it is and its data, the settings."""

from __future__ import annotations

import json
import uuid
from typing import Any
from zlib import crc32

import dash
from dash import Dash, Input, Output, State, dcc, html, no_update
from pydantic import ValidationError

from dashboard.notices import refusal
from dashboard.pages.home import drop_zone
from minimascope.client import AsyncClient
from minimascope.parameters import Parameters
from minimascope.problems import ProblemError
from minimascope.schemas import AnalysisRequest

ACTIVATIONS = ("relu", "gelu", "tanh", "silu", "sigmoid", "leaky_relu", "elu")
LOSSES = {"cross_entropy": "Cross-entropy", "binary": "Binary logistic", "mse": "Squared error"}
SEQUENTIAL = (
    '{"family": "sequential", "layers": [["Linear", 2, 100], ["ReLU"], ["Linear", 100, 3]]}'
)
FILES = ("checkpoint", "train", "test")
FIELDS = (
    "name",
    "family",
    "activation",
    "sequential",
    "loss",
    "decay",
    "lr",
    "momentum",
    "steps",
    "top-k",
    "lambdas",
    "seed",
)


def _field(words: str, control: Any, hint: str = "", *, wide: bool = False) -> html.Div:
    identifier = control.id
    parts: list[Any] = [html.Label(words, htmlFor=identifier), control]
    if hint:
        parts.append(html.Span(hint, className="hint"))
    return html.Div(parts, className="field wide" if wide else "field", id=f"{identifier}-field")


def _choice(identifier: str, options: dict[str, str], value: str) -> dcc.RadioItems:
    return dcc.RadioItems(
        id=identifier,
        options=[{"label": words, "value": key} for key, words in options.items()],
        value=value,
        className="choice",
    )


def _text(identifier: str, *, placeholder: str = "", value: Any = None) -> dcc.Input:
    return dcc.Input(
        id=identifier, type="text", value=value, placeholder=placeholder, className="text"
    )


def _step(count: int, title: str, *children: Any) -> html.Section:
    head = html.Div(
        [html.Span(str(count), className="step-count"), html.H2(title)], className="step-head"
    )
    return html.Section([head, html.Div(list(children), className="step-body")], className="step")


def _architecture() -> html.Div:
    activations = {name: name for name in ACTIVATIONS}
    families = {"mlp": "Fully connected (mlp)", "sequential": "Sequential, as JSON"}
    return html.Div(
        [
            _field("Architecture", _choice("up-family", families, "mlp"), wide=True),
            _field(
                "Activation",
                _choice("up-activation", activations, "relu"),
                "A state dict does not hold it, so it has to be said.",
                wide=True,
            ),
            _field(
                "Layers",
                dcc.Textarea(id="up-sequential", value=SEQUENTIAL, className="text code", rows=3),
                "Parameters are matched by name, else by order and shape.",
                wide=True,
            ),
            _field("Loss", _choice("up-loss", LOSSES, "cross_entropy"), wide=True),
        ],
        className="fields",
    )


def _settings() -> html.Div:
    return html.Div(
        [
            _field(
                "Name", _text("up-name", placeholder="normal initialisation, seed 3"), wide=True
            ),
            _field(
                "Weight decay λ",
                _text("up-decay", placeholder="1e-3"),
                "The L2 term of the optimiser.",
            ),
            _field("Eigenpairs", _text("up-top-k", value="10"), "Top k of the Hessian."),
            _field("Seed", _text("up-seed", value="0")),
            _field(
                "Learning rate", _text("up-lr", placeholder="0.1"), "Without decay, λ is read from"
            ),
            _field("Momentum", _text("up-momentum", placeholder="0.9"), "rate, momentum and steps"),
            _field("Steps", _text("up-steps", placeholder="20000"), "of constant-rate SGD."),
            _field(
                "Further λ on the curves",
                _text("up-lambdas", placeholder="1e-4, 1e-3, 1e-2"),
                "Optional, separated by commas.",
                wide=True,
            ),
        ],
        className="fields fields-three",
    )


def layout(**_: Any) -> html.Div:
    """Three steps on one page; the start button ends them."""
    data = html.Div(
        [
            drop_zone("train", "Training set", ".npz with X and y", ".npz"),
            drop_zone("test", "Test set, optional", "measures the gap itself", ".npz"),
        ],
        className="drops",
    )
    checkpoint = drop_zone(
        "checkpoint",
        "Drop a checkpoint here, or choose a file",
        ".safetensors, .pt, .pth, .ckpt",
        ".safetensors,.pt,.pth,.ckpt",
    )
    start = html.Div(
        [
            html.Div(id="up-problem"),
            html.Button("Start analysis", id="up-start", className="button primary"),
        ],
        className="step-end",
    )
    stores = [dcc.Store(id=f"upload-{kind}") for kind in ("checkpoint", "train", "test")]
    return html.Div(
        [
            html.H1("New analysis"),
            _step(1, "Checkpoint", checkpoint),
            _step(2, "Network and data", _architecture(), data),
            _step(3, "Settings", _settings(), start),
            *stores,
            dcc.Store(id="up-key", data=uuid.uuid4().hex),
        ],
        className="page page-narrow page-upload",
    )


def _number(values: dict[str, Any], key: str, words: str, *, whole: bool = False) -> Any:
    text = str(values.get(key) or "").strip()
    if not text:
        return None
    try:
        return int(text) if whole else float(text)
    except ValueError:
        kind = "a whole number" if whole else "a number"
        raise ProblemError("bad_setting", f"{words} is “{text}”, which is not {kind}.") from None


def _described(values: dict[str, Any]) -> dict[str, Any]:
    if values["family"] == "mlp":
        return {"family": "mlp", "activation": values["activation"]}
    try:
        found = json.loads(values["sequential"] or "")
    except ValueError as error:
        raise ProblemError(
            "bad_architecture", f"The layers are not JSON: {error}.", "Compare with the example."
        ) from None
    if not isinstance(found, dict):
        raise ProblemError("bad_architecture", "The architecture has to be a JSON object.")
    return found


def _lambdas(text: str | None) -> list[float]:
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    try:
        return [float(part) for part in parts]
    except ValueError:
        raise ProblemError(
            "bad_setting", f"The further λ are “{text}”, which is not a list of numbers."
        ) from None


def request_of(values: dict[str, Any], files: dict[str, Any]) -> AnalysisRequest:
    """The request the page's fields ask for; raises ProblemError with the value that is wrong."""
    for kind, words in (("checkpoint", "checkpoint"), ("train", "training set")):
        if not (files.get(kind) or {}).get("id"):
            raise ProblemError("missing_file", f"No {words} has been uploaded.", "Drop it above.")
    settings: dict[str, Any] = {
        "architecture": _described(values),
        "loss": values["loss"],
        "weight_decay": _number(values, "decay", "Weight decay"),
        "lr": _number(values, "lr", "Learning rate"),
        "momentum": _number(values, "momentum", "Momentum"),
        "steps": _number(values, "steps", "Steps", whole=True),
        "top_k": _number(values, "top-k", "Eigenpairs", whole=True) or 10,
        "lambdas": _lambdas(values.get("lambdas")),
        "seed": _number(values, "seed", "Seed", whole=True) or 0,
    }
    try:
        parameters = Parameters(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        place = " ".join(str(part) for part in first["loc"]).replace("_", " ")
        sentence = f"{place.capitalize()} is {first['input']!r}: {first['msg'].lower()}."
        raise ProblemError("bad_setting", sentence) from None
    return AnalysisRequest(
        name=(values.get("name") or "").strip()[:200],
        checkpoint=files["checkpoint"]["id"],
        train=files["train"]["id"],
        test=(files.get("test") or {}).get("id"),
        parameters=parameters,
    )


def register(pages: Dash, client: AsyncClient) -> None:
    """Shows the fields of the chosen family; starts the analysis and goes to its job."""
    dash.register_page("dashboard.upload", path="/upload", title="New analysis", layout=layout)
    pages.clientside_callback(
        "function(family) { return family === 'mlp' ? ['field wide', 'field wide gone']"
        " : ['field wide gone', 'field wide']; }",
        Output("up-activation-field", "className"),
        Output("up-sequential-field", "className"),
        Input("up-family", "value"),
    )

    @pages.callback(
        output=[
            Output("here", "href", allow_duplicate=True),
            Output("up-problem", "children"),
        ],
        inputs={"clicks": Input("up-start", "n_clicks")},
        state={
            "key": State("up-key", "data"),
            "files": {kind: State(f"upload-{kind}", "data") for kind in FILES},
            "values": {field: State(f"up-{field}", "value") for field in FIELDS},
        },
        prevent_initial_call=True,
    )
    async def start(
        clicks: int | None, key: str, files: dict[str, Any], values: dict[str, Any]
    ) -> tuple[Any, Any]:
        if not clicks:
            return no_update, no_update
        try:
            request = request_of(values, files)
            digest = f"{key}-{crc32(request.model_dump_json().encode()):08x}"
            analysis = await client.submit(request, idempotency_key=digest)
        except ProblemError as problem:
            return no_update, refusal(problem)
        return f"/jobs/{analysis.id}", ""
