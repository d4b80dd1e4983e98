"""The networks of the blind extension, drawn once and written down before any was trained.

`gap_blind.json` holds the list; the draw is here so that anybody can see that nothing was chosen.
"""

from __future__ import annotations

import json
import random
from dataclasses import asdict
from pathlib import Path

from study.networks import Design, Family

LIST = Path(__file__).parent / "gap_blind.json"
COUNTS: dict[Family, int] = {
    "wide_teacher_mlp": 18,
    "mixture_mlp": 18,
    "digits_mlp": 12,
    "digits_cnn": 8,
    "digits_cnn_bn": 4,
}
FIRST_SEED = 7000
SGD_SHARE = 0.3


def drawn() -> list[Design]:
    """The draw that made the list."""
    return [_draw(family, i) for family, count in COUNTS.items() for i in range(count)]


def listed() -> list[Design]:
    """The list as committed."""
    return [Design(**each) for each in json.loads(LIST.read_text())]


def _draw(family: Family, index: int) -> Design:
    rng = random.Random(f"blind/{family}/{index}")
    mlp, digits = family.endswith("mlp"), family.startswith("digits")
    sgd = family == "digits_cnn_bn" or rng.random() < SGD_SHARE
    return Design(
        name=f"blind_{family}_{index:02d}",
        family=family,
        seed=FIRST_SEED + index,
        n=rng.choice([200, 400, 600] if digits else [400, 800, 1600]),
        width=rng.choice(([8, 16] if mlp else [6, 8]) if digits else [16, 32, 48]),
        depth=1 if mlp else 2,
        noise=rng.choice([0.0, 0.1, 0.3]),
        weight_decay=rng.choice([0.0, 1e-3] if sgd else [0.01, 0.02, 0.03, 0.05]),
        optimizer="sgd" if sgd else "lbfgs",
        iterations=rng.choice([15, 30, 60]) if sgd else 500,
        lr=rng.choice([0.03, 0.1]) if sgd else 0.0,
        momentum=rng.choice([0.0, 0.9]) if sgd else 0.0,
    )


if __name__ == "__main__":
    LIST.write_text(json.dumps([asdict(each) for each in drawn()], indent=1) + "\n")
