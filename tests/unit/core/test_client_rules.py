"""Which rules a client is held to, in words for its operator."""

import pytest

from support.seed import make_client
from valetkey.core.client.client import ApplicationType, AudienceParameter, Client, ConsentPolicy, PkcePolicy
from valetkey.core.client.installation_rules import InstallationRules
from valetkey.core.client.rules import client_rules

HTTPS = "https://app.example/cb"
STRICT = InstallationRules(pkce_exceptions=False)
USUAL = InstallationRules()
CASES = [
    (make_client(), USUAL, "pkce: required, as of every client"),
    (make_client(), USUAL, "redirect URIs: compared exactly, but for the port of 127.0.0.1 and [::1]"),
    (make_client(application_type=ApplicationType.NATIVE), USUAL, "redirect URIs: compared exactly, but for the port"),
    (make_client(), USUAL, "audience: refused, because the installation"),
    (
        make_client(audience_parameter=AudienceParameter.RESOURCE),
        USUAL,
        "audience: another name of resource, because its",
    ),
    (
        make_client(),
        InstallationRules(audience_parameter=AudienceParameter.RESOURCE),
        "audience: another name of resource, because the installation",
    ),
    (
        make_client(audience_parameter=AudienceParameter.REFUSE),
        InstallationRules(audience_parameter=AudienceParameter.RESOURCE),
        "audience: refused, because its registration",
    ),
    (make_client(), USUAL, "authentication: client_secret_basic and no other"),
    (make_client(secret=None), USUAL, "authentication: none"),
    (
        make_client(token_endpoint_auth_method=None),
        USUAL,
        "authentication: client_secret_basic or client_secret_post, because",
    ),
    (make_client(), USUAL, "ID tokens: RS256, the default"),
    (make_client(), InstallationRules(id_token_alg="ES256"), "ID tokens: ES256, the default"),
    (make_client(id_token_signed_response_alg="ES256"), USUAL, "ID tokens: ES256, because its registration"),
    (make_client(), USUAL, "consent: remembered, because its registration does not say"),
    (make_client(secret=None), USUAL, "consent: asked for every time, as of every public client"),
    (make_client(consent=ConsentPolicy.ASK), USUAL, "consent: asked for every time, because its registration says"),
    (make_client(consent=ConsentPolicy.TRUSTED), USUAL, "consent: never asked for, because its registration says"),
    (
        make_client(secret=None, consent=ConsentPolicy.REMEMBER, redirect_uris=(HTTPS, "http://127.0.0.1/cb")),
        USUAL,
        "consent: remembered, because its registration says consent: remember; asked for every time where",
    ),
    (make_client(pkce=PkcePolicy.OPTIONAL), USUAL, "pkce: a nonce will do"),
    (make_client(pkce=PkcePolicy.OPTIONAL_WITHOUT_NONCE), USUAL, "pkce: not required"),
    (make_client(pkce=PkcePolicy.OPTIONAL), STRICT, "pkce: required, because the installation permits no exceptions"),
    (make_client(secret=None, pkce=PkcePolicy.OPTIONAL), USUAL, "pkce: required, because it is a public client"),
]


@pytest.mark.parametrize(("client", "installation", "words"), CASES, ids=[words for *_, words in CASES])
def test_the_rule_that_counts_is_told_with_its_reason(
    client: Client, installation: InstallationRules, words: str
) -> None:
    assert [rule for rule in client_rules(client, installation) if rule.startswith(words)]
