"""Networks built from weights and a spec equal the eager ones; every disagreement is named."""

from typing import Any

import pytest
import torch
from torch import nn

from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.networks.layers import ACTIVATIONS
from minimascope.intake.values.checkpoint import Checkpoint


def checkpoint(network: nn.Module, **renamed: str) -> Checkpoint:
    state = {renamed.get(k, k): v for k, v in network.state_dict().items()}
    return Checkpoint(state, "torch", "0" * 64)


def problem(given: Checkpoint, spec: dict[str, Any] | None) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        build_network(given, spec)
    return caught.value


def convolutional() -> nn.Sequential:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 4, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 8, 3),
        nn.GELU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(32, 3),
    ).double()
    network(torch.randn(64, 1, 10, 10).double())  # running statistics other than the start's
    return network.eval()


CONVOLUTIONAL = {
    "family": "sequential",
    "layers": [
        ["Conv2d", 1, 4, {"kernel_size": 3, "padding": 1, "bias": False}],
        ["BatchNorm2d", 4],
        ["ReLU"],
        ["MaxPool2d", 2],
        ["Conv2d", 4, 8, 3],
        ["GELU"],
        ["AdaptiveAvgPool2d", 2],
        ["Flatten"],
        ["Dropout", 0.5],
        ["Linear", 32, 3],
    ],
}


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_an_mlp_equals_the_eager_one_for_every_activation(name: str) -> None:
    torch.manual_seed(0)
    eager = nn.Sequential(nn.Linear(3, 5), ACTIVATIONS[name](), nn.Linear(5, 2)).double()
    built = build_network(checkpoint(eager), {"family": "mlp", "activation": name})
    x = torch.randn(9, 3).double()
    assert torch.equal(built(x), eager(x))
    assert [n for n, _ in built.named_parameters()] == list(eager.state_dict())


def test_an_mlp_without_biases_and_with_dotted_names_keeps_its_names() -> None:
    eager = nn.Sequential(nn.Linear(3, 5, bias=False), nn.ReLU(), nn.Linear(5, 2))
    names = {"0.weight": "enc.fc1.weight", "2.weight": "head.weight", "2.bias": "head.bias"}
    built = build_network(checkpoint(eager, **names), {"family": "mlp", "activation": "relu"})
    assert [n for n, _ in built.named_parameters()] == list(names.values())
    x = torch.randn(4, 3)
    assert torch.equal(built(x), eager(x))


def test_names_that_cannot_be_attributes_are_replaced() -> None:
    eager = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    names = {"0.weight": "../x.weight", "0.bias": "../x.bias"}
    built = build_network(checkpoint(eager, **names), {"family": "mlp", "activation": "relu"})
    x = torch.randn(4, 3)
    assert torch.equal(built(x), eager(x))


def test_an_mlp_flattens_images() -> None:
    eager = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 2))
    built = build_network(checkpoint(eager), {"family": "mlp", "activation": "relu"})
    x = torch.randn(4, 1, 3, 4)
    assert torch.equal(built(x), eager(x))


def test_a_convolutional_network_with_batch_norm_equals_the_eager_one() -> None:
    eager = convolutional()
    built = build_network(checkpoint(eager), CONVOLUTIONAL)
    x = torch.randn(6, 1, 10, 10).double()
    assert not built.training
    assert (built(x) - eager(x)).abs().max() < 1e-12  # the same float64 operations
    assert torch.equal(built.get_buffer("1.running_mean"), eager[1].running_mean)


def test_a_sequential_spec_matches_by_order_where_names_differ() -> None:
    eager = convolutional()
    names = {key: f"body.{'abcdefghij'[int(key[0])]}{key[1:]}" for key in eager.state_dict()}
    x = torch.randn(6, 1, 10, 10).double()
    assert torch.equal(build_network(checkpoint(eager, **names), CONVOLUTIONAL)(x), eager(x))


def test_a_missing_batch_counter_is_no_mismatch() -> None:
    eager = convolutional()
    given = checkpoint(eager)
    del given.tensors["1.num_batches_tracked"]
    x = torch.randn(6, 1, 10, 10).double()
    assert torch.equal(build_network(given, CONVOLUTIONAL)(x), eager(x))


def test_no_architecture_and_no_activation_are_asked_for_and_never_guessed() -> None:
    given = checkpoint(nn.Linear(2, 2))
    assert problem(given, None).code == "architecture_missing"
    assert problem(given, {}).code == "architecture_missing"
    missing = problem(given, {"family": "mlp"})
    assert missing.code == "architecture_missing"
    assert "gelu" in missing.advice


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"family": "transformer"}, "mlp, sequential"),
        ({"family": "mlp", "activation": "swoosh"}, "softplus"),
        ({"family": "mlp", "activation": ["relu"]}, "relu"),
        ({"family": "mlp", "activation": "relu", "depth": 3}, "'depth'"),
        ({"family": "sequential"}, "list of 1 to 1000"),
        ({"family": "sequential", "layers": []}, "list of 1 to 1000"),
        ({"family": "sequential", "layers": [["Module"]]}, "AvgPool2d"),
        ({"family": "sequential", "layers": [["__import__", "os"]]}, "Linear"),
        ({"family": "sequential", "layers": [["Linear", 2]]}, "cannot be made"),
        ({"family": "sequential", "layers": [["Linear", 2, 1 << 60]]}, "1000000"),
        ({"family": "sequential", "layers": [["Linear", -2, 2]]}, "cannot be made"),
        ({"family": "sequential", "layers": [["Linear", 2, "os.system"]]}, "os.system"),
        ({"family": "sequential", "layers": [["Linear", 2, 2, {"device": "cuda"}]]}, "'device'"),
        ({"family": "sequential", "layers": [7]}, "looks like"),
    ],
)
def test_a_wrong_spec_is_named_with_what_is_allowed(spec: dict[str, Any], says: str) -> None:
    found = problem(checkpoint(nn.Linear(2, 2)), spec)
    assert found.code == "architecture_invalid"
    assert says in found.sentence


def test_a_giant_layer_is_refused_without_allocating_it() -> None:
    spec = {"family": "sequential", "layers": [["Linear", 1_000_000, 1_000_000]]}
    found = problem(checkpoint(nn.Linear(2, 2)), spec)  # 4 TB if it were allocated
    assert found.code == "architecture_mismatch"
    assert "[1000000, 1000000]" in found.sentence
    assert "[2, 2]" in found.sentence


def test_mismatches_name_the_first_key_and_both_shapes() -> None:
    given = checkpoint(convolutional())
    spec = {**CONVOLUTIONAL, "layers": [*CONVOLUTIONAL["layers"][:-1], ["Linear", 32, 4]]}
    found = problem(given, spec)
    assert found.code == "architecture_mismatch"
    assert "'9.weight'" in found.sentence
    assert "[3, 32]" in found.sentence
    assert "[4, 32]" in found.sentence


def test_tensors_left_over_and_tensors_lacking_are_mismatches() -> None:
    given = checkpoint(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)))
    one = {"family": "sequential", "layers": [["Linear", 2, 3]]}
    assert "'2.weight'" in problem(given, one).sentence
    three = {
        "family": "sequential",
        "layers": [["Linear", 2, 3], ["ReLU"], ["Linear", 3, 2], ["ReLU"], ["Linear", 2, 2]],
    }
    assert "4." in problem(given, three).sentence


def test_an_mlp_spec_on_other_weights_names_the_tensor() -> None:
    found = problem(checkpoint(convolutional()), {"family": "mlp", "activation": "relu"})
    assert found.code == "architecture_mismatch"
    assert "[4, 1, 3, 3]" in found.sentence


def test_widths_that_do_not_chain_or_contradict_the_spec_are_mismatches() -> None:
    odd = checkpoint(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(4, 2)))
    assert (
        "3 outputs meet 4 inputs" in problem(odd, {"family": "mlp", "activation": "relu"}).sentence
    )
    fine = checkpoint(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)))
    spec = {"family": "mlp", "activation": "relu", "widths": [2, 9, 2]}
    assert problem(fine, spec).code == "architecture_mismatch"
    assert build_network(fine, {**spec, "widths": [2, 3, 2]})


@pytest.mark.parametrize("family", ["timm", "torchvision"])
def test_a_model_of_another_library_is_refused_with_the_command_that_exports_it(
    family: str,
) -> None:
    with pytest.raises(ProblemError) as caught:
        build_network(Checkpoint({"w": torch.zeros(1)}, "torch", ""), {"family": family})
    assert caught.value.code == "architecture_invalid"
    assert f"minimascope export {family}" in caught.value.advice
