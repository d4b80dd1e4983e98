"""Uploads in pieces: what was announced, how much of it is durable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from backend.jobs.rows import missing
from backend.storage.tables import TransferRow, UploadRow
from backend.storage.transactions import Transactions
from minimascope.contract.problems import ProblemError
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


class Transfers(Transactions):
    """Announced bytes count against the quota until they are stored or given up."""

    def reserved_bytes(self) -> int:
        """Bytes of stored uploads and of announced ones."""
        with self.read() as session:
            return self._reserved(session)

    def _reserved(self, session: Session) -> int:
        stored = select(func.coalesce(func.sum(UploadRow.size), 0))
        coming = select(func.coalesce(func.sum(TransferRow.length), 0))
        unfinished = coming.where(TransferRow.sha256 == "")
        return int(session.scalar(stored) or 0) + int(session.scalar(unfinished) or 0)

    def add_transfer(self, transfer: Transfer, *, quota: int) -> None:
        """Raises ProblemError `storage_full` where the announced length has no room."""
        with self.write() as session:
            if self._reserved(session) + transfer.length > quota:
                raise ProblemError(
                    "storage_full",
                    f"{transfer.length} bytes do not fit into the storage quota.",
                    "Delete uploads or analyses that are no longer needed.",
                    status=507,
                )
            session.add(TransferRow(**vars(transfer)))

    def transfer(self, identifier: str, *, now: float) -> Transfer:
        """Raises ProblemError `no_such_transfer`, or `transfer_expired` (410)."""
        with self.read() as session:
            row = session.get(TransferRow, identifier)
            if row is None:
                raise missing("transfer", identifier)
            if row.expires_at < now:
                raise ProblemError(
                    "transfer_expired", "This upload has expired.", "Start it again.", status=410
                )
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
