"""What a grant is: it looks, checks and takes, and ends in an ``Authorization``. It never mints and never renders."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

from valetkey.core.client.client import Client
from valetkey.core.oauth.authorization import Authorization
from valetkey.core.oauth.params import Params
from valetkey.core.oauth.refresh_token import RefreshTokenCodec
from valetkey.core.ports.authorization_codes import CodeRedeemer
from valetkey.core.ports.authorizations import GrantedAuthorizations
from valetkey.core.ports.clients import CatalogSource
from valetkey.core.ports.clock import Clock
from valetkey.core.ports.revocations import Revoker
from valetkey.token.events import GrantEvents
from valetkey.token.policy import TokenPolicy


@dataclass(frozen=True, slots=True)
class GrantPorts:
    """Everything a grant may be made of; each takes what it needs."""

    policy: TokenPolicy
    clock: Clock
    catalog: CatalogSource
    codes: CodeRedeemer
    authorizations: GrantedAuthorizations
    revoker: Revoker
    refresh_tokens: RefreshTokenCodec
    events: GrantEvents


class Grant(ABC):
    """One grant type. A new one is one new module in ``valetkey.token.grants``.

    From the class come the dispatch, the permission check, the metric label and the audited grant (``grant_type``), and
    what the grant gets to see of a request (``parameters``).
    """

    grant_type: ClassVar[str]
    parameters: ClassVar[frozenset[str]]

    @classmethod
    @abstractmethod
    def from_ports(cls, ports: GrantPorts) -> Self:
        """Make the grant from the ports it needs."""

    @abstractmethod
    async def authorize(self, params: Params, client: Client) -> Authorization:
        """What the grant proves, for exactly one caller where it can be spent. Raises an ``OAuthError``.

        The client is authenticated and registered for this grant; ``take`` is the last step that can fail for a reason
        of the client's.
        """

    @abstractmethod
    async def give_back(self, params: Params, authorization: Authorization) -> None:
        """Undo what ``authorize`` took, where no token can be made of it: the client may ask for less, or later."""
