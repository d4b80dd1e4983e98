"""People with tokens: made, found by what they present, ended. Whose a thing is."""

from __future__ import annotations

import hmac
import uuid
from typing import Any, cast

from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.auth.principal import EVERYONE, Credential, Limits, Principal
from backend.storage.tables import (
    AnalysisRow,
    JobRow,
    TokenRow,
    TransferRow,
    UploadRow,
    UserRow,
    moment,
    moment_or_none,
)
from backend.storage.transactions import Transactions, rows_changed
from minimascope.contract.people import Token, User, UserLimits
from minimascope.contract.problems import ProblemError, missing
from minimascope.contract.schemas import Scope, UploadKind


def _user(row: UserRow) -> User:
    return User(
        id=row.id,
        name=row.name,
        scope=cast(Scope, row.scope),
        created_at=moment(row.created_at),
        revoked_at=moment_or_none(row.revoked_at),
        limits=UserLimits(
            quota_bytes=row.quota_bytes,
            uploads_per_minute=row.uploads_per_minute,
            high_priority=row.high_priority,
        ),
    )


def _token(row: TokenRow) -> Token:
    return Token(
        id=row.id,
        label=row.label,
        created_at=moment(row.created_at),
        expires_at=moment_or_none(row.expires_at),
        revoked_at=moment_or_none(row.revoked_at),
    )


class AuthRepository(Transactions):
    """Token users, of which a revoked one keeps its row so that its work keeps an owner; whose a
    thing is.

    A `check` raises the ProblemError (404) that a thing which is not there would raise.
    """

    def add_user(self, name: str, scope: Scope, *, now: float) -> User:
        """Raises ProblemError `user_exists`."""
        row = UserRow(id=uuid.uuid4().hex, name=name, scope=scope, created_at=now)
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

    def limit_user(self, name: str, limits: dict[str, Any]) -> User:
        """Changes the limits that are given; raises ProblemError `no_such_user`."""
        with self.write() as session:
            row = _named(session, name)
            for field, value in limits.items():
                setattr(row, field, value)
            return _user(row)

    def revoke_user(self, name: str, *, now: float) -> User:
        """Ends a user's tokens and sessions; raises ProblemError `no_such_user`."""
        with self.write() as session:
            row = _named(session, name)
            row.revoked_at = row.revoked_at or now
            return _user(row)

    def add_token(
        self, name: str, token_hash: str, *, label: str, now: float, until: float | None
    ) -> Token:
        """One more token of a user; raises ProblemError `no_such_user` for a revoked one too."""
        with self.write() as session:
            user = _named(session, name)
            if user.revoked_at is not None:
                raise missing("user", name)
            row = TokenRow(
                id=uuid.uuid4().hex,
                user=user.id,
                label=label,
                token_hash=token_hash,
                created_at=now,
                expires_at=until,
            )
            session.add(row)
            return _token(row)

    def tokens(self, name: str) -> list[Token]:
        """Of a user, the newest first; raises ProblemError `no_such_user`."""
        with self.read() as session:
            query = select(TokenRow).where(TokenRow.user == _named(session, name).id)
            rows = session.scalars(query.order_by(TokenRow.created_at.desc(), TokenRow.id))
            return [_token(row) for row in rows]

    def revoke_token(self, name: str, identifier: str, *, now: float) -> None:
        """Ends one token and its sessions; raises ProblemError `no_such_token`."""
        with self.write() as session:
            row = session.get(TokenRow, identifier)
            if row is None or row.user != _named(session, name).id:
                raise missing("token", identifier)
            row.revoked_at = row.revoked_at or now

    def has_users(self) -> bool:
        """Revoked ones count: revoking the last user must not open the server."""
        with self.read() as session:
            return bool(session.scalar(select(func.count()).select_from(UserRow)))

    def credential_of_token(self, token_hash: str, *, now: float) -> Credential | None:
        return self._credential(TokenRow.token_hash == token_hash, now)

    def credential_of_session(self, token: str, *, now: float) -> Credential | None:
        """By the id of the token that opened it."""
        return self._credential(TokenRow.id == token, now)

    def _credential(self, wanted: Any, now: float) -> Credential | None:
        lives = or_(TokenRow.expires_at.is_(None), TokenRow.expires_at > now)
        query = select(UserRow, TokenRow).join(TokenRow, TokenRow.user == UserRow.id)
        query = query.where(wanted, TokenRow.revoked_at.is_(None), UserRow.revoked_at.is_(None))
        with self.read() as session:
            found = session.execute(query.where(lives)).one_or_none()
        if found is None:
            return None
        user, token = found
        limits = Limits(user.quota_bytes, user.uploads_per_minute, user.high_priority)
        scope = cast(Scope, user.scope)
        who = Principal(user.id, user.name, scope, limits=limits, token=token.id)
        return Credential(who, token.token_hash)

    def check_analysis(
        self, identifier: str, owner: str, *, reading: bool, share: str, now: float
    ) -> None:
        query = select(JobRow.owner, AnalysisRow.share, AnalysisRow.share_until).join(
            AnalysisRow, AnalysisRow.id == JobRow.id
        )
        with self.read() as session:
            row = session.execute(query.where(JobRow.id == identifier)).one_or_none()
        if row is not None:
            shared = _opens(share, row[1], row[2], now)
            if row[0] == owner or (reading and (shared or row[0] == EVERYONE)):
                return
        raise missing("analysis", identifier)

    def is_shared(self, identifier: str, key: str, *, now: float) -> bool:
        """Whether this key opens the analysis; what everybody with a login sees needs one too."""
        query = select(AnalysisRow.share, AnalysisRow.share_until)
        with self.read() as session:
            row = session.execute(query.where(AnalysisRow.id == identifier)).one_or_none()
        return row is not None and _opens(key, row[0], row[1], now)

    def check_upload(self, kind: UploadKind, identifier: str, owner: str, *, reading: bool) -> None:
        owners = {owner, EVERYONE} if reading else {owner}
        query = select(UploadRow.owner).where(
            UploadRow.kind == kind, UploadRow.id == identifier, UploadRow.owner.in_(owners)
        )
        with self.read() as session:
            if session.execute(query).first() is None:
                raise missing(kind, identifier)

    def check_transfer(self, identifier: str, owner: str) -> None:
        with self.read() as session:
            row = session.get(TransferRow, identifier)
            if row is None or row.owner != owner:
                raise missing("transfer", identifier)

    def share(self, identifier: str, key: str | None, *, until: float | None = None) -> None:
        """Opens an analysis to whoever has the key until then; without one it ends all links."""
        with self.write() as session:
            changed = update(AnalysisRow).where(AnalysisRow.id == identifier)
            values = {"share": key, "share_until": until}
            if not rows_changed(session, changed.values(**values)):
                raise missing("analysis", identifier)


def _named(session: Session, name: str) -> UserRow:
    row = session.scalars(select(UserRow).where(UserRow.name == name)).one_or_none()
    if row is None:
        raise missing("user", name)
    return row


def _opens(key: str, kept: str | None, until: float | None, now: float) -> bool:
    good = bool(kept) and hmac.compare_digest(str(kept).encode(), key.encode())
    return good and (until is None or until > now)
