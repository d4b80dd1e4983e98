"""How often "not trained, as it looks" is right: benchmarks/untouched_weights.py, on digits."""

from __future__ import annotations

# Weights never trained that are called so, and those of networks that learned, of how many.
FOUND, UNTRAINED = 238, 240
WRONGLY, TRAINED = 2, 128
# And those of networks that were trained for 20 steps.
STILL, BARELY_TRAINED = 60, 168

WORDS = (
    f"measured on small networks: {100 * FOUND / UNTRAINED:.1f} % of {UNTRAINED} weights never "
    f"trained are called so, {100 * WRONGLY / TRAINED:.1f} % of {TRAINED} trained ones, and "
    f"{100 * STILL / BARELY_TRAINED:.0f} % after 20 steps"
)
