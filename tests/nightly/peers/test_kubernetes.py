"""The authenticator of kube-apiserver, from the Go module proxy."""

import asyncio
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.browser import Browser
from support.demo_process import DemoProcess
from support.operator_cli import Operator
from support.peer import Installation, run_json, visitor_of
from support.recipe import Recipe, recipes
from support.relying_party import ClientIdentity, Person, RelyingParty
from valetkey.demo.free_port import LOOPBACK, free_port

pytestmark = [pytest.mark.peer, pytest.mark.timeout(1200)]

# Flags of kube-apiserver, and what it puts before names of users and groups.
PREFIXES = {
    (): ("{issuer}#", ""),
    ("--oidc-username-prefix=oidc:", "--oidc-groups-prefix=oidc:"): ("oidc:", "oidc:"),
    ("--oidc-username-prefix=-",): ("", ""),
}
KUBELOGIN = ("--auth-method", "none", "--application-type", "native", "--id-token-claims", "scopes")


async def id_token_for_kubectl(installation: Installation, person: Person, *options: str) -> tuple[str, str]:
    """An ID token, and the client that it is for: one with default settings apart from these."""
    client = await installation.register("http://localhost:8000", *options, scope="openid email groups")
    async with visitor_of(installation, person) as visitor:
        party = RelyingParty(installation.issuer, client, person, visitor.browser)
        reply = await party.log_in(scope="openid email groups")
    return str(reply.body["id_token"]), client.client_id


async def authenticate(
    programs: Path, installation: Installation, client_id: str, token: str, *flags: str
) -> dict[str, Any]:
    """Whom kube-apiserver takes the bearer for, if it is started with these flags."""
    given = (
        f"--oidc-issuer-url={installation.issuer}",
        f"--oidc-client-id={client_id}",
        f"--oidc-ca-file={installation.authority}",
        "--oidc-groups-claim=groups",
    )
    user: dict[str, Any] = await run_json(programs / "kubernetes", *given, *flags, stdin=token)
    return user


def configuration_of(recipe: Recipe, issuer: str, certificate: Path) -> dict[str, Any]:
    """The file of the page, for another issuer, whose certificate is given as the page says."""
    block = re.search(r"```yaml\n(apiVersion: apiserver\.config.*?)```", recipe.sections["Configuration"], re.DOTALL)
    assert block is not None
    configuration: dict[str, Any] = yaml.safe_load(block[1])
    configuration["jwt"][0]["issuer"] |= {"url": issuer, "certificateAuthority": certificate.read_text()}
    return configuration


@pytest.mark.requirement("Kubernetes: --oidc-groups-claim, with the ID token of a client with default settings")
@pytest.mark.parametrize("flags", PREFIXES)
async def test_kube_apiserver_knows_the_user_and_the_groups(
    go_programs: Path, https_installation: Installation, flags: tuple[str, ...]
) -> None:
    person, groups = await https_installation.create_member("cluster-admins", "developers")
    token, client_id = await id_token_for_kubectl(https_installation, person)

    user = await authenticate(go_programs, https_installation, client_id, token, *flags)

    before_name, before_group = (prefix.format(issuer=https_installation.issuer) for prefix in PREFIXES[flags])
    assert user == {
        "name": f"{before_name}{person.subject}",
        "groups": [f"{before_group}{group}" for group in sorted(groups)],
    }


@pytest.mark.requirement("Kubernetes: --oidc-username-claim=email, with the ID token of kubelogin as a public client")
async def test_kube_apiserver_knows_the_email_address_of_who_uses_kubelogin(
    go_programs: Path, https_installation: Installation
) -> None:
    person, groups = await https_installation.create_member("developers")
    token, client_id = await id_token_for_kubectl(https_installation, person, *KUBELOGIN)

    user = await authenticate(go_programs, https_installation, client_id, token, "--oidc-username-claim=email")

    assert user == {"name": f"{person.username}@example.com", "groups": list(groups)}


@pytest.mark.requirement("Kubernetes: --oidc-client-id, and the ID token of another client is refused")
async def test_kube_apiserver_refuses_the_token_of_another_client(
    go_programs: Path, https_installation: Installation
) -> None:
    person, _ = await https_installation.create_member("developers")
    token, _ = await id_token_for_kubectl(https_installation, person)

    with pytest.raises(AssertionError, match=r"refused: .*expected audience"):
        await authenticate(go_programs, https_installation, "another", token)


@pytest.mark.requirement("Kubernetes: the demo with https, and the page of deploy/recipes")
async def test_the_recipe_followed_with_the_demo_ends_in_a_user_with_groups(go_programs: Path, tmp_path: Path) -> None:
    recipe = recipes()["kubernetes"]
    (client_id,) = recipe.declared
    declared, configuration = tmp_path / "kubernetes.yaml", tmp_path / "authentication.yaml"
    declared.write_text(recipe.file, encoding="utf-8")
    demo = DemoProcess.start(tmp_path, "--issuer", f"https://{LOOPBACK}:{free_port()}")
    try:
        issuer = demo.wait_until_ready().document["issuer"]
        certificate = Path(demo.document["certificate"])
        operator, user = Operator(demo.environment), demo.document["user"]
        await asyncio.to_thread(
            operator.succeed, "client", "apply", "-f", str(declared), "--owner", "kubernetes", "--yes"
        )
        await asyncio.to_thread(operator.succeed, "group", "add", "platform", "--user", user["username"])
        configuration.write_text(yaml.safe_dump(configuration_of(recipe, issuer, certificate)), encoding="utf-8")
        async with Browser.trusting(certificate) as browser:
            client = ClientIdentity(client_id, None, recipe.declared[client_id]["redirect_uris"][0], "none")
            person = Person(user["username"], user["password"])
            reply = await RelyingParty(issuer, client, person, browser).log_in(scope="openid profile groups")

        token = str(reply.body["id_token"])
        found = await run_json(go_programs / "kubernetes", f"--authentication-config={configuration}", stdin=token)
    finally:
        demo.end(signal.SIGTERM)

    assert found == {"name": f"valetkey:{user['username']}", "groups": ["valetkey:platform"]}
