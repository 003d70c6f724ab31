"""Links about addresses: what ends each, and that it counts for one purpose."""

from dataclasses import replace

import pytest

from support.email_world import CHANGE, HOUR, NOW, RESET, REVERT, VERIFY, WEEK, EmailWorld, new_digest
from support.seed import password_hash
from valetkey.core.authentication.account_token import TokenPurpose, generate_token, token_digest
from valetkey.core.authentication.user import User
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables import email_changes, user_lifecycle
from valetkey.storage.postgres.tables.user_lifecycle import UserLifecycle

END_EVERYTHING = Statement("test.end_everything", "UPDATE installation SET epoch = epoch + 1")
ENDS = pytest.mark.requirement(
    "account: a link ends with its user, with the address of its making, and with everything"
)


@ENDS
@pytest.mark.parametrize("purpose", [VERIFY, CHANGE, RESET])
@pytest.mark.parametrize(
    "how", ["time", "password", "disabled", "deleted", "everything", "operator", "changed", "there and back"]
)
async def test_a_link_ends(emails: EmailWorld, email_user: User, purpose: TokenPurpose, how: str) -> None:
    digest = await emails.link(email_user, purpose, "ada@new.example" if purpose is CHANGE else email_user.email)
    lifecycle, now = UserLifecycle(emails.database), NOW
    if how == "time":
        now = NOW + HOUR
    elif how == "password":
        await lifecycle.set_password(email_user.subject, password_hash(), NOW)
    elif how == "disabled":
        await lifecycle.disable(email_user.subject, NOW)
        await lifecycle.enable(email_user.subject, NOW)
    elif how == "deleted":
        await lifecycle.delete(email_user.subject, NOW)
    elif how == "everything":
        await emails.database.execute(END_EVERYTHING)
    elif how == "changed":
        await emails.change_to(email_user, "ada@third.example")
    else:
        assert await emails.users.update(replace(email_user, email="ada@third.example"), NOW, (), {})
        if how == "there and back":
            assert await emails.users.update(email_user, NOW, (), {})

    assert await emails.tokens.find_link(digest, purpose, now) is None
    assert await emails.use(purpose, digest, now) is None


@ENDS
@pytest.mark.parametrize("how", ["time", "disabled", "deleted", "everything", "operator", "there and back"])
async def test_what_undoes_a_change_ends(emails: EmailWorld, email_user: User, how: str) -> None:
    undo, now = await emails.change_to(email_user, "ada@new.example"), NOW
    lifecycle = UserLifecycle(emails.database)
    if how == "time":
        now = NOW + WEEK
    elif how == "disabled":
        await lifecycle.disable(email_user.subject, NOW)
    elif how == "deleted":
        await lifecycle.delete(email_user.subject, NOW)
    elif how == "everything":
        await emails.database.execute(END_EVERYTHING)
    else:
        assert await emails.users.update(replace(email_user, email="ada@third.example"), NOW, (), {})
        if how == "there and back":
            assert await emails.users.update(replace(email_user, email="ada@new.example"), NOW, (), {})

    assert await emails.revert(undo, now) is None


@pytest.mark.requirement("account: a token of one purpose is worth nothing for another")
@pytest.mark.parametrize("made", list(TokenPurpose))
@pytest.mark.parametrize("used", list(TokenPurpose))
async def test_a_link_is_for_one_purpose(
    emails: EmailWorld, email_user: User, made: TokenPurpose, used: TokenPurpose
) -> None:
    token = generate_token()
    if made is REVERT:
        digest = await emails.change_to(email_user, "ada@new.example")
    else:
        digest = token_digest(made, token) or b""
        assert await emails.tokens.put(digest, made, email_user, NOW, NOW + HOUR, email="ada@new.example")

    found = await emails.tokens.find_link(digest, used, NOW)

    assert (found is not None) == (made is used)
    assert (token_digest(made, token) == token_digest(used, token)) == (made is used)


@ENDS
async def test_a_link_for_an_address_of_before_is_not_stored(emails: EmailWorld, email_user: User) -> None:
    await emails.change_to(email_user, "ada@new.example")

    assert not await emails.tokens.put(new_digest(RESET), RESET, email_user, NOW, NOW + HOUR)


@pytest.mark.requirement("recovery: a link is used up with the change that it is for, or not at all")
@pytest.mark.parametrize("purpose", [RESET, REVERT])
async def test_a_link_stays_where_what_it_is_for_fails(
    emails: EmailWorld, email_user: User, purpose: TokenPurpose, monkeypatch: pytest.MonkeyPatch
) -> None:
    undo = await emails.change_to(email_user, "ada@new.example")
    now = await emails.read(email_user)
    digest = undo if purpose is REVERT else await emails.link(now, RESET, now.email)

    async def fails(*_: object) -> None:
        raise TemporarilyUnavailable("PostgreSQL went away in the middle")

    with monkeypatch.context() as patch:
        for module in (user_lifecycle, email_changes):
            patch.setattr(module, "end_user", fails)
        with pytest.raises(TemporarilyUnavailable):
            await emails.use(purpose, digest, NOW)

    assert (await emails.read(email_user)).epoch == now.epoch
    assert await emails.use(purpose, digest, NOW) is not None
    assert await emails.use(purpose, digest, NOW) is None
