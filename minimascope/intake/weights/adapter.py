"""Low-rank adapters (LoRA, Hu et al. 2021) as PEFT saves them: merged where the base is there.

W' = W + s·BA with s = α/r, or α/√r (rank-stabilised). An adapter alone is no network.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from minimascope.contract.problems import ProblemError
from minimascope.intake.files.safetensors_format import damaged
from minimascope.intake.files.taken import Row

Tensors = dict[str, Tensor]
FILES = ("adapter_model.safetensors", "adapter_model.bin")
CONFIG = "adapter_config.json"
_PART = re.compile(r"(.+)\.lora_(A|B|embedding_A|embedding_B)(?:\.(?!weight)\w+)?(?:\.weight)?$")
_PREFIX = "base_model.model."


def is_adapter(names: Mapping[str, Any]) -> bool:
    """True where tensors are parts of a low-rank change."""
    return any(".lora_" in f".{name}" for name in names)


def without_base(config: Mapping[str, Any] | None = None) -> ProblemError:
    """An adapter alone."""
    base = str((config or {}).get("base_model_name_or_path") or "")[:100]
    named = f" {base!r}" if base else ""
    return ProblemError(
        "adapter_without_base",
        f"This is a LoRA adapter: a change of a base model{named} that is not in the file.",
        "Merge it where both are loaded, model = model.merge_and_unload(); "
        'model.save_pretrained("merged"), and send the folder "merged"; or zip '
        "adapter_model.safetensors and adapter_config.json together with the base model's "
        "model.safetensors and config.json.",
    )


def alone(names: Mapping[str, Any]) -> ProblemError:
    """A file of tensors with low-rank parts, and no adapter_config.json that scales them."""
    if not any(".base_layer." in name for name in names):
        return without_base()
    return ProblemError(
        "adapter_without_base",
        "These weights hold LoRA adapters that are not merged; the file does not say how strongly "
        "they count (lora_alpha).",
        "In the script that made it: model = model.merge_and_unload(), then "
        "torch.save(model.state_dict(), path).",
    )


def merged(
    base: Tensors, adapter: Tensors, config: Mapping[str, Any]
) -> tuple[Tensors, list[str], list[Row]]:
    """The base with the change in it, a sentence, and a row.

    Raises ProblemError: unsupported_format (another method than plain LoRA), file_damaged
    (adapter and base do not fit).
    """
    if config.get("peft_type") not in ("LORA", None) or any("magnitude" in k for k in adapter):
        raise _other(config)
    found = dict(base)
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in adapter.items():
        matched = _PART.match(name)
        if matched:
            parts.setdefault(_plain(matched[1]), {})[matched[2]] = tensor
        else:
            _replace(found, _plain(name), tensor)
    for owner, pair in parts.items():
        _change(found, owner, pair, config)
    words = f"LoRA changes of {len(parts)} weights, merged into the base"
    return (
        found,
        [f"A LoRA adapter was merged: {len(parts)} weights of the base changed."],
        [Row("adapter", words)],
    )


def _plain(name: str) -> str:
    """A name as the base has it."""
    name = name.removeprefix(_PREFIX).replace(".base_layer", "")
    return re.sub(r"\.modules_to_save(\.default)?", "", name)


def _replace(found: Tensors, name: str, tensor: Tensor) -> None:
    """A tensor that was trained whole; a head may be new to the base."""
    if name in found and found[name].shape != tensor.shape:
        raise damaged(f"the adapter's {name[:100]!r} does not fit its base")
    found[name] = tensor


def _change(found: Tensors, owner: str, pair: dict[str, Tensor], config: Mapping[str, Any]) -> None:
    name = f"{owner}.weight"
    down, up = (pair.get(x, pair.get(f"embedding_{x}")) for x in "AB")
    if down is None or up is None or name not in found:
        raise damaged(f"the adapter changes {name[:100]!r}, which the base does not have")
    weight = found[name]
    change = up.flatten(1).double() @ down.flatten(1).double()
    if "embedding_A" in pair or config.get("fan_in_fan_out") is True:
        change = change.T
    if change.numel() != weight.numel() or change.shape[0] != weight.shape[0]:
        raise damaged(f"the adapter's change of {name[:100]!r} does not fit its base")
    scaled = change.reshape(weight.shape) * _scale(owner, len(down), config)
    found[name] = (weight.double() + scaled).to(weight.dtype)


def _scale(owner: str, rank: int, config: Mapping[str, Any]) -> float:
    alpha = _patterned(owner, config.get("alpha_pattern"), config.get("lora_alpha", rank))
    if not isinstance(alpha, (int, float)) or not math.isfinite(alpha):
        raise damaged("its lora_alpha is no number")
    return alpha / (math.sqrt(rank) if config.get("use_rslora") is True else rank)


def _patterned(owner: str, pattern: Any, usual: Any) -> Any:
    for key, value in pattern.items() if isinstance(pattern, dict) else ():
        if owner == key or owner.endswith(f".{key}"):
            return value
    return usual


def _other(config: Mapping[str, Any]) -> ProblemError:
    kind = "DoRA" if config.get("peft_type") == "LORA" else str(config.get("peft_type"))[:40]
    return ProblemError(
        "unsupported_format",
        f"This adapter is of the kind {kind}, which only PEFT itself merges.",
        'model = model.merge_and_unload(); model.save_pretrained("merged"), and send "merged".',
    )
