"""Who a command is to an issuer."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from valetkey.core.client.client import AuthenticationMethod


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are at the issuer's endpoints. OAuth 2.1 §2.4."""

    client_id: str
    method: AuthenticationMethod
    secret: str = field(default="", repr=False)

    def apply(self, form: list[tuple[str, str]], headers: dict[str, str]) -> None:
        """Authenticate a request. The parts of a Basic header are form-urlencoded first (RFC 6749 §2.3.1)."""
        if self.method is AuthenticationMethod.BASIC:
            pair = f"{quote_plus(self.client_id)}:{quote_plus(self.secret)}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
            return
        form.append(("client_id", self.client_id))
        if self.method is AuthenticationMethod.POST:
            form.append(("client_secret", self.secret))
