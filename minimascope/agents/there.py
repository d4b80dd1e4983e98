"""Analyses of a server, by its address and a token."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from minimascope.agents.minima import Order, Standing
from minimascope.cli.server import stored
from minimascope.client import Client
from minimascope.contract.report import Report
from minimascope.contract.schemas import AnalysisRequest, ListedAnalysis

SHOWN = 50


class There:
    """What a server has and computes."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def submit(self, order: Order) -> Standing:
        state = order.optimizer_state
        request = AnalysisRequest(
            name=order.name,
            checkpoint=stored(self._client, "checkpoint", order.checkpoint),
            train=stored(self._client, "dataset", order.train),
            test=stored(self._client, "dataset", order.test) if order.test else None,
            optimizer_state=stored(self._client, "checkpoint", state) if state else None,
            parameters=order.parameters,
        )
        return _standing(self._client.submit(request))

    def standing(self, identifier: str) -> Standing:
        return _standing(self._client.analysis(identifier))

    def listed(self) -> list[Standing]:
        return [_standing(each) for each in self._client.analyses(limit=SHOWN).items]

    def report(self, identifier: str) -> Report:
        return self._client.report(identifier)

    def arrays(self, identifier: str) -> Mapping[str, np.ndarray]:
        return self._client.arrays(identifier)

    def data(self, identifier: str) -> tuple[str | None, ...]:
        found = self._client.analysis(identifier)
        return (found.train, found.test)


def _standing(found: ListedAnalysis) -> Standing:
    said = "" if found.state == "done" else found.message or ""
    return Standing(found.id, found.name, found.state, found.progress, said, found.problem)
