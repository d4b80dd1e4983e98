"""The API's own endpoints over reports held in memory: what the pages need, and nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.interpolations import InterpolationRequest
from minimascope.contract.report import STAGES, Report
from minimascope.contract.schemas import Analysis, AnalysisRequest
from tests.cases.curves import CURVE
from tests.cases.reference_report import Found

NOW = datetime(2026, 11, 22, 6, 15, tzinfo=UTC)
LAYERS = [
    {"name": f"features.{i}.{leaf}", "shape": shape, "dtype": "float32"}
    for i in range(40)
    for leaf, shape in (("weight", [16, 16, 3, 3]), ("bias", [16]))
]
INSPECTIONS: dict[str, dict[str, Any]] = {
    "checkpoint": {
        "format": "torch",
        "summary": {
            "parameters": 10703,
            "dtype": "float32",
            "picked": "Weights taken from the key 'state_dict'.",
            "layers": LAYERS,
        },
        "warnings": ["The file also holds 'ema'; 'state_dict' was taken."],
    },
    "dataset": {
        "format": "npz",
        "summary": {
            "n": 1200,
            "input_shape": [1, 8, 8],
            "dtype": "float32",
            "scale": "Values from 0 to 1, mean 0.31, standard deviation 0.38; used as they are.",
            "repeated": 3,
            "target_kind": "classes",
            "classes": 3,
            "class_counts": {"0": 900, "1": 250, "2": 50},
            "names": ["cat", "dog", "fox"],
        },
    },
}
TABLE = {
    "format": "csv",
    "summary": {
        "n": 60,
        "columns": [
            {"name": "width", "different": 41, "counts": None},
            {"name": "species", "different": 2, "counts": {"setosa": 31, "virginica": 29}},
        ],
    },
    "warnings": ["The table needs one column named y, label or target."],
}
READ = {
    "format": "csv",
    "summary": {
        "n": 60,
        "input_shape": [1],
        "dtype": "float64",
        "repeated": 2,
        "scale": "Values from 0 to 1; used as they are.",
        "target_kind": "classes",
        "classes": 2,
        "class_counts": {"0": 31, "1": 29},
        "names": ["setosa", "virginica"],
    },
}
CANDIDATES = [
    {
        "architecture": {"family": "mlp", "activation": "gelu"},
        "loss": 0.0123,
        "accuracy": 0.998,
        "sentence": "MLP 64–32–3 with gelu: loss 0.0123, accuracy 0.998.",
    },
    {
        "architecture": {"family": "sequential", "layers": [["Linear", 64, 3]]},
        "loss": 0.9,
        "accuracy": 0.5,
        "sentence": "Linear with no pooling: loss 0.9, accuracy 0.500.",
    },
]
PLAN: dict[str, Any] = {
    "route": "dense",
    "parameters": 10703,
    "examples": 1200,
    "products": 413,
    "products_limit": 413,
    "seconds": 0.5,
    "stage_seconds": {"spectrum": 0.5, "density": 0.5, "gap": 200, "boundary": 20, "margins": 9.1},
    "seconds_per_product": 1e-3,
    "peak_bytes": 10**7,
    "sentence": "Dense matrix: about 413 products of 1.24 ms.",
    "warnings": ["3 different inputs are in both training and test data."],
    "data": {"train": {"n": 1200, "loss": 0.0123, "accuracy": 0.998}, "test": None, "classes": 3},
}


def analysis(identifier: str, name: str, state: str = "done", **more: Any) -> Analysis:
    """An analysis in some state, with stages to match."""
    stage = {"done": "done", "queued": "waiting"}.get(state, "waiting")
    stages = [
        {"stage": s, "state": stage, "seconds": 1.2 if stage == "done" else None} for s in STAGES
    ]
    if state in ("running", "failed"):
        stages[0] |= {"state": "done", "seconds": 9.4}
        stages[1] |= {"state": "done", "seconds": 0.3}
        stages[2] |= {"state": "running" if state == "running" else "failed"}
    ended = NOW if state == "done" else None
    return Analysis.model_validate(
        {
            "id": identifier,
            "name": name,
            "state": state,
            "stages": stages,
            "created_at": NOW,
            "finished_at": ended,
            "checkpoint": "c" * 64,
            "train": "d" * 64,
            "parameters": {},
            "progress": 1.0 if state == "done" else 0.46,
            **more,
        }
    )


def refuse(problem: ProblemError) -> JSONResponse:
    """A problem document, as the service sends it."""
    body = {"type": "about:blank", "title": "Refused", "request_id": "r1", **problem.as_dict()}
    return JSONResponse(body, problem.status, media_type="application/problem+json")


def stub(analyses: list[Analysis], found: dict[str, Found]) -> FastAPI:
    """A FastAPI app that answers for these analyses."""
    app = FastAPI(docs_url=None, redoc_url=None)
    held = {item.id: item for item in analyses}

    @app.exception_handler(ProblemError)
    async def refused(_: Request, problem: ProblemError) -> JSONResponse:
        return refuse(problem)

    @app.get("/docs")
    async def docs() -> Response:
        return Response("<title>API</title>", media_type="text/html")

    _lists(app, held)
    _results(app, held, found)
    _uploads(app)

    @app.get("/api/v1/health/live")
    async def alive() -> dict[str, str]:
        return {"state": "ok"}

    @app.get("/api/v1/{rest:path}")
    async def nothing(rest: str) -> Response:
        raise ProblemError("no_such_address", f"The API has nothing at {rest}.", status=404)

    return app


def one(held: dict[str, Analysis], identifier: str) -> Analysis:
    if identifier not in held:
        raise ProblemError("no_such_analysis", f"There is no analysis {identifier}.", status=404)
    return held[identifier]


def result(held: dict[str, Analysis], found: dict[str, Found], identifier: str) -> Found:
    one(held, identifier)
    if identifier not in found:
        raise ProblemError("no_report_yet", "No stage has finished yet.", "Wait.", status=404)
    return found[identifier]


def _lists(app: FastAPI, held: dict[str, Analysis]) -> None:
    @app.get("/api/v1/analyses")
    async def listed() -> dict[str, Any]:
        return {"items": [a.model_dump(mode="json") for a in held.values()], "next": None}

    @app.post("/api/v1/analyses")
    async def submit(request: AnalysisRequest) -> Any:
        asked = request.parameters.model_dump()
        new = analysis("new1", request.name or "new", "running", parameters=asked)
        held[new.id] = new
        return new.model_dump(mode="json")

    @app.get("/api/v1/analyses/{identifier}")
    async def head(identifier: str) -> Any:
        return one(held, identifier).model_dump(mode="json")

    @app.post("/api/v1/analyses/{identifier}/cancel")
    async def cancel(identifier: str) -> Any:
        held[identifier] = one(held, identifier).model_copy(update={"state": "cancelled"})
        return held[identifier].model_dump(mode="json")

    @app.post("/api/v1/analyses/{identifier}/retry")
    async def retry(identifier: str) -> Any:
        held[identifier] = one(held, identifier).model_copy(
            update={"state": "queued", "problem": None}
        )
        return held[identifier].model_dump(mode="json")


def _results(app: FastAPI, held: dict[str, Analysis], found: dict[str, Found]) -> None:
    @app.get("/api/v1/analyses/{identifier}/report")
    async def report(identifier: str) -> Response:
        return Response(
            result(held, found, identifier)[0].model_dump_json(), media_type="application/json"
        )

    @app.get("/api/v1/analyses/{identifier}/arrays.npz")
    async def arrays(identifier: str) -> Response:
        file = io.BytesIO()
        np.savez(file, **result(held, found, identifier)[1])
        return Response(file.getvalue(), media_type="application/octet-stream")

    @app.get("/api/v1/compare")
    async def compare(ids: str) -> dict[str, Any]:
        rows = [key_numbers(one(held, i), result(held, found, i)[0]) for i in ids.split(",")]
        return {"items": rows, "next": None}

    @app.post("/api/v1/analyses/{identifier}/interpolations")
    async def line(identifier: str, request: InterpolationRequest) -> Any:
        if result(held, found, identifier)[0].data.classes == 2:
            raise ProblemError("data_differ", "The two have different training sets.", status=409)
        progress = {"id": "l" * 32, "analysis": identifier, "state": "done"}
        return {**progress, "request": request.model_dump(), "curve": CURVE.model_dump()}

    @app.get("/api/v1/analyses/{identifier}/events")
    async def events(identifier: str) -> StreamingResponse:
        async def stream() -> AsyncIterator[str]:
            yield _event(1, "snapshot", one(held, identifier))
            await asyncio.sleep(0.6)
            if held[identifier].state == "running" and identifier == "new1":
                asked = held[identifier].parameters.model_dump()
                done = analysis(identifier, held[identifier].name, "done", parameters=asked)
                held[identifier] = done
                yield _event(2, "state", held[identifier])

        return StreamingResponse(stream(), media_type="text/event-stream")


def _uploads(app: FastAPI) -> None:
    uploads: dict[str, dict[str, Any]] = {}

    async def store(request: Request, kind: str) -> Response:
        body = await request.body()
        name = request.query_params["name"]
        if body.startswith(b"not a"):
            return refuse(
                ProblemError(
                    "unreadable_checkpoint",
                    f"{name} is not a checkpoint: it starts with “not a”.",
                    "Give a .safetensors file or a state dict.",
                    status=422,
                )
            )
        identifier = hashlib.sha256(body).hexdigest()
        uploads[identifier] = {
            "id": identifier,
            "kind": kind,
            "name": name,
            "size": len(body),
            "created_at": NOW.isoformat(),
            "inspection": {"state": "ok", **(TABLE if name.endswith("csv") else INSPECTIONS[kind])},
        }
        return JSONResponse(uploads[identifier], 201)

    @app.post("/api/v1/checkpoints")
    async def checkpoint(request: Request) -> Response:
        return await store(request, "checkpoint")

    @app.post("/api/v1/datasets")
    async def dataset(request: Request) -> Response:
        return await store(request, "dataset")

    @app.get("/api/v1/checkpoints/{identifier}")
    async def stored(identifier: str) -> Any:
        return uploads[identifier]

    @app.get("/api/v1/datasets/{identifier}/labelled")
    async def labelled(identifier: str, label: str) -> Any:
        assert label in ("species", "width")
        return {"state": "ok", **READ}

    @app.post("/api/v1/architectures")
    async def architectures(request: AnalysisRequest) -> Any:
        return {"candidates": CANDIDATES, "advice": "Compare with the training script."}

    @app.post("/api/v1/plans")
    async def plan(request: AnalysisRequest) -> Any:
        asked = set(request.parameters.stages)
        asked |= {"spectrum"} if asked & {"density", "boundary", "margins"} else set()
        costs = {stage: cost for stage, cost in PLAN["stage_seconds"].items() if stage in asked}
        return {**PLAN, "stage_seconds": costs}


def key_numbers(item: Analysis, made: Report) -> dict[str, Any]:
    """The row of `GET /compare`, for reports whose sections are all there."""
    assert made.gap is not None
    assert made.spectrum is not None
    assert made.boundary is not None
    head, measured = made.gap.headline, made.gap.measured
    certified = made.margins.certified if made.margins else None
    return {
        "id": item.id,
        "name": item.name,
        "state": item.state,
        "parameters": made.checkpoint.parameters,
        "train_loss": made.data.train.loss,
        "train_accuracy": made.data.train.accuracy,
        "gap_estimate": head.value if head else None,
        "gap_standard_error": head.standard_error if head else None,
        "gap_measured": measured.value if measured else None,
        "verdict": made.gap.verdict,
        "soft_rank_ggn": made.gap.estimates["soft_rank_ggn"].value,
        "lambda_max": made.spectrum.eigenvalues[0],
        "n90": made.boundary.n90,
        "g_at_epsilon": made.boundary.g_at_epsilon,
        "margin_min": certified.min if certified else None,
        "margin_median": certified.median if certified else None,
    }


def _event(number: int, name: str, value: Analysis) -> str:
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(value.model_dump(mode='json'))}\n\n"
