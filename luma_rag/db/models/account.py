"""Accounts and credentials."""

from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from luma_rag.db.base import Base


class User(Base):
    """An account. `password` holds an Argon2 hash."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("username"),
        UniqueConstraint("email"),
        CheckConstraint("role IN ('admin', 'user')", name="role"),
        # "Alice" and "alice" are the same user, and likewise for e-mail addresses.
        Index("ux_users_username_lower", text("lower(username)"), unique=True),
        Index("ux_users_email_lower", text("lower(email)"), unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(50))
    email: Mapped[str] = mapped_column(String(255))
    password: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DisabledAccount(Base):
    """An account that may not sign in for now. Everything it owns is kept."""

    __tablename__ = "disabled_account"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    disabled_at: Mapped[datetime]


class ExternalIdentity(Base):
    """A user's identifier at an OpenID provider: `sub`, unique per issuer."""

    __tablename__ = "external_identity"

    issuer: Mapped[str] = mapped_column(Text, primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]


class TemporaryPassword(Base):
    """An account whose password somebody else chose. Its user must replace it."""

    __tablename__ = "temporary_password"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    set_at: Mapped[datetime]


class SecondFactor(Base):
    """The key of a user's authenticator (TOTP). It counts once it is confirmed.

    `last_step` is the time step of the last accepted code: no code is accepted twice.
    """

    __tablename__ = "second_factor"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(BigInteger)


class RecoveryCode(Base):
    """An unused recovery code, in place of a code of the authenticator. Only its SHA-256 is stored."""

    __tablename__ = "recovery_code"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("second_factor.user_id", ondelete="CASCADE"), primary_key=True
    )
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class LoginSession(Base):
    """A browser session, with its origin and user agent. Only the SHA-256 of the cookie is stored.

    `method` is how its user signed in, `authenticated_at` when they last proved their identity; NULL if the
    OpenID provider did not say.
    """

    __tablename__ = "login_session"
    __table_args__ = (CheckConstraint("method IN ('password', 'openid')", name="method"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    address: Mapped[str | None] = mapped_column(Text)
    user_agent: Mapped[str | None] = mapped_column(Text)
    method: Mapped[str] = mapped_column(Text)
    authenticated_at: Mapped[datetime | None]


class ApiToken(Base):
    """A bearer token. Only its SHA-256 is stored.

    `namespace_ids` and `max_level` narrow its rights; NULL leaves the full rights of its user.
    """

    __tablename__ = "api_token"
    __table_args__ = (CheckConstraint("max_level BETWEEN 1 AND 3", name="max_level"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    namespace_ids: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    max_level: Mapped[int | None] = mapped_column(SmallInteger)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class RateLimit(Base):
    """The use of a limit by a key: `free_at` is when the whole limit is free again.

    Unlogged, because it is worthless after a crash.
    """

    __tablename__ = "rate_limit"
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012 - SQLAlchemy reads it from the class

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    free_at: Mapped[datetime] = mapped_column(index=True)
