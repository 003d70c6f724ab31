"""What an operator does before a test: clients, users, scopes. Every name is new, so that tests share one system."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from argon2 import PasswordHasher

from support.relying_party import ClientIdentity, Person
from valetkey.core.authentication.group import Group
from valetkey.core.authentication.user import User
from valetkey.core.client.authentication.secret import generate_secret, secret_digest
from valetkey.core.client.client import AuthenticationMethod, Client, ClientSecret, GrantType
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.catalog import CatalogStore
from valetkey.storage.postgres.tables.client_lifecycle import ClientLifecycle
from valetkey.storage.postgres.tables.clients import Clients
from valetkey.storage.postgres.tables.consents import Consents
from valetkey.storage.postgres.tables.groups import Groups
from valetkey.storage.postgres.tables.revoke_all import revoke_all
from valetkey.storage.postgres.tables.sessions import Sessions
from valetkey.storage.postgres.tables.user_lifecycle import UserLifecycle
from valetkey.storage.postgres.tables.users import Users
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.stores import create_revocation_store

if TYPE_CHECKING:
    from valetkey.core.oauth.revocation import Revocation
    from valetkey.core.ports.clock import Clock
    from valetkey.runtime.settings.settings import Settings

CALLBACK = "https://client.example/callback"
SIGNED_OUT = "https://client.example/signed-out"
API = "https://api.example/"
OTHER_API = "https://other.example/"
USER_SCOPE = ("openid", "profile", "email", "offline_access")
FULL_SCOPE = (*USER_SCOPE, "api:read", "api:write")
PASSWORD = "correct horse battery staple"
_HOUR = timedelta(hours=1)


@cache
def hash_of(password: str, time_cost: int, memory_cost: int) -> str:
    """The argon2id hash; the same one for all users, because a test does not care."""
    return PasswordHasher(time_cost, memory_cost, 1).hash(password)


@dataclass(frozen=True, slots=True)
class Administration:
    """Talks to the stores as the command line does."""

    settings: Settings
    clock: Clock

    def database(self) -> Database:
        """A connection of its own, to be entered as a context."""
        return Database(self.settings.postgres_dsn.reveal(), max_size=2)

    async def create_catalog(self) -> dict[str, ClientIdentity]:
        """Two resource servers with their scopes: ``api`` for ``API``, ``other`` for ``OTHER_API``."""
        servers = {"api": API, "other": OTHER_API}
        identities = {name: await self.create_client(name=name, resource=uri) for name, uri in servers.items()}
        async with self.database() as database:
            for name, uri in servers.items():
                for verb in ("read", "write"):
                    scope = RegisteredScope(f"{name}:{verb}", f"{verb.title()} things of {name}", uri)
                    await CatalogStore(database).put_scope(scope)
        return identities

    async def create_client(
        self,
        method: str = "client_secret_basic",
        *,
        name: str = "client",
        grants: Sequence[str] = (),
        scope: Sequence[str] = (),
        resource: str | None = None,
        redirect_uris: Sequence[str] = (),
        **changes: Any,  # noqa: ANN401 - any other field of Client
    ) -> ClientIdentity:
        """Register a client under a new ``client_id``."""
        secret = None if method == "none" else generate_secret()
        client = Client(
            client_id=f"{name}-{secrets.token_hex(4)}",
            uid=uuid4(),
            client_name=f"{name.title()} application",
            token_endpoint_auth_method=AuthenticationMethod(method),
            grant_types=frozenset(grants),
            redirect_uris=tuple(redirect_uris),
            scope=tuple(scope),
            resource=resource,
            secrets=() if secret is None else (ClientSecret(secret_digest(secret)),),
        )
        client = replace(client, **changes)
        async with self.database() as database:
            await Clients(database).insert(client, self.clock())
        redirect_uri = client.redirect_uris[0] if client.redirect_uris else ""
        return ClientIdentity(client.client_id, secret, redirect_uri, method)

    async def create_web_client(self, method: str = "client_secret_basic", **changes: Any) -> ClientIdentity:  # noqa: ANN401
        """A client with the code and refresh grants, every scope of ``api``, and one redirect URI."""
        given: dict[str, Any] = {
            "name": "web",
            "grants": (GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN),
            "scope": FULL_SCOPE,
            "redirect_uris": (CALLBACK,),
            "post_logout_redirect_uris": (SIGNED_OUT,),
        }
        return await self.create_client(method, **(given | changes))

    async def create_machine(self, method: str = "client_secret_basic", **changes: Any) -> ClientIdentity:  # noqa: ANN401
        """A client that acts for itself."""
        given = {"name": "machine", "grants": (GrantType.CLIENT_CREDENTIALS,), "scope": ("api:read", "api:write")}
        return await self.create_client(method, **(given | changes))

    async def create_user(self, password: str = PASSWORD, **changes: Any) -> Person:  # noqa: ANN401
        """A user under a new name."""
        now, name = self.clock(), f"user-{secrets.token_hex(4)}"
        user = User(
            subject=uuid4(),
            username=name,
            email=f"{name}@example.com",
            email_verified=True,
            enabled=True,
            valid_since=now,
            updated_at=now,
            claims={"name": "Ada Lovelace", "given_name": "Ada"},
        )
        user = replace(user, **changes)
        settings = self.settings
        async with self.database() as database:
            password_hash = hash_of(password, settings.password_time_cost, settings.password_memory_cost)
            await Users(database).create(user, password_hash)
        return Person(user.username, password, str(user.subject))

    async def change_user(
        self, change: Callable[[UserLifecycle, UUID], Coroutine[Any, Any, Any]], person: Person
    ) -> None:
        """Disable, enable, delete a user or set the password, and publish what that revokes."""
        async with self.database() as database:
            await self._publish(database, await change(UserLifecycle(database), UUID(person.subject)))

    async def create_groups(self, *names: str, within: str | None = None) -> tuple[str, ...]:
        """Groups under new names that begin like these; their members are in the group ``within`` too."""
        created = tuple(f"{name}-{secrets.token_hex(4)}" for name in names)
        async with self.database() as database:
            for name in created:
                await Groups(database).create([Group(name)], self.clock())
            if within is not None:
                await Groups(database).add_groups({within: created})
        return created

    async def demand_of_group(self, name: str, required_acr: str | None) -> None:
        """What a login of its members has to reach."""
        async with self.database() as database:
            await Groups(database).update([Group(name, required_acr=required_acr)], self.clock(), None)

    async def put_into(self, group: str, *people: Person) -> None:
        """Members of a group."""
        async with self.database() as database:
            await Groups(database).add_members({group: [UUID(person.subject) for person in people]})

    async def take_out_of(self, group: str, *people: Person) -> None:
        """Members no longer."""
        async with self.database() as database:
            await Groups(database).remove_members({group: [UUID(person.subject) for person in people]})

    async def disable_user(self, person: Person) -> None:
        """Disable."""
        await self.change_user(lambda endings, subject: endings.disable(subject, self.clock()), person)

    async def enable_user(self, person: Person) -> None:
        """Enable again."""
        await self.change_user(lambda endings, subject: endings.enable(subject, self.clock()), person)

    async def delete_user(self, person: Person) -> None:
        """Delete."""
        await self.change_user(lambda endings, subject: endings.delete(subject, self.clock()), person)

    async def own_user(self, person: Person, owner: str) -> None:
        """Say that an applied file owns the user."""
        async with self.database() as database:
            await Users(database).set_owner(UUID(person.subject), owner)

    async def set_email(self, person: Person, email: str, *, verified: bool = False) -> None:
        """Another address."""
        async with self.database() as database:
            found = await Users(database).find_by_subject(UUID(person.subject))
            assert found is not None
            changed = replace(found, email=email, email_verified=verified)
            assert await Users(database).update(changed, self.clock(), (), {})

    async def set_password(self, person: Person, password: str) -> Person:
        """Another password; the person who knows it."""
        settings = self.settings
        password_hash = hash_of(password, settings.password_time_cost, settings.password_memory_cost)
        await self.change_user(
            lambda endings, subject: endings.set_password(subject, password_hash, self.clock()), person
        )
        return replace(person, password=password)

    async def change_client(self, client: ClientIdentity, **changes: Any) -> None:  # noqa: ANN401 - any field of Client
        """Register other metadata. Services know it within moments."""
        async with self.database() as database:
            found = await Clients(database).find(client.client_id)
            assert found is not None
            assert await Clients(database).update(replace(found, **changes), self.clock())

    async def disable_client(self, client: ClientIdentity) -> None:
        """Disable."""
        async with self.database() as database:
            await self._publish(database, await ClientLifecycle(database).disable(client.client_id, self.clock()))

    async def enable_client(self, client: ClientIdentity) -> None:
        """Enable again."""
        async with self.database() as database:
            await ClientLifecycle(database).enable(client.client_id, self.clock())

    async def delete_client(self, client: ClientIdentity) -> None:
        """Delete."""
        async with self.database() as database:
            await self._publish(database, await ClientLifecycle(database).delete(client.client_id, self.clock()))

    async def withdraw_consent(self, person: Person, client: ClientIdentity) -> None:
        """Withdraw what the user has agreed to."""
        async with self.database() as database:
            found = await Clients(database).find(client.client_id)
            assert found is not None
            withdrawn = await Consents(database).withdraw(UUID(person.subject), found.uid, self.clock())
            await self._publish(database, withdrawn)

    async def end_sessions(self, person: Person) -> None:
        """End every session of a user."""
        async with self.database() as database:
            ended: list[Revocation] = []

            async def publish(revocations: Sequence[Revocation]) -> None:
                ended.extend(revocations)

            sessions = Sessions(
                database, publish, idle_lifetime=_HOUR, kept_idle_lifetime=_HOUR, lifetime=_HOUR, most=1
            )
            for session in await sessions.list(self.clock() - _HOUR, UUID(person.subject)):
                await sessions.end(session.session_id, self.clock())
            await self._publish(database, ended)

    async def end_everything(self, *, consents: bool = False) -> None:
        """End every session, code, grant and token."""
        async with self.database() as database:
            ended = await revoke_all(database, self.clock(), consents=consents)
            await self._publish(database, ended.revocations)

    async def _publish(self, database: Database, revocations: Sequence[Revocation] | None) -> None:
        redis = connect(self.settings.redis_url.reveal(), timeout=timedelta(seconds=5))
        store = create_revocation_store(self.settings, database, redis, self.clock)
        try:
            await store.publish(revocations or ())
        finally:
            await store.aclose()
            await redis.aclose()
