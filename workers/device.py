"""Which device the children of this worker may use; nothing here touches one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from minimascope.contract.problems import ProblemError
from minimascope.contract.queues import QueueName

DRIVER = Path("/proc/driver/nvidia/gpus")


def choose(device: str) -> None:
    """`cpu` hides every GPU, `cuda:N` all but one, `auto` and `cuda` none."""
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or not (number or "0").isdigit():
        raise ProblemError("unknown_device", f"{device!r} is no device: auto, cpu, cuda or cuda:N.")
    if kind == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif number:
        os.environ["CUDA_VISIBLE_DEVICES"] = number


def choose_several(text: str) -> list[str]:
    """Such as `cuda:0,cuda:1` or `cpu,cpu`: a process each; hides all other GPUs."""
    devices = [each.strip() for each in text.split(",")]
    gpus = [each.removeprefix("cuda:") for each in devices if each != "cpu"]
    if gpus and (len(gpus) < len(devices) or not all(each.isdigit() for each in gpus)):
        sentence = f"{text!r} are no devices of one kind: cuda:0,cuda:1,... or cpu,cpu,..."
        raise ProblemError("unknown_device", sentence)
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
    return devices


def has_gpu() -> bool:
    """A driver's GPU that is not hidden from this process."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible != "" and DRIVER.is_dir() and any(DRIVER.iterdir())


def described() -> str:
    """For people: cpu, cuda or cuda:N."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not has_gpu():
        return "cpu"
    return f"cuda:{visible}" if visible else "cuda"


def served(queues: Sequence[QueueName]) -> list[QueueName]:
    """The queues asked for, without the GPU's where there is none."""
    return [queue for queue in queues if queue != "gpu" or has_gpu()]
