"""Time and memory of the gap of a language model whose logits do not stand at once.

    python benchmarks/token_gap.py [SECONDS]      # 720 unless said; results/token_gap.json

The network of `token_products.py` as it is drawn, 17.6 million parameters with 50,257 words on
8 × 128 random tokens, float32, one thread, weight decay 0.01: what is measured is the work. The
peak is what the process holds above the loaded model.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1])]

import torch

from benchmarks.token_products import gpt
from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.gap.sequences import too_many_logits
from minimascope.curvature.running.memory import PeakMemory
from minimascope.curvature.running.run import Run
from minimascope.curvature.sweep.route import Budget

RESULTS = Path(__file__).parent / "results" / "token_gap.json"
DECAY = 1e-2


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 720.0
    torch.set_num_threads(1)
    minimum = gpt().trained(weight_decay=DECAY)
    assert too_many_logits(minimum)
    said = list[tuple[float, str]]()
    begun, used = time.perf_counter(), time.process_time()

    def heard(done: float, sentence: str) -> None:
        if not said or time.perf_counter() - begun > said[-1][0] + 20:
            said.append((time.perf_counter() - begun, sentence))
            print(f"{time.perf_counter() - begun:6.0f} s {done:5.0%} {sentence}", flush=True)

    with PeakMemory(minimum.inputs.device) as memory:
        found = estimate_gap(minimum, budget=Budget(seconds), run=Run(progress=heard))
    row: dict[str, Any] = {
        "shape": "17.6M parameters, 50,257 words, 8 × 128 tokens, float32, one thread",
        "allowed_seconds": seconds,
        "wall_seconds": time.perf_counter() - begun,
        "cpu_seconds": time.process_time() - used,
        "peak_bytes": memory.peak_bytes,
        "products": found.plan.actual_products,
        "estimates": {k: each for k, each in found.estimates.items() if each.value is not None},
    }
    print(json.dumps(row, indent=1, ensure_ascii=False))
    RESULTS.write_text(json.dumps(row, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
