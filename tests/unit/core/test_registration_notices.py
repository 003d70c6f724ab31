"""What an operator is told of registrations that are allowed, and of resources that are the same but for a slash."""

import pytest

from support.seed import make_client, make_resource_server
from valetkey.core.client.client import ApplicationType
from valetkey.core.client.registration import client_problems, registration_notices
from valetkey.core.oauth.resource import Catalog, ResourceServer, other_spelling

API = "https://api.example"
CATALOG = Catalog({}, {API: ResourceServer(API, "API")})
URIS = ("http://localhost/cb", "http://localhost:8080/cb", "http://127.0.0.1/cb", "https://a/cb")


@pytest.mark.requirement("RFC 8252 §8.3: an operator is told that the loopback IP literal is preferred")
@pytest.mark.parametrize("application_type", ApplicationType)
@pytest.mark.parametrize("uri", URIS)
def test_localhost_of_a_native_client_is_told_of(application_type: ApplicationType, uri: str) -> None:
    notices = registration_notices(make_client(redirect_uris=(uri,), application_type=application_type))

    assert bool(notices) is (application_type is ApplicationType.NATIVE and "localhost" in uri)
    assert all("prefer http://127.0.0.1" in notice for notice in notices)


@pytest.mark.requirement("RFC 3986 §6.2.3: an empty path is the same as a slash")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (API, f"{API}/"),
        (f"{API}/", API),
        (f"{API}?a=1", f"{API}/?a=1"),
        (f"{API}/v1", None),
        (f"{API}//", None),
        ("urn:api", None),
        ("com.example:/", None),
    ],
)
def test_the_other_spelling_of_a_resource(one: str, other: str | None) -> None:
    assert other_spelling(one) == other


def test_two_resource_servers_cannot_be_the_same_but_for_a_slash() -> None:
    problems = client_problems(make_resource_server(f"{API}/"), CATALOG)
    asked = client_problems(make_client(scope=(), resources=frozenset({f"{API}/"})), CATALOG)

    assert problems == [f"resource: {API} is registered, and is the same but for a slash (RFC 3986 §6.2.3)"]
    assert asked == [f"resources: {API}/ is no registered resource server; {API} is"]
