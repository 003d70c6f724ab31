"""What has to change so that groups and users are what a file asks for. Pure, as ``plan`` is, and a part of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from valetkey.administration.allowed_groups import clients_that_allow
from valetkey.administration.apply.change import FieldChange, GroupChange, Kind, UserChange, changed_fields
from valetkey.administration.ownership import owned_by
from valetkey.administration.user_attributes import attribute_problems
from valetkey.core.authentication.group import MAX_GROUPS_OF_USER, crowded_sentence, nesting_problems
from valetkey.core.authentication.user import normalize_login_name

if TYPE_CHECKING:
    from valetkey.administration.apply.declaration import Declaration, DeclaredGroup, DeclaredUser
    from valetkey.core.client.client import Client
    from valetkey.core.oidc.claims.table import ClaimTable
    from valetkey.storage.postgres.tables.groups import GroupRecord, Member
    from valetkey.storage.postgres.tables.users import UserRecord

_NOTHING: tuple[object, ...] = (None, "", (), [], {})


@dataclass(frozen=True, slots=True)
class StoredPeople:
    """The groups there are, who is in those that the file names, and the users whom it names or its owner owns."""

    groups: Mapping[str, GroupRecord] = field(default_factory=dict)
    members: Mapping[str, Sequence[Member]] = field(default_factory=dict)
    users: Sequence[UserRecord] = ()

    def user_by_key(self) -> Mapping[str, UserRecord]:
        """The users by each name that they sign in with, in its one spelling."""
        return {key: record for record in self.users for key in record.name_keys}


@dataclass(frozen=True, slots=True)
class PeopleTerms:
    """As ``Terms``. ``passwords`` are the first ones that files hold, by user name."""

    owner: str
    adopt: bool
    prune: bool
    can_generate: bool
    passwords: Mapping[str, str]


class PeoplePlanner:
    """Plans groups and users; ``problems``, ``conflicts`` and ``left_over`` are as in ``Plan``."""

    def __init__(self, declaration: Declaration, stored: StoredPeople, terms: PeopleTerms, table: ClaimTable) -> None:
        self._stored = stored
        self._table = table
        self._terms = terms
        self._groups = {declared.group.name: declared for declared in declaration.groups}
        self._users = {declared.username: declared for declared in declaration.users}
        self._by_key = stored.user_by_key()
        self._declared_keys = {normalize_login_name(name): name for name in self._users}
        self.problems: list[str] = []
        self.conflicts: list[str] = []
        self.left_over: list[str] = []

    @property
    def groups_afterwards(self) -> frozenset[str]:
        """The groups that there will be."""
        gone = {record.group.name for record in self._forgotten_groups()} if self._terms.prune else set[str]()
        return frozenset(self._stored.groups.keys() - gone | self._groups.keys())

    def groups(self, clients: Iterable[Client]) -> list[GroupChange]:
        """The changes to groups, beside these clients as they are to be."""
        changes = list(filter(None, map(self._group, self._groups.values())))
        kept = list(clients)
        for record in self._forgotten_groups():
            name = record.group.name
            if not self._terms.prune:
                self.left_over.append(f"group {name}")
                continue
            changes.append(GroupChange(Kind.DELETE, before=record))
            if users := clients_that_allow(name, kept):
                self.problems.append(f"group {name} decides who may use {', '.join(users)}: change allowed_groups too")
        self.problems += nesting_problems(self._parents())
        named = Counter(name for change in changes for name in change.moved("members")[0])
        # What comes from nesting, and from groups of others, is judged when it is stored.
        self.problems += (
            crowded_sentence(username, count) for username, count in named.items() if count > MAX_GROUPS_OF_USER
        )
        return changes

    def users(self) -> list[UserChange]:
        """The changes to users."""
        changes = list(filter(None, map(self._user, self._users.values())))
        declared = {id(self._record_of(name)) for name in self._users}
        for record in self._stored.users:
            if record.managed_by != self._terms.owner or id(record) in declared:
                continue
            if self._terms.prune:
                changes.append(UserChange(Kind.DELETE, before=record))
            else:
                self.left_over.append(f"user {record.user.username}")
        return changes

    def _group(self, declared: DeclaredGroup) -> GroupChange | None:
        name = declared.group.name
        record = self._stored.groups.get(name)
        self._require_ours("group", name, record)
        after = {
            "display_name": declared.group.display_name,
            "description": declared.group.description,
            "required_acr": declared.group.required_acr,
            "members": None if declared.members is None else self._usernames(name, declared.members),
            "member_groups": None if declared.member_groups is None else sorted(declared.member_groups),
            "managed_by": self._terms.owner,
        }
        for inner in declared.member_groups or ():
            if inner not in self.groups_afterwards:
                self.problems.append(f"group {name}: member_groups: there is no group {inner}; declare it too")
        before: dict[str, object] = {}
        if record is not None:
            before = {
                "display_name": record.group.display_name,
                "description": record.group.description,
                "required_acr": record.group.required_acr,
                "members": sorted(member.username for member in self._stored.members.get(name, ())),
                "member_groups": list(record.member_groups),
                "managed_by": record.managed_by,
            }
        for each in ("members", "member_groups"):
            # What the file does not say is left to others.
            if after[each] is None:
                after.pop(each)
        fields = _differences(before, after)
        if record is not None and not fields:
            return None
        return GroupChange(Kind.CREATE if record is None else Kind.UPDATE, fields, record, declared)

    def _usernames(self, group: str, members: Iterable[str]) -> list[str]:
        """The user names of members, however the file calls them."""
        found = set()
        for member in members:
            key = normalize_login_name(member)
            if key in self._declared_keys:
                found.add(self._declared_keys[key])
            elif key is not None and (record := self._by_key.get(key)) is not None:
                found.add(record.user.username)
            else:
                self.problems.append(f"group {group}: members: there is no user {member}; declare or create one")
        return sorted(found)

    def _user(self, declared: DeclaredUser) -> UserChange | None:
        name = declared.username
        record = self._record_of(name)
        self._require_ours("user", name, record)
        self._require_free_names(declared, record)
        self.problems += (f"user {name}: claims: {text}" for text in attribute_problems(declared.claims, self._table))
        after = {
            "email": declared.email,
            "email_verified": declared.email_verified,
            "claims": dict(declared.claims),
            "enabled": declared.enabled,
            "managed_by": self._terms.owner,
        }
        if record is not None:
            user = record.user
            before = {
                "email": user.email,
                "email_verified": user.email_verified,
                "claims": dict(user.claims),
                "enabled": user.enabled,
                "managed_by": record.managed_by,
            }
            fields = _differences(before, after)
            return UserChange(Kind.UPDATE, fields, record, declared) if fields else None
        password = self._terms.passwords.get(name)
        source = f"from {declared.password_file}" if declared.password_file is not None else "generated"
        if declared.password_file is None and not self._terms.can_generate:
            self.problems.append(f"user {name} needs a password: name a password_file, or give --secrets-directory")
        fields = (*_differences({}, after), FieldChange("password", None, source))
        return UserChange(
            *(Kind.CREATE, fields, None, declared, password), generates_password=declared.password_file is None
        )

    def _record_of(self, username: str) -> UserRecord | None:
        return self._by_key.get(normalize_login_name(username) or "")

    def _require_free_names(self, declared: DeclaredUser, record: UserRecord | None) -> None:
        for what, name in (("user name", declared.username), ("e-mail address", declared.email)):
            other = None if name is None else self._record_of(name)
            if other is not None and other is not record:
                self.problems.append(f"user {declared.username}: the {what} {name} is {other.user.username}'s")
        if record is not None and record.user.username != declared.username:
            self.problems.append(f"user {declared.username}: the user name {record.user.username} cannot change")

    def _require_ours(self, kind: str, name: str, record: GroupRecord | UserRecord | None) -> None:
        if record is None or record.managed_by == self._terms.owner or self._terms.adopt:
            return
        self.conflicts.append(f"{kind} {name} is {owned_by(record.managed_by)}; --adopt takes it over")

    def _forgotten_groups(self) -> list[GroupRecord]:
        return [
            record
            for name, record in self._stored.groups.items()
            if record.managed_by == self._terms.owner and name not in self._groups
        ]

    def _parents(self) -> dict[str, list[str]]:
        """The groups that each group will be in."""
        parents: dict[str, list[str]] = {}
        for name in sorted(self.groups_afterwards):
            declared, record = self._groups.get(name), self._stored.groups.get(name)
            inner = None if declared is None else declared.member_groups
            for child in inner if inner is not None else () if record is None else record.member_groups:
                parents.setdefault(child, []).append(name)
        return parents


def _differences(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[FieldChange, ...]:
    """What differs; of a new one, what it has."""
    return tuple(each for each in changed_fields(before, after) if before or each.after not in _NOTHING)
