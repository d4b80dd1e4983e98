"""From a training script to a server: the report published, or computed by its worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

import minimascope as ms
from minimascope.contract.problems import ProblemError
from tests.cases.script import Trained, trained
from tests.servers.serve import Served

STAGES = ["spectrum", "gap"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("served"), {"DEMO_DIR": "/nowhere"}) as served:
        yield served


def both(server: Served, script: Trained) -> tuple[ms.Report, ms.Report]:
    given = (script.model, script.loader, script.criterion, script.optimizer)
    here = ms.analyze(*given, test=script.test, stages=STAGES, progress=False)
    heard: list[float] = []
    with server.client() as client:
        there = client.analyze(
            *given,
            test=script.test,
            stages=STAGES,
            name="from a script",
            progress=lambda done, said: heard.append(done),
        )
    assert heard
    assert heard[-1] == 1.0
    return here.report, there.report


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW])
def test_a_worker_gives_the_report_of_the_script_itself(
    server: Served, kind: type[torch.optim.Optimizer]
) -> None:
    here, there = both(server, trained(kind))
    assert all((here.spectrum, there.spectrum, here.gap, there.gap))
    # Two programs of the same operators: equal up to the order of sums.
    assert there.spectrum.eigenvalues == pytest.approx(here.spectrum.eigenvalues, rel=1e-8)
    assert there.data.train == here.data.train
    assert there.data.test == here.data.test
    assert all((here.objective, there.objective))
    told = {"optimizer", "lr", "steps", "momentum", "betas", "loss"}
    assert there.objective.model_dump(include=told) == here.objective.model_dump(include=told)
    assert there.gap.lambda_ == pytest.approx(here.gap.lambda_, rel=1e-9)
    for name, each in here.gap.estimates.items():
        if each is not None and each.value is not None:
            found = there.gap.estimates[name]
            assert found is not None
            assert found.value == pytest.approx(each.value, rel=1e-6), name


def test_frozen_layers_and_groups_are_said_to_the_worker(server: Served) -> None:
    script = trained()
    script.model[0].bias.requires_grad_(False)
    groups = [
        {"params": [script.model[0].weight], "weight_decay": 0.1},
        {"params": list(script.model[2].parameters()), "weight_decay": 0.0},
    ]
    other = Trained(
        script.model,
        script.X,
        script.y,
        script.test,
        script.criterion,
        torch.optim.SGD(groups, lr=0.05),
    )
    here, there = both(server, other)
    assert all((here.spectrum, there.spectrum, here.objective, there.objective))
    assert there.objective.trained == here.objective.trained == 12 + 21
    assert there.spectrum.eigenvalues == pytest.approx(here.spectrum.eigenvalues, rel=1e-8)
    decays = [
        sorted((e.weight_decay, e.parameters) for e in each.objective.penalty)
        for each in (here, there)
        if each.objective
    ]
    assert decays[0] == decays[1]


def test_what_is_code_is_not_sent(server: Served) -> None:
    script = trained()
    with server.client() as client, pytest.raises(ProblemError, match="cannot be sent: it is code"):
        client.analyze(script.model, script.loader, lambda out, y: (out[:, 0] - y).square().mean())


def test_a_published_report_is_beside_the_servers_own(server: Served) -> None:
    script = trained()
    found = ms.analyze(
        script.model, script.loader, nn.CrossEntropyLoss(), progress=False, stages=["spectrum"]
    )
    head = found.publish(server.url, name="mine", run="run 1", step=7)
    assert head.elsewhere
    assert head.made_by
    assert head.made_by.version == ms.__version__
    with server.client() as client:
        assert client.report(head.id) == found.report
        kept = client.arrays(head.id)
        assert set(kept) == set(found.arrays) - {"eigenvectors"}
        assert [each.step for each in client.run("run 1").points] == [7]
        assert client.runs().items[0].name == "run 1"
        with pytest.raises(ProblemError, match="There is no run 'run 2'"):
            client.run("run 2")
