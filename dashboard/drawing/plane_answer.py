"""A plane chosen on the page: asked of the API, drawn like the plane of the report."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from dashboard.drawing.class_names import named
from dashboard.drawing.packing import encoded
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.slices import SliceRequest
from minimascope.figures.boundary_map import boundary_map
from minimascope.figures.filmstrip import filmstrip
from minimascope.figures.plane import Arrays

# What a plane is called in the address, and how many numbers a person types for it.
KEY = re.compile(r"points:\d+,\d+,\d+|extremes:\d+|principal:\d+,\d+")
TYPED = {"points": 3, "principal": 2}


def plane_request(key: str) -> SliceRequest:
    """The request of a key in the address: `points:3,60,110`, `extremes:2`, `principal:1,3`.

    Raises ProblemError for anything else.
    """
    found = KEY.fullmatch(key)
    if found is None:
        raise ProblemError("no_such_slice", f"{key[:60]!r} names no plane.")
    kind, _, values = key.partition(":")
    numbers = tuple(int(value) for value in values.split(","))
    asked: dict[str, Any] = {
        "points": {"points": numbers},
        "extremes": {"vector": numbers[0]},
        "principal": {"components": numbers},
    }[kind]
    try:
        return SliceRequest.model_validate({"plane": kind, **asked})
    except ValidationError as error:
        said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise ProblemError("no_such_slice", said) from error


def axes_and_corners(request: SliceRequest) -> tuple[tuple[str, str], tuple[str, ...]]:
    """Titles of the axes, and the names of the inputs the plane goes through."""
    if request.plane == "points" and request.points is not None:
        a, b, c = request.points
        return (f"from point {a} towards {b}", f"at a right angle, towards {c}"), ("", "", "")
    if request.plane == "extremes":
        corners = ("x<sub>t</sub> max", "x<sub>t</sub> min", "x<sub>b</sub>")
        title = "at a right angle, towards x<sub>b</sub>"
        return (f"from {corners[0]} towards {corners[1]}", title), corners
    first, second = request.components
    return (f"principal direction {first}", f"principal direction {second}"), ()


def plane_sentence(request: SliceRequest) -> str:
    """What the map shows, for the line under it."""
    rest = "Fainter points lie beside the plane: they are drawn where they project onto it."
    if request.plane == "points" and request.points is not None:
        a, b, c = request.points
        return f"The plane through training points {a}, {b} and {c}. {rest}"
    if request.plane == "extremes":
        return (
            f"The plane through the training points of largest and smallest alignment with "
            f"v{request.vector} (xₜ max, xₜ min) and the boundary input most parallel to it "
            f"(x_b). {rest}"
        )
    first, second = request.components
    return f"The plane of principal components {first} and {second} of the training inputs. {rest}"


def plane_drawing(
    key: str,
    request: SliceRequest,
    arrays: Arrays,
    eigenvalues: list[float],
    names: Sequence[str] = (),
) -> dict[str, Any]:
    """What the browser needs to show a plane: figures, points and words, under its key."""
    axes, corners = axes_and_corners(request)
    figures = {
        "boundary": boundary_map(arrays, axes=axes, corners=corners),
        "filmstrip": filmstrip(arrays, eigenvalues),
    }
    return {
        "key": key,
        "figures": {name: json.loads(named(figure, names)) for name, figure in figures.items()},
        "points": encoded(arrays["points"]),
        "words": plane_sentence(request),
    }
