"""Client authentication: which method was used, and does it hold. OAuth 2.1 §2.4, RFC 6749 §2.3.

Each method is a module of this package; it is found by being here.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

from valetkey.core.client import authentication as package
from valetkey.core.client.client import AuthenticationMethod, Client
from valetkey.core.oauth import causes
from valetkey.core.oauth.errors import InvalidClient, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from valetkey.core.client.authentication.method import Method, PresentedCredentials
    from valetkey.core.oauth.params import Params

_ASSERTION = frozenset({"client_assertion", "client_assertion_type"})


def discover() -> tuple[Method, ...]:
    """The methods of every module of this package."""
    names = (f"{package.__name__}.{module.name}" for module in pkgutil.iter_modules(package.__path__))
    return tuple(method for name in names if name != __name__ for method in getattr(import_module(name), "METHODS", ()))


class Methods:
    """The methods that are on offer. Two that are presented in the same way, or have the same name, are an error."""

    def __init__(self, methods: Iterable[Method]) -> None:
        every = tuple(methods)
        self._by_name = {method.name: method for method in every}
        self._by_scheme = {method.scheme: method for method in every if method.scheme is not None}
        self._by_parameter = {method.parameter: method for method in every if method.parameter is not None}
        named_only = [method for method in every if method.scheme is None and method.parameter is None]
        ways = len(self._by_scheme) + len(self._by_parameter) + len(named_only)
        if len(named_only) != 1 or not ways == len(self._by_name) == len(every):
            raise ValueError("two methods of client authentication claim the same, or none is for client_id alone")
        self._named_only = named_only[0]
        self._unknown_assertion = frozenset() if _ASSERTION & self._by_parameter.keys() else _ASSERTION

    def present(self, authorization: Sequence[str], params: Params) -> PresentedCredentials:
        """The one method a request uses; ``authorization`` holds the values of every Authorization header sent.

        Raises ``InvalidRequest`` for two methods at once or none that names a client, ``InvalidClient`` for a header
        that cannot be read. RFC 6749 §2.3.
        """
        client_id = params.get("client_id")
        method, value = self._named_only, ""
        for parameter, one in self._by_parameter.items():
            if (found := params.get(parameter)) is not None:
                if method is not self._named_only:
                    raise InvalidRequest.of(causes.SECRET_TWICE)
                method, value = one, found
        if params.has_any(self._unknown_assertion):
            raise InvalidClient("client assertions are not accepted")
        if len(authorization) > 1:
            raise InvalidRequest.of(causes.AUTHORIZATION_TWICE)
        if authorization:
            if method is not self._named_only:
                raise InvalidRequest.of(causes.TWO_METHODS)
            return self._in_header(authorization[0], client_id)
        if client_id is None:
            if method is not self._named_only:
                raise InvalidRequest.of(causes.missing("client_id"))
            raise InvalidClient("no client authentication")
        return method.present(client_id, value)

    def prove(self, presented: PresentedCredentials, client: Client | None, now: datetime) -> bool:
        """Whether the method that was used holds."""
        return self._by_name[presented.method].proves(presented, client, now)

    def _in_header(self, header: str, client_id: str | None) -> PresentedCredentials:
        scheme, _, value = header.partition(" ")
        method = self._by_scheme.get(scheme.lower())
        if method is None:
            raise InvalidClient("the Authorization header is not Basic")
        presented = method.present(client_id or "", value)
        if client_id is not None and client_id != presented.client_id:
            raise InvalidRequest.of(causes.CLIENT_ID_DIFFERS)
        return presented


_METHODS = Methods(discover())
presented_credentials = _METHODS.present
_prove = _METHODS.prove


def authenticate_client(presented: PresentedCredentials, client: Client | None, now: datetime) -> Client:
    """The client, if it used a method it is registered for and that method holds; otherwise ``InvalidClient``.

    An unknown client costs the same comparison as a known one. RFC 6749 §2.3, §3.2.1.
    """
    proven = _prove(presented, client, now)
    if client is None:
        raise InvalidClient("unknown client")
    if not client.enabled:
        raise InvalidClient("client is disabled")
    if presented.method not in client.authentication_methods:
        registered = " or ".join(client.authentication_methods)
        # Only a caller with the secret, or one of a client that has none, learns how the client authenticates.
        if client.is_public or (proven and presented.method is not AuthenticationMethod.NONE):
            raise InvalidClient.of(causes.other_method(registered, presented.method))
        raise InvalidClient(f"client used {presented.method}, registered for {registered}")
    if not proven:
        raise InvalidClient("wrong or expired secret")
    return client


def require_confidential(client: Client) -> None:
    """Raise ``InvalidClient`` for a client that only named itself. RFC 7662 §2.1, OAuth 2.1 §4.2."""
    if client.is_public:
        raise InvalidClient("a public client cannot authenticate")
