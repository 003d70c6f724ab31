"""One transaction: read the keys, plan, apply the plan, publish."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from valetkey.core.encoding import b64url_encode
from valetkey.core.jose.keys import KeyState, PublicKey, jwk_set
from valetkey.key_rotation.actions import Action, Activate, Create, Delete, Retire
from valetkey.key_rotation.key_maker import make_key
from valetkey.key_rotation.plan import blocking_replicas, due_at, known_at, plan
from valetkey.key_rotation.report import RotationReport, WaitingKey
from valetkey.runtime.telemetry import audit
from valetkey.storage.postgres.tables.signing_keys import KeyStore, KeyTransaction, StoredKey

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from valetkey.core.jose.keys import KeyObservation
    from valetkey.core.jose.sealed_key import KeySealer
    from valetkey.core.ports.clock import Clock
    from valetkey.key_rotation.policy import RotationPolicy
    from valetkey.storage.postgres.database.pool import Database

ACTOR = "key_rotation"


async def rotate_keys(
    database: Database,
    sealer: KeySealer,
    policy: RotationPolicy,
    clock: Clock,
    *,
    emergency: bool = False,
    compromised: Collection[str] = (),
) -> RotationReport:
    """Do what is to be done now, all of it or nothing. ``emergency`` takes every key there is for compromised.

    Raises ``UnsealError`` where a private key does not open, ``TemporarilyUnavailable`` while PostgreSQL is away.
    """
    store = KeyStore(database)
    # Read before the lock: of two emergency runs at once the second must not replace what the first has just made.
    suspects = frozenset(key.kid for key in await store.public_keys()) if emergency else frozenset(compromised)
    async with store.transaction() as transaction:
        run = _Run(transaction, sealer, policy, clock())
        report = await run.complete(suspects)
    _tell(report)
    return report


class _Run:
    """One run, within its transaction."""

    def __init__(self, transaction: KeyTransaction, sealer: KeySealer, policy: RotationPolicy, now: datetime) -> None:
        self._transaction = transaction
        self._sealer = sealer
        self._policy = policy
        self._now = now
        self._keys: dict[str, PublicKey] = {}

    async def complete(self, compromised: frozenset[str]) -> RotationReport:
        """Read, plan, apply, seal again, publish."""
        stored = await self._transaction.keys()
        observations = await self._transaction.observations()
        before = {key.public.kid: key.public for key in stored}
        self._keys = dict(before)
        for action in plan(list(before.values()), observations, self._policy, self._now, compromised):
            await self._apply(action)
        resealed = await self._seal_again([key for key in stored if key.public.kid in self._keys])
        await self._publish()
        return self._report(before, observations, resealed)

    async def _apply(self, action: Action) -> None:
        match action:
            case Create():
                made = await make_key(action, self._sealer, self._now)
                await self._transaction.insert(made)
                self._keys[made.public.kid] = made.public
            case Activate(kid):
                await self._update(replace(self._keys[kid], state=KeyState.ACTIVE, activated_at=self._now))
            case Retire(kid, until):
                retired = replace(self._keys[kid], state=KeyState.RETIRED, retired_at=self._now, retire_until=until)
                await self._update(retired)
            case Delete(kid):
                await self._transaction.delete(kid)
                del self._keys[kid]

    async def _update(self, key: PublicKey) -> None:
        await self._transaction.update(key)
        self._keys[key.kid] = key

    async def _seal_again(self, kept: Iterable[StoredKey]) -> tuple[str, ...]:
        """Open every key that is kept, so that a missing key-encryption key is found out before it is needed."""
        resealed = []
        for key in kept:
            kid, sealed = key.public.kid, key.sealed
            private_key = self._sealer.open(kid, sealed)
            if sealed.key_encryption_key_id != self._sealer.current_id:
                await self._transaction.reseal(kid, self._sealer.seal(kid, private_key))
                resealed.append(kid)
        return tuple(resealed)

    async def _publish(self) -> None:
        # Sorted: PostgreSQL keeps the members of a key in an order of its own, and the same keys have the same tag.
        document = json.dumps(jwk_set(self._keys.values()), separators=(",", ":"), sort_keys=True)
        etag = b64url_encode(hashlib.sha256(document.encode()).digest())
        await self._transaction.publish(document, etag, self._now)

    def _report(
        self, before: Mapping[str, PublicKey], observations: Sequence[KeyObservation], resealed: tuple[str, ...]
    ) -> RotationReport:
        active = [key for key in self._keys.values() if key.state is KeyState.ACTIVE]
        overdue = {key.alg for key in active if self._now >= due_at(key, self._policy)}
        waiting = [key for key in self._keys.values() if key.state is KeyState.PREPARED and key.alg in overdue]
        silent = {name for key in waiting for name in blocking_replicas(key, observations, self._policy, self._now)}
        return RotationReport(
            created=tuple(kid for kid in self._keys if kid not in before),
            activated=tuple(key.kid for key in active if _state(before, key.kid) is not KeyState.ACTIVE),
            retired=tuple(
                kid
                for kid, key in self._keys.items()
                if key.state is KeyState.RETIRED and _state(before, kid) is not KeyState.RETIRED
            ),
            deleted=tuple(kid for kid in before if kid not in self._keys),
            resealed=resealed,
            next_rotation=min((due_at(key, self._policy) for key in active), default=None),
            held_back_by=tuple(sorted(silent)),
            waiting=tuple(self._waiting(key, observations) for key in sorted(waiting, key=lambda key: key.alg)),
        )

    def _waiting(self, key: PublicKey, observations: Sequence[KeyObservation]) -> WaitingKey:
        not_before, behind = known_at(key, observations, self._policy, self._now)
        return WaitingKey(kid=key.kid, alg=key.alg, not_before=not_before, behind=behind)


def _state(keys: Mapping[str, PublicKey], kid: str) -> KeyState | None:
    return keys[kid].state if kid in keys else None


def _tell(report: RotationReport) -> None:
    for change, kids in report.changes.items():
        for kid in kids:
            audit.emit(audit.AuditEvent(type=f"signing_key.{change}", outcome="success", actor=ACTOR, reason=kid))
