"""Finding the grants: every ``Grant`` in a module of ``valetkey.token.grants``."""

import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from valetkey.core.client.client import Client
from valetkey.core.oauth.errors import UnsupportedGrantType
from valetkey.token import grants as package
from valetkey.token.grant import Grant, GrantPorts


def discover() -> tuple[type[Grant], ...]:
    """The grant classes, by grant type. A second class for the same grant type is a ``ValueError``."""
    modules = (import_module(f"{package.__name__}.{module.name}") for module in pkgutil.iter_modules(package.__path__))
    found: dict[str, type[Grant]] = {}
    for grant in _grants_in(modules):
        if grant.grant_type in found:
            raise ValueError(f"two grants claim {grant.grant_type}")
        found[grant.grant_type] = grant
    return tuple(found[name] for name in sorted(found))


def _grants_in(modules: Iterable[ModuleType]) -> Iterable[type[Grant]]:
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Grant) and value.__module__ == module.__name__:
                yield value


@dataclass(frozen=True, slots=True)
class Grants:
    """The grants on offer, by grant type."""

    by_type: Mapping[str, Grant]

    @classmethod
    def from_ports(cls, ports: GrantPorts) -> "Grants":
        """Every discovered grant, made from the ports."""
        return cls({grant.grant_type: grant.from_ports(ports) for grant in discover()})

    def find(self, grant_type: str, client: Client) -> Grant:
        """The grant that the client may use.

        Raises ``UnsupportedGrantType`` (RFC 6749 §5.2; the password grant is one of many that are not here) or
        ``UnauthorizedClient``.
        """
        grant = self.by_type.get(grant_type)
        if grant is None:
            raise UnsupportedGrantType("no such grant")
        client.require_grant(grant_type)
        return grant
