"""Planes asked for over REST: queued for a worker, answered once, kept, forgotten."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from minimascope.client import Client
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.slices import Slice, SliceRequest
from minimascope.contract.schemas import AnalysisRequest
from tests.servers.serve import Served
from tests.service.backend.conftest import ended


@pytest.fixture
def client(running: Served) -> Iterator[Client]:
    with running.client() as opened:
        yield opened


def analysed(client: Client, text: str) -> str:
    train = client.store("dataset", io.BytesIO(b"data"), name="train.npz").id
    checkpoint = client.store("checkpoint", io.BytesIO(text.encode()), name="w.pt").id
    identifier = client.submit(AnalysisRequest(checkpoint=checkpoint, train=train)).id
    assert ended(client, identifier).state == "done"
    return identifier


@pytest.fixture
def analysis(client: Client) -> Iterator[str]:
    identifier = analysed(client, "vectors")
    yield identifier
    client.delete_analysis(identifier)


PLANE = SliceRequest(plane="points", points=(0, 1, 2), resolution=5)


def test_a_plane_is_202_then_200_and_its_arrays_follow(running: Served, analysis: str) -> None:
    url = f"{running.url}/api/v1/analyses/{analysis}/slices"
    first = httpx.post(url, json=PLANE.model_dump(mode="json"))
    assert first.status_code == 202
    place = running.url + first.headers["location"]
    found = Slice.model_validate_json(httpx.get(place, params={"wait": 30}, timeout=40).content)
    assert (found.state, found.underflowed, found.request) == ("done", 2, PLANE)
    assert httpx.post(url, json=PLANE.model_dump(mode="json")).status_code == 200
    single = httpx.get(f"{place}/arrays/slice_alignment").content
    assert np.load(io.BytesIO(single)).tolist() == np.eye(2, 3).tolist()


def test_the_client_waits_for_the_arrays(client: Client, analysis: str) -> None:
    arrays = client.slice(analysis, PLANE)
    assert {name: values.shape for name, values in arrays.items()} == {"slice_alignment": (2, 3)}


def test_the_same_question_in_other_words_is_the_same_plane(analysis: str) -> None:
    unread = PLANE.model_copy(update={"vector": 3, "components": (2, 5)})
    assert unread.identifier(analysis) == PLANE.identifier(analysis)
    others = [
        SliceRequest(plane="points", points=(0, 1, 3), resolution=5).identifier(analysis),
        SliceRequest(plane="extremes", vector=1).identifier(analysis),
        SliceRequest(plane="extremes", vector=2).identifier(analysis),
        PLANE.identifier("0" * 32),
    ]
    assert len({*others, PLANE.identifier(analysis)}) == 5


def test_a_refusal_is_kept_as_the_answer(client: Client, analysis: str) -> None:
    wrong = SliceRequest(plane="points", points=(0, 1, 4))
    for _ in range(2):
        with pytest.raises(ProblemError, match="is no weights") as refused:
            client.slice(analysis, wrong)
        assert refused.value.status == 422


def test_a_lost_worker_is_no_answer_and_is_asked_again(client: Client, analysis: str) -> None:
    crashing = SliceRequest(plane="points", points=(0, 1, 2), resolution=13)
    states = []
    for _ in range(2):
        with pytest.raises(ProblemError) as crashed:
            client.slice(analysis, crashing)
        states.append((crashed.value.status, crashed.value.code))
        address = f"/analyses/{analysis}/slices/{crashing.identifier(analysis)}"
        states.append(client._http.get(address).json()["state"])
    assert states == [(500, "crashed"), "failed"] * 2


def test_no_plane_without_eigenvectors(client: Client) -> None:
    identifier = analysed(client, "sleep 0")
    with pytest.raises(ProblemError) as refused:
        client.slice(identifier, PLANE)
    assert (refused.value.status, refused.value.code) == (409, "no_eigenvectors_yet")


def test_planes_go_with_their_analysis(client: Client, running: Served) -> None:
    identifier = analysed(client, "vectors sleep 0")
    client.slice(identifier, PLANE)
    folder = running.folder / "store" / "results" / PLANE.identifier(identifier)
    assert folder.is_dir()
    client.delete_analysis(identifier)
    assert not folder.exists()
    with pytest.raises(ProblemError, match="no analysis"):
        client.slice(identifier, PLANE)


def test_a_meaningless_plane_is_refused_in_one_sentence(running: Served, analysis: str) -> None:
    url = f"{running.url}/api/v1/analyses/{analysis}/slices"
    answer = httpx.post(url, json={"plane": "points", "points": [1, 1, 2]})
    assert answer.status_code == 422
    expected = "A plane needs three different training rows, not (1, 1, 2)."
    assert answer.json()["sentence"] == expected
