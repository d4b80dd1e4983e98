"""What the files themselves say of the training, put beside what a person told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.intake.training.moments import second_moments
from minimascope.intake.training.naming import Network
from minimascope.intake.training.taking import taken
from minimascope.intake.values.checkpoint import Checkpoint, read_training
from minimascope.intake.values.trained_part import trained_sentence
from minimascope.intake.values.training_facts import TrainingFacts
from minimascope.objective.optimiser import ADAPTIVE, EPS
from minimascope.objective.trainable import train_only


@dataclass(frozen=True)
class FromFile:
    """Parameters with what the files add to them; v̂ and ε where they have those.

    `read` says in words what was taken from the files, "" for nothing; `open` what they leave open.
    """

    parameters: Parameters
    read: str
    open: list[str]
    second_moment: Mapping[str, Tensor] | None = None
    eps: float = EPS


def from_file(
    network: nn.Module, checkpoint: Checkpoint, state: Path | None, told: Parameters, workdir: Path
) -> FromFile:
    """Freezes in `network` what was not trained, and says what the files know.

    Raises ProblemError: invalid_parameters, and optimizer_state_mismatch where the file of an
    optimiser's state, `state`, is of another network; else as `read_training`.
    """
    if told.trainable is not None:
        train_only(network, told.trainable)
    held = None if state is None else _opened(state, workdir)
    facts = _facts(checkpoint, held)
    parameters, words, left = taken(told, facts, _network(network))
    if parameters.trainable is not None:
        train_only(network, parameters.trainable)
    moments = _moments(held or checkpoint, _network(network), parameters, given=held is not None)
    if moments is not None:
        words = [*words, "the second moments that it kept"]
    elif held is None and _has_moments(checkpoint) and parameters.optimizer in ADAPTIVE:
        left = [*left, _unfit("in the checkpoint").sentence + " v̂ is estimated from gradients."]
    where = "the optimiser's state" if held else "the checkpoint"
    said = [f"Read from {where}: {', '.join(words)}."] if words else []
    if parameters.trainable is None:
        said += trained_sentence(*_sizes(network))
    return FromFile(parameters, " ".join(said), left, moments, _eps(facts, parameters))


def _opened(path: Path, workdir: Path) -> Checkpoint:
    folder = workdir / "optimizer"
    folder.mkdir(exist_ok=True)
    return read_training(path, workdir=folder)


def _facts(checkpoint: Checkpoint, held: Checkpoint | None) -> TrainingFacts:
    """The optimiser and its schedule from its own file where that came along."""
    if held is None or held.training.optimizer is None:
        return checkpoint.training
    kept = checkpoint.training
    criterion = {k: getattr(kept, k) for k in ("class_weights", "pos_weight", "criterion")}
    hyper = {**kept.hyper, **held.training.hyper}
    steps = held.training.steps or kept.steps
    schedules = held.training.schedules or kept.schedules
    more = {"hyper": hyper, "steps": steps, "schedules": schedules}
    return held.training.model_copy(update={**criterion, **more})


def _network(network: nn.Module) -> Network:
    named = dict(network.named_parameters())
    shapes = {name: tuple(each.shape) for name, each in named.items()}
    return Network(shapes, [name for name, each in named.items() if each.requires_grad])


def _sizes(network: nn.Module) -> tuple[int, int]:
    """Trained numbers, and all."""
    every = list(network.parameters())
    return sum(q.numel() for q in every if q.requires_grad), sum(q.numel() for q in every)


def _has_moments(state: Checkpoint) -> bool:
    return bool(state.moments)


def _moments(
    state: Checkpoint, network: Network, parameters: Parameters, *, given: bool
) -> dict[str, Tensor] | None:
    """v̂ for Adam and AdamW; ProblemError where a state that was given has none for this network."""
    if not given and not _has_moments(state):
        return None
    found = second_moments(state, network)
    if parameters.optimizer in ADAPTIVE:
        if given and found is None:
            raise _unfit("that came along")
        return found
    if given and found is not None:
        raise ProblemError(
            "invalid_parameters",
            "A state with second moments came along, and the optimizer is "
            f"{parameters.optimizer or 'not known'}.",
            "Say whether it was adam or adamw, or leave the state out.",
        )
    if given and state.training.optimizer is None:
        raise _unfit("that came along")
    return None


def _unfit(which: str) -> ProblemError:
    return ProblemError(
        "optimizer_state_mismatch",
        f"The optimiser's state {which} has no second moments of this network's trained "
        "parameters: it is that of another network, or of other parameters.",
        "Send optimizer.state_dict() of the run that made these weights, or leave it out.",
    )


def _eps(facts: TrainingFacts, parameters: Parameters) -> float:
    own = facts.optimizer
    eps = own.groups[0].eps if own and own.name == parameters.optimizer else None
    return eps if eps is not None and eps > 0 else EPS
