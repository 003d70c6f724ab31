"""mod_auth_openidc in Apache, both from Debian."""

import secrets
from pathlib import Path

import pytest

from support.peer import Installation, listening, require, visitor_of
from valetkey.demo.free_port import LOOPBACK, free_port

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]

MODULES = Path("/usr/lib/apache2/modules")
LOADED = ("mpm_event", "authn_core", "authz_core", "authz_user", "headers", "status", "auth_openidc")
# The page behind the login is one that needs no file; what Apache knows of the user is in its headers.
CONFIGURATION = """
ServerName {host}
Listen {host}:{port}
PidFile {folder}/pid
DefaultRuntimeDir {folder}
ErrorLog {folder}/error.log
LogLevel info
User www-data
Group www-data
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID {client_id}
OIDCClientSecret {client_secret}
OIDCRedirectURI http://{host}:{port}/redirect
OIDCCryptoPassphrase {passphrase}
OIDCScope "openid profile email groups"
{more}
<Location />
    AuthType openid-connect
    Require claim groups:{group}
</Location>
<Location /user>
    SetHandler server-status
    Header set Name "expr=%{{REMOTE_USER}}"
    Header set Email "expr=%{{env:OIDC_CLAIM_email}}"
</Location>
"""


@pytest.mark.requirement("mod_auth_openidc: login; only members of a group get through")
@pytest.mark.parametrize("pkce", [True, False])
@pytest.mark.parametrize("member", [True, False])
async def test_apache_lets_members_of_a_group_through(
    http_installation: Installation, tmp_path: Path, member: bool, pkce: bool
) -> None:
    require("apache2")
    if not (MODULES / "mod_auth_openidc.so").exists():
        pytest.skip("there is no libapache2-mod-auth-openidc")
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    person, groups = await http_installation.create_member("staff")
    client = await http_installation.register(
        f"{url}/redirect", *(() if pkce else ("--pkce", "optional")), scope="openid profile email groups"
    )
    configuration = CONFIGURATION.format(
        host=LOOPBACK, port=port, folder=tmp_path, issuer=http_installation.issuer, client_id=client.client_id,
        client_secret=client.client_secret, passphrase=secrets.token_hex(16),
        more="OIDCPKCEMethod S256" if pkce else "", group=groups[0] if member else "others",
    )  # fmt: skip
    loading = "".join(
        f"LoadModule {name}_module {MODULES}/mod_{name}.so\n"
        for name in LOADED
        if (MODULES / f"mod_{name}.so").exists()
    )
    (tmp_path / "apache.conf").write_text(loading + configuration)

    command = ("apache2", "-f", str(tmp_path / "apache.conf"), "-DFOREGROUND")
    async with (
        listening(port, *command, log=tmp_path / "log"),
        visitor_of(http_installation, person) as visitor,
    ):
        page = await visitor.visit(f"{url}/user")

    said = (tmp_path / "error.log").read_text()
    assert page.url == f"{url}/user", f"{page.status} {page.url} {said}"
    assert page.status == (200 if member else 401), said
    if member:
        assert page.headers["Name"].startswith(person.subject)
        assert page.headers["Email"] == f"{person.username}@example.com"
