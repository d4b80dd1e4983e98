"""What the numbers would run on: torch, its devices, the sandbox around parses."""

from __future__ import annotations

from minimascope.intake.sandbox.sandbox import active_layers


def torch_line() -> str:
    """Version of torch, threads and GPUs, in words. Imports torch."""
    import torch

    from minimascope.machine.threads import most_threads

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    found = ", ".join(gpus) if gpus else "no CUDA device (analyses run on the CPU)"
    return f"{torch.__version__}, {most_threads()} threads; {found}"


def sandbox_line() -> tuple[bool, str]:
    """Whether every layer holds here, and which do not."""
    layers = active_layers()
    absent = [name for name, active in layers.items() if not active]
    held = ", ".join(name for name, active in layers.items() if active) or "none"
    return not absent, f"{held}; missing: {', '.join(absent)}" if absent else held
