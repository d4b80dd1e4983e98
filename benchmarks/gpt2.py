"""What `seconds=300` says of a language model of GPT-2 small's shape, on a CPU.

    python benchmarks/gpt2.py            # 6 minutes; results/gpt2.json
    python benchmarks/gpt2.py --threads 1
    python benchmarks/gpt2.py --seconds 60 --sequences 4
    python benchmarks/gpt2.py --busy     # its seconds are CPU seconds, as on a core of its own

124 million parameters as they are drawn before training, tied head, 50,257 words, 32 × 256 tokens
with the frequencies of Zipf's law, float32. Printed: λ₁ and trace with their intervals after each
round, the time of each, the peak of memory above the loaded model, and what one product takes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1])]
if "--busy" in sys.argv:  # before anybody takes the clock by its name
    time.perf_counter = time.process_time

import torch
from torch import Tensor, nn

import minimascope as ms
from minimascope.curvature.running.memory import PeakMemory

RESULTS = Path(__file__).parent / "results" / "gpt2.json"
WORDS, LENGTH = 50257, 256
Row = dict[str, Any]


def model() -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(n_positions=LENGTH, attn_implementation="eager")
    made: nn.Module = GPT2LMHeadModel(config).eval()
    return made


def tokens(sequences: int) -> Tensor:
    """Ids (n × T), each word as often as its rank says."""
    weights = 1 / torch.arange(1, WORDS + 1, dtype=torch.float64)
    drawn = torch.multinomial(
        weights, sequences * LENGTH, replacement=True, generator=torch.manual_seed(1)
    )
    return drawn.reshape(sequences, LENGTH)


class Rounds:
    """Each sentence of the analysis, with the second at which it came."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.told: list[Row] = []

    def __call__(self, _share: float, sentence: str) -> None:
        if sentence and (not self.told or self.told[-1]["sentence"] != sentence):
            row = {"second": round(time.perf_counter() - self._began, 1), "sentence": sentence}
            self.told.append(row)
            print(f"{row['second']:7.1f} s  {sentence}", flush=True)


def measured(sequences: int, seconds: float) -> Row:
    network, ids = model(), tokens(sequences)
    rounds, began, spent = Rounds(), time.perf_counter(), time.process_time()
    with PeakMemory(ids.device) as memory:
        report = ms.analyze(network, (ids, ids), seconds=seconds, dtype="float32", progress=rounds)
    look = report.first_look
    return {
        "threads": torch.get_num_threads(),
        "parameters": sum(q.numel() for q in network.parameters()),
        "sequences": sequences,
        "length": LENGTH,
        "seconds asked": seconds,
        "seconds": time.perf_counter() - began,
        "CPU seconds": time.process_time() - spent,
        "peak_bytes": memory.peak_bytes,
        "first_look": None if look is None else look.model_dump(),
        "train": report.data.train.model_dump(),
        "wall_seconds": report.wall_seconds,
        "failures": [each.model_dump() for each in report.failures],
        "warnings": report.warnings,
        "rounds": rounds.told,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--busy", action="store_true", help="count CPU seconds")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    found: Row = {"clock": "CPU" if asked.busy else "wall"}
    found |= measured(asked.sequences, asked.seconds)
    print(json.dumps({k: v for k, v in found.items() if k != "rounds"}, indent=1))
    asked.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
