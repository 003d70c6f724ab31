"""How an API checks its tokens: locally, by asking the issuer, or both."""

from dataclasses import replace
from typing import Literal, assert_never

from valetkey.resource_server.access_token import AccessToken
from valetkey.resource_server.error import InvalidToken
from valetkey.resource_server.introspector import Introspector
from valetkey.resource_server.verifier import Verifier

Mode = Literal["jwt", "introspect", "both"]


class Protection:
    """One decision for one API.

    `jwt` costs no request but learns of no revocation; `introspect` asks each time; `both` asks only about
    tokens that verify, and demands that the two accounts of a token agree.
    """

    def __init__(
        self, mode: Mode, *, verifier: Verifier | None = None, introspector: Introspector | None = None
    ) -> None:
        """Raises ValueError if `mode` needs a part that is missing, or the parts are for different audiences."""
        if (mode != "introspect" and verifier is None) or (mode != "jwt" and introspector is None):
            raise ValueError(f"mode {mode!r} needs a part that was not given")
        audiences = {part.audience for part in (verifier, introspector) if part is not None}
        if len(audiences) != 1:
            raise ValueError("verifier and introspector must be for the same audience")
        self.mode = mode
        self.audience = audiences.pop()
        self._verifier = verifier
        self._introspector = introspector

    async def verify(self, token: str) -> AccessToken:
        """What `token` proves, checked the way `mode` says. Raises InvalidToken or IssuerUnavailable."""
        match self.mode:
            case "jwt":
                return await self._verify(token)
            case "introspect":
                return await self.introspect(token)
            case "both":
                return agreement(await self._verify(token), await self.introspect(token))
            case _:
                assert_never(self.mode)

    async def introspect(self, token: str) -> AccessToken:
        """What the issuer says of `token` now, whatever `mode` is. Raises InvalidToken or IssuerUnavailable."""
        if self._introspector is None:
            raise RuntimeError("this protection has no introspector")
        return await self._introspector.introspect(token)

    async def close(self) -> None:
        """Close the connections to the issuer."""
        for part in (self._verifier, self._introspector):
            if part is not None:
                await part.close()

    async def _verify(self, token: str) -> AccessToken:
        if self._verifier is None:
            raise RuntimeError("this protection has no verifier")
        return await self._verifier.verify(token)


def agreement(verified: AccessToken, introspected: AccessToken) -> AccessToken:
    """The verified token with the scope that both accounts grant. Raises InvalidToken if they differ on whose it is."""
    same = (verified.subject, verified.client_id, verified.jti) == (
        introspected.subject,
        introspected.client_id,
        introspected.jti,
    )
    if not same:
        raise InvalidToken("token and introspection answer disagree")
    return replace(verified, scope=verified.scope & introspected.scope)
