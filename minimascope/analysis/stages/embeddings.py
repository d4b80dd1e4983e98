"""t-SNE of the training inputs (van der Maaten & Hinton 2008, scikit-learn): for looking only.

Distances in the picture mean nothing beyond the nearest neighbours; the numbers of a report never
use it.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from minimascope.contract.extras import adding

ROUNDING = 1e-12  # of the largest input: what differs by less is the same
KEPT_COMPONENTS = 50  # neighbours are found among these; more only adds noise and time
NO_EMBEDDING = (
    "The t-SNE picture of the inputs is left out, because scikit-learn is not installed "
    f"({adding('embedding')}). No number depends on it."
)


def tsne(inputs: Tensor, *, seed: int) -> np.ndarray | None:
    """Coordinates (n, 2) float32 of inputs (n, ...); None where all inputs are the same.

    Raises ModuleNotFoundError without scikit-learn.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    flat = inputs.detach().double().flatten(1).cpu().numpy()
    size = np.abs(flat).max(initial=0.0)
    if min(flat.shape) > KEPT_COMPONENTS:
        flat = PCA(KEPT_COMPONENTS, random_state=seed).fit_transform(flat)
    # TSNE goes on in float32, where distances of 1e-30 are zero: its tree would crash on their NaN.
    flat = flat - flat.mean(axis=0)
    spread = np.abs(flat).max()
    if not spread > ROUNDING * size:
        return None
    flat = flat / spread
    # One job: workers share their cores, and the result does not depend on the count.
    method = TSNE(
        perplexity=min(30.0, (len(flat) - 1) / 3),
        init="pca" if flat.shape[1] >= 2 else "random",
        random_state=seed,
        n_jobs=1,
    )
    found: np.ndarray = method.fit_transform(flat)
    return found.astype(np.float32)
