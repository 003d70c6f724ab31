"""Authorization codes: authorize issues them, token redeems them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from valetkey.core.oauth.authorization_code import AuthorizationCode, CodeBinding, Redemption


class CodeIssuer(Protocol):
    """What authorize may do with authorization codes."""

    async def put(self, value: str, code: AuthorizationCode) -> None:
        """Keep the code for its lifetime, under the digest of its value.

        ``TooManyRequests`` where so many codes as there may be wait for this client, session or user; nothing is kept.
        """


class CodeRedeemer(Protocol):
    """What token may do with authorization codes."""

    async def consume(self, value: str, binding: CodeBinding) -> Redemption:
        """TAKEN for exactly one caller, ever; REPLAYED for a later caller with the same binding. RFC 6749 §4.1.2.

        MISMATCHED leaves the code as it was, and names the parts that did not match. All of it is decided in one atomic
        step of the store.
        """

    async def release(self, value: str, unconfirmed_at: datetime | None = None) -> None:
        """Undo ``consume`` after a failure.

        ``unconfirmed_at`` is the redemption that may have stored the authorization all the same: the next that
        takes the code finds it in ``AuthorizationCode.unconfirmed_at``. Without it, the primary key refuses a second.
        """
