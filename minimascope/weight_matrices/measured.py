"""How often "untouched since it was initialised" is right: benchmarks/untouched_weights.py."""

from __future__ import annotations

# Weights never trained that are called so, and trained ones that are, of how many.
FOUND, UNTRAINED = 0, 1
WRONGLY, TRAINED = 0, 1

WORDS = (
    f"measured on small networks: {100 * FOUND / UNTRAINED:.1f} % of {UNTRAINED} untrained weights "
    f"are called so, and {100 * WRONGLY / TRAINED:.1f} % of {TRAINED} trained ones"
)
