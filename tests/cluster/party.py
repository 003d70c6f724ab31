"""Who signs in from outside of the cluster: through the proxy at its edge, over TLS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.edge import ADDRESS, ISSUER_HOST
from support.browser import Browser
from support.demo_profile import REDIRECT_URI
from support.relying_party import ClientIdentity, Person, RelyingParty

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Parties:
    """The clients of ``values.yaml``, by their short names, and the first user."""

    authority: Path
    client_secrets: Mapping[str, str]
    person: Person

    def __call__(self, client: str) -> RelyingParty:
        """One with a browser of its own: web, machine or api."""
        secret = self.client_secrets[f"demo-{client}-secret"]
        identity = ClientIdentity(f"demo-{client}", secret, REDIRECT_URI if client == "web" else "")
        browser = Browser.trusting(self.authority, {ISSUER_HOST: ADDRESS})
        return RelyingParty(f"https://{ISSUER_HOST}", identity, self.person, browser)
