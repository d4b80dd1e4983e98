"""What tells one run's arrays from another's."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np


def digest_of(*arrays: Any) -> str:
    """Sha256 of dtype, shape and values of each."""
    found = hashlib.sha256()
    for each in arrays:
        array = as_array(each)
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(str(array.tolist()).encode() if array.dtype.hasobject else array.tobytes())
    return found.hexdigest()


def as_array(values: Any) -> np.ndarray:
    """Numbers of a tensor on any device, or of whatever numpy takes."""
    if not hasattr(values, "detach"):
        return np.asarray(values)
    found = values.detach().cpu()
    return (found.float() if "bfloat16" in str(found.dtype) else found).numpy()
