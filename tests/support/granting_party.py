"""A user who is signed in at a client, what was granted to it, and every way in which that ends."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from support.postgres import Stores
from support.seed import make_authorization, make_client, make_session, password_hash
from valetkey.core.authentication.session import Session
from valetkey.core.client.client import Client
from valetkey.core.epoch import TokenEpochs
from valetkey.core.oauth.revocation import Revocation, authorization_target
from valetkey.core.oauth.stored_authorization import GrantedAuthorization, NewAuthorization

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
# How far the clock of the process that ends something may be from the others.
CLOCKS = (timedelta(), timedelta(minutes=-5), timedelta(minutes=5))
SECRET = "a session's secret"
_ANOTHER = password_hash("another")


@dataclass
class Party:
    """A user who is signed in, at a client. ``ends_at`` is when that ends, whichever way."""

    stores: Stores
    client: Client
    session: Session
    ends_at: datetime = LATER

    def new(self, **changes: object) -> NewAuthorization:
        return make_authorization(self.client, self.session, NOW, **changes)

    async def insert(self, **changes: object) -> NewAuthorization:
        new = self.new(**changes)
        assert await self.stores.authorizations.insert(new) is not None
        return new


def as_granted(party: Party, new: NewAuthorization, generation: int) -> GrantedAuthorization:
    assert new.epochs is not None
    return GrantedAuthorization(
        authorization_id=new.authorization_id,
        generation=generation,
        epochs=TokenEpochs(*new.epochs[:3]),
        user=party.session.user,
        authentication=new.authentication,
        scope=new.scope,
        resources=new.resources,
        claims=new.claims,
    )


async def state_of(party: Party, new: NewAuthorization) -> tuple[UUID, int, bool] | None:
    """Whose it is, at which generation, and whether it lives."""
    state = await party.stores.authorizations.find_state(new.authorization_id, LATER)
    return None if state is None else (state.client_uid, state.generation, state.is_live)


End = Callable[[Party, NewAuthorization], Awaitable[object]]


async def revoke_it(party: Party, new: NewAuthorization) -> None:
    target = authorization_target(new.authorization_id)
    await party.stores.revocations.record([Revocation(target, party.ends_at, party.ends_at + timedelta(hours=1))])


async def disable_the_user(party: Party, new: NewAuthorization) -> None:
    await party.stores.user_lifecycle.disable(party.session.user.subject, party.ends_at)


async def disable_the_user_for_a_while(party: Party, new: NewAuthorization) -> None:
    await party.stores.user_lifecycle.disable(party.session.user.subject, party.ends_at)
    await party.stores.user_lifecycle.enable(party.session.user.subject, party.ends_at)


async def change_the_password(party: Party, new: NewAuthorization) -> None:
    await party.stores.user_lifecycle.set_password(party.session.user.subject, _ANOTHER, party.ends_at)


async def delete_the_user(party: Party, new: NewAuthorization) -> None:
    await party.stores.user_lifecycle.delete(party.session.user.subject, party.ends_at)


async def disable_the_client(party: Party, new: NewAuthorization) -> None:
    await party.stores.client_lifecycle.disable(party.client.client_id, party.ends_at)


async def disable_the_client_for_a_while(party: Party, new: NewAuthorization) -> None:
    await party.stores.client_lifecycle.disable(party.client.client_id, party.ends_at)
    await party.stores.client_lifecycle.enable(party.client.client_id, party.ends_at)


async def delete_the_client(party: Party, new: NewAuthorization) -> None:
    await party.stores.client_lifecycle.delete(party.client.client_id, party.ends_at)


async def register_the_client_again(party: Party, new: NewAuthorization) -> None:
    await party.stores.client_lifecycle.delete(party.client.client_id, party.ends_at)
    await party.stores.clients.insert(make_client(party.client.client_id), party.ends_at)


async def withdraw_the_consent(party: Party, new: NewAuthorization) -> None:
    await party.stores.consents.withdraw(party.session.user.subject, party.client.uid, party.ends_at)


async def log_out(party: Party, new: NewAuthorization) -> None:
    await party.stores.sessions.end(party.session.session_id, party.ends_at)


async def log_in_again(party: Party, new: NewAuthorization) -> None:
    await party.stores.sessions.create("another", make_session(party.session.user, party.ends_at), SECRET)


ENDINGS_OF_WHAT_IS_UNDER_WAY = [
    disable_the_user,
    disable_the_user_for_a_while,
    change_the_password,
    delete_the_user,
    disable_the_client,
    disable_the_client_for_a_while,
    delete_the_client,
    register_the_client_again,
    withdraw_the_consent,
]
ENDINGS_OF_THE_SESSION = [log_out, log_in_again]


def with_the_session(endings: Sequence[End]) -> list[tuple[End, bool]]:
    """Each of these for what is bound to its session and for what is not; and of what is bound, the session's too."""
    return [(end, bound) for end in endings for bound in (True, False)] + [
        (end, True) for end in ENDINGS_OF_THE_SESSION
    ]


MATRIX = with_the_session([revoke_it, *ENDINGS_OF_WHAT_IS_UNDER_WAY])
UNDER_WAY = with_the_session(ENDINGS_OF_WHAT_IS_UNDER_WAY)
