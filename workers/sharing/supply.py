"""The supervisor's side of an analysis' shards: its child asks, the API answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from workers import protocol
from workers.delivery import ClaimedJob, Delivery

EVENTS = frozenset({"shards", "take", "answer", "fetch"})


class Listener(Protocol):
    """The child, which takes documents as replies."""

    def tell(self, document: dict[str, Any]) -> None: ...


class ShardSupply:
    """Of one running analysis; what its child takes is its own job under the analysis' token."""

    def __init__(self, delivery: Delivery, job: ClaimedJob, folder: Path) -> None:
        self._delivery, self._job, self._folder = delivery, job, folder

    def handle(self, event: dict[str, Any], child: Listener) -> None:
        """One of `EVENTS`; ValueError, KeyError or OSError where it is not as it should be."""
        match event["event"]:
            case "shards":
                self._delivery.add_shards(self._job, list(event["shards"]))
            case "take":
                child.tell(self._delivery.take_shard(self._job, str(event["stage"])))
            case "fetch":
                child.tell({"paths": self._fetch(str(event["shard"]), list(event["names"]))})
            case _:
                self._finish(str(event["shard"]), dict(event["value"]), dict(event["arrays"]))

    def _fetch(self, shard: str, names: list[str]) -> dict[str, str]:
        paths = {name: self._folder / f"fetched-{shard}-{name}.npy" for name in names}
        for name, path in paths.items():
            self._delivery.fetch_array(shard, name, path)
        return {name: str(path) for name, path in paths.items()}

    def _finish(self, shard: str, value: dict[str, Any], arrays: dict[str, str]) -> None:
        mine = replace(self._job, id=shard)
        for name, path in arrays.items():
            self._delivery.put_array(mine, name, protocol.file({"path": path}))
            Path(path).unlink()
        self._delivery.finish(mine, "done", result=value)
