"""PostgreSQL's side of the ports, in memory: for tests of rules that need a store and no server.

`tests/contract` holds these to what the real stores promise.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from support.fake_world import FakeWorld, KeptAuthorization, KeptSession
from valetkey.core.authentication.session import Session, SignedIn
from valetkey.core.authentication.user import User, normalize_login_name
from valetkey.core.epoch import TokenEpochs
from valetkey.core.oauth.consent import Consent, KeptConsent
from valetkey.core.oauth.refresh_token import RefreshState
from valetkey.core.oauth.resource import Catalog, RegisteredScope, ResourceServer
from valetkey.core.oauth.revocation import (
    Revocation,
    RevocationTarget,
    authorization_target,
    subject_target,
)
from valetkey.core.oauth.stored_authorization import GrantedAuthorization, NewAuthorization
from valetkey.storage.postgres.tables.revocation_lifetime import IN_FLIGHT


class FakeUsers:
    """`UserFinder`, and what adds users."""

    def __init__(self, world: FakeWorld) -> None:
        self._world = world

    async def find_by_login_name(self, name: str) -> tuple[User, str] | None:
        self._world.require_presence()
        key = normalize_login_name(name)
        for user, password_hash in self._world.users.values():
            names = (normalize_login_name(known) for known in (user.username, user.email) if known is not None)
            if key is not None and key in names:
                return user, password_hash
        return None

    async def find_by_subject(self, subject: UUID) -> User | None:
        self._world.require_presence()
        kept = self._world.users.get(subject)
        return None if kept is None else kept[0]

    async def create(self, user: User, password_hash: str) -> None:
        self._world.users[user.subject] = (user, password_hash)

    async def rehash_password(self, subject: UUID, old_hash: str, new_hash: str) -> None:
        user, password_hash = self._world.users[subject]
        if password_hash == old_hash:
            self._world.users[subject] = (user, new_hash)


class FakeUserLifecycle:
    """Changes passwords, disables, enables and deletes users."""

    def __init__(self, world: FakeWorld) -> None:
        self._world = world

    async def set_password(self, subject: UUID, password_hash: str, now: datetime) -> Sequence[Revocation] | None:
        return self._end(subject, now, password_hash=password_hash)

    async def disable(self, subject: UUID, now: datetime) -> Sequence[Revocation] | None:
        return self._end(subject, now, enabled=False)

    async def enable(self, subject: UUID, now: datetime) -> None:
        user, password_hash = self._world.users[subject]
        if not user.enabled:
            self._world.users[subject] = (_moved(replace(user, enabled=True), now), password_hash)

    async def delete(self, subject: UUID, now: datetime) -> Sequence[Revocation] | None:
        revocations = self._end(subject, now)
        if revocations is not None:
            del self._world.users[subject]
            self._world.delete_authorizations(lambda kept: kept.new.authentication.subject == subject)
        return revocations

    def _end(
        self, subject: UUID, now: datetime, *, password_hash: str | None = None, enabled: bool | None = None
    ) -> Sequence[Revocation] | None:
        kept = self._world.users.get(subject)
        if kept is None:
            return None
        user = _moved(kept[0] if enabled is None else replace(kept[0], enabled=enabled), now)
        self._world.users[subject] = (user, password_hash or kept[1])
        for session_id in [id_ for id_, s in self._world.sessions.items() if s.session.user.subject == subject]:
            del self._world.sessions[session_id]
        # Of a clock that is ahead: release 0.1.0 takes the login for a later one.
        ahead = [
            id_
            for id_, kept in self._world.authorizations.items()
            if kept.new.authentication.subject == subject and kept.new.authentication.auth_time >= user.valid_since
        ]
        named = self._world.revoke(ahead, now)
        return [*named, *self._world.revoke((), now + IN_FLIGHT, subject_target(str(subject)), user.epoch)]


class FakeSessions:
    """Browser sessions. What ending one revokes is in `FakeWorld.revocations`."""

    def __init__(self, world: FakeWorld, *, idle: timedelta, kept_idle: timedelta, lifetime: timedelta) -> None:
        self._world = world
        self._idle_lifetime = {False: idle, True: kept_idle}
        self._lifetime = lifetime

    async def create(self, secret: str, session: Session, replaced: str | None) -> bool:
        self._world.require_presence()
        user = self._world.users.get(session.user.subject)
        if user is None or not _is_current(session, user[0]):
            return False
        for kept in list(self._world.sessions.values()):
            if kept.secret == replaced:
                await self.end(kept.session.session_id, session.last_proof)
        self._keep(secret, session)
        return True

    async def renew(self, secret: str, session: Session) -> bool:
        self._world.require_presence()
        user = self._world.users.get(session.user.subject)
        present = self._world.sessions.get(session.session_id)
        if user is None or not _is_current(session, user[0]) or present is None:
            return False
        if present.session.user.subject != session.user.subject:
            return False
        self._keep(secret, session)
        return True

    async def find(self, secret: str, now: datetime) -> Session | None:
        self._world.require_presence()
        for kept in self._world.sessions.values():
            user, _ = self._world.users[kept.session.user.subject]
            if kept.secret == secret and kept.is_live(now) and _is_current(kept.session, user):
                idle_lifetime = self._idle_lifetime[kept.session.is_kept]
                kept.idle_expires_at = min(now + idle_lifetime, kept.expires_at)
                return replace(kept.session, user=user)
        return None

    async def find_signed_in(self, secret: str, client_uid: UUID, now: datetime) -> SignedIn | None:
        session = await self.find(secret, now)
        if session is None:
            return None
        asked = session.user.subject, client_uid
        consent = self._world.consents.get(asked)
        return SignedIn(session, None if consent is None else KeptConsent(consent, self._world.consent_epochs[asked]))

    async def find_subject(self, session_id: UUID, now: datetime) -> UUID | None:
        self._world.require_presence()
        kept = self._world.sessions.get(session_id)
        if kept is None or not kept.is_live(now):
            return None
        user, _ = self._world.users[kept.session.user.subject]
        return user.subject if _is_current(kept.session, user) else None

    async def end(self, session_id: UUID, now: datetime) -> None:
        self._world.require_presence()
        self._world.sessions.pop(session_id, None)
        bound = [
            id_
            for id_, kept in self._world.authorizations.items()
            if kept.new.bound_to_session and kept.new.authentication.session_id == session_id
        ]
        self._world.revoke(bound, now)

    def _keep(self, secret: str, session: Session) -> None:
        begun, lifetime = session.strength.auth_time, self._lifetime
        idle_ends = begun + min(self._idle_lifetime[session.is_kept], lifetime)
        self._world.sessions[session.session_id] = KeptSession(secret, session, idle_ends, begun + lifetime)


class FakeConsents:
    """What users have agreed to."""

    def __init__(self, world: FakeWorld) -> None:
        self._world = world

    async def find(self, subject: UUID, client_uid: UUID) -> KeptConsent | None:
        self._world.require_presence()
        consent = self._world.consents.get((subject, client_uid))
        return None if consent is None else KeptConsent(consent, self._world.consent_epochs[subject, client_uid])

    async def add(self, subject: UUID, client_uid: UUID, consent: Consent, now: datetime) -> int | None:  # noqa: ARG002
        self._world.require_presence()
        if subject not in self._world.users or client_uid not in self._world.clients:
            return None
        before = self._world.consents.get((subject, client_uid), Consent())
        self._world.consents[subject, client_uid] = before.join(consent)
        return self._world.consent_epochs[subject, client_uid]

    async def withdraw(self, subject: UUID, client_uid: UUID, now: datetime) -> Sequence[Revocation]:
        self._world.require_presence()
        self._world.consents.pop((subject, client_uid), None)
        self._world.consent_epochs[subject, client_uid] += 1
        ended = [
            id_
            for id_, kept in self._world.authorizations.items()
            if kept.new.authentication.subject == subject and kept.new.client_uid == client_uid
        ]
        return self._world.revoke(ended, now)


class FakeAuthorizations:
    """`GrantedAuthorizations`."""

    def __init__(self, world: FakeWorld) -> None:
        self._world = world

    async def insert(self, new: NewAuthorization) -> GrantedAuthorization | None:
        self._world.require_presence()
        login, kept = new.authentication, KeptAuthorization(new, 1, new.issued_at)
        stored = self._world.authorizations.get(new.authorization_id)
        if stored is not None and (
            stored.generation > 1 or stored.revoked or stored.rotated_at not in new.unconfirmed_at
        ):
            return None
        if not self._may_exist(kept, new.issued_at):
            return None
        if new.epochs is None or new.epochs.consent != self._world.consent_epochs[login.subject, new.client_uid]:
            return None
        self._world.authorizations[new.authorization_id] = kept
        return self._granted(kept)

    async def swept(self) -> None:
        """Nothing is swept here."""

    async def rotate(
        self, authorization_id: UUID, generation: int, client_uid: UUID, now: datetime
    ) -> GrantedAuthorization | None:
        self._world.require_presence()
        kept = self._world.authorizations.get(authorization_id)
        if kept is None or kept.generation != generation or kept.new.client_uid != client_uid:
            return None
        if not self._is_live(kept, now):
            return None
        kept.generation, kept.rotated_at, kept.is_withheld = generation + 1, now, False
        return self._granted(kept)

    async def withhold(self, authorization_id: UUID, generation: int) -> None:
        self._note(authorization_id, generation, is_withheld=True)

    async def hand_out(self, authorization_id: UUID, generation: int) -> None:
        self._note(authorization_id, generation, is_withheld=False)

    def _note(self, authorization_id: UUID, generation: int, *, is_withheld: bool) -> None:
        self._world.require_presence()
        kept = self._world.authorizations.get(authorization_id)
        if kept is not None and kept.generation == generation:
            kept.is_withheld = is_withheld

    async def find_state(self, authorization_id: UUID, now: datetime) -> RefreshState | None:
        self._world.require_presence()
        kept = self._world.authorizations.get(authorization_id)
        if kept is None:
            return None
        since_rotation = now - kept.rotated_at
        return RefreshState(
            kept.new.client_uid,
            kept.generation,
            since_rotation,
            is_live=self._is_live(kept, now),
            is_withheld=kept.is_withheld,
        )

    async def find_live(self, authorization_id: UUID, client_uid: UUID, now: datetime) -> GrantedAuthorization | None:
        self._world.require_presence()
        kept = self._world.authorizations.get(authorization_id)
        if kept is None or kept.new.client_uid != client_uid or not self._is_live(kept, now):
            return None
        return self._granted(kept)

    def _is_live(self, kept: KeptAuthorization, now: datetime) -> bool:
        is_revoked = kept.revoked or authorization_target(kept.new.authorization_id) in self._world.revocations
        return not is_revoked and self._may_exist(kept, now)

    def _may_exist(self, kept: KeptAuthorization, now: datetime) -> bool:
        new, login = kept.new, kept.new.authentication
        client, user = self._world.clients.get(new.client_uid), self._world.users.get(login.subject)
        session = self._world.sessions.get(login.session_id)
        return (
            now < new.expires_at
            and now < kept.rotated_at + timedelta(seconds=new.idle_seconds)
            and client is not None
            and client.enabled
            and user is not None
            and user[0].enabled
            and new.epochs is not None
            and (new.epochs.client, new.epochs.user) == (client.epoch, user[0].epoch)
            and (not new.bound_to_session or (session is not None and session.is_live(now)))
        )

    def _granted(self, kept: KeptAuthorization) -> GrantedAuthorization:
        new = kept.new
        user, _ = self._world.users[new.authentication.subject]
        return GrantedAuthorization(
            authorization_id=new.authorization_id,
            generation=kept.generation,
            epochs=TokenEpochs(0, self._world.clients[new.client_uid].epoch, user.epoch),
            user=user,
            authentication=new.authentication,
            scope=new.scope,
            resources=new.resources,
            claims=new.claims,
        )


class FakeRevocationRecords:
    """The half of revocation that remembers."""

    def __init__(self, world: FakeWorld) -> None:
        self._world = world

    async def record(self, revocations: Sequence[Revocation]) -> None:
        self._world.require_presence()
        self._world.record(revocations)
        for target in (revocation.target for revocation in revocations):
            for kept in self._world.authorizations.values():
                kept.revoked |= target == authorization_target(kept.new.authorization_id)

    async def find(self, targets: Sequence[RevocationTarget]) -> Sequence[Revocation]:
        self._world.require_presence()
        return [self._world.revocations[target] for target in set(targets) if target in self._world.revocations]


class FakeCatalog:
    """`CatalogSource`: the scopes of the world, and its clients that are resource servers."""

    def __init__(self, world: FakeWorld) -> None:
        self._world = world

    async def get(self) -> Catalog:
        self._world.require_presence()
        servers = [client for client in self._world.clients.values() if client.resource is not None]
        return Catalog(
            self._world.scopes,
            {
                str(server.resource): ResourceServer(str(server.resource), server.client_name, server.access_token_typ)
                for server in servers
            },
        )

    async def put_scope(self, scope: RegisteredScope) -> None:
        self._world.scopes[scope.name] = scope


def _moved(user: User, now: datetime) -> User:
    valid_since = max(now, user.valid_since + timedelta(microseconds=1))
    return replace(user, epoch=user.epoch + 1, valid_since=valid_since, updated_at=now)


def _is_current(session: Session, user: User) -> bool:
    return user.enabled and user.epoch == session.user.epoch
