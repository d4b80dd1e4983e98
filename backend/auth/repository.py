"""People with tokens, what they did, and who owns which upload."""

from __future__ import annotations

import uuid
from typing import Any, cast

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from backend.auth.principal import Credential, Principal
from backend.jobs.rows import missing, moment
from backend.storage.tables import AuditRow, UserRow
from backend.storage.transactions import Transactions
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import AuditEntry, Scope, User


def _user(row: UserRow) -> User:
    revoked = moment(row.revoked_at) if row.revoked_at else None
    return User(
        id=row.id,
        name=row.name,
        scope=cast(Scope, row.scope),
        created_at=moment(row.created_at),
        revoked_at=revoked,
    )


class Users(Transactions):
    """Token users; a revoked one keeps its row, so that its work keeps an owner."""

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
            raise ProblemError(
                "user_exists", sentence, "Choose another name.", status=409
            ) from error

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

    def record(self, entry: AuditEntry) -> None:
        at = entry.at.timestamp()
        with self.write() as session:
            session.add(AuditRow(**{**entry.model_dump(), "at": at}))

    def audit(self, *, limit: int) -> list[AuditEntry]:
        """The newest entries first."""
        query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
        names = [name for name in AuditEntry.model_fields if name != "at"]
        with self.read() as session:
            return [
                AuditEntry(at=moment(row.at), **{name: getattr(row, name) for name in names})
                for row in session.scalars(query)
            ]

    def forget_audit(self, *, before: float) -> None:
        with self.write() as session:
            session.execute(delete(AuditRow).where(AuditRow.at < before))
