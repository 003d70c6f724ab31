"""Where there is no room for a hash or for a mail, a page of the account says when to come again."""

from unittest.mock import PropertyMock

import pytest

from support.account_page import send, visit
from support.browser import Answer
from support.front_channel import heading
from support.postbox import Postbox
from support.second_factor import MakeSecond, SecondFactorParty
from support.system import System
from valetkey.authorize.account.after_answers import AfterAnswers
from valetkey.authorize.login.password import PasswordPool
from valetkey.core.oauth.errors import TemporarilyUnavailable

NEW = "a new password of many words"


async def _full(*_: object) -> str:
    raise TemporarilyUnavailable("the password queue is full", 7)


async def forget(second: SecondFactorParty) -> Answer:
    assert second.party.person is not None
    page = await second.go(f"{second.party.issuer}/recover")
    return await second.party.browser.submit(page, username=second.party.person.username)


@pytest.mark.requirement("operations: every 503 says when to come again")
@pytest.mark.parametrize("which", ["reset link", "new password", "forgotten password", "other address"])
async def test_a_page_without_room_says_when_to_come_again(
    which: str, make_second: MakeSecond, mailing: System, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = await make_second(at=mailing)
    assert second.party.person is not None
    if which == "reset link":
        await forget(second)
        page = await second.go((await postbox.links(second.party.person))[0])
    elif which == "forgotten password":
        page = await second.go(f"{second.party.issuer}/recover")
    else:
        page = await visit(second, "/account/password" if which == "new password" else "/account/email")
    fields = {
        "reset link": {"password": NEW, "again": NEW},
        "new password": {"password": NEW, "again": NEW},
        "forgotten password": {"username": second.party.person.username},
        "other address": {"email": "ada@another.example"},
    }[which]

    with monkeypatch.context() as patch:
        patch.setattr(PasswordPool, "hash", _full)
        patch.setattr(AfterAnswers, "has_room", PropertyMock(return_value=False))
        full = await send(second, page, **fields)
    again = await send(second, page, **fields)

    assert full.status == 503
    assert full.headers["Retry-After"] == ("7" if "password" in fields else "2")
    assert heading(full) == heading(page)
    assert full.page.get(id="error").text
    # Nothing was lost: the same form does it.
    assert again.status in (200, 303)
