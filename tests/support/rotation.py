"""Signing keys without key material, and what a plan makes of them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from valetkey.core.jose.keys import KeyObservation, KeyState, PublicKey
from valetkey.key_rotation.actions import Action, Activate, Create, Delete, Retire
from valetkey.key_rotation.policy import RotationPolicy

START = datetime(2026, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

POLICY = RotationPolicy(
    algorithms=("ES256",),
    jwks_max_age=timedelta(seconds=300),
    activation_margin=timedelta(seconds=60),
    active_period=timedelta(days=30),
    replica_timeout=timedelta(seconds=120),
    token_lifetime=timedelta(seconds=600),
    signer_staleness=timedelta(seconds=675),
)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def key(
    kid: str,
    state: KeyState = KeyState.ACTIVE,
    *,
    alg: str = "ES256",
    at: datetime = START,
    retire_until: datetime | None = None,
) -> PublicKey:
    """A key that was made, and moved into its state, at this moment."""
    return PublicKey(
        kid=kid,
        alg=alg,
        state=state,
        jwk={},
        created_at=at,
        activated_at=None if state is KeyState.PREPARED else at,
        retired_at=at if state is KeyState.RETIRED else None,
        retire_until=retire_until,
    )


def observation(
    replica_id: str, kids: Iterable[str], *, seen_at: datetime, serving_since: datetime = EPOCH
) -> KeyObservation:
    return KeyObservation(replica_id, "introspection", frozenset(kids), serving_since, seen_at)


def applied(keys: Sequence[PublicKey], actions: Iterable[Action], now: datetime) -> list[PublicKey]:
    """The keys after these actions; a new key's kid tells its algorithm, when it was made, and how many there were."""
    after = {known.kid: known for known in keys}
    for position, action in enumerate(actions):
        match action:
            case Create(alg, state):
                kid = f"{alg}-{now.timestamp():.0f}-{position}"
                after[kid] = key(kid, state, alg=alg, at=now)
            case Activate(kid):
                after[kid] = replace(after[kid], state=KeyState.ACTIVE, activated_at=now)
            case Retire(kid, until):
                after[kid] = replace(after[kid], state=KeyState.RETIRED, retired_at=now, retire_until=until)
            case Delete(kid):
                del after[kid]
    return list(after.values())


def active(keys: Iterable[PublicKey], alg: str = "ES256") -> list[str]:
    return [known.kid for known in keys if known.alg == alg and known.state is KeyState.ACTIVE]
