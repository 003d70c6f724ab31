"""What every method of client authentication is made of, and what it leaves to be checked. RFC 6749 §2.3."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from valetkey.core.oauth.errors import InvalidClient

if TYPE_CHECKING:
    from datetime import datetime

    from valetkey.core.client.client import AuthenticationMethod, Client

MAX_CLIENT_ID_LENGTH = 256
MAX_SECRET_LENGTH = 512
_PRINTABLE = re.compile(r"[\x20-\x7e]+")  # RFC 6749 Appendix A.1, A.2: VSCHAR


@dataclass(frozen=True, slots=True)
class PresentedCredentials:
    """What a request offered to authenticate its client with. The secret never prints.

    ``unencoded_secret`` is how it reads if its client does not encode what RFC 6749 §2.3.1 has it encode; None where
    that is no other reading.
    """

    client_id: str
    method: AuthenticationMethod
    secret: str | None = field(default=None, repr=False)
    unencoded_secret: str | None = field(default=None, repr=False)


class Method(Protocol):
    """One way to authenticate. A new one is one module beside this one, with an instance in its ``METHODS``.

    ``parameter`` is the form parameter that presents it, and ``scheme`` the scheme of the Authorization header, in
    lower case. A method with neither is for a request that has only a ``client_id``.
    """

    name: AuthenticationMethod
    parameter: str | None
    scheme: str | None

    def present(self, client_id: str, value: str) -> PresentedCredentials:
        """What the value of the parameter, or of the header after its scheme, presents. Raises ``InvalidClient``.

        ``client_id`` is the one of the form, empty where it has none, which only a header permits.
        """

    def proves(self, presented: PresentedCredentials, client: Client | None, now: datetime) -> bool:
        """Whether it authenticates the client, at the same cost for an unknown one."""


def is_printable(text: str) -> bool:
    """Whether a ``client_id`` or a secret may consist of these characters. RFC 6749 Appendix A.1, A.2."""
    return _PRINTABLE.fullmatch(text) is not None


def bounded(client_id: str, method: AuthenticationMethod, secret: str | None = None) -> PresentedCredentials:
    """The credentials; ``InvalidClient`` for those that break the grammar."""
    if len(client_id) > MAX_CLIENT_ID_LENGTH or not is_printable(client_id):
        raise InvalidClient("client_id breaks the grammar")
    if secret is not None and (len(secret) > MAX_SECRET_LENGTH or not is_printable(secret)):
        raise InvalidClient("client_secret breaks the grammar")
    return PresentedCredentials(client_id, method, secret)
