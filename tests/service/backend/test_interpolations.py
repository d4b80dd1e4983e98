"""Lines between two analyses over REST: computed once by a worker, refused in words."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import pytest

from minimascope.client import Client
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.interpolations import Interpolation, InterpolationRequest
from minimascope.contract.schemas import AnalysisRequest
from tests.servers.serve import Served
from tests.service.backend.conftest import ended


@pytest.fixture
def client(running: Served) -> Iterator[Client]:
    with running.client() as opened:
        yield opened


def analysed(client: Client, text: str, *, train: bytes = b"data", test: bytes = b"") -> str:
    asked = AnalysisRequest(
        checkpoint=client.store("checkpoint", io.BytesIO(text.encode()), name="w.pt").id,
        train=client.store("dataset", io.BytesIO(train), name="train.npz").id,
        test=client.store("dataset", io.BytesIO(test), name="test.npz").id if test else None,
    )
    identifier = client.submit(asked).id
    assert ended(client, identifier).state == "done"
    return identifier


@pytest.fixture(scope="module")
def pair(running: Served) -> tuple[str, str]:
    with running.client() as client:
        return analysed(client, "sleep 0", test=b"test"), analysed(client, "sleep 0.01")


def test_a_line_is_202_then_200_and_its_curve_follows(
    running: Served, pair: tuple[str, str]
) -> None:
    url = f"{running.url}/api/v1/analyses/{pair[0]}/interpolations"
    first = httpx.post(url, json={"other": pair[1]})
    assert first.status_code == 202
    place = running.url + first.headers["location"]
    found = Interpolation.model_validate_json(
        httpx.get(place, params={"wait": 30}, timeout=40).content
    )
    assert found.state == "done"
    assert found.curve
    # The child gives the number of files it got: two checkpoints, training and test set.
    assert found.curve.train.loss == [4, 4]
    assert httpx.post(url, json={"other": pair[1]}).status_code == 200


def test_the_client_waits_for_the_curve_and_hears_a_refusal(
    client: Client, pair: tuple[str, str]
) -> None:
    curve = client.interpolation(pair[0], InterpolationRequest(other=pair[1], steps=8))
    assert curve.alpha == [0, 1]
    for _ in range(2):
        with pytest.raises(ProblemError, match="is no weights"):
            client.interpolation(pair[0], InterpolationRequest(other=pair[1], steps=40))


def test_a_line_needs_two_analyses_of_one_training_set(
    client: Client, pair: tuple[str, str]
) -> None:
    elsewhere = analysed(client, "sleep 0", train=b"other data")
    for other, code, status in (
        (pair[0], "same_analysis", 409),
        (elsewhere, "data_differ", 409),
        ("0" * 32, "no_such_analysis", 404),
    ):
        with pytest.raises(ProblemError) as refused:
            client.interpolation(pair[0], InterpolationRequest(other=other))
        assert (refused.value.code, refused.value.status) == (code, status)
        assert refused.value.sentence.count(".") == 1


def test_a_line_goes_with_its_analysis(client: Client, running: Served) -> None:
    ids = [analysed(client, f"sleep 0.0{n}") for n in (2, 3)]
    request = InterpolationRequest(other=ids[1])
    client.interpolation(ids[0], request)
    address = f"/analyses/{ids[0]}/interpolations/{request.identifier(ids[0])}"
    assert client._http.get(address).status_code == 200
    client.delete_analysis(ids[0])
    assert client._http.get(address).status_code == 404
