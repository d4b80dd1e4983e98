"""A killed run goes on from its Krylov state."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.running import saved_state
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted


class KilledError(Exception):
    pass


def lanczos_size(examples: int = 300) -> Minimum:
    """p = 4,684, above what the dense route takes."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(30, 130), nn.Tanh(), nn.Linear(130, 4))
    return prepare(network, torch.randn(examples, 30), torch.randint(0, 4, (examples,)))


def low_rank_size() -> Minimum:
    """p = 1,124 and n·K = 60."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 4))
    return prepare(network, torch.randn(15, 30), torch.randint(0, 4, (15,)))


@pytest.fixture(autouse=True)
def saves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_state, "EVERY", 0.0)
    monkeypatch.setattr(saved_state, "SHARE", 0)


def kill_after(minimum: Minimum, path: Path, calls: int) -> None:
    seen = 0

    def progress(fraction: float, sentence: str) -> None:
        nonlocal seen
        seen += 1
        if seen == calls:
            raise KilledError

    with pytest.raises(KilledError):
        compute_spectrum(minimum, Wanted(top_k=5), run=Run(progress=progress, state_path=path))


@pytest.mark.parametrize(("problem", "calls"), [(lanczos_size, 12), (low_rank_size, 3)])
def test_an_interrupted_run_resumes(
    tmp_path: Path, problem: Callable[[], Minimum], calls: int
) -> None:
    minimum, path = problem(), tmp_path / "state.npz"
    whole = compute_spectrum(minimum, Wanted(top_k=5))
    kill_after(minimum, path, calls)
    assert path.exists()
    resumed = compute_spectrum(minimum, Wanted(top_k=5), run=Run(state_path=path))
    # Both run the same recurrence; rounding of batches differs: 1e-12 of λ1.
    assert (resumed.eigenvalues - whole.eigenvalues).abs().max() <= 1e-12 * whole.eigenvalues[0]
    # Counted over both runs; recomputing residuals takes a product a pair after a resume.
    assert resumed.products <= whole.products + 5
    assert resumed.complete == whole.complete
    assert not path.exists()


@pytest.mark.parametrize("damage", ["other data", "other seed", "half a file", "not a file at all"])
def test_a_state_of_something_else_is_ignored(tmp_path: Path, damage: str) -> None:
    minimum, path = lanczos_size(), tmp_path / "state.npz"
    kill_after(minimum, path, 12)
    seed = 0
    if damage == "other data":
        minimum = lanczos_size(301)
    elif damage == "other seed":
        seed = 1
    elif damage == "half a file":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        path.write_bytes(b"pickle me")
    fresh = compute_spectrum(minimum, Wanted(top_k=5), run=Run(seed=seed))
    found = compute_spectrum(minimum, Wanted(top_k=5), run=Run(seed=seed, state_path=path))
    assert torch.equal(found.eigenvalues, fresh.eigenvalues)
    assert found.products == fresh.products
