"""Images for the browser: training inputs, and the boundary's own inputs in the same colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.drawing.packing import encoded
from minimascope.figures.plane import Arrays

SIDE = 48  # pixels of the longer side, as of the training inputs


def pixels(arrays: Arrays) -> dict[str, Any] | None:
    """Packed `images` with the `rows` they are of, and x_b of each vector; None for no images."""
    if "images" not in arrays:
        return None
    found: dict[str, Any] = {
        "pixels": encoded(np.asarray(arrays["images"])),
        "rows": encoded(np.asarray(arrays["image_rows"])),
        "crossings": None,
    }
    if "boundary_inputs" in arrays and "image_scale" in arrays:
        crossings = np.asarray(arrays["boundary_inputs"], dtype=np.float64)
        found["crossings"] = encoded(shown(crossings, np.asarray(arrays["image_scale"])))
        known = np.isfinite(crossings.reshape(len(crossings), -1)).all(axis=1)
        found["known"] = known.tolist()
    return found


def shown(inputs: NDArray[np.float64], scale: NDArray[Any]) -> NDArray[np.uint8]:
    """Images (m, c, h, w) as uint8 (m, h, w) or (m, h, w, 3): `scale` is black and white."""
    step = max(1, -(-max(inputs.shape[2:]) // SIDE))
    low, high = scale[:, :1, None], scale[:, 1:, None]
    share = np.nan_to_num((inputs[:, :, ::step, ::step] - low) / (high - low))
    numbers = np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)
    return numbers[:, 0] if numbers.shape[1] == 1 else np.moveaxis(numbers, 1, 3)
