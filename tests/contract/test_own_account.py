"""What users do with their own account in the stores: edited, deleted, or left alone."""

import pytest

from support.email_world import CHANGE, NOW, RESET, EmailWorld, told
from support.seed import make_user, password_hash
from valetkey.core.authentication.user import User
from valetkey.core.mail.content import EmailReverted
from valetkey.core.mail.mail import Mail
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.own_account import OwnAccounts
from valetkey.storage.postgres.tables.user_lifecycle import UserLifecycle

OWN = Statement("test.own", "UPDATE users SET managed_by = 'git' WHERE subject = $1")


@pytest.mark.requirement("account: what an applied file owns is changed in that file")
async def test_a_user_whom_a_file_owns_changes_nothing(emails: EmailWorld, email_user: User) -> None:
    digest = await emails.link(email_user, CHANGE, "ada@new.example")
    await emails.database.execute(OWN, email_user.subject)
    own = OwnAccounts(emails.database, emails.outbox)

    assert await own.is_owned(email_user.subject)
    assert await emails.change(digest) is None
    assert not await own.edit(email_user, (), {"name": "Eve"}, NOW)
    assert await own.delete(email_user, NOW, None) is None
    assert await emails.read(email_user) == email_user


@pytest.mark.requirement("account: a deleted account leaves nothing, and its waiting mails go")
async def test_a_deleted_account_takes_its_mails_along_and_leaves_one(emails: EmailWorld, email_user: User) -> None:
    await emails.outbox.put(told(email_user.subject, "ada@waiting.example"))
    await emails.outbox.put(told(make_user("bob").subject, "bob@waiting.example"))
    digest = await emails.link(email_user, RESET)
    last = Mail(recipient=email_user.email or "", content=EmailReverted(name="Ada", at=NOW))

    ended = await OwnAccounts(emails.database, emails.outbox).delete(email_user, NOW, last)

    assert ended
    assert await emails.users.find_by_subject(email_user.subject) is None
    assert await emails.users.find_by_login_name(email_user.username) is None
    assert await emails.mails() == [email_user.email, "bob@waiting.example"]
    assert await emails.tokens.find(digest, RESET, NOW) is None
    assert await OwnAccounts(emails.database, emails.outbox).delete(email_user, NOW, last) is None


@pytest.mark.requirement("security 21: a user who has ended meanwhile edits and deletes nothing")
async def test_a_user_who_has_ended_meanwhile_edits_and_deletes_nothing(emails: EmailWorld, email_user: User) -> None:
    await UserLifecycle(emails.database).set_password(email_user.subject, password_hash(), NOW)
    own, read = OwnAccounts(emails.database, emails.outbox), await emails.read(email_user)

    assert not await own.edit(email_user, (), {"name": "Eve"}, NOW)
    assert await own.delete(email_user, NOW, None) is None
    assert await emails.read(email_user) == read
