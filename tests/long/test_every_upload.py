"""Programs and Hugging Face folders go through every stage, as networks with a spec do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from minimascope import export
from minimascope.analysis.run import run_analysis
from minimascope.analysis.session.opening import Files
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import STAGES, Report, Stage
from tests.cases.analyses import Kept
from tests.cases.zoo import specimen
from tests.long.intake.test_zoo import hugging, zipped

pytestmark = [  # torch's own deprecated parts
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


class FusedAttention(nn.Module):
    """An encoder layer of torch.nn: `scaled_dot_product_attention` once it is exported."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(3, 4)
        self.layer = nn.TransformerEncoderLayer(4, 2, 6, 0.0, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, rows: Tensor) -> Tensor:
        return self.head(self.layer(self.embed(rows)).mean(1))


class Recurrent(nn.Module):
    """An LSTM whose logits are divided by a temperature: a parameter of no dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 3)
        self.temperature = nn.Parameter(torch.tensor(1.5))

    def forward(self, rows: Tensor) -> Tensor:
        return self.head(self.layer(rows)[0][:, -1]) / self.temperature


NETWORKS = {"attention": FusedAttention, "recurrent, with a temperature": Recurrent}


def analysed(path: Path, inputs: Tensor, stages: tuple[Stage, ...] = STAGES) -> Report:
    """An analysis of 18 examples like those, with three labels in turn."""
    generator = torch.Generator().manual_seed(1)
    shape = (18, *inputs.shape[1:])
    if inputs.is_floating_point():
        rows = torch.randn(shape, generator=generator).double()
    else:
        rows = torch.randint(3, int(inputs.max()) + 1, shape, generator=generator)
    np.savez(path.parent / "train.npz", X=rows.numpy(), y=np.arange(18) % 3)
    files = Files(path, path.parent / "train.npz", None)
    parameters = Parameters(top_k=2, weight_decay=1e-2, stages=list(stages))
    return run_analysis(files, parameters, workdir=path.parent, publisher=Kept())


def assert_whole(report: Report) -> None:
    assert report.failures == []
    assert report.spectrum is not None
    assert report.gap is not None
    assert report.gap.estimates["alo_ggn"].value is not None


@pytest.mark.parametrize("name", ["squeeze and excitation", *NETWORKS])
def test_programs(name: str, tmp_path: Path) -> None:
    if name in NETWORKS:
        torch.manual_seed(0)
        network, inputs = NETWORKS[name]().double().eval(), torch.randn(4, 5, 3).double()
    else:
        found = specimen(name)
        network, inputs = found.network, found.inputs
    export(network, inputs, tmp_path / "model.pt2")
    report = analysed(tmp_path / "model.pt2", inputs)
    assert_whole(report)
    assert report.boundary is not None
    assert report.margins is not None


def test_hugging_face_folders(tmp_path: Path) -> None:
    model, inputs, config = hugging("ViT")
    folder = zipped(tmp_path / "model.zip", model, config)
    assert_whole(analysed(folder, inputs, stages=("spectrum", "gap")))


def test_token_ids_have_everything_but_margins(tmp_path: Path) -> None:
    found = specimen("embedding MLP")
    export(found.network, found.inputs, tmp_path / "model.pt2")
    report = analysed(tmp_path / "model.pt2", found.inputs)
    assert [failure.stage for failure in report.failures] == ["margins"]
    assert report.gap is not None
    assert report.boundary is not None
