"""Real networks through every format that fits them: derivatives equal the eager network's."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import save, save_file
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, vmap

from minimascope import export
from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.values.checkpoint import read_checkpoint
from tests.cases.zoo import ZOO, Specimen, specimen

# torch.export.save and the first forward-mode product use torch's own deprecated parts
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
CLOSE = 1e-10  # float64 in the same order of operators: six digits above rounding


def derivatives(network: nn.Module, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """A Hessian-vector product and per-sample gradients, in the order of parameters."""
    theta = {name: p.detach() for name, p in network.named_parameters()}
    chance = torch.Generator().manual_seed(5)
    along = {
        name: torch.randn(p.shape, generator=chance, dtype=p.dtype) for name, p in theta.items()
    }

    def loss(values: dict[str, Tensor]) -> Tensor:
        return functional_call(network, values, (x,)).logsumexp(1).mean()

    def sample_loss(values: dict[str, Tensor], one: Tensor) -> Tensor:
        return functional_call(network, values, (one[None],)).square().sum()

    product = jvp(grad(loss), (theta,), (along,))[1]
    each = vmap(grad(sample_loss), in_dims=(None, 0))(theta, x)
    return [product[name] for name in theta], [each[name] for name in theta]


def assert_equal(ours: nn.Module, theirs: nn.Module, x: Tensor) -> None:
    """Outputs and derivatives agree, and so do the names of the parameters."""
    with torch.no_grad():
        assert (ours(x) - theirs(x)).abs().max() < CLOSE
    mine, expected = derivatives(ours, x), derivatives(theirs, x)
    for kind, reference in zip(mine, expected, strict=True):
        for a, b in zip(kind, reference, strict=True):
            assert (a - b).abs().max() < CLOSE * max(1.0, float(b.abs().max()))


def write_pt2(found: Specimen, path: Path) -> None:
    export(found.network, found.inputs, path)


def write_pt(found: Specimen, path: Path) -> None:
    torch.save({"state_dict": found.network.state_dict()}, path)


def write_safetensors(found: Specimen, path: Path) -> None:
    save_file(found.network.state_dict(), path)


def write_zip(found: Specimen, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/model.safetensors", save(found.network.state_dict()))


WRITERS: dict[str, Callable[[Specimen, Path], None]] = {
    "pt2": write_pt2,
    "pt": write_pt,
    "safetensors": write_safetensors,
    "zip": write_zip,
}
WITH_SPEC = [name for name in ZOO if ZOO[name]().spec is not None]
CASES = [(name, "pt2") for name in ZOO]
CASES += [(name, kind) for name in WITH_SPEC for kind in ("pt", "safetensors", "zip")]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_derivatives_equal_the_eager_networks(
    tmp_path: Path, workdir: Path, name: str, kind: str
) -> None:
    found = specimen(name)
    WRITERS[kind](found, tmp_path / "upload")
    spec = None if kind == "pt2" else found.spec
    built = build_network(read_checkpoint(tmp_path / "upload", workdir=workdir), spec)
    assert_equal(built, found.network, found.inputs)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["LeNet", "CNN with batch norm", "MLP gelu"])
def test_half_precision_weights_give_the_network_of_the_rounded_weights(
    tmp_path: Path, workdir: Path, name: str, dtype: torch.dtype
) -> None:
    found = specimen(name)
    network = found.network.to(dtype)
    save_file(network.state_dict(), tmp_path / "upload")
    built = build_network(read_checkpoint(tmp_path / "upload", workdir=workdir), found.spec)
    assert_equal(built.double(), network.double(), found.inputs)


TOKENS = {"vocab_size": 12, "num_labels": 3, "bos_token_id": 1, "eos_token_id": 2}
TOKENS["pad_token_id"] = 0
HIDDEN = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
HIDDEN["intermediate_size"] = 12
HUGGING: dict[str, tuple[str, str, dict[str, Any]]] = {
    "GPT-2": (
        "GPT2Config",
        "GPT2ForSequenceClassification",
        {**TOKENS, "n_positions": 8, "n_embd": 8, "n_layer": 2, "n_head": 2},
    ),
    "BERT": (
        "BertConfig",
        "BertForSequenceClassification",
        {**TOKENS, **HIDDEN, "max_position_embeddings": 8},
    ),
    "DistilBERT": (
        "DistilBertConfig",
        "DistilBertForSequenceClassification",
        {**TOKENS, "dim": 8, "n_layers": 2, "n_heads": 2, "hidden_dim": 12},
    ),
    "ViT": (
        "ViTConfig",
        "ViTForImageClassification",
        {**HIDDEN, "image_size": 8, "patch_size": 4, "num_channels": 1, "num_labels": 3},
    ),
    "ResNet": (
        "ResNetConfig",
        "ResNetForImageClassification",
        {
            "num_channels": 1,
            "embedding_size": 4,
            "hidden_sizes": [4, 8],
            "depths": [1, 1],
            "layer_type": "basic",
            "num_labels": 3,
        },
    ),
    "ConvNeXt": (
        "ConvNextConfig",
        "ConvNextForImageClassification",
        {
            "num_channels": 1,
            "patch_size": 2,
            "hidden_sizes": [4, 8],
            "depths": [1, 1],
            "num_stages": 2,
            "num_labels": 3,
        },
    ),
}


class Logits(nn.Module):
    """The eager model of transformers as a map from one batch to logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x).logits


def hugging(name: str) -> tuple[nn.Module, Tensor, dict[str, Any]]:
    configuration, model_name, entries = HUGGING[name]
    torch.manual_seed(4)
    config = getattr(transformers, configuration)(**entries)
    made = getattr(transformers, model_name)._from_config(config, attn_implementation="eager")
    model: Any = made.double().eval()
    for part in model.modules():  # a look at token ids that vmap cannot do
        if hasattr(part, "warn_if_padding_and_no_attention_mask"):
            part.warn_if_padding_and_no_attention_mask = lambda *_, **__: None
    tokens = model.main_input_name == "input_ids"
    x = torch.randint(3, 12, (3, 5)) if tokens else torch.randn(3, 1, 8, 8).double()
    return model, x, {**json.loads(config.to_json_string()), "architectures": [model_name]}


def zipped(path: Path, model: nn.Module, config: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/config.json", json.dumps(config))
        archive.writestr("m/model.safetensors", save(model.state_dict()))
        archive.writestr("m/modeling_evil.py", "raise SystemExit")
    return path


@pytest.mark.parametrize("name", list(HUGGING))
def test_hugging_face_folders_give_the_models_own_derivatives(
    tmp_path: Path, workdir: Path, name: str
) -> None:
    model, x, config = hugging(name)
    checkpoint = read_checkpoint(zipped(tmp_path / "a.zip", model, config), workdir=workdir)
    assert checkpoint.format == "huggingface"
    built = build_network(checkpoint, None)
    assert [n for n, _ in built.named_parameters()] == [n for n, _ in model.named_parameters()]
    assert_equal(built, Logits(model), x)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"model_type": "llama"}, "architecture_invalid"),
        ({"architectures": ["BertForPreTraining"]}, "architecture_invalid"),
        ({"architectures": ["BertForMaskedLM"]}, "architecture_mismatch"),
        ({"architectures": None}, "architecture_invalid"),
        ({"num_hidden_layers": 10**6}, "architecture_invalid"),
        ({"hidden_size": 10**12}, "architecture_invalid"),
        ({"hidden_size": -8}, "architecture_invalid"),
        ({"hidden_size": 7}, "architecture_invalid"),
        ({"hidden_act": "no such function"}, "architecture_invalid"),
        ({"hidden_size": 16}, "architecture_mismatch"),
        ({"num_hidden_layers": 3}, "architecture_mismatch"),
        ({"num_hidden_layers": 1}, "architecture_mismatch"),
        ({"intermediate_size": 900_000}, "architecture_mismatch"),
        ({"auto_map": {"AutoModel": "modeling_evil.Evil"}}, None),
    ],
)
def test_a_config_that_does_not_belong_to_its_weights_is_refused(
    tmp_path: Path, workdir: Path, change: dict[str, Any], code: str | None
) -> None:
    model, _, config = hugging("BERT")
    path = zipped(tmp_path / "a.zip", model, {**config, **change})
    checkpoint = read_checkpoint(path, workdir=workdir)
    if code is None:
        build_network(checkpoint, None)
        return
    with pytest.raises(ProblemError) as caught:
        build_network(checkpoint, None)
    assert caught.value.code == code


def test_without_transformers_the_extra_is_named(
    tmp_path: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    model, _, config = hugging("BERT")
    checkpoint = read_checkpoint(zipped(tmp_path / "a.zip", model, config), workdir=workdir)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ProblemError, match="not installed") as caught:
        build_network(checkpoint, None)
    assert caught.value.code == "transformers_missing"
    assert "minimascope[huggingface]" in caught.value.advice
