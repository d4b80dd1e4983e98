"""What the upload page's fields ask for, or the sentence that says which one is wrong."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import ValidationError

from dashboard.components import budget
from dashboard.pages.upload import told_fields
from minimascope.contract.parameters import RESIZE, Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import AnalysisRequest


def _number(values: dict[str, Any], key: str, words: str, *, whole: bool = False) -> Any:
    text = str(values.get(key) or "").strip()
    if not text:
        return None
    try:
        return int(text) if whole else float(text)
    except ValueError:
        kind = "a whole number" if whole else "a number"
        raise ProblemError("bad_setting", f"{words} is “{text}”, which is not {kind}.") from None


def _described(values: dict[str, Any]) -> dict[str, Any] | None:
    """The architecture; None where the checkpoint itself holds it."""
    if values["family"] == "file":
        return None
    if values["family"] == "mlp":
        if not values.get("activation"):
            raise ProblemError(
                "activation_missing",
                "No activation has been chosen.",
                "The checkpoint does not hold it: choose the one the network was trained with.",
            )
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


def _uploaded(files: dict[str, Any], *kinds: str) -> None:
    """Raises ProblemError where one of these files is missing."""
    words = {"checkpoint": "checkpoint", "train": "training set"}
    for kind in kinds:
        if not (files.get(kind) or {}).get("id"):
            sentence = f"No {words[kind]} has been uploaded."
            raise ProblemError("missing_file", sentence, "Drop it above.")


def candidates_request(values: dict[str, Any], files: dict[str, Any]) -> AnalysisRequest:
    """What asks for the architectures that bare weights allow: files, loss and label column."""
    _uploaded(files, "checkpoint", "train")
    return AnalysisRequest(
        checkpoint=files["checkpoint"]["id"],
        train=files["train"]["id"],
        parameters=Parameters(loss=values["loss"], label=_label(values), resize=_resize(values)),
    )


def _label(values: dict[str, Any]) -> str | None:
    return (values.get("label") or "").strip()[:200] or None


def _resize(values: dict[str, Any]) -> str | None:
    """As the API has it: 64x64, also of 64 × 64 and of 64. Raises ProblemError bad_setting."""
    typed = (values.get("resize") or "").strip()
    sides = typed.lower().replace("×", "x").replace(" ", "").split("x")
    size = "x".join(sides if len(sides) > 1 else sides * 2)
    if typed and not re.fullmatch(RESIZE, size):
        sentence = f"{typed[:40]!r} is no size of images."
        raise ProblemError("bad_setting", sentence, "Write height x width, such as 64x64.")
    return size if typed else None


def _budget(values: dict[str, Any]) -> dict[str, Any]:
    """Raises ProblemError bad_setting where seconds of one's own are none."""
    chosen = values.get("budget") or "normal"
    seconds = _number(values, "seconds", "Seconds") if chosen == "other" else None
    if chosen == "other" and seconds is None:
        raise ProblemError("bad_setting", "Seconds are missing.", "Say how many, or choose Normal.")
    return budget.asked(chosen, seconds)


def request_of(values: dict[str, Any], files: dict[str, Any]) -> AnalysisRequest:
    """The request the page's fields ask for; raises ProblemError with the value that is wrong."""
    _uploaded(files, "checkpoint", "train")
    settings: dict[str, Any] = {
        "architecture": _described(values),
        "loss": values["loss"],
        "label": _label(values),
        "resize": _resize(values),
        **told_fields.told(values),
        "top_k": _number(values, "top-k", "Eigenpairs", whole=True) or 10,
        "spectrum_examples": _number(values, "examples", "Examples for the spectrum", whole=True),
        **_budget(values),
        "lambdas": _lambdas(values.get("lambdas")),
        "seed": _number(values, "seed", "Seed", whole=True) or 0,
    }
    for field in ("dtype", "stages"):
        if values.get(field) is not None:
            settings[field] = values[field]
    if settings.get("stages") == []:
        raise ProblemError(
            "no_stage", "No stage has been chosen.", "Choose at least one of those above."
        )
    try:
        parameters = Parameters(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        place = " ".join(str(part) for part in first["loc"]).replace("_", " ")
        said = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
        sentence = f"{place.capitalize()} is {first['input']!r:.100}: {said.lower()}."
        if not place:
            sentence = f"{said[:1].upper()}{said[1:]}."
        raise ProblemError("bad_setting", sentence) from None
    return AnalysisRequest(
        name=(values.get("name") or "").strip()[:200],
        checkpoint=files["checkpoint"]["id"],
        train=files["train"]["id"],
        test=(files.get("test") or {}).get("id"),
        optimizer_state=(files.get("optimizer_state") or {}).get("id"),
        parameters=parameters,
    )
