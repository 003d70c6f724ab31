"""RFC 8252, OAuth 2.1 §8.4: loopback redirect URIs with a port of the moment, and private-use schemes."""

import pytest

from support.administration import Administration
from support.front_channel import require_shown, response_of
from support.relying_party import ClientIdentity
from support.systems import MakeParty
from valetkey.core.client.client import ApplicationType

V4, V6, NAME = "http://127.0.0.1/callback", "http://[::1]/callback", "http://localhost/callback"
TLS = "https://127.0.0.1/callback"
PRIVATE = "com.example.app:/callback"
MODES = ("query", "fragment", "form_post")

ACCEPTED = [
    (V4, "http://127.0.0.1/callback"),
    (V4, "http://127.0.0.1:51004/callback"),
    (V4, "http://127.0.0.1:1/callback"),
    (V4, "http://127.0.0.1:65535/callback"),
    ("http://127.0.0.1:8000/callback", "http://127.0.0.1:51004/callback"),
    ("http://127.0.0.1:8000/callback", "http://127.0.0.1/callback"),
    ("http://127.0.0.1:8000/callback?a=1", "http://127.0.0.1:9/callback?a=1"),
    (V6, "http://[::1]/callback"),
    (V6, "http://[::1]:51004/callback"),
    (NAME, "http://localhost/callback"),
    (TLS, TLS),
    (PRIVATE, PRIVATE),
    ("com.example.app:/callback?a=1", "com.example.app:/callback?a=1"),
    ("com.example.app://host/callback", "com.example.app://host/callback"),
]
REFUSED = [
    (V4, "http://127.0.0.1:51004/callbacks"),
    (V4, "http://127.0.0.1:51004/"),
    (V4, "http://127.0.0.1:51004/callback?a=1"),
    (V4, "http://127.0.0.1:51004/callback#a"),
    (V4, "http://127.0.0.1:51004/Callback"),
    (V4, "http://127.0.0.1:65536/callback"),
    (V4, "http://127.0.0.1:-1/callback"),
    (V4, "http://127.0.0.1:80a/callback"),
    (V4, "http://127.0.0.1:٨٠/callback"),
    (V4, "http://127.0.0.1@evil.example/callback"),
    (V4, "http://a@127.0.0.1:51004/callback"),
    (V4, "http://127.0.0.1.evil.example:51004/callback"),
    (V4, "http://127.0.0.2:51004/callback"),
    (V4, "http://127.1:51004/callback"),
    (V4, "http://2130706433:51004/callback"),
    (V4, "http://0x7f000001/callback"),
    (V4, "http://0.0.0.0:51004/callback"),
    (V4, "http://localhost:51004/callback"),
    (V4, "http://[::1]:51004/callback"),
    (V4, "http://[::ffff:127.0.0.1]:51004/callback"),
    (V4, "https://127.0.0.1:51004/callback"),
    (V4, "HTTP://127.0.0.1:51004/callback"),
    (V4, "http:127.0.0.1:51004/callback"),
    (V4, "http://127.0.0.1:51004/callback?"),
    (V4, "http://127.0.0.1:000051004/callback"),
    (V4, "http://127.0.0.1:51004:1/callback"),
    (V4, "http://127.0.0.1:51004//callback"),
    (V4, "http://127.0.0.1:51004/./callback"),
    (V6, "http://[::1]:51004/callback?"),
    (V4, "http://127.0.0.1:51004\\@evil.example/callback"),
    (V6, "http://[::1%25lo]:51004/callback"),
    (V6, "http://[0:0:0:0:0:0:0:1]:51004/callback"),
    (V6, "http://::1:51004/callback"),
    (NAME, "http://localhost:51004/callback"),
    (NAME, "http://127.0.0.1/callback"),
    ("http://localhost:8000/callback", "http://localhost:8001/callback"),
    (TLS, "https://127.0.0.1:51004/callback"),
    ("https://client.example/callback", "https://client.example:51004/callback"),
    (PRIVATE, "com.example.app:/other"),
    (PRIVATE, "com.example.app:/callback/"),
    (PRIVATE, "com.example.app:callback"),
    (PRIVATE, "com.example.app://callback"),
    (PRIVATE, "COM.example.app:/callback"),
    (PRIVATE, "com.example.apps:/callback"),
    (PRIVATE, "com.example:/callback"),
    (PRIVATE, "com.example.app:/callback?a=1"),
]


async def native(administration: Administration, registered: str) -> ClientIdentity:
    return await administration.create_web_client("none", redirect_uris=(registered,))


@pytest.mark.requirement("security 1: only the port of a loopback IP literal may vary")
@pytest.mark.parametrize(("registered", "presented"), ACCEPTED)
async def test_a_native_client_is_answered_where_it_listens(
    make_party: MakeParty, administration: Administration, registered: str, presented: str
) -> None:
    party = await make_party(await native(administration, registered))

    for mode in MODES:
        silent = await party.start(redirect_uri=presented, prompt="none", response_mode=mode)
        answer = await party.walk(await party.start(redirect_uri=presented, response_mode=mode))

        assert response_of(silent, presented).error in {"login_required", "consent_required"}
        assert response_of(answer, presented).code


@pytest.mark.requirement("security 1: nothing but the port may vary, and only there")
@pytest.mark.parametrize(("registered", "presented"), REFUSED, ids=range(len(REFUSED)))
async def test_anything_else_is_not_registered(
    make_party: MakeParty, administration: Administration, registered: str, presented: str
) -> None:
    party = await make_party(await native(administration, registered))

    for mode in MODES:
        answer = await party.start(redirect_uri=presented, prompt="none", response_mode=mode)

        assert require_shown(answer) == "This request did not work"


@pytest.mark.requirement("RFC 8252 §7.3: the port of the request is the port that the code is bound to")
@pytest.mark.parametrize(("port", "status"), [("51004", 200), ("51005", 400), (None, 400)])
async def test_the_code_is_bound_to_the_port_it_was_sent_to(
    make_party: MakeParty, administration: Administration, port: str | None, status: int
) -> None:
    party = await make_party(await native(administration, V4))
    sent = "http://127.0.0.1:51004/callback"
    code = await party.authorize(redirect_uri=sent)

    redeemed = V4 if port is None else f"http://127.0.0.1:{port}/callback"
    reply = await party.redeem(code, redirect_uri=redeemed)

    assert reply.status == status


LOCALHOST_OF_NATIVE = [
    (NAME, "http://localhost:51004/callback", True),
    ("http://localhost:8000/callback?a=1", "http://localhost:9/callback?a=1", True),
    (V4, "http://127.0.0.1:51004/callback", True),
    (NAME, "http://localhost:51004/callbacks", False),
    (NAME, "http://localhost:65536/callback", False),
    (NAME, "http://localhost.:51004/callback", False),
    (NAME, "http://LOCALHOST:51004/callback", False),
    (NAME, "http://localhost.evil.example:51004/callback", False),
    (NAME, "http://localhost:51004@evil.example/callback", False),
    (NAME, "https://localhost:51004/callback", False),
    (NAME, "http://127.0.0.1:51004/callback", False),
    (V4, "http://localhost:51004/callback", False),
    ("https://localhost/callback", "https://localhost:51004/callback", False),
]


@pytest.mark.requirement("RFC 8252 §7.3, §8.3: of a native client any port of localhost is taken")
@pytest.mark.parametrize("application_type", ApplicationType)
@pytest.mark.parametrize(("registered", "presented", "taken"), LOCALHOST_OF_NATIVE)
async def test_the_port_of_localhost_may_vary_for_a_native_client(
    make_party: MakeParty,
    administration: Administration,
    application_type: ApplicationType,
    registered: str,
    presented: str,
    taken: bool,
) -> None:
    client = await administration.create_web_client(
        "none", redirect_uris=(registered,), application_type=application_type
    )
    party = await make_party(client)

    answer = await party.start(redirect_uri=presented)

    if taken and (application_type is ApplicationType.NATIVE or "127.0.0.1" in registered):
        assert response_of(await party.walk(answer), presented).code
    else:
        assert require_shown(answer) == "This request did not work"


@pytest.mark.requirement("RFC 8252 §8.6: users of public native clients are asked every time")
@pytest.mark.parametrize("registered", [V4, PRIVATE])
async def test_a_loopback_redirect_is_not_trusted_silently(
    make_party: MakeParty, administration: Administration, registered: str
) -> None:
    party = await make_party(await native(administration, registered))
    await party.authorize()

    page = await party.start()
    silent = await party.start(prompt="none")

    assert "on this device" in page.page.text
    assert "has not been verified" in page.page.text
    assert response_of(silent, registered).error == "consent_required"
