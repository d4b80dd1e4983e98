"""The API's description: what FastAPI derives from the code, with every refusal in its own form.

FastAPI documents `application/json` and its own validation error; ours are problem documents
(RFC 9457), and every operation shows one of its own.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from minimascope.contract.schemas import ProblemDocument

PROBLEM_TYPE = "application/problem+json"
REFERENCE = {"$ref": "#/components/schemas/ProblemDocument"}
SHA, ANALYSIS = "4f" * 32, "8c" * 16
REFUSED: dict[str, Any] = {
    "type": "about:blank",
    "title": "Not Found",
    "status": 404,
    "code": "no_such_analysis",
    "sentence": f"There is no analysis '{ANALYSIS}'.",
    "advice": "",
    "request_id": "1d" * 16,
}
FAILED = {
    **REFUSED,
    "title": "Insufficient Storage",
    "status": 507,
    "code": "storage_full",
    "sentence": "The upload does not fit into the storage quota.",
    "advice": "Delete uploads or analyses that are no longer needed.",
}
SUBMISSION = {
    "name": "weight decay 1e-3",
    "checkpoint": SHA,
    "train": "a7" * 32,
    "test": None,
    "parameters": {
        "architecture": {"family": "mlp", "activation": "relu"},
        "loss": "cross_entropy",
        "weight_decay": 0.001,
        "top_k": 10,
    },
}
# Bodies that people write by hand.
BODIES: dict[tuple[str, str], Any] = {
    ("post", "/analyses"): SUBMISSION,
    ("post", "/plans"): SUBMISSION,
    ("post", "/users"): {"name": "ann", "scope": "write"},
    ("post", "/analyses/{identifier}/slices"): {"plane": "points", "points": [0, 1, 2]},
    ("post", "/analyses/{identifier}/interpolations"): {"other": "8d" * 16, "steps": 20},
}
# What stands in a path, by parameter.
PATHS = {
    "identifier": ANALYSIS,
    "slice_id": "5e" * 16,
    "interpolation_id": "6f" * 16,
    "name": "eigenvectors",
    "run_name": "resnet-wd-1e-3",
}
METHODS = ("get", "put", "post", "delete", "options", "head", "patch")


def _problem(description: str, example: dict[str, Any]) -> dict[str, Any]:
    content = {PROBLEM_TYPE: {"schema": REFERENCE, "example": example}}
    return {"description": description, "content": content}


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    responses["4XX"] = _problem("Refused: a code for programs, a sentence for people", REFUSED)
    responses["5XX"] = _problem("No room, no worker, or a fault of the server", FAILED)
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path" and parameter["name"] in PATHS:
            upload = path.split("/")[1] in ("checkpoints", "datasets")
            parameter["example"] = SHA if upload else PATHS[parameter["name"]]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None and (method, path) in BODIES:
        body["example"] = BODIES[method, path]


def describe(api: FastAPI) -> None:
    """Replaces `api.openapi` by one whose document is made once and completed."""
    derive = api.openapi

    def document() -> dict[str, Any]:
        if api.openapi_schema is None:
            made = derive()
            schemas = made["components"]["schemas"]
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            schemas["ProblemDocument"] = ProblemDocument.model_json_schema()
            for path, operations in made["paths"].items():
                for method in METHODS:
                    if method in operations:
                        _complete(path, method, operations[method])
            api.openapi_schema = made
        return api.openapi_schema

    api.openapi = document  # type: ignore[method-assign]
