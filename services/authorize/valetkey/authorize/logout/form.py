"""What the logout form carries from the question to its answer, where it is read and checked anew."""

import json
from dataclasses import dataclass
from typing import Self

from valetkey.core.encoding import b64url_decode, b64url_encode
from valetkey.core.oidc.logout import LogoutRequest


@dataclass(frozen=True, slots=True)
class LogoutForm:
    """Where the user may be sent after signing out. The form token covers it; the registration decides about it."""

    client_id: str | None
    post_logout_redirect_uri: str | None
    state: str | None

    def __str__(self) -> str:
        values = [self.client_id, self.post_logout_redirect_uri, self.state]
        return b64url_encode(json.dumps(values, separators=(",", ":")).encode())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` wrote, which the form token has proven."""
        client_id, post_logout_redirect_uri, state = json.loads(b64url_decode(text))
        return cls(client_id, post_logout_redirect_uri, state)

    @property
    def request(self) -> LogoutRequest:
        """The logout request that the user was asked about, without its hint, which has been judged already."""
        return LogoutRequest(None, self.client_id, self.post_logout_redirect_uri, self.state)
