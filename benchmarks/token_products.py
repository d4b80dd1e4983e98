"""Memory and time of curvature products of a language model, beside autograd through all logits.

    python benchmarks/token_products.py          # about three minutes; results/token_products.json

GPT-2's shape at 17.6 million parameters with its 50,257 words, 8 × 128 tokens, float32, one thread.
Each product in a process of its own: the peak is what the process holds above the loaded model,
where what is freed goes back to the system at once, so that it is what is held and not kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1])]

import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.ggn import ggn
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.running.memory import PeakMemory
from minimascope.intake.networks.next_tokens import WithoutLast
from minimascope.intake.networks.output_link import followed_by
from minimascope.objective.tokens import TokenCrossEntropy

RESULTS = Path(__file__).parent / "results" / "token_products.json"
SEQUENCES, LENGTH, WORDS = 8, 128, 50257
Row = dict[str, Any]


class Logits(nn.Module):
    """A transformers model as a map from ids to logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids=ids, use_cache=False).logits
        return logits


def gpt() -> Minimum:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    shape = {"n_embd": 256, "n_layer": 6, "n_head": 8, "n_positions": LENGTH}
    config = GPT2Config(vocab_size=WORDS, attn_implementation="eager", **shape)
    ids = torch.randint(WORDS, (SEQUENCES, LENGTH))
    network = followed_by(Logits(GPT2LMHeadModel(config)), WithoutLast())
    return prepare(network, ids, ids[:, 1:], loss=TokenCrossEntropy(), dtype=torch.float32)


def flat(parts: Any) -> Tensor:
    return torch.cat([part.reshape(-1) for part in parts])


def plain_hessian(minimum: Minimum, v: Tensor) -> Tensor:
    """Two backward passes through the loss of all logits."""
    q = list(minimum.network.parameters())
    logits = minimum.network(minimum.inputs).flatten(0, 1)
    loss = nn.functional.cross_entropy(logits, minimum.targets.reshape(-1))
    first = torch.autograd.grad(loss, q, create_graph=True)
    return flat(torch.autograd.grad(first, q, list(minimum.unflatten(v).values())))


def plain_ggn(minimum: Minimum, v: Tensor) -> Tensor:
    """One pass forward for J v, Λ of all logits, one pass back."""
    parts = minimum.unflatten(minimum.theta)

    def logits_at(q: dict[str, Tensor]) -> Tensor:
        found: Tensor = functional_call(minimum.network, q, (minimum.inputs,))
        return found.flatten(0, 1)

    with torch.no_grad():
        u = jvp(logits_at, (parts,), (minimum.unflatten(v),))[1]
    leaves = {name: each.clone().requires_grad_() for name, each in parts.items()}
    logits = logits_at(leaves)
    with torch.no_grad():
        P = logits.softmax(1)
        bent = P * (u - (P * u).sum(1, keepdim=True)) / len(logits)
    return flat(torch.autograd.grad(logits, list(leaves.values()), bent))


Product = Callable[[Tensor], Tensor]


def plain(product: Callable[[Minimum, Tensor], Tensor]) -> Callable[[Minimum], Product]:
    return lambda minimum: lambda v: product(minimum, v)


def ours(make: Callable[..., Any], chunk: int = SEQUENCES) -> Callable[[Minimum], Product]:
    """Chunks of so many sequences, rebuilt in every product: no graph is kept between them."""

    def made(minimum: Minimum) -> Product:
        found: Product = make(minimum, chunk=chunk, retain="never").matvec
        return found

    return made


PRODUCTS: dict[str, Callable[[Minimum], Product]] = {
    "Hessian, all logits": plain(plain_hessian),
    "Hessian, in chunks": ours(hessian),
    "Hessian, two sequences at a time": ours(hessian, 2),
    "GGN, all logits": plain(plain_ggn),
    "GGN, in chunks": ours(ggn),
    "GGN, two sequences at a time": ours(ggn, 2),
}


def measured(name: str) -> Row:
    """The second of two products: seconds, and the most memory of either."""
    torch.set_num_threads(1)
    minimum = gpt()
    v = torch.randn(minimum.dim, generator=torch.Generator().manual_seed(1))
    v /= v.norm()
    with PeakMemory(minimum.inputs.device) as memory:
        product = PRODUCTS[name](minimum)
        product(v)
        began = time.process_time()
        found = product(v)
        seconds = time.process_time() - began
    checked = [float(found.norm()), float(found @ v)]
    return {"cpu_seconds": seconds, "peak_bytes": memory.peak_bytes, "norm and vᵀMv": checked}


def run(name: str) -> Row:
    command = [sys.executable, __file__, name]
    told = {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": str(2**20)}
    surroundings = {**os.environ, **told}
    answer = subprocess.run(command, env=surroundings, check=True, capture_output=True, text=True)
    row: Row = json.loads(answer.stdout.splitlines()[-1])
    print(
        f"{name:34}{row['cpu_seconds']:8.1f} CPU s{row['peak_bytes'] / 2**20:8.0f} MiB", flush=True
    )
    return row


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(measured(sys.argv[1])))
        return
    rows = {name: run(name) for name in PRODUCTS}
    found: Row = {"shape": "17.6M parameters, 50,257 words, 8 × 128 tokens, float32", **rows}
    for kind in ("Hessian", "GGN"):
        whole = rows[f"{kind}, all logits"]
        for how in ("in chunks", "two sequences at a time"):
            own = rows[f"{kind}, {how}"]
            pairs = zip(whole["norm and vᵀMv"], own["norm and vᵀMv"], strict=True)
            found[f"{kind}, {how}: apart"] = max(abs(a - b) / abs(a) for a, b in pairs)
            for what in ("peak_bytes", "cpu_seconds"):
                ratio = whole[what] / own[what]
                found[f"{kind}: {what}, all logits over {how}"] = ratio
    print(json.dumps({name: each for name, each in found.items() if ":" in name}, indent=1))
    RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
