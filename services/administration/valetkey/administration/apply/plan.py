"""What has to change so that what is stored is what a file asks for. Pure: the same question has the same answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from valetkey.administration.allowed_groups import unknown_group_problems
from valetkey.administration.apply.attribute_plan import AttributePlanner
from valetkey.administration.apply.change import (
    Change,
    ClientChange,
    FieldChange,
    Kind,
    Plan,
    ScopeChange,
    changed_fields,
)
from valetkey.administration.apply.declaration import Declaration, DeclaredClient, DeclaredSecrets
from valetkey.administration.apply.people_plan import PeoplePlanner, PeopleTerms, StoredPeople
from valetkey.administration.apply.pruning import excessive_pruning
from valetkey.administration.client_record import client_fields
from valetkey.administration.ownership import owned_by
from valetkey.administration.registration import (
    change_problems,
    creation_problems,
    registration_problems,
    with_new_defaults,
)
from valetkey.core.client.installation_rules import USUAL_RULES, InstallationRules
from valetkey.core.oauth.resource import Catalog, RegisteredScope, ResourceServer
from valetkey.core.oidc.claims.attribute import claim_table
from valetkey.storage.postgres.tables.catalog import AttributeRecord
from valetkey.storage.postgres.tables.clients import ClientRecord

_NOTHING: tuple[object, ...] = (None, "", (), frozenset())


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a file is applied.

    ``owner`` owns what is created. ``adopt`` takes over what others own, ``prune`` deletes what the owner owns and the
    file does not have, ``prune_all`` even where that is more than half of a kind. ``can_generate`` where generated
    secrets have somewhere to go. ``issuer`` is empty where it is not known. ``installation`` has the rules for all
    clients.
    """

    owner: str
    adopt: bool = False
    prune: bool = False
    prune_all: bool = False
    can_generate: bool = False
    issuer: str = ""
    installation: InstallationRules = USUAL_RULES

    def of_people(self, passwords: Mapping[str, str]) -> PeopleTerms:
        """The same for groups and users."""
        return PeopleTerms(self.owner, self.adopt, self.prune, self.can_generate, passwords)


@dataclass(frozen=True, slots=True)
class Stored:
    """What is registered now."""

    clients: Mapping[str, ClientRecord]
    catalog: Catalog
    people: StoredPeople = field(default_factory=StoredPeople)
    attributes: Sequence[AttributeRecord] = ()


def plan_changes(
    declaration: Declaration, secrets: DeclaredSecrets, stored: Stored, terms: Terms, now: datetime
) -> Plan:
    """The plan."""
    return _Planner(declaration, secrets, stored, terms, now).plan()


class _Planner:
    def __init__(
        self, declaration: Declaration, secrets: DeclaredSecrets, stored: Stored, terms: Terms, now: datetime
    ) -> None:
        self._declaration = declaration
        self._secrets = secrets.digests
        self._attributes = AttributePlanner(
            declaration.attributes, stored.attributes, terms.owner, adopt=terms.adopt, prune=terms.prune
        )
        self._claims = claim_table(self._attributes.afterwards, stored.catalog.scopes)
        self._people = PeoplePlanner(declaration, stored.people, terms.of_people(secrets.passwords), self._claims)
        self._stored = stored
        self._terms = terms
        self._now = now
        self._problems: list[str] = []
        self._conflicts: list[str] = []
        self._declared = {
            declared.client.client_id: self._with_new_defaults(declared) for declared in declaration.clients
        }
        self._owners = {
            record.client.resource: record.managed_by
            for record in stored.clients.values()
            if record.client.resource is not None
        }

    def plan(self) -> Plan:
        forgotten = [
            record
            for client_id, record in self._stored.clients.items()
            if record.managed_by == self._terms.owner and client_id not in self._declared
        ]
        pruned = forgotten if self._terms.prune else []
        clients = list(filter(None, map(self._client, self._declared.values())))
        clients += (ClientChange(Kind.DELETE, before=record) for record in pruned)
        scopes = list(filter(None, map(self._scope, self._declaration.scopes)))
        scopes += self._forgotten_scopes(pruned)
        self._check(scopes, pruned)
        kept = self._stored.clients.keys() - {record.client.client_id for record in pruned} - self._declared.keys()
        groups = self._people.groups(
            [
                *(self._stored.clients[client_id].client for client_id in sorted(kept)),
                *(declared.client for declared in self._declared.values()),
            ]
        )
        users = self._people.users()
        declaration = self._declaration
        asked = len((*self._declared, *declaration.scopes, *declaration.attributes))
        asked += len((*declaration.groups, *declaration.users))
        attributes = self._attributes.changes
        changes: tuple[Change, ...] = (*clients, *scopes, *attributes, *groups, *users)
        by_kind = (clients, scopes, attributes, groups, users)
        return Plan(
            clients=tuple(clients),
            scopes=tuple(scopes),
            attributes=tuple(attributes),
            groups=tuple(groups),
            users=tuple(users),
            unchanged=asked - sum(change.after is not None for change in changes),
            problems=(*self._problems, *self._attributes.problems, *self._people.problems),
            conflicts=(*self._conflicts, *self._attributes.conflicts, *self._people.conflicts),
            left_over=(
                *(record.client.client_id for record in forgotten if record not in pruned),
                *self._attributes.left_over,
                *self._people.left_over,
            ),
            excessive=() if self._terms.prune_all else excessive_pruning(by_kind, self._stored, self._terms.owner),
        )

    def _with_new_defaults(self, declared: DeclaredClient) -> DeclaredClient:
        record = self._stored.clients.get(declared.client.client_id)
        return replace(declared, client=with_new_defaults(declared.client, None if record is None else record.client))

    def _client(self, declared: DeclaredClient) -> ClientChange | None:
        client_id = declared.client.client_id
        record = self._stored.clients.get(client_id)
        digest, generates, secret = self._secret(declared, record)
        if record is None:
            self._problems += (f"client {client_id}: {text}" for text in creation_problems(declared.client))
            after = client_fields(declared.client) | {"managed_by": self._terms.owner}
            fields = [FieldChange(name, None, value) for name, value in after.items() if value not in _NOTHING]
            return ClientChange(
                Kind.CREATE, (*fields, *secret), after=declared, secret_digest=digest, generates_secret=generates
            )
        if record.managed_by != self._terms.owner and not self._terms.adopt:
            self._conflicts.append(f"client {client_id} is {owned_by(record.managed_by)}; --adopt takes it over")
        self._problems += (f"client {client_id}: {text}" for text in change_problems(record.client, declared.client))
        before = client_fields(record.client) | {"managed_by": record.managed_by}
        after = client_fields(declared.client) | {"managed_by": self._terms.owner}
        changed = changed_fields(before, after)
        if not changed and not secret:
            return None
        return ClientChange(Kind.UPDATE, (*changed, *secret), record, declared, digest, generates)

    def _secret(
        self, declared: DeclaredClient, record: ClientRecord | None
    ) -> tuple[bytes | None, bool, tuple[FieldChange, ...]]:
        """The digest to store, whether a secret has to be made, and how that shows."""
        if declared.client.is_public:
            return None, False, ()
        client_id = declared.client.client_id
        held = [] if record is None else [secret for secret in record.client.secrets if secret.is_current(self._now)]
        before = "stored" if held else None
        digest = self._secrets.get(client_id)
        if digest is not None:
            if held and held[0].digest == digest:
                return None, False, ()
            return digest, False, (FieldChange("client_secret", before, f"from {declared.secret_file}"),)
        if held or declared.secret_file is not None:
            return None, False, ()
        if not self._terms.can_generate:
            self._problems.append(f"client {client_id} needs a secret: name a secret_file, or give --secrets-directory")
        return None, True, (FieldChange("client_secret", None, "generated"),)

    def _scope(self, scope: RegisteredScope) -> ScopeChange | None:
        old = self._stored.catalog.scopes.get(scope.name)
        if old == scope:
            return None
        for resource in dict.fromkeys((None if old is None else old.resource, scope.resource)):
            if (
                resource is not None
                and resource in self._owners
                and not self._is_ours(resource)
                and not self._terms.adopt
            ):
                owned = owned_by(self._owners[resource])
                self._conflicts.append(f"scope {scope.name} is of {resource}, {owned}; --adopt takes it over")
        fields = changed_fields({} if old is None else _shown_scope(old), _shown_scope(scope))
        return ScopeChange(Kind.CREATE if old is None else Kind.UPDATE, fields, old, scope)

    def _is_ours(self, resource: str) -> bool:
        declared = {declared.client.resource for declared in self._declared.values()}
        return resource in declared or self._owners.get(resource) == self._terms.owner

    def _forgotten_scopes(self, pruned: Iterable[ClientRecord]) -> list[ScopeChange]:
        if not self._terms.prune:
            return []
        declared = {scope.name for scope in self._declaration.scopes}
        ending = {record.client.resource for record in pruned}
        return [
            ScopeChange(Kind.DELETE, before=scope, cascades=scope.resource in ending)
            for scope in self._stored.catalog.scopes.values()
            if scope.name not in declared
            and scope.resource is not None
            and self._owners.get(scope.resource) == self._terms.owner
        ]

    def _check(self, scopes: Iterable[ScopeChange], pruned: Iterable[ClientRecord]) -> None:
        """Everything that is wrong with the clients and scopes, once all of it is as it is to be."""
        catalog = self._catalog(scopes, pruned)
        self._attributes.check(catalog.scopes)
        for client_id, declared in self._declared.items():
            found = registration_problems(declared.client, catalog, self._terms.issuer, self._terms.installation)
            found += self._resource_problems(declared) + unknown_group_problems(
                declared.client, self._people.groups_afterwards
            )
            self._problems += (f"client {client_id}: {text}" for text in found)
        self._problems += (
            f"scope {scope.name}: {scope.resource} is no registered resource server"
            for scope in self._declaration.scopes
            if scope.resource is not None and scope.resource not in catalog.resources
        )

    def _catalog(self, scopes: Iterable[ScopeChange], pruned: Iterable[ClientRecord]) -> Catalog:
        kept = dict(self._stored.catalog.scopes)
        for change in scopes:
            if change.kind is Kind.DELETE:
                kept.pop(change.name)
        kept |= {scope.name: scope for scope in self._declaration.scopes}
        replaced = {
            self._stored.clients[name].client.resource for name in self._declared if name in self._stored.clients
        }
        ended = replaced | {record.client.resource for record in pruned}
        resources = {name: server for name, server in self._stored.catalog.resources.items() if name not in ended}
        resources |= {
            declared.client.resource: ResourceServer(declared.client.resource, declared.client.client_name)
            for declared in self._declared.values()
            if declared.client.resource is not None
        }
        return replace(self._stored.catalog, scopes=kept, resources=resources, claim_table=self._claims)

    def _resource_problems(self, declared: DeclaredClient) -> list[str]:
        client = declared.client
        problems = [
            f"resource: {client.resource} already belongs to {other_id}"
            for other_id, record in self._stored.clients.items()
            if client.resource is not None
            and record.client.resource == client.resource
            and other_id != client.client_id
        ]
        record = self._stored.clients.get(client.client_id)
        old = None if record is None else record.client.resource
        if old is not None and old != client.resource:
            names = [scope.name for scope in self._stored.catalog.scopes.values() if scope.resource == old]
            if names:
                problems.append(f"resource: cannot change while {old} has scopes ({', '.join(names)})")
        return problems


def _shown_scope(scope: RegisteredScope) -> dict[str, object]:
    """The fields of a scope, as a change shows them."""
    return {
        "description": scope.description,
        "resource": scope.resource,
        "translations": dict(scope.translations) or None,
    }
