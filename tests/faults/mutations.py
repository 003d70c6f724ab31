"""Each promise broken in one place. What a patch replaces, and with what, is all that differs from the product."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import uuid4

from faults.mutation import Mutation
from valetkey.core.oauth import revocation
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.sealed_value import ValueSealer
from valetkey.introspection import verified_tokens
from valetkey.storage.postgres.database.errors import PostgresErrors
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables import account_tokens, authorization_inserts, authorizations, credentials
from valetkey.storage.postgres.tables.authorizations import Authorizations
from valetkey.storage.postgres.tables.consents import Consents
from valetkey.storage.postgres.tables.users import Users
from valetkey.storage.redis.client.script import Script
from valetkey.storage.redis.kept import codes
from valetkey.storage.revocation import RevocationStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from uuid import UUID

    from valetkey.core.authentication.user import User
    from valetkey.core.oauth.access_token import AccessToken
    from valetkey.core.oauth.revocation import Revocation, RevocationTarget
    from valetkey.core.oauth.stored_authorization import GrantedAuthorization, NewAuthorization

_Patches = tuple["AbstractContextManager[object]", ...]
_PAUSE = 0.7

_TAKES = """
local value = redis.call('GET', KEYS[1])
if not value then
  return 'U'
end
%s
return 'T' .. string.sub(value, 2)
"""


def _authorizations_stored_again() -> _Patches:
    """Where the row of a code exists, another one is inserted under a fresh id."""
    insert = Authorizations.insert

    async def insert_anyhow(self: Authorizations, new: NewAuthorization) -> GrantedAuthorization | None:
        granted = await insert(self, new)
        return granted or await insert(self, replace(new, authorization_id=uuid4()))

    return (patch.object(Authorizations, "insert", insert_anyhow),)


def _changed(sql: str, changes: Mapping[str, str]) -> str:
    """A statement with these texts in place of others."""
    for text, other in changes.items():
        assert text in sql
        sql = sql.replace(text, other)
    return sql


def _inserting(changes: Mapping[str, str]) -> _Patches:
    """What stores redemptions, several at once and one alone, with these texts in place of others."""
    patches = []
    for name in ("_INSERT_FREE", "_INSERT_ONE"):
        insert: Statement = vars(authorization_inserts)[name]
        patches.append(patch.object(authorization_inserts, name, replace(insert, sql=_changed(insert.sql, changes))))
    return tuple(patches)


def _abandoned_for_good() -> _Patches:
    """What an abandoned redemption stored is never taken over."""
    return _inserting({"WHERE authorizations.generation = 1 AND": "WHERE FALSE AND"})


def _taken_over_by_any_caller() -> _Patches:
    """What a redemption stored is taken over, whether it was abandoned or not."""
    return _inserting({"WHERE authorizations.generation = 1 AND": "WHERE TRUE OR"})


def _codes_for_several() -> _Patches:
    """A code is given to every caller, as long as it lives; and each gets an authorization."""
    return (patch.object(codes, "_CONSUME", Script(_TAKES % "")), *_authorizations_stored_again())


def _codes_without_tombstone() -> _Patches:
    """A code is gone once it is taken, and there is no record of what it was redeemed for."""
    return (patch.object(codes, "_CONSUME", Script(_TAKES % "redis.call('DEL', KEYS[1])")),)


def _plain_values_believed() -> _Patches:
    """What lies in Redis without a seal is taken for ours, for whatever client and verifier it says."""
    read = ValueSealer.read

    def read_anything(self: ValueSealer, *place: Any, **appended: Any) -> bytes:  # noqa: ANN401 - as it is called
        vars(self)["_keys"] = replace(self.keys, reads_plain=True)
        return read(self, *place, **appended)

    return (patch.object(ValueSealer, "read", read_anything), patch.object(codes, "mismatched_parts", lambda *_: ()))


def _revocations_not_recorded() -> _Patches:
    """Redis is told of a revocation, PostgreSQL is not."""
    return (patch.object(RevocationStore, "revoke", RevocationStore.publish),)


def _revocations_published_first() -> _Patches:
    """Redis is told, and PostgreSQL later, as if the order did not matter."""

    async def revoke(self: RevocationStore, revocations: Sequence[Revocation]) -> None:
        await self.publish(revocations)
        await asyncio.sleep(_PAUSE)
        await vars(self)["_recorded"].record(revocations)

    return (patch.object(RevocationStore, "revoke", revoke),)


def _failed_revocations_succeed() -> _Patches:
    """A revocation that no store has taken is acknowledged."""
    revoke = RevocationStore.revoke

    async def revoke_or_not(self: RevocationStore, revocations: Sequence[Revocation]) -> None:
        with suppress(TemporarilyUnavailable):
            await revoke(self, revocations)

    return (patch.object(RevocationStore, "revoke", revoke_or_not),)


def _unknown_is_valid() -> _Patches:
    """Where Redis cannot tell, nothing is taken for revoked."""

    async def find(self: RevocationStore, targets: Sequence[RevocationTarget]) -> Iterable[Revocation]:
        try:
            return await vars(self)["_redis"].find(targets) or ()
        except TemporarilyUnavailable:
            return ()

    return (patch.object(RevocationStore, "find", find),)


def _any_generation_rotates() -> _Patches:
    """A refresh token of an earlier generation is as good as the newest."""
    rotate: Statement = vars(authorizations)["_ROTATE"]
    sql = rotate.sql.replace("a.generation = asked.generation", "a.generation >= asked.generation")
    assert sql != rotate.sql
    return (patch.object(authorizations, "_ROTATE", replace(rotate, sql=sql)),)


def _bugs_are_shown() -> _Patches:
    """An absent PostgreSQL is not told from a bug."""
    return (patch.object(PostgresErrors, "__exit__", lambda *_: None),)


def _users_mixed_up() -> _Patches:
    """A caller that asks for a user gets the one that was asked for before."""
    find, last = Users.find_by_subject, list["User | None"]()

    async def find_another(self: Users, subject: UUID) -> User | None:
        last.append(await find(self, subject))
        return last[0] if len(last) == 1 else last.pop(0)

    return (patch.object(Users, "find_by_subject", find_another),)


def _consents_forgotten() -> _Patches:
    """A consent is acknowledged and not kept."""

    async def add(self: Consents, *consent: Any) -> int:  # noqa: ANN401 - whatever is agreed to
        """Nothing is remembered; the epoch is that of a consent which was never withdrawn."""
        return 0

    return (patch.object(Consents, "add", add),)


def _endings_compared_by_time() -> _Patches:
    """What a token carries of epochs is not looked at: when it was issued has to do."""
    return (patch.object(revocation, "_epoch_of", lambda *_: None),)


def _epochs_not_asked() -> _Patches:
    """Only whether the token or its authorization was revoked is asked."""

    def targets_of(token: AccessToken) -> tuple[RevocationTarget, ...]:
        authorization_id = token.token_id.authorization_id
        return revocation.token_target(str(token.token_id)), revocation.authorization_target(authorization_id)

    return (patch.object(verified_tokens, "targets_of", targets_of),)


def _epochs_read_too_late() -> _Patches:
    """What a code carries of epochs is not looked at: the authorization carries those of its redemption."""
    return _inserting(
        {
            "i.epoch = installation_epoch AND c.epoch = client_epoch": "TRUE",
            "u.epoch = user_epoch END": "TRUE END",
            "COALESCE(k.epoch, 0) = consent_epoch": "TRUE",
        }
    )


def _recovery_codes_for_several() -> _Patches:
    """A code is looked at, and stays."""
    use: Statement = vars(credentials)["_USE_RECOVERY_CODE"]
    changes = {
        "DELETE FROM credentials AS c USING installation AS i": "SELECT c.id FROM credentials AS c, installation AS i",
        "RETURNING c.id": "",
    }
    return (patch.object(credentials, "_USE_RECOVERY_CODE", replace(use, sql=_changed(use.sql, changes))),)


def _time_steps_for_several() -> _Patches:
    """What an app shows counts as long as it shows it."""
    use: Statement = vars(credentials)["_USE_TOTP"]
    return (patch.object(credentials, "_USE_TOTP", replace(use, sql=_changed(use.sql, {" AND counter < $3": ""}))),)


def _reset_links_for_several() -> _Patches:
    """A link is looked at, and stays, even if its user has ended since."""
    patches = []
    for name in ("_FIND", "_LOCK_OWNER", "_USE"):
        statement: Statement = vars(account_tokens)[name]
        sql = _changed(statement.sql, {"u.epoch = t.user_epoch AND": ""})
        if name == "_USE":
            columns = sql.partition(" RETURNING ")[2]
            selects = {"DELETE FROM": f"SELECT {columns} FROM", " USING": ",", f" RETURNING {columns}": ""}
            sql = _changed(sql, selects)
        patches.append(patch.object(account_tokens, name, replace(statement, sql=sql)))
    return tuple(patches)


MUTATIONS = {
    "authorizations-stored-again": Mutation("token", _authorizations_stored_again),
    "abandoned-for-good": Mutation("token", _abandoned_for_good),
    "taken-over-by-any-caller": Mutation("token", _taken_over_by_any_caller),
    "codes-for-several": Mutation("token", _codes_for_several),
    "codes-without-tombstone": Mutation("token", _codes_without_tombstone),
    "plain-values-believed": Mutation("token", _plain_values_believed),
    "revocations-not-recorded": Mutation("token", _revocations_not_recorded),
    "revocations-published-first": Mutation("token", _revocations_published_first),
    "failed-revocations-succeed": Mutation("token", _failed_revocations_succeed),
    "unknown-is-valid": Mutation("introspection", _unknown_is_valid),
    "any-generation-rotates": Mutation("token", _any_generation_rotates),
    "bugs-are-shown": Mutation("token", _bugs_are_shown),
    "users-mixed-up": Mutation("introspection", _users_mixed_up),
    "consents-forgotten": Mutation("authorize", _consents_forgotten),
    "endings-compared-by-time": Mutation("introspection", _endings_compared_by_time),
    "epochs-not-asked": Mutation("introspection", _epochs_not_asked),
    "recovery-codes-for-several": Mutation("authorize", _recovery_codes_for_several),
    "time-steps-for-several": Mutation("authorize", _time_steps_for_several),
    "reset-links-for-several": Mutation("authorize", _reset_links_for_several),
    "epochs-read-too-late": Mutation("token", _epochs_read_too_late),
}
