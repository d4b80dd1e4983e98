"""Whose a thing is."""

from __future__ import annotations

import hmac

from sqlalchemy import select

from backend.auth.principal import EVERYONE
from backend.jobs.rows import missing
from backend.storage.tables import AnalysisRow, JobRow, TransferRow, UploadOwnerRow
from backend.storage.transactions import Transactions


class Access(Transactions):
    """Each check raises the ProblemError (404) that a thing which is not there would raise."""

    def check_analysis(self, identifier: str, owner: str, *, reading: bool, share: str) -> None:
        query = select(JobRow.owner, AnalysisRow.share).join(
            AnalysisRow, AnalysisRow.id == JobRow.id
        )
        with self.read() as session:
            row = session.execute(query.where(JobRow.id == identifier)).one_or_none()
        if row is not None:
            shared = bool(row[1]) and hmac.compare_digest(row[1].encode(), share.encode())
            if row[0] == owner or (reading and (shared or row[0] == EVERYONE)):
                return
        raise missing("analysis", identifier)

    def is_shared(self, identifier: str, key: str) -> bool:
        """Whether this key opens the analysis; what everybody with a login sees needs one too."""
        query = select(AnalysisRow.share).where(AnalysisRow.id == identifier)
        with self.read() as session:
            kept = session.scalar(query)
        return bool(kept) and hmac.compare_digest(str(kept).encode(), key.encode())

    def check_upload(self, kind: str, identifier: str, owner: str, *, reading: bool) -> None:
        owners = {owner, EVERYONE} if reading else {owner}
        query = select(UploadOwnerRow.owner).where(
            UploadOwnerRow.kind == kind,
            UploadOwnerRow.id == identifier,
            UploadOwnerRow.owner.in_(owners),
        )
        with self.read() as session:
            if session.execute(query).first() is None:
                raise missing(kind, identifier)

    def check_transfer(self, identifier: str, owner: str) -> None:
        with self.read() as session:
            row = session.get(TransferRow, identifier)
            if row is None or row.owner != owner:
                raise missing("transfer", identifier)

    def share(self, identifier: str, key: str | None) -> None:
        with self.write() as session:
            row = session.get(AnalysisRow, identifier)
            if row is None:
                raise missing("analysis", identifier)
            row.share = key
