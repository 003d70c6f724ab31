"""The authenticator of kube-apiserver, from the Go module proxy."""

from pathlib import Path

import pytest

from support.peer import Installation, run_json, visitor_of
from support.relying_party import Person, RelyingParty

pytestmark = [pytest.mark.peer, pytest.mark.timeout(1200)]


async def id_token_for_kubectl(installation: Installation, person: Person) -> tuple[str, str]:
    """An ID token, and the client that it is for: one with default settings."""
    client = await installation.register("http://127.0.0.1:8000/", scope="openid profile email groups")
    async with visitor_of(installation, person) as visitor:
        party = RelyingParty(installation.issuer, client, person, visitor.browser)
        reply = await party.log_in(scope="openid email groups")
    return str(reply.body["id_token"]), client.client_id


@pytest.mark.requirement("Kubernetes: --oidc-groups-claim, with the ID token of a client with default settings")
@pytest.mark.parametrize("prefixes", [False, True])
async def test_kube_apiserver_knows_the_user_and_the_groups(
    go_programs: Path, https_installation: Installation, prefixes: bool
) -> None:
    person, groups = await https_installation.create_member("cluster-admins", "developers")
    token, client_id = await id_token_for_kubectl(https_installation, person)
    flags = ["--oidc-username-prefix=oidc:", "--oidc-groups-prefix=oidc:"] if prefixes else []

    user = await run_json(
        go_programs / "kubernetes",
        *(f"--oidc-issuer-url={https_installation.issuer}", f"--oidc-client-id={client_id}"),
        *(f"--oidc-ca-file={https_installation.authority}", "--oidc-groups-claim=groups", *flags),
        stdin=token,
    )

    before_groups, before_names = ("oidc:", "oidc:") if prefixes else ("", f"{https_installation.issuer}#")
    assert user == {
        "name": f"{before_names}{person.subject}",
        "groups": [f"{before_groups}{group}" for group in sorted(groups)],
    }
