"""What is wrong with one user of an export by itself, and the user it becomes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from valetkey.administration.errors import Refused
from valetkey.administration.user_attributes import attribute_problems, email_problem, require_bounded
from valetkey.core.authentication.group import MAX_GROUPS_OF_USER
from valetkey.core.authentication.subject import given_sub, sub_problem, subject_of
from valetkey.core.authentication.user import User
from valetkey.runtime.password_hash import NO_PASSWORD, stored_form
from valetkey.storage.postgres.tables.user_import import NewUser
from valetkey.storage.postgres.tables.users import login_name_key

if TYPE_CHECKING:
    from datetime import datetime

    from valetkey.administration.user_import.entry import ImportedUser
    from valetkey.core.oidc.claims.table import ClaimTable


@dataclass(frozen=True, slots=True)
class ImportRules:
    """What users of an export are held to: ``parents`` are the groups there will be, and which each is in."""

    table: ClaimTable
    parents: Mapping[str, Collection[str]]
    now: datetime

    def prepare(self, imported: ImportedUser) -> NewUser:
        """The user as one is stored. Raises ``ValueError`` with every reason why it cannot be."""
        problems: list[str] = []
        keys = self._name_keys(imported, problems)
        if imported.email_verified and imported.email is None:
            problems.append("email_verified: there is no e-mail address")
        if imported.sub is not None and (words := sub_problem(imported.sub)) is not None:
            problems.append(f"sub: {words}")
        problems += attribute_problems(imported.claims, self.table)
        problems += self._group_problems(imported.groups)
        password_hash = _stored_hash(imported.password_hash, problems)
        try:
            require_bounded(imported.claims)
        except Refused as error:
            problems.append(error.message)
        if problems:
            raise ValueError("; ".join(problems))
        has_given_subject = imported.sub is not None
        return NewUser(self._user(imported), keys, password_hash, imported.groups, has_given_subject)

    def _user(self, imported: ImportedUser) -> User:
        return User(
            subject=uuid4() if imported.sub is None else subject_of(imported.sub),
            username=imported.username,
            email=imported.email,
            email_verified=imported.email_verified,
            enabled=imported.enabled,
            valid_since=self.now,
            updated_at=self.now,
            claims=imported.claims,
            given_sub=None if imported.sub is None else given_sub(imported.sub),
        )

    def _name_keys(self, imported: ImportedUser, problems: list[str]) -> frozenset[str]:
        keys = set()
        if imported.email is not None and (words := email_problem(imported.email)) is not None:
            problems.append(f"email: {words}")
        for what, name in (("username", imported.username), ("email", imported.email)):
            try:
                keys |= set() if name is None else {login_name_key(name)}
            except ValueError:
                problems.append(f"{what}: it must be 1 to 254 characters without spaces and control characters")
        return frozenset(keys)

    def _group_problems(self, groups: Collection[str]) -> list[str]:
        if missing := sorted(name for name in groups if name not in self.parents):
            return [f"groups: there is no group {', '.join(missing)}"]
        reached, ahead = set(groups), list(groups)
        while ahead:
            above = [name for name in self.parents[ahead.pop()] if name not in reached]
            reached.update(above)
            ahead += above
        if len(reached) > MAX_GROUPS_OF_USER:
            return [f"groups: they are in {len(reached)} groups, and {MAX_GROUPS_OF_USER} is the most"]
        return []


def _stored_hash(password_hash: str | None, problems: list[str]) -> str:
    if password_hash is None:
        return NO_PASSWORD
    try:
        return stored_form(password_hash)
    except ValueError as error:
        problems.append(f"password_hash: {error}")
        return NO_PASSWORD
