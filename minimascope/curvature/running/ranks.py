"""The processes that work on one analysis together, and what they say to one another.

Rank 0 leads: it alone decides what is done, and the others do their share of it. So nothing that
differs between processes, such as a clock or free memory, can make them wait for different things.
What is said goes through torch.distributed; tensors of a GPU through NCCL, all else through gloo.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

# What rank 0 does alone may take hours. A process that ends closes its connections, which is
# noticed at once whatever this is.
PATIENCE = timedelta(days=7)
SAID_BYTES = 400  # of what went wrong at a rank


class RankLostError(Exception):
    """A process of this analysis is gone, and with it the others' work."""


class Ranks:
    """This process among them. All of the processes of `group` make one at the same time.

    device: of the tensors that are summed.
    """

    def __init__(self, group: Any, device: torch.device) -> None:
        self._key = (group, device.type)
        if self._key not in _GROUPS:
            _GROUPS[self._key] = _patient(group, device)
        self._group: Any = _GROUPS[self._key]
        self.device, self.agreed = device, False  # until all have opened the same
        self.between = True  # exchanges, and not in the middle of one
        self.rank, self.count = dist.get_rank(group), dist.get_world_size(group)

    def share_of(self, n: int, rank: int | None = None) -> slice:
        """The examples of a rank, this one's where none is given, of n in order."""
        rank = self.rank if rank is None else rank
        return slice(n * rank // self.count, n * (rank + 1) // self.count)

    def say(self, words: dict[str, Any]) -> None:
        """Rank 0 to all others: anything that JSON can say. Begins an exchange."""
        self.between = False
        self.say_bytes(json.dumps(words).encode())

    def hear(self) -> dict[str, Any]:
        """What rank 0 said."""
        return json.loads(self.hear_bytes())

    def say_bytes(self, content: bytes) -> None:
        """Rank 0 to all others."""
        with _plainly():
            self._broadcast(torch.tensor([len(content)]))
            self._broadcast(torch.frombuffer(bytearray(content), dtype=torch.uint8))

    def hear_bytes(self) -> bytes:
        """What rank 0 sent."""
        with _plainly():
            size = self._broadcast(torch.zeros(1, dtype=torch.int64))
            return self._broadcast(torch.empty(int(size), dtype=torch.uint8)).numpy().tobytes()

    def broadcast(self, tensor: Tensor) -> Tensor:
        """Rank 0's numbers, written into the others' tensor of the same shape."""
        with _plainly():
            return self._broadcast(tensor.detach().contiguous())

    def give(self, tensor: Tensor, rank: int) -> None:
        """One tensor to one other rank."""
        with _losses(), _plainly():
            dist.send(tensor.detach().contiguous(), group=self._group, group_dst=rank)

    def take(self, tensor: Tensor) -> Tensor:
        """Fills a tensor with what rank 0 gave."""
        with _losses(), _plainly():
            dist.recv(tensor, group=self._group, group_src=0)
        return tensor

    def add_up(self, tensor: Tensor) -> Tensor:
        """The sum over ranks at rank 0; the other ranks' tensors are worth nothing after."""
        with _losses(), _plainly():
            summed = tensor.detach().contiguous()
            dist.reduce(summed, group=self._group, group_dst=0)
        return summed

    def tell_all(self, said: str) -> list[str]:
        """What every rank says, at all ranks: a few words each, cut short."""
        with _losses(), _plainly():
            content = said.encode()[:SAID_BYTES].ljust(SAID_BYTES, b"\0")
            own = torch.frombuffer(bytearray(content), dtype=torch.uint8)
            heard = [torch.empty_like(own) for _ in range(self.count)]
            dist.all_gather(heard, own, group=self._group)
        return [each.numpy().tobytes().rstrip(b"\0").decode(errors="replace") for each in heard]

    def together(self, work: Callable[[], Sequence[Tensor]]) -> list[Tensor]:
        """Every rank's own results summed at rank 0, once each of them has come to its end.

        Ends an exchange. Rank 0 raises what its own work raised, or the like of what another's did.
        """
        found: Sequence[Tensor] = ()
        error: BaseException | None = None
        try:
            found = work()
        except BaseException as raised:  # Ctrl-C too: the others are to hear of it
            error = raised
        said = "" if error is None else f"{type(error).__name__}: {error}"
        failures = self.tell_all(said)
        self.between = any(failures)
        if error is not None and self.rank == 0:
            raise error
        for failure in filter(None, failures if self.rank == 0 else ()):
            raise _again(failure)
        sums = [] if any(failures) else [self.add_up(each) for each in found]
        self.between = True
        return sums

    def leave(self) -> None:
        """Ends this process's part for good: who waits for it hears that it is gone."""
        del _GROUPS[self._key]
        dist.destroy_process_group(self._group)

    def _broadcast(self, tensor: Tensor) -> Tensor:
        with _losses():
            dist.broadcast(tensor, group=self._group, group_src=0)
        return tensor


# Kept: a second group of the same ranks would meet what the first one left in the store.
_GROUPS: dict[tuple[Any, str], Any] = {}


def _patient(group: Any, device: torch.device) -> Any:
    """A group of the same ranks."""
    backend = "gloo" if device.type == "cpu" else f"cpu:gloo,{device.type}:nccl"
    with _losses():
        dist.barrier(group)  # with the group's own patience: all of them have come
        return dist.new_group(
            dist.get_process_group_ranks(group),
            timeout=PATIENCE,
            backend=backend,
            use_local_synchronization=True,
        )


@contextmanager
def _losses() -> Iterator[None]:
    """What torch.distributed raises where another process is gone, as that."""
    try:
        yield
    except RuntimeError as error:  # DistBackendError and its like are RuntimeErrors
        raise RankLostError(f"A process of this analysis was lost ({_first(error)}).") from error


def _again(said: str) -> Exception:
    """What another rank raised, of the kind that it is treated as."""
    kind, _, sentence = said.partition(": ")
    kinds = {"ValueError": ValueError, "OutOfMemoryError": MemoryError, "MemoryError": MemoryError}
    return kinds.get(kind, RuntimeError)(sentence)


def _first(error: Exception) -> str:
    return str(error).rpartition("] ")[2].partition(". ")[0][:120]


@contextmanager
def _plainly() -> Iterator[None]:
    """No mode of torch comes between, such as a deadline that would end half an exchange."""
    with torch.no_grad(), torch._C.DisableTorchFunction():
        yield
