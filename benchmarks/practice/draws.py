"""Draws the list of networks: quotas by optimiser, everything else at random with fixed seeds.

`python benchmarks/practice_study.py list` writes it again; the committed file is what counts.
"""

from __future__ import annotations

import random
from typing import Any

from practice.case import Case, Half, Optimizer

QUOTAS: dict[Optimizer, int] = {"sgd": 44, "adamw": 36, "adam": 18, "lbfgs": 16}
# The third and fourth sets are larger, most where classes were small.
LARGE: dict[Optimizer, int] = {"sgd": 50, "adamw": 44, "adam": 26, "lbfgs": 34}
SHIFTED, SAM = 4, 5  # of each set: augmented by shifts, trained by SAM
SMOOTHED, SMOOTHED_LARGE = 0.45, 0.6  # of those by cross-entropy with one label

# Data of each set; the last row of `BLIND` is in no earlier study and not in the first half.
SHARED = ["mnist", "digits", "segment", "fair", "rating", "yeast", "teacher", "annotated", "docs"]
CALIBRATION = [*SHARED, "mixture", "bars", "motifs", "friedman", "randhie"]
BLIND = [*SHARED, "randhie", "gratings", "names", "markov", "banana", "phishing", "waves"]
# In no set before the third, and in none before the fourth, which has each of these twice as often.
THIRD = ["anes", "blobs", "majority", "spirals", "quadrants", "pendulum"]
FOURTH = ["shuttle", "shapes", "textures", "brackets", "counts", "tree", "planes"]
DATA: dict[Half, list[str]] = {
    "calibration": CALIBRATION,
    "blind": BLIND,
    "second": BLIND,
    "third": [*BLIND, *THIRD],
    "fourth": [*BLIND, *THIRD, *FOURTH, *FOURTH],
}
LETTERS: dict[Half, str] = {
    "calibration": "c",
    "blind": "b",
    "oracle": "o",
    "second": "d",
    "third": "e",
    "fourth": "f",
}
SEEDS: dict[Half, int] = {
    "calibration": 31_000,
    "blind": 57_000,
    "oracle": 83_000,
    "second": 71_000,
    "third": 97_000,
    "fourth": 113_000,
}
# Kinds of data that no rule had seen which a set is counted by.
NEW: dict[Half, set[str]] = {
    "blind": set(BLIND) - set(CALIBRATION),
    "third": set(THIRD),
    "fourth": set(FOURTH),
}

IMAGES = ["mnist", "digits", "bars", "gratings", "blobs", "shapes", "textures"]
TOKENS = ["docs", "motifs", "names", "markov", "majority", "brackets"]
SMALL = ["digits", "phishing"]  # files that must leave enough to test on
SMALLEST, FEWEST_TRAINED = "anes", 140  # where a frozen body takes 300 of its 944
LARGER = ("third", "fourth")
GRADES = ["rating", "anes", "brackets"]  # whose classes are uneven as they are
MSE, BINARY, MULTILABEL = (
    ["friedman", "randhie", "waves", "pendulum", "planes"],
    ["fair", "banana", "phishing", "quadrants", "shuttle", "tree"],
    ["yeast"],
)
ARCHITECTURES = {
    "image": ["mlp", "cnn", "bn_cnn", "vit", "mixer"],
    "tokens": ["transformer", "transformer", "bag", "text_cnn"],
    "table": ["mlp", "mlp", "layernorm_mlp", "bn_mlp"],
}


def cases() -> list[Case]:
    """Both halves, the networks of the leave-one-out oracle, the three blind sets since."""
    first = [*_half("calibration"), *_half("blind"), *_oracle()]
    return [*first, *_half("second"), *_half("third"), *_half("fourth")]


def _half(half: Half) -> list[Case]:
    rng = random.Random(f"practice/{half}")
    quotas = LARGE if half in LARGER else QUOTAS
    order = [optimizer for optimizer, count in quotas.items() for _ in range(count)]
    pool = [DATA[half][i % len(DATA[half])] for i in range(len(order))]
    rng.shuffle(pool)
    drawn = [_draw(rng, half, i, optimizer, pool[i]) for i, optimizer in enumerate(order)]
    drawn = _some(rng, drawn, SHIFTED, _can_shift, _shifted)
    return [Case(**facts) for facts in _some(rng, drawn, SAM, _can_sam, _sam)]


def _draw(
    rng: random.Random, half: Half, index: int, optimizer: Optimizer, data: str
) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "name": f"{LETTERS[half]}{index:03d}_{optimizer}_{data}",
        "half": half,
        "seed": SEEDS[half] + index,
        "data": data,
        "optimizer": optimizer,
        "augmentation": "none",
        "rho": 0.0,
    }
    facts |= _network(rng, data) | _loss(rng, data, half) | _training(rng, optimizer)
    if data in SMALL:
        facts["n"] = min(facts["n"], 200 if facts["frozen"] or facts["imbalanced"] else 400)
    if data == SMALLEST:
        facts["n"] = min(facts["n"], FEWEST_TRAINED if facts["frozen"] else 400)
    if optimizer == "lbfgs" and not facts["frozen"]:
        facts |= {"architecture": "mlp", "dropout": 0.0, "activation": "tanh", "width": 6}
        if data in TOKENS:
            facts |= {"architecture": "bag", "width": 4}
    return facts


def _network(rng: random.Random, data: str) -> dict[str, Any]:
    kind = "image" if data in IMAGES else "tokens" if data in TOKENS else "table"
    architecture = rng.choice(ARCHITECTURES[kind])
    widths = {
        "mlp": [8, 12, 16] if kind == "image" else [8, 16, 32],
        "layernorm_mlp": [8, 16, 24],
        "bn_mlp": [8, 16, 24],
        "cnn": [4, 6, 8, 10],
        "bn_cnn": [4, 6, 8, 10],
        "vit": [8, 12, 16],
        "mixer": [8, 12, 16],
        "transformer": [8, 12],
        "bag": [4, 8, 12],
        "text_cnn": [6, 8],
    }
    return {
        "n": rng.choice([100, 150, 200, 300, 400] + [600, 800] * (kind == "table")),
        "noise": rng.choice([0.0, 0.0, 0.1, 0.2]),
        "architecture": architecture,
        "width": rng.choice(widths[architecture]),
        "depth": rng.choice([1, 1, 2]),
        "activation": rng.choice(["relu", "relu", "gelu", "tanh"]),
        "dropout": rng.choice([0.0, 0.0, 0.0, 0.1, 0.3]),
    }


def _loss(rng: random.Random, data: str, half: Half) -> dict[str, Any]:
    facts = {"smoothing": 0.0, "weighted": False, "annotators": 0, "imbalanced": False}
    if data in MSE:
        return facts | {"loss": "mse"}
    if data in BINARY:
        return facts | {"loss": "binary", "weighted": rng.random() < 0.2}
    if data in MULTILABEL:
        return facts | {"loss": "multilabel", "weighted": rng.random() < 0.3}
    facts |= {"loss": "cross_entropy"}
    if data == "annotated":
        return facts | {"annotators": rng.choice([3, 5])}
    kind = rng.random()
    if kind < (SMOOTHED_LARGE if half in LARGER else SMOOTHED):
        return facts | {"smoothing": rng.choice([0.05, 0.1, 0.2])}
    if kind < (0.75 if half in LARGER else 0.6):
        return facts | {"weighted": True, "imbalanced": data not in GRADES}
    return facts


def _training(rng: random.Random, optimizer: Optimizer) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "batch": rng.choice([16, 32, 64]),
        "epochs": rng.choice([20, 40, 80, 120]),
        "decay_on": rng.choice(["all", "matrices"]),
        "momentum": 0.0,
        "frozen": optimizer != "lbfgs" and rng.random() < 0.06,
    }
    match optimizer:
        case "sgd":
            momentum = rng.choice([0.0, 0.9, 0.9])
            return facts | {
                "momentum": momentum,
                "lr": rng.choice([0.01, 0.03] if momentum else [0.03, 0.1, 0.3]),
                "schedule": rng.choice(["constant", "step", "cosine"]),
                "weight_decay": rng.choice([0.0, 1e-4, 5e-4, 2e-3, 5e-3]),
            }
        case "adam":
            return facts | {
                "lr": rng.choice([1e-3, 3e-3, 1e-2]),
                "schedule": rng.choice(["constant", "step", "cosine"]),
                "weight_decay": rng.choice([0.0, 1e-4, 1e-3]),
            }
        case "adamw":
            return facts | {
                "lr": rng.choice([1e-3, 3e-3, 1e-2]),
                "schedule": rng.choice(["cosine", "linear", "constant", "warmup_cosine"]),
                "weight_decay": rng.choice([0.0, 1e-2, 0.1, 0.3]),
            }
        case "lbfgs":
            frozen = rng.random() < 0.7
            return facts | {
                "frozen": frozen,
                "lr": 1.0,
                "schedule": "constant",
                "weight_decay": rng.choice([1e-3, 3e-3, 1e-2] if frozen else [3e-3, 1e-2, 3e-2]),
                "epochs": 2000,
            }


def _some(rng: random.Random, drawn: list[dict[str, Any]], count: int, can: Any, changed: Any):
    """`drawn`, with `count` of those that can be changed so."""
    chosen = set(rng.sample([i for i, facts in enumerate(drawn) if can(facts)], count))
    return [changed(rng, facts) if i in chosen else facts for i, facts in enumerate(drawn)]


def _can_shift(facts: dict[str, Any]) -> bool:
    convolves = facts["architecture"] in ("cnn", "bn_cnn")
    return facts["optimizer"] != "lbfgs" and convolves and not facts["frozen"]


def _shifted(rng: random.Random, facts: dict[str, Any]) -> dict[str, Any]:
    return facts | {"augmentation": "shift", "n": rng.choice([80, 120])}


def _can_sam(facts: dict[str, Any]) -> bool:
    plain = facts["augmentation"] == "none" and not facts["frozen"]
    return plain and facts["optimizer"] in ("sgd", "adamw")


def _sam(rng: random.Random, facts: dict[str, Any]) -> dict[str, Any]:
    return facts | {"rho": rng.choice([0.02, 0.05])}


def _oracle() -> list[Case]:
    """Full-batch trainings, small enough to train again without each example in turn."""
    rng = random.Random("practice/oracle")
    drawn = []
    for i in range(12):
        optimizer: Optimizer = ["lbfgs", "sgd", "adamw", "adam"][i % 4]
        data = ["teacher", "mixture", "banana", "teacher", "rating", "segment"][i % 6]
        facts = _draw(rng, "oracle", i, optimizer, data)
        facts |= {"n": rng.choice([80, 120]), "batch": 10_000, "rho": 0.0}
        facts |= {"architecture": "mlp", "width": rng.choice([4, 6]), "depth": 1, "dropout": 0.0}
        facts |= {"activation": "tanh", "frozen": False, "noise": rng.choice([0.1, 0.2])}
        if optimizer != "lbfgs":
            facts["epochs"] = rng.choice([150, 400, 800])
        else:
            facts["weight_decay"] = rng.choice([3e-3, 1e-2, 3e-2])
        drawn.append(Case(**facts))
    return drawn
