"""Classifiers and language models of the hub, causal and masked: config.json and weights.

transformers is an optional extra. No code of the upload is ever run (`trust_remote_code=False`,
no auto_map); attention is the eager one, which has second derivatives.
"""

from __future__ import annotations

import inspect
import math
import warnings
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from minimascope.contract.extras import adding
from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.layers import architecture_invalid
from minimascope.intake.networks.mlp import mismatch
from minimascope.intake.networks.next_tokens import at_ends
from minimascope.intake.values.checkpoint import Checkpoint

HEADS = {
    "ForSequenceClassification": "AutoModelForSequenceClassification",
    "ForImageClassification": "AutoModelForImageClassification",
    "ForMaskedLM": "AutoModelForMaskedLM",
}
CAUSAL_HEADS = {"ForCausalLM": "AutoModelForCausalLM", "LMHeadModel": "AutoModelForCausalLM"}
# Written in plain torch by transformers itself: nothing to download, no compiled kernels.
MODEL_TYPES = (
    *("albert", "bert", "distilbert", "electra", "gpt2", "gpt_neo", "opt", "roberta"),
    *("beit", "convnext", "convnextv2", "deit", "mobilenet_v2", "resnet", "vit"),
)
# The same, of those that predict the next token.
CAUSAL_TYPES = ("gpt2", "gpt_neo", "gpt_neox", "llama", "mistral", "opt", "qwen2")
# Every token sees every other one: their masks may come as the numbers that are added to attention.
ENCODERS = ("albert", "bert", "distilbert", "electra", "roberta")
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
NUMBER_MOST, TEXT_MOST, DEPTH_MOST = 1_000_000, 1000, 200
_DROPPED = ("auto_map", "quantization_config", "torch_dtype", "dtype", "transformers_version")
# Tables of constants that older versions saved and newer ones compute.
_CONSTANTS = (".position_ids", ".token_type_ids", ".attn.bias", ".attn.masked_bias")


class Classifier(nn.Module):
    """Maps one batch (token ids n × T, or images n × C × H × W) to logits n × K.

    Language models give n × T × K; of causal ones `predicts_next` is true.

    Token ids may come with their attention mask and token types, n × inputs × T; without a mask,
    pad tokens at the ends of an example are masked, as transformers' tokenizers say.

    The parts of the transformers model are registered directly, so names are those of the hub.
    """

    def __init__(self, model: nn.Module, input_name: str) -> None:
        super().__init__()
        self._model = [model]  # a plain list: its parts are registered below instead
        self.input_name = input_name
        self.input_is_floating = input_name != "input_ids"
        self.predicts_next = type(model).__name__.endswith(tuple(CAUSAL_HEADS))
        pad = getattr(getattr(model, "config", None), "pad_token_id", None)
        self.pad = pad if isinstance(pad, int) else None
        for name, part in model.named_children():
            self.add_module(name, part)
        for name, parameter in model.named_parameters(recurse=False):
            self.register_parameter(name, parameter)

    def _named(self, inputs: Tensor) -> dict[str, Tensor]:
        """The arguments of the model."""
        if self.input_name != "input_ids":
            return {self.input_name: inputs}
        taken = inspect.signature(self._model[0].forward).parameters
        parts = inputs.unbind(1) if inputs.ndim == 3 else (inputs,)
        named: dict[str, Any] = dict(zip(INPUTS, parts, strict=False))
        if self.predicts_next:
            named["use_cache"] = False
        config = getattr(self._model[0], "config", None)
        if len(parts) == 1 and self.pad is not None:
            named["attention_mask"] = (~at_ends(inputs == self.pad)).long()
        if "attention_mask" in named and getattr(config, "model_type", "") in ENCODERS:
            named["attention_mask"] = self._added(named["attention_mask"])
        return {name: each for name, each in named.items() if name in taken}

    def _added(self, mask: Tensor) -> Tensor:
        """The mask (n × T) as numbers (n × 1 × 1 × T); of 0 and 1 transformers branches on them,
        and what branches on values has no gradients of all examples at once."""
        kind = next(q.dtype for q in self.parameters() if q.is_floating_point())
        return (mask <= 0).to(kind)[:, None, None, :] * torch.finfo(kind).min

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of one batch."""
        answer = self._model[0](**self._named(inputs), return_dict=True)
        logits: Tensor = answer.logits
        return logits


def _check(value: Any, where: str, depth: int = 0) -> Any:
    """Plain JSON of bounded size, or a refusal naming the entry."""
    if isinstance(value, dict) and depth < 4:
        return {str(k): _check(v, f"{where}.{k}", depth + 1) for k, v in value.items()}
    if isinstance(value, list) and len(value) <= NUMBER_MOST and depth < 4:
        return [_check(item, where, depth + 1) for item in value]
    fine = (
        value is None
        or isinstance(value, bool)
        or (isinstance(value, str) and len(value) <= TEXT_MOST)
        or (isinstance(value, int | float) and math.isfinite(value) and abs(value) <= NUMBER_MOST)
    )
    if not fine:
        raise architecture_invalid(
            f"config.json has {where[:60]!r} = {str(value)[:60]}, which is out of bounds."
        )
    return value


def _checked(config: dict[str, Any]) -> dict[str, Any]:
    """The entries that are used. Raises ProblemError architecture_invalid."""
    kept = {
        key: _check(value, str(key))
        for key, value in config.items()
        if key not in _DROPPED and not key.startswith("_")
    }
    allowed = CAUSAL_TYPES if _ending(kept, CAUSAL_HEADS) else MODEL_TYPES
    if kept.get("model_type") not in allowed:
        raise architecture_invalid(
            f"config.json has the model_type {str(kept.get('model_type'))[:40]!r}; allowed are "
            f"{', '.join(allowed)}."
        )
    for key, value in kept.items():
        if "layers" in key and isinstance(value, int) and value > DEPTH_MOST:
            raise architecture_invalid(f"config.json asks for {key[:60]} = {value}.")
    return kept


def _name(config: dict[str, Any]) -> str:
    names = config.get("architectures")
    return str(names[0]) if isinstance(names, list) and names else "nothing"


def _ending(config: dict[str, Any], heads: dict[str, str]) -> str | None:
    """transformers' automatic class for the first of these endings that the name has."""
    return next((heads[end] for end in heads if _name(config).endswith(end)), None)


def _head(config: dict[str, Any]) -> str:
    found = _ending(config, {**HEADS, **CAUSAL_HEADS})
    if found is not None:
        return found
    raise ProblemError(
        "architecture_invalid",
        f"config.json names the architecture {_name(config)[:60]!r}; only classifiers and language "
        f"models are taken (names ending in {', '.join([*HEADS, *CAUSAL_HEADS])}).",
        "A model without such a head: wrap it and use minimascope.export.",
    )


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise ProblemError(
            "transformers_missing",
            "This is a Hugging Face model, and transformers is not installed on this worker.",
            f"{adding('huggingface')}, or export it with minimascope.export.",
        ) from error
    return transformers


def _made(config: dict[str, Any], device: str) -> nn.Module:
    """The untrained model of a checked config on a device. Raises ProblemError."""
    head, transformers = _head(config), _transformers()
    try:
        entries = {k: v for k, v in config.items() if k != "model_type"}
        asked = transformers.AutoConfig.for_model(config["model_type"], **entries)
        with torch.device(device), warnings.catch_warnings():
            # A config of no channels is refused below, in words; torch only warns.
            warnings.simplefilter("ignore", UserWarning)
            model: nn.Module = getattr(transformers, head).from_config(
                asked, trust_remote_code=False, attn_implementation="eager"
            )
    except MemoryError:
        raise
    # transformers and its config classes refuse in ways of their own, which change with them.
    except Exception as error:
        said = " ".join(str(error).split())[:150]
        raise architecture_invalid(f"config.json makes no model: {said}.") from error
    return model


def _agreeing(checkpoint: Checkpoint, model: nn.Module) -> dict[str, Tensor]:
    """The checkpoint's tensors, every one in its place. Raises ProblemError.

    A parameter that the model has under two names is saved under one of them.
    """
    wanted: dict[str, Tensor] = model.state_dict()
    given = {
        name: tensor
        for name, tensor in checkpoint.tensors.items()
        if name in wanted or not name.endswith(_CONSTANTS)
    }
    for name, tensor in given.items():
        if name not in wanted:
            raise mismatch(
                f"{name[:100]!r} of shape {list(tensor.shape)} in the checkpoint has no place in "
                "the model of config.json."
            )
        if tensor.shape != wanted[name].shape:
            raise mismatch(
                f"{name[:100]!r} has shape {list(tensor.shape)} in the checkpoint, but config.json "
                f"gives it {list(wanted[name].shape)}."
            )
    for name, other in _tied(model):
        if name not in given and other in given:
            given[name] = given[other]
    missing = [name for name in wanted if name not in given]
    if missing:
        raise mismatch(
            f"The model of config.json needs {missing[0][:100]!r} of shape "
            f"{list(wanted[missing[0]].shape)}, which the checkpoint does not have."
        )
    return given


def _tied(model: nn.Module) -> list[tuple[str, str]]:
    """Pairs of names of one and the same parameter, both ways round."""
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return [(a, b) for same in names.values() for a in same for b in same if a != b]


def _no_warning(*_ids: Any, **_masks: Any) -> None:
    """Stands in for transformers' look for padding."""


def build_huggingface(checkpoint: Checkpoint, config: dict[str, Any]) -> Classifier:
    """The network of a config.json with the checkpoint's weights, in evaluation mode.

    It is made without memory first and compared, so nothing larger than the checkpoint is
    allocated. float16 and bfloat16 become float32. Raises ProblemError: transformers_missing,
    architecture_invalid, architecture_mismatch.
    """
    checked = _checked(config)
    given = _agreeing(checkpoint, _made(checked, "meta"))
    model = _made(checked, "cpu").float()
    double = any(tensor.dtype == torch.float64 for tensor in given.values())
    model = model.double() if double else model
    model.load_state_dict(given, strict=True)
    parts: list[Any] = list(model.modules())
    for part in parts:  # it looks at ids to warn, which vmap cannot
        if hasattr(part, "warn_if_padding_and_no_attention_mask"):
            part.warn_if_padding_and_no_attention_mask = _no_warning
    return Classifier(model, str(getattr(model, "main_input_name", "input_ids"))).eval()
