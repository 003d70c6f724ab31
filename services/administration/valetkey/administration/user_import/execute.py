"""Brings users of another system into this one, by the batch: all of a batch that may come, or nothing of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from valetkey.administration.attributes import read_claim_table
from valetkey.administration.audit import record
from valetkey.administration.errors import Conflict, Refused
from valetkey.administration.user_import.checks import ImportRules
from valetkey.administration.user_import.seen import SeenNames
from valetkey.core.authentication.group import Group, group_problems, nesting_problems
from valetkey.runtime.password_hash import NO_PASSWORD, parameters_of
from valetkey.storage.postgres.database.errors import Conflict as StoredConflict
from valetkey.storage.postgres.tables.groups import GroupRecord, Groups
from valetkey.storage.postgres.tables.user_import import FoundUser, NewUser, UserImport

if TYPE_CHECKING:
    from valetkey.administration.installation import Installation
    from valetkey.administration.user_import.entry import Entry, ImportedGroup, ImportSource
    from valetkey.storage.postgres.database.statement import Executor

BATCH = 500
_TIMEOUT = timedelta(seconds=60)
_ATTEMPTS = 3

Tell = Callable[[str, str], None]
"""Is told the place of each user who is refused, and why."""


@dataclass(slots=True)
class ImportResult:
    """What became of the users of an export.

    ``unchanged`` were there already, ``without_password`` came with no hash, ``left_out`` counts what has no place
    here, and ``hash_parameters`` the hashes by their kind and cost. ``is_whole`` is False where the rest was not looked
    at.
    """

    imported: int = 0
    unchanged: int = 0
    refused: int = 0
    without_password: int = 0
    groups_created: int = 0
    is_whole: bool = True
    left_out: Counter[str] = field(default_factory=Counter)
    hash_parameters: Counter[str] = field(default_factory=Counter)


async def import_users(
    installation: Installation, source: ImportSource, tell: Tell, *, goes_on: bool = False, is_dry_run: bool = False
) -> ImportResult:
    """Store the groups of an export, then its users. Users who are there already are left as they are.

    So it may be done again after whatever has stopped it. ``goes_on`` leaves out users who cannot come; without it the
    first one ends the import, and nothing of its batch is stored. ``is_dry_run`` stores nothing.

    Raises ``Refused`` for groups that cannot be, and for what is no export.
    """
    result = ImportResult()
    parents = await _bring_groups(installation, list(source.groups()), result, is_dry_run=is_dry_run)
    rules = ImportRules(await read_claim_table(installation), parents, installation.clock())
    work = _Work(installation, rules, tell, result, goes_on=goes_on, is_dry_run=is_dry_run)
    for batch in _batches(source.entries()):
        if not await work.bring(batch):
            result.is_whole = False
            break
    return result


async def _bring_groups(
    installation: Installation, groups: Sequence[ImportedGroup], result: ImportResult, *, is_dry_run: bool
) -> dict[str, set[str]]:
    """Every group there will be, and which it is in. Groups that are there already are left as they are."""
    result.left_out.update(each for group in groups for each in group.left_out)
    async with installation.database.transaction("groups.import") as transaction:
        stored = Groups(transaction)
        if groups and not is_dry_run:
            await stored.lock()
        parents, new = _with_new(await stored.list(), groups)
        if not is_dry_run:
            await stored.create([_group(group) for group in new], installation.clock())
            children: dict[str, list[str]] = {}
            for group in new:
                if group.parent is not None:
                    children.setdefault(group.parent, []).append(group.name)
            await stored.add_groups(children)
    result.groups_created = len(new)
    for group in new if not is_dry_run else ():
        record("group.created", installation.actor, group=group.name)
    return parents


def _with_new(
    there: Sequence[GroupRecord], groups: Sequence[ImportedGroup]
) -> tuple[dict[str, set[str]], list[ImportedGroup]]:
    """Which group is in which, with those of the export, and which of those are new. Raises ``Refused``."""
    parents: dict[str, set[str]] = {found.group.name: set() for found in there}
    for found in there:
        for child in found.member_groups:
            parents[child].add(found.group.name)
    new = list({group.name: group for group in groups if group.name not in parents}.values())
    for group in new:
        parents[group.name] = set() if group.parent is None else {group.parent}
    problems = [f"group {each.name}: {words}" for each in new for words in group_problems(_group(each))]
    if problems := problems or list(nesting_problems({name: sorted(above) for name, above in parents.items()})):
        raise Refused("The groups cannot be made like this:", *problems)
    return parents, new


def _group(imported: ImportedGroup) -> Group:
    return Group(imported.name, description=imported.description)


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    rest = iter(entries)
    while batch := list(islice(rest, BATCH)):
        yield batch


@dataclass(slots=True)
class _Judged:
    """A batch: who comes, how many are there already, and who may not come and why."""

    coming: list[NewUser] = field(default_factory=list)
    unchanged: int = 0
    taken: list[tuple[str, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Work:
    """The batches of one import."""

    installation: Installation
    rules: ImportRules
    tell: Tell
    result: ImportResult
    goes_on: bool
    is_dry_run: bool
    names: SeenNames = field(default_factory=SeenNames)

    async def bring(self, batch: Sequence[Entry]) -> bool:
        """Bring one batch; False where the import ends."""
        prepared, refused = self._prepare(batch)
        if refused and not self.goes_on:
            self._refuse(refused)
            return False
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._store(batch, prepared, refused)
            except StoredConflict as error:
                if attempt == _ATTEMPTS:
                    raise Conflict(str(error)) from error
        return False

    def _prepare(self, batch: Sequence[Entry]) -> tuple[list[tuple[str, NewUser]], list[tuple[str, str]]]:
        """Who may come as far as the export tells, and who may not and why."""
        prepared, refused = [], []
        for entry in batch:
            if entry.problem:
                refused.append((entry.where, entry.problem))
            elif entry.user is not None:
                try:
                    prepared.append((entry.where, self.rules.prepare(entry.user)))
                except ValueError as error:
                    refused.append((entry.where, str(error)))
        return prepared, refused

    async def _store(
        self, batch: Sequence[Entry], prepared: Sequence[tuple[str, NewUser]], refused: Sequence[tuple[str, str]]
    ) -> bool:
        async with self.installation.database.transaction("users.import", _TIMEOUT) as transaction:
            await UserImport(transaction).begin()
            if not self.is_dry_run and any(new.groups for _, new in prepared):
                await Groups(transaction).lock()
            judged = await self._judge(transaction, prepared)
            is_stopped = bool(judged.taken) and not self.goes_on
            if judged.coming and not is_stopped and not self.is_dry_run:
                await self._write(transaction, judged.coming)
        places = {entry.where: place for place, entry in enumerate(batch)}
        self._refuse(sorted([*refused, *judged.taken], key=lambda each: places[each[0]]))
        if is_stopped:
            return False
        for name in judged.names:
            self.names.add(name)
        self._count(batch, judged)
        return True

    async def _judge(self, transaction: Executor, prepared: Sequence[tuple[str, NewUser]]) -> _Judged:
        """Who comes, and whose subject or name belongs to another, here or in the export."""
        stored = UserImport(transaction)
        found = await stored.find(
            [new.user.subject for _, new in prepared], [key for _, new in prepared for key in new.name_keys]
        )
        clients = await stored.client_names([new.user.sub for _, new in prepared])
        by_subject = {each.subject: each for each in found}
        by_name = {key: each for each in found for key in each.name_keys}
        judged = _Judged()
        for where, new in prepared:
            same = by_subject.get(new.user.subject)
            named = [by_name[key] for key in sorted(new.name_keys) if key in by_name]
            names = _names_of(new)
            if twice := [name for name in names if name in judged.names or name in self.names]:
                judged.taken.append((where, f"another user of this import has {' and '.join(twice)} already"))
                continue
            if _is_there(new, same, named):
                judged.unchanged += 1
            elif problem := _taken_by(new, same, named, is_client=new.user.sub in clients):
                judged.taken.append((where, problem))
                continue
            else:
                judged.coming.append(new)
            judged.names.update(names)
        return judged

    async def _write(self, transaction: Executor, coming: Sequence[NewUser]) -> None:
        now = self.installation.clock()
        await UserImport(transaction).write(
            [replace(new, user=replace(new.user, valid_since=now, updated_at=now)) for new in coming], now
        )
        subjects = [new.user.subject for new in coming if new.groups]
        if subjects and (problems := await Groups(transaction).problems(subjects)):
            raise Refused(*problems)

    def _refuse(self, refused: Sequence[tuple[str, str]]) -> None:
        for where, problem in refused:
            self.tell(where, problem)
        self.result.refused += len(refused)

    def _count(self, batch: Sequence[Entry], judged: _Judged) -> None:
        result, coming = self.result, judged.coming
        result.imported += len(coming)
        result.unchanged += judged.unchanged
        result.left_out.update(each for entry in batch for each in entry.left_out)
        for new in coming:
            if new.password_hash == NO_PASSWORD:
                result.without_password += 1
            elif (parameters := parameters_of(new.password_hash)) is not None:
                result.hash_parameters[parameters] += 1
        if coming and not self.is_dry_run:
            words = f"{len(coming)} users, {batch[0].where} to {batch[-1].where}"
            record("user.imported", self.installation.actor, reason=words)


def _names_of(new: NewUser) -> list[str]:
    """What no other user of the export may have. No name to sign in with has a space in it."""
    return [*([f"the sub {new.user.sub}"] if new.has_given_subject else []), *sorted(new.name_keys)]


def _is_there(new: NewUser, same: FoundUser | None, named: Sequence[FoundUser]) -> bool:
    """Whether an earlier import has brought this very user, who has come with a subject or was given one."""
    if same is not None:
        return same.name_keys == new.name_keys
    is_one = len({each.subject for each in named}) == 1
    return is_one and not new.has_given_subject and named[0].name_keys == new.name_keys


def _taken_by(new: NewUser, same: FoundUser | None, named: Sequence[FoundUser], *, is_client: bool) -> str:
    problems = []
    if same is not None:
        problems.append(f"the sub {new.user.sub} belongs to the user {same.username} already")
    elif is_client:
        problems.append(f"the sub {new.user.sub} is the client_id of a client")
    for each in {found.subject: found for found in named}.values():
        names = " and ".join(sorted(each.name_keys & set(new.name_keys)))
        if same is None or each.subject != same.subject:
            problems.append(f"{names} belongs to the user {each.username} already")
    return "; ".join(problems)
