"""Very many clients, users, authorizations and revocations, copied into PostgreSQL as a restored backup would be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from bench.world import SCOPE
from support.administration import API, CALLBACK, FULL_SCOPE
from support.relying_party import ClientIdentity
from valetkey.core.authentication.acr import ACR_PASSWORD
from valetkey.core.client.authentication.secret import generate_secret, secret_digest
from valetkey.core.client.client import GrantType
from valetkey.core.oauth.access_token import TokenId
from valetkey.runtime.lifecycle.clock import system_clock

_USERS = 10_000
_LIFE = timedelta(days=30)
_REVOKED = timedelta(hours=1)
_GRANTS = [GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN, GrantType.CLIENT_CREDENTIALS]


@dataclass(slots=True)
class Population:
    """Clients share one secret; each has a consent of ``subject`` and may do what all the grants allow."""

    postgres_dsn: str
    subject: UUID
    secret: str = field(default_factory=generate_secret, repr=False)
    uids: list[UUID] = field(default_factory=list)
    users: list[UUID] = field(default_factory=list)

    def identity(self, number: int) -> ClientIdentity:
        """One of the clients."""
        return ClientIdentity(_client_id(number), self.secret, CALLBACK)

    async def grow(self, clients: int) -> None:
        """Until there are so many clients."""
        first, now, digest = len(self.uids), system_clock(), secret_digest(self.secret)
        self.uids += [uuid4() for _ in range(clients - first)]
        new = list(enumerate(self.uids))[first:]
        async with self._connection() as connection:
            await _copy(connection, "clients", _CLIENT, (_client(number, uid, now) for number, uid in new))
            await _copy(
                connection,
                "client_secrets",
                ("id", "client_uid", "digest", "created_at"),
                ((uuid4(), uid, digest, now) for _, uid in new),
            )
            await _copy(
                connection,
                "consents",
                ("subject", "client_uid", "scope", "resources", "claims", "is_given", "updated_at"),
                ((self.subject, uid, SCOPE, [API], [], True, now) for _, uid in new),
            )

    async def authorize(self, clients: list[int]) -> list[UUID]:
        """An authorization for each of these clients, of any of the users; their ids."""
        now = system_clock()
        ids = [uuid4() for _ in clients]
        async with self._connection() as connection:
            if not self.users:
                self.users = [uuid4() for _ in range(_USERS)]
                rows = ((user, f"population-{user}", True, "{}", "!", True, now, now, now) for user in self.users)
                await _copy(connection, "users", _USER, rows)
            await _copy(
                connection,
                "authorizations",
                _AUTHORIZATION,
                (
                    self._authorization(row, self.uids[client], place, now)
                    for place, (row, client) in enumerate(zip(ids, clients, strict=True))
                ),
            )
        return ids

    async def revoke(self, number: int) -> None:
        """So many revoked tokens that are not presented any more and have not expired yet."""
        now = system_clock()
        rows = (("token", str(TokenId.generate(uuid4(), now)), now, now + _REVOKED) for _ in range(number))
        async with self._connection() as connection:
            await _copy(connection, "revocations", ("kind", "target", "revoked_at", "expires_at"), rows)

    async def analyze(self) -> None:
        """What autovacuum would have done by the next morning."""
        async with self._connection() as connection:
            await connection.execute("VACUUM ANALYZE")

    def _authorization(self, row: UUID, client_uid: UUID, place: int, now: datetime) -> tuple[object, ...]:
        user, later = self.users[place % len(self.users)], now + _LIFE
        fixed: tuple[object, ...] = (SCOPE, [API], [], [], now, ACR_PASSWORD, ["pwd"], 1, now, now)
        return (row, client_uid, user, uuid4(), False, *fixed, int(_LIFE.total_seconds()), later, later)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.postgres_dsn)
        try:
            # No trigger tells the replicas of each of a hundred thousand clients.
            await connection.execute("SET session_replication_role = replica")
            yield connection
        finally:
            await connection.close()


_CLIENT = (
    "uid", "client_id", "client_name", "token_endpoint_auth_method", "grant_types", "redirect_uris",
    "post_logout_redirect_uris", "scope", "resources", "id_token_signed_response_alg", "enabled", "created_at",
    "updated_at",
)  # fmt: skip
_USER = (
    "subject", "username", "email_verified", "claims", "password_hash", "enabled", "valid_since", "created_at",
    "updated_at",
)  # fmt: skip
_AUTHORIZATION = (
    "id", "client_uid", "subject", "session_id", "bound_to_session", "scope", "resources", "userinfo_claims",
    "id_token_claims", "auth_time", "acr", "amr", "generation", "created_at", "rotated_at", "idle_seconds",
    "idle_expires_at", "expires_at",
)  # fmt: skip


def _client_id(number: int) -> str:
    return f"population-{number:06}"


def _client(number: int, uid: UUID, now: datetime) -> tuple[object, ...]:
    client_id = _client_id(number)
    metadata: tuple[object, ...] = (
        "client_secret_basic",
        _GRANTS,
        [CALLBACK],
        [],
        FULL_SCOPE,
        [],
        "ES256",
        True,
        now,
        now,
    )
    return (uid, client_id, f"The client {client_id}", *metadata)


async def _copy(
    connection: asyncpg.Connection, table: str, columns: tuple[str, ...], rows: Iterator[tuple[object, ...]]
) -> None:
    await connection.copy_records_to_table(table, records=rows, columns=columns, timeout=600)
