"""Arrays as the browser takes them: Plotly's base64 form."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray


def encoded(values: NDArray[Any]) -> dict[str, str]:
    """A 1-D or 2-D array in Plotly's base64 form: integers as int8 or int32, the rest float32."""
    if values.dtype.kind in "iu":
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
