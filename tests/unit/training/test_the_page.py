"""The five lines of docs/in_your_script.md, run as a notebook would run them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, TensorDataset

from tests.cases.script import trained

PAGE = (Path(__file__).parents[3] / "docs" / "in_your_script.md").read_text()


def test_from_what_is_in_hand_to_the_drawn_report(capsys: Any) -> None:
    cell = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
    assert len([line for line in cell.splitlines() if line]) <= 5
    script = trained()
    hand: dict[str, Any] = {
        "model": script.model,
        "train_loader": script.loader,
        "criterion": script.criterion,
        "optimizer": script.optimizer,
        "test_loader": DataLoader(TensorDataset(*script.test), 8),
    }
    exec(cell, hand)  # our own page
    assert capsys.readouterr().out.startswith(("Expect test loss", "No estimate"))
    shown = hand["report"]._repr_html_()
    assert "<script" not in shown
    assert shown.count("<svg") >= 4
    assert hand["report"].failures == []
    assert hand["report"].plot.boundary(v=1).data


def test_every_method_that_the_page_names_is_there() -> None:
    from minimascope.results.plots import Plots
    from minimascope.results.result import Result

    for name in set(re.findall(r"`report\.(\w+)\(", PAGE)) - {"plot"}:
        assert callable(getattr(Result, name)), name
    for name in re.findall(r"report\.plot\.(\w+)\(|`\.(\w+)\(", PAGE):
        assert callable(getattr(Plots, name[0] or name[1])), name
