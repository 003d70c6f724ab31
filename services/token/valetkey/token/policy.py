"""What the installation has decided about tokens."""

from dataclasses import dataclass
from datetime import timedelta

from valetkey.core.client.client import Client, GrantType
from valetkey.core.client.installation_rules import InstallationRules


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """The issuer and how long things live. ``refresh_grace`` is the window for a retry.

    ``rules`` are those for all clients.
    """

    issuer: str
    authorization_code_lifetime: timedelta
    access_token_lifetime: timedelta
    id_token_lifetime: timedelta
    refresh_token_lifetime: timedelta
    refresh_token_idle_lifetime: timedelta
    refresh_grace: timedelta
    rules: InstallationRules

    def authorization_lifetime(self, client: Client) -> timedelta:
        """How long an authorization is kept: while it can be refreshed, its code replayed, or its token used."""
        if GrantType.REFRESH_TOKEN in client.grant_types:
            return self.refresh_token_lifetime
        return 2 * self.authorization_code_lifetime + self.access_token_lifetime
