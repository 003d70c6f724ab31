"""An authenticator that Chromium itself plays, by its DevTools protocol: WebAuthn domain, WebAuthn §11."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page


@dataclass(frozen=True, slots=True)
class VirtualAuthenticator:
    """One device of one page's browser. It is touched, and knows its user, at once."""

    session: CDPSession
    authenticator_id: str

    @classmethod
    async def of(cls, page: Page, **options: Any) -> Self:  # noqa: ANN401 - whatever WebAuthn.addVirtualAuthenticator takes
        """A new one: a phone or laptop whose passkeys stay where they are, unless ``options`` say otherwise."""
        session = await page.context.new_cdp_session(page)
        await session.send("WebAuthn.enable", {"enableUI": False})
        usual = {
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
            "defaultBackupEligibility": False,
            "defaultBackupState": False,
        }
        added = await session.send("WebAuthn.addVirtualAuthenticator", {"options": usual | options})
        return cls(session, added["authenticatorId"])

    async def credentials(self) -> list[dict[str, Any]]:
        """What it keeps."""
        kept = await self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.authenticator_id})
        return list(kept["credentials"])

    async def go_back_to(self, credentials: list[dict[str, Any]]) -> None:
        """Keep what it, or a clone of it, kept at another time."""
        await self.session.send("WebAuthn.clearCredentials", {"authenticatorId": self.authenticator_id})
        for credential in credentials:
            await self.session.send(
                "WebAuthn.addCredential", {"authenticatorId": self.authenticator_id, "credential": credential}
            )

    async def remove(self) -> None:
        """Take it away."""
        await self.session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self.authenticator_id})

    async def recognize(self, *, user: bool) -> None:
        """Whether it recognizes its user from now on."""
        await self.session.send(
            "WebAuthn.setUserVerified", {"authenticatorId": self.authenticator_id, "isUserVerified": user}
        )
