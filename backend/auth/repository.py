"""People with tokens, and whose a thing is."""

from __future__ import annotations

import hmac
import uuid
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from backend.auth.principal import EVERYONE, Credential, Principal
from backend.storage.tables import (
    AnalysisRow,
    JobRow,
    TransferRow,
    UploadOwnerRow,
    UserRow,
    moment,
)
from backend.storage.transactions import Transactions
from minimascope.contract.problems import ProblemError, missing
from minimascope.contract.schemas import Scope, UploadKind, User


def _user(row: UserRow) -> User:
    revoked = moment(row.revoked_at) if row.revoked_at else None
    return User(
        id=row.id,
        name=row.name,
        scope=cast(Scope, row.scope),
        created_at=moment(row.created_at),
        revoked_at=revoked,
    )


class AuthRepository(Transactions):
    """Token users, of which a revoked one keeps its row so that its work keeps an owner; whose a
    thing is.

    A `check` raises the ProblemError (404) that a thing which is not there would raise.
    """

    def add_user(self, name: str, scope: Scope, token_hash: str, *, now: float) -> User:
        """Raises ProblemError `user_exists`."""
        row = UserRow(
            id=uuid.uuid4().hex, name=name, scope=scope, token_hash=token_hash, created_at=now
        )
        try:
            with self.write() as session:
                session.add(row)
                session.flush()
                return _user(row)
        except IntegrityError as error:
            sentence = f"There is a user {name!r} already."
            raise ProblemError("user_exists", sentence) from error

    def users(self) -> list[User]:
        with self.read() as session:
            return [_user(row) for row in session.scalars(select(UserRow).order_by(UserRow.name))]

    def revoke_user(self, name: str, *, now: float) -> User:
        """Ends a user's token and sessions; raises ProblemError `no_such_user`."""
        with self.write() as session:
            row = session.scalars(select(UserRow).where(UserRow.name == name)).one_or_none()
            if row is None:
                raise missing("user", name)
            row.revoked_at = row.revoked_at or now
            return _user(row)

    def has_users(self) -> bool:
        """Revoked ones count: revoking the last user must not open the server."""
        with self.read() as session:
            return bool(session.scalar(select(func.count()).select_from(UserRow)))

    def credential_of_token(self, token_hash: str) -> Credential | None:
        return self._credential(UserRow.token_hash == token_hash)

    def credential_of_user(self, identifier: str) -> Credential | None:
        return self._credential(UserRow.id == identifier)

    def _credential(self, wanted: Any) -> Credential | None:
        with self.read() as session:
            query = select(UserRow).where(wanted, UserRow.revoked_at.is_(None))
            row = session.scalars(query).one_or_none()
            if row is None:
                return None
            return Credential(Principal(row.id, row.name, cast(Scope, row.scope)), row.token_hash)

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

    def check_upload(self, kind: UploadKind, identifier: str, owner: str, *, reading: bool) -> None:
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
