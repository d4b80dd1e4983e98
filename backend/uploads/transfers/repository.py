"""Uploads in pieces, and how much room everybody has: what is stored and what has arrived.

Bytes count once they are durable, not when they are announced: who announces much and sends
nothing takes room from nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import delete, func, select, true, update
from sqlalchemy.orm import Session

from backend.storage.tables import AnalysisRow, JobRow, TransferRow, UploadRow, moment
from backend.storage.transactions import Transactions
from backend.uploads.refusals import refuse_beyond_quota
from minimascope.contract.people import OpenTransfer
from minimascope.contract.problems import ProblemError, missing
from minimascope.contract.schemas import UploadKind


@dataclass(frozen=True)
class Transfer:
    """`received` of `length` bytes are durable; `sha256` names the upload once it is whole."""

    id: str
    kind: UploadKind
    name: str
    length: int
    received: int
    sha256: str
    expires_at: float
    owner: str = ""


def _transfer(row: TransferRow) -> Transfer:
    kind = cast(UploadKind, row.kind)
    return Transfer(
        row.id, kind, row.name, row.length, row.received, row.sha256, row.expires_at, row.owner
    )


class TransferRepository(Transactions):
    """Transfers that go on, and the bytes everybody holds."""

    def room(self, owner: str, *, quota: int, own_quota: int) -> int:
        """Bytes that still fit: into everybody's quota, and into this person's."""
        with self.read() as session:
            return _room(session, owner, quota=quota, own_quota=own_quota)

    def add_transfer(self, transfer: Transfer, *, quota: int, own_quota: int, most: int) -> None:
        """Raises ProblemError `storage_full` where the announced length has no room now, and
        `too_many_transfers` where this person has `most` that go on."""
        with self.write() as session:
            going = select(func.count()).select_from(TransferRow)
            going = going.where(TransferRow.owner == transfer.owner, TransferRow.sha256 == "")
            if int(session.scalar(going) or 0) >= most:
                sentence = f"{most} of your uploads in pieces have not ended."
                raise ProblemError("too_many_transfers", sentence)
            room = _room(session, transfer.owner, quota=quota, own_quota=own_quota)
            refuse_beyond_quota(transfer.length, room=room)
            session.add(TransferRow(**vars(transfer)))

    def open_transfers(self, *, owner: str | None, names: Mapping[str, str]) -> list[OpenTransfer]:
        """Those that go on, of one person or of all, the longest to live first."""
        query = select(TransferRow).where(TransferRow.sha256 == "")
        if owner is not None:
            query = query.where(TransferRow.owner == owner)
        with self.read() as session:
            rows = session.scalars(query.order_by(TransferRow.expires_at.desc(), TransferRow.id))
            return [_open(row, names) for row in rows]

    def transfer(self, identifier: str, *, now: float) -> Transfer:
        """Raises ProblemError `no_such_transfer`, or `transfer_expired` (410)."""
        with self.read() as session:
            row = session.get(TransferRow, identifier)
            if row is None:
                raise missing("transfer", identifier)
            if row.expires_at < now:
                raise ProblemError("transfer_expired", "This upload has expired.")
            return _transfer(row)

    def transfer_received(self, identifier: str, received: int, *, sha256: str = "") -> None:
        values = {"received": received, "sha256": sha256}
        with self.write() as session:
            session.execute(
                update(TransferRow).where(TransferRow.id == identifier).values(**values)
            )

    def delete_transfer(self, identifier: str) -> None:
        with self.write() as session:
            session.execute(delete(TransferRow).where(TransferRow.id == identifier))

    def expired_transfers(self, *, now: float) -> list[str]:
        query = select(TransferRow.id).where(TransferRow.expires_at < now)
        with self.read() as session:
            return list(session.scalars(query))


def _open(row: TransferRow, names: Mapping[str, str]) -> OpenTransfer:
    return OpenTransfer(
        id=row.id,
        kind=cast(UploadKind, row.kind),
        name=row.name,
        owner=names.get(row.owner, row.owner),
        length=row.length,
        received=row.received,
        expires_at=moment(row.expires_at),
    )


def _room(session: Session, owner: str, *, quota: int, own_quota: int) -> int:
    """The same bytes count for each who has them, so nobody's room tells of another's files."""
    whose = UploadRow.owner == owner, TransferRow.owner == owner, JobRow.owner == owner
    own = own_quota - _held(session, *whose)
    return min(own, quota - _held(session, true(), true(), true()))


def _held(session: Session, uploads: Any, transfers: Any, jobs: Any) -> int:
    """Files, what has arrived of files, and published results."""
    stored = select(func.sum(UploadRow.size)).where(uploads)
    arrived = select(func.sum(TransferRow.received)).where(transfers, TransferRow.sha256 == "")
    came = select(func.sum(AnalysisRow.published)).join(JobRow, JobRow.id == AnalysisRow.id)
    came = came.where(AnalysisRow.published.is_not(None), jobs)
    return sum(int(session.scalar(each) or 0) for each in (stored, arrived, came))
