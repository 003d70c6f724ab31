"""What to do to which key now. Pure: the same keys, reports and moment give the same plan.

A successor is always waiting: published, observed, and ready to take over. Every plan is safe to apply at any time, and
applying one twice is prevented by making each from the keys as they are then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.core.jose.keys import KeyObservation, KeyState, PublicKey
from valetkey.key_rotation.actions import Action, Activate, Create, Delete, Retire

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from valetkey.key_rotation.policy import RotationPolicy

NOTHING_COMPROMISED: frozenset[str] = frozenset()


def plan(
    keys: Sequence[PublicKey],
    observations: Sequence[KeyObservation],
    policy: RotationPolicy,
    now: datetime,
    compromised: frozenset[str] = NOTHING_COMPROMISED,
) -> list[Action]:
    """The actions to apply in one transaction, in this order; none where everything is as it should be.

    Compromised keys go at once, and what they signed with them; an active one is replaced in the same transaction even
    if verifiers have yet to learn of its successor.
    """
    actions: list[Action] = [Delete(key.kid) for key in keys if key.kid in compromised]
    sound = [key for key in keys if key.kid not in compromised]
    for alg in policy.algorithms:
        no_active_key = not keys or any(
            key.alg == alg and key.state is KeyState.ACTIVE for key in keys if key.kid in compromised
        )
        actions += _plan_algorithm(alg, sound, observations, policy, now, no_active_key=no_active_key)
    actions += _wind_up([key for key in sound if key.alg not in policy.algorithms], policy, now)
    actions += [Delete(key.kid) for key in sound if _has_served_its_time(key, now)]
    return actions


def blocking_replicas(
    key: PublicKey, observations: Iterable[KeyObservation], policy: RotationPolicy, now: datetime
) -> tuple[str, ...]:
    """The replicas whose answers without this key a cache may still hold.

    One that has fallen silent counts until its last answer has left every cache too.
    """
    return tuple(
        observation.replica_id
        for observation in observations
        if now < observation.seen_at + policy.replica_timeout + policy.propagation
        and (key.kid not in observation.kids or now < observation.serving_since + policy.propagation)
    )


def can_activate(key: PublicKey, observations: Iterable[KeyObservation], policy: RotationPolicy, now: datetime) -> bool:
    """Whether every verifier that ever asked can have this key by now."""
    return now >= key.created_at + policy.propagation and not blocking_replicas(key, observations, policy, now)


def known_at(
    key: PublicKey, observations: Iterable[KeyObservation], policy: RotationPolicy, now: datetime
) -> tuple[datetime, tuple[str, ...]]:
    """When every verifier can have this key, as far as that is known, and the replicas that do not serve it yet.

    A replica that does not serve the key puts this off: until it has served it for ``propagation``, or has been silent
    for so long that it counts no more.
    """
    moments, behind = [key.created_at + policy.propagation], []
    for observation in observations:
        if now >= observation.seen_at + policy.replica_timeout + policy.propagation:
            continue
        if key.kid in observation.kids:
            moments.append(observation.serving_since + policy.propagation)
        else:
            behind.append(observation.replica_id)
    return max(moments), tuple(sorted(behind))


def due_at(key: PublicKey, policy: RotationPolicy) -> datetime:
    """When an active key has signed for long enough."""
    return (key.activated_at or key.created_at) + policy.active_period


def _plan_algorithm(
    alg: str,
    keys: Sequence[PublicKey],
    observations: Sequence[KeyObservation],
    policy: RotationPolicy,
    now: datetime,
    *,
    no_active_key: bool,
) -> list[Action]:
    active = _in_state(keys, alg, KeyState.ACTIVE)
    prepared = _in_state(keys, alg, KeyState.PREPARED)
    ripe = [key for key in prepared if can_activate(key, observations, policy, now)]
    successor = None
    if not active or now >= due_at(active[-1], policy):
        # The oldest prepared key has the best chance of being known where one has to sign before its time.
        successor = next(iter(ripe or (prepared if no_active_key else ())), None)
    retiring = active if successor else active[:-1]
    actions: list[Action] = [Retire(key.kid, now + policy.retirement) for key in retiring]
    if successor:
        actions.append(Activate(successor.kid))
    elif no_active_key:
        actions.append(Create(alg, KeyState.ACTIVE))
    if len(prepared) == (1 if successor else 0):
        actions.append(Create(alg, KeyState.PREPARED))
    return actions


def _wind_up(keys: Iterable[PublicKey], policy: RotationPolicy, now: datetime) -> list[Action]:
    """What becomes of the keys of an algorithm that is no longer configured."""
    actions: list[Action] = []
    for key in keys:
        if key.state is KeyState.ACTIVE:
            actions.append(Retire(key.kid, now + policy.retirement))
        elif key.state is KeyState.PREPARED:
            actions.append(Delete(key.kid))
    return actions


def _in_state(keys: Iterable[PublicKey], alg: str, state: KeyState) -> list[PublicKey]:
    """The keys of this algorithm in this state, the one that has been in it for longest first."""
    found = (key for key in keys if key.alg == alg and key.state is state)
    return sorted(found, key=lambda key: (key.activated_at or key.created_at, key.kid))


def _has_served_its_time(key: PublicKey, now: datetime) -> bool:
    return key.state is KeyState.RETIRED and key.retire_until is not None and now >= key.retire_until
