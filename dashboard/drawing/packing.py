"""What the browser takes: arrays in Plotly's base64 form, figures as JSON text."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Json(str):
    """Text that is JSON already."""

    __slots__ = ()


def joined(value: Any) -> str:
    """JSON of nested mappings around `Json` texts, which are taken as they are.

    Written piece by piece: encoding megabytes in one call would hold Python's lock, and with it
    every other answer, for a tenth of a second.
    """
    if isinstance(value, Json):
        return value
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(k))}:{joined(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


def encoded(values: NDArray[Any]) -> dict[str, str]:
    """An array in Plotly's base64 form: uint8 as it is, integers as int8 or int32, else float32."""
    if values.dtype == np.uint8:
        kind, stored = "u1", np.uint8
    elif values.dtype.kind in "iu":
        fits = values.size == 0 or (values.min() >= -128 and values.max() <= 127)
        kind, stored = ("i1", np.int8) if fits else ("i4", np.int32)
    else:
        kind, stored = "f4", np.float32
    data = np.ascontiguousarray(values, dtype=stored)
    return {
        "dtype": kind,
        "bdata": base64.b64encode(data.tobytes()).decode(),
        "shape": ", ".join(str(length) for length in data.shape),
    }
