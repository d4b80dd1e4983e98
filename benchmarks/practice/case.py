"""One network of the practice study: every fact that decides it, seed included."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

LIST = Path(__file__).parent / "cases.jsonl"

Half = Literal["calibration", "blind", "oracle", "second", "third", "fourth"]
Optimizer = Literal["sgd", "adam", "adamw", "lbfgs"]
Schedule = Literal["constant", "step", "cosine", "linear", "warmup_cosine"]
LossName = Literal["cross_entropy", "binary", "multilabel", "mse"]


@dataclass(frozen=True)
class Case:
    """Data, network, loss and training of one network.

    `noise` is the share of labels (of the test set too) drawn anew; `annotators` > 0 makes soft
    labels, the frequencies of so many noisy votes; `rho` > 0 is SAM; `frozen` trains the head
    alone, on a body trained on other examples of the same data.
    """

    name: str
    half: Half
    seed: int
    data: str
    n: int
    noise: float
    imbalanced: bool
    architecture: str
    width: int
    depth: int
    activation: str
    dropout: float
    loss: LossName
    smoothing: float
    weighted: bool
    annotators: int
    augmentation: Literal["none", "shift"]
    optimizer: Optimizer
    lr: float
    schedule: Schedule
    momentum: float
    weight_decay: float
    decay_on: Literal["all", "matrices"]
    batch: int
    epochs: int
    rho: float
    frozen: bool

    @property
    def smoothed(self) -> bool:
        """Label smoothing: the kind whose intervals were narrowest before this study."""
        return self.smoothing > 0


def listed() -> list[Case]:
    """The networks of the committed list, in its order."""
    return [Case(**json.loads(line)) for line in LIST.read_text().splitlines()]


def write_list(cases: list[Case]) -> None:
    """Writes the list, one line a network."""
    LIST.write_text("".join(json.dumps(asdict(case)) + "\n" for case in cases))
