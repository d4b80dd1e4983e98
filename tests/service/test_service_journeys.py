"""The service as a user meets it: `serve` with its real workers and the real child."""

from __future__ import annotations

import io
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from safetensors.torch import load_file, save

from minimascope.cli.model_options import options_of
from minimascope.client import Client
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.descents import DescentRequest
from minimascope.contract.questions.interpolations import InterpolationRequest
from minimascope.contract.questions.slices import SliceRequest
from minimascope.contract.schemas import FINAL_STATES, Analysis, AnalysisRequest
from tests.servers.places import ROOT
from tests.servers.serve import Served

DEMO = ROOT / "backend" / "demos" / "weight-decay"
ASKED: dict[str, Any] = json.loads((DEMO / "request.json").read_text())["parameters"]
QUICK = {**ASKED, "stages": ["spectrum", "gap"], "top_k": 5}
LEASE = 4.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = {
        "LEASE_SECONDS": str(LEASE),
        # A busy machine may take longer than the default 20 s, and an upload then answers 202.
        "INSPECT_WAIT_SECONDS": "60",
    }
    with Served(tmp_path_factory.mktemp("data"), settings) as server:
        yield server
        assert len(server.descendants()) >= 2


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with served.client() as opened:
        yield opened


def request(client: Client, **parameters: Any) -> AnalysisRequest:
    """The demo network on its data, uploaded like any other."""
    return AnalysisRequest(
        name="journey",
        checkpoint=client.store("checkpoint", DEMO / "checkpoint.safetensors").id,
        train=client.store("dataset", DEMO / "train.npz").id,
        test=client.store("dataset", DEMO / "test.npz").id,
        parameters={**QUICK, **parameters},
    )


def followed(client: Client, identifier: str) -> tuple[list[str], Analysis]:
    """Names of the live events, and the analysis at its end."""
    names = [event.name for event in client.events(identifier)]
    return names, client.analysis(identifier)


SECONDS = ("/wall_seconds", "/planned_seconds", "/spectrum/plan", "/gap/plan")


def numbers(value: Any, path: str = "") -> dict[str, float]:
    """Every number of a report under its path; seconds differ from run to run."""
    if isinstance(value, bool) or path in SECONDS:
        return {}
    if isinstance(value, int | float):
        return {path: float(value)}
    pairs = enumerate(value) if isinstance(value, list) else []
    pairs = value.items() if isinstance(value, dict) else pairs
    return {p: n for key, each in pairs for p, n in numbers(each, f"{path}/{key}").items()}


def test_the_demo_is_there_on_the_first_start(client: Client) -> None:
    demo = client.analyses().items
    assert len(demo) >= 2
    assert {analysis.state for analysis in demo} == {"done"}
    assert all(client.report(analysis.id).gap for analysis in demo)


def test_rest_gives_the_numbers_of_the_command_line(client: Client, tmp_path: Path) -> None:
    asked = request(client)
    identifier = client.submit(asked).id
    names, analysis = followed(client, identifier)
    assert (analysis.state, analysis.attempt, analysis.problem) == ("done", 1, None)
    assert names[0] == "snapshot"
    assert {"stage", "state"} <= set(names)
    command = [sys.executable, "-m", "minimascope", "analyze"]
    command += ["--checkpoint", str(DEMO / "checkpoint.safetensors")]
    command += ["--train", str(DEMO / "train.npz"), "--test", str(DEMO / "test.npz")]
    command += ["--architecture", json.dumps(ASKED["architecture"]), "--top-k", "5"]
    told = ("weight_decay", "optimizer", "augmentation", "dropout")
    command += shlex.split(options_of({name: ASKED[name] for name in told}))
    command += ["--stages", "spectrum,gap"]
    command += ["--output", str(tmp_path / "report.json"), "--arrays", str(tmp_path / "a.npz")]
    # One thread as in the service: sums in another order would differ by more than 1e-9 of
    # the smallest numbers.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, cwd=ROOT, env=environment, timeout=200)
    here = numbers(client.report(identifier).model_dump(by_alias=True, mode="json"))
    there = numbers(json.loads((tmp_path / "report.json").read_text()))
    assert here.keys() == there.keys()
    assert len(here) > 100
    # A temperature minimises a loss: rounding of 1e-16 there moves it by its root, 1e-8.
    fitted = [name for name in here if name.endswith(("t_alo", "t_train", "temperature_train"))]
    assert fitted
    for name in fitted:
        assert_allclose(here.pop(name), there.pop(name), rtol=1e-7)
    # Residuals are rounding itself (1e-16 of the largest eigenvalue, about 1).
    assert_allclose(list(here.values()), list(there.values()), rtol=1e-9, atol=1e-12)
    arrays = client.arrays(identifier)
    assert sorted(arrays) == analysis.arrays
    with np.load(tmp_path / "a.npz") as local:
        assert sorted(local.files) == analysis.arrays
        assert_allclose(np.abs(arrays["eigenvectors"]), np.abs(local["eigenvectors"]), atol=1e-7)


def test_a_plane_through_three_points_of_the_demo_is_drawn_by_a_worker(client: Client) -> None:
    analysis = client.analyses().items[-1]
    whole = client.arrays(analysis.id)
    asked = SliceRequest(plane="points", points=(0, 40, 90), resolution=30)
    arrays = client.slice(analysis.id, asked)
    assert arrays["slice_alignment"].shape == (len(whole["eigenvectors"]), 30, 30)
    # The plane of 2-D inputs is the input plane turned: distances between points stay.
    corners, points = arrays["slice_corners"].astype(float), whole["points"][[0, 40, 90]]
    assert_allclose(
        np.linalg.norm(corners[1:] - corners[0], axis=1),
        np.linalg.norm(points[1:] - points[0], axis=1),
        rtol=1e-5,  # both are float32
    )
    with pytest.raises(ProblemError, match="no training row 5000") as refused:
        client.slice(analysis.id, SliceRequest(plane="points", points=(0, 1, 5000)))
    assert refused.value.code == "no_such_slice"


def test_the_line_between_two_demos_ends_at_their_reports(client: Client) -> None:
    spirals = [each.id for each in client.analyses().items if each.name.startswith("spirals, w")]
    first, second = spirals[-2:]
    curve = client.interpolation(first, InterpolationRequest(other=second, steps=4))
    assert curve.test
    for identifier, place in ((first, 1), (second, 5)):
        data = client.report(identifier).data
        assert data.test
        for split, known in ((curve.train, data.train), (curve.test, data.test)):
            # The same float64 forward pass, added up in another order.
            assert split.loss[place] == pytest.approx(known.loss, rel=1e-9)
            assert split.accuracy
            assert split.accuracy[place] == pytest.approx(known.accuracy, rel=1e-12)
    assert curve.distance > 0


def test_weights_short_of_their_minimum_are_polished_to_it(client: Client) -> None:
    torch.manual_seed(0)
    known = load_file(DEMO / "checkpoint.safetensors")
    moved = weights(**{name: q + 0.03 * torch.randn_like(q) for name, q in known.items()})
    asked = request(client, stages=["spectrum"])
    asked = asked.model_copy(update={"checkpoint": client.store("checkpoint", moved, name="m").id})
    identifier = client.submit(asked).id
    assert followed(client, identifier)[1].state == "done"
    path, file = client.descent(identifier, DescentRequest(seconds=60), seconds=120)
    assert path.converged
    assert path.objective_after < path.objective_before
    polished = client.store("checkpoint", io.BytesIO(file), name="polished.pt").id
    asked = request(client, stages=["gap"]).model_copy(update={"checkpoint": polished})
    again = client.submit(asked).id
    assert followed(client, again)[1].state == "done"
    minimum = client.report(again).minimum
    assert minimum
    assert minimum.converged
    refused = client._http.get(f"/analyses/{identifier}/descents/{'0' * 32}")
    assert (refused.status_code, refused.json()["code"]) == (404, "no_such_descent")


def weights(**changed: torch.Tensor) -> io.BytesIO:
    return io.BytesIO(save({**load_file(DEMO / "checkpoint.safetensors"), **changed}))


def dataset(labels: np.ndarray[Any, Any]) -> io.BytesIO:
    file = io.BytesIO()
    rng = np.random.default_rng(0)
    np.savez(file, X=rng.normal(size=(len(labels), 2)).astype(np.float32), y=labels)
    file.seek(0)
    return file


def test_a_web_page_is_no_checkpoint(client: Client) -> None:
    with pytest.raises(ProblemError) as refused:
        client.store("checkpoint", io.BytesIO(b"<html><body>404</body></html>"), name="w.pt")
    assert (refused.value.status, refused.value.code) == (422, "unsupported_format")
    one_sentence(refused.value)


def test_nan_weights_are_refused_at_the_upload(client: Client) -> None:
    name, value = next(iter(load_file(DEMO / "checkpoint.safetensors").items()))
    with pytest.raises(ProblemError) as refused:
        client.store("checkpoint", weights(**{name: torch.full_like(value, torch.nan)}))
    assert (refused.value.status, refused.value.code) == (422, "nan_weights")
    assert name in refused.value.sentence
    one_sentence(refused.value)


def test_wrong_shapes_name_the_first_tensor_that_differs(client: Client) -> None:
    asked = request(client)
    layers = [["Linear", 2, 7], ["Tanh"], ["Linear", 7, 2]]
    parameters = {**QUICK, "architecture": {"family": "sequential", "layers": layers}}
    body = AnalysisRequest(**{**asked.model_dump(), "parameters": parameters})
    with pytest.raises(ProblemError) as refused:
        client.submit(body)
    assert refused.value.status == 422
    assert refused.value.code == "architecture_mismatch"
    assert "'0.weight' has shape [32, 2]" in refused.value.sentence
    one_sentence(refused.value)


def test_labels_out_of_range_are_refused_at_submission(client: Client) -> None:
    train = client.store("dataset", dataset(np.array([0, 1, 2, 7] * 5)), name="labels.npz")
    with pytest.raises(ProblemError) as refused:
        client.submit(request(client).model_copy(update={"train": train.id}))
    assert (refused.value.status, refused.value.code) == (422, "labels_out_of_range")
    assert "7" in refused.value.sentence
    one_sentence(refused.value)


def one_sentence(problem: ProblemError) -> None:
    assert "\n" not in problem.sentence
    assert problem.sentence.endswith(".")
    assert "Traceback" not in problem.line()


def test_a_plan_says_what_the_spectrum_would_cost(client: Client) -> None:
    body = request(client).model_dump(mode="json")
    answer = client._http.post("/plans", json=body)
    while answer.status_code == 503:  # a busy machine: the server says to ask again
        answer = client._http.post("/plans", json=body)
    plan = answer.json()
    assert answer.status_code == 200, plan
    assert plan["parameters"] == sum(
        value.numel() for value in load_file(DEMO / "checkpoint.safetensors").values()
    )
    assert plan["seconds"] > 0
    assert plan["sentence"].count("\n") == 0


def test_a_worker_lists_what_the_demos_weights_allow_and_the_loss_of_each(client: Client) -> None:
    asked = request(client)
    table = client.architectures(asked)
    losses = {row.architecture["activation"]: row.loss for row in table.candidates}
    assert list(losses.values()) == sorted(losses.values())
    assert len(losses) == 9
    plan = client.plan(asked)
    assert plan.data is not None
    # the same forward pass, in float32 over at most 1000 examples there and float64 here
    assert losses["tanh"] == pytest.approx(plan.data.train.loss, rel=1e-4)


def test_weights_are_told_over_rest_and_compared(client: Client, tmp_path: Path) -> None:
    torch.manual_seed(0)
    before = torch.nn.Linear(60, 40).state_dict()
    after = {**before, "weight": before["weight"] + torch.randn(40, 2) @ torch.randn(2, 60)}
    ids = []
    for name, state in (("before", before), ("after", after)):
        path = tmp_path / f"{name}.pt"
        torch.save(state, path)
        ids.append(client.store("checkpoint", path).id)
    alone = client.weights(ids[0])
    assert [row.name for row in alone.rows] == ["weight", "bias"]
    assert alone.rows[0].drawn_as
    moved = client.weights(ids[1], against=ids[0])
    assert (moved.name, moved.against) == ("after.pt", "before.pt")
    assert moved.rows[0].change
    assert moved.rows[0].change.rank == 2
    with pytest.raises(ProblemError) as refused:
        client.weights(ids[0], against="0" * 64)
    assert (refused.value.code, refused.value.status) == ("no_such_checkpoint", 422)


def test_a_gpu_is_refused_where_no_worker_has_one(client: Client) -> None:
    with pytest.raises(ProblemError) as refused:
        client.submit(request(client, device="cuda"))
    assert (refused.value.status, refused.value.code) == (422, "no_gpu")


def test_a_worker_killed_mid_job_ends_done_on_attempt_2(served: Served, client: Client) -> None:
    identifier = client.submit(request(client, top_k=6, seed=1)).id
    while client.analysis(identifier).state == "queued":
        time.sleep(0.02)
    os.kill(served.worker("analyses"), signal.SIGKILL)
    killed = client.analysis(identifier)
    assert killed.state not in FINAL_STATES, "too quick to be killed"
    _, analysis = followed(client, identifier)
    assert (analysis.state, analysis.attempt) == ("done", 2)
    assert client.report(identifier).gap
    assert [a.id for a in client.analyses(q="journey").items].count(identifier) == 1


def test_a_taken_port_is_one_line_and_exit_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "minimascope", "serve", f"--data={tmp_path}"]
        command += [f"--port={taken.getsockname()[1]}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
