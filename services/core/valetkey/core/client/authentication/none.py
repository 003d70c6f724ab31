"""``none``: a public client names itself. RFC 6749 §3.2.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.core.client.authentication.method import PresentedCredentials, bounded
from valetkey.core.client.client import AuthenticationMethod, Client

if TYPE_CHECKING:
    from datetime import datetime


class NoAuthentication:
    """``client_id`` alone authenticates no client but identifies a public one."""

    name = AuthenticationMethod.NONE
    parameter: str | None = None
    scheme: str | None = None

    def present(self, client_id: str, value: str) -> PresentedCredentials:  # noqa: ARG002 - nothing is presented
        """See ``Method``."""
        return bounded(client_id, self.name)

    def proves(self, presented: PresentedCredentials, client: Client | None, now: datetime) -> bool:  # noqa: ARG002 - there is no proof
        """See ``Method``."""
        return True


METHODS = (NoAuthentication(),)
