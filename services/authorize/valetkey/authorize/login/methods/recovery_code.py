"""Recovery codes: for the day when the second factor is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from valetkey.authorize.account.notices import tell_recovery_code_used
from valetkey.authorize.pages.models import ProofError
from valetkey.core.authentication.factor import Factor, Method
from valetkey.core.authentication.recovery_code import code_digest, generate_codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from valetkey.authorize.service import AuthorizeService
    from valetkey.core.authentication.user import User
    from valetkey.core.oauth.params import Params


class RecoveryCode:
    """See ``SecondFactor``. A user gets codes with the first other second factor."""

    method = Method.RECOVERY_CODE
    wrong = ProofError.RECOVERY_CODE

    def is_offered(self, service: AuthorizeService) -> bool:  # noqa: ARG002 - the shape of a second factor
        """Always: they need nothing."""
        return True

    async def question(self, service: AuthorizeService, user: User, token: str) -> None:
        """Nothing: it is typed."""

    async def check(self, service: AuthorizeService, user: User, form: Params) -> Factor | None:
        """The proof; the code is used up."""
        digest = code_digest(user.subject, form.get("code") or "")
        left = None if digest is None else await service.credentials.use_recovery_code(user.subject, digest)
        if left is None:
            return None
        await tell_recovery_code_used(service, user, left)
        return Factor(self.method, service.clock())


async def new_codes(service: AuthorizeService, user: User) -> Sequence[str]:
    """New codes in the place of all before, to be shown once; empty where the user has ended meanwhile."""
    codes = generate_codes()
    digests = [(uuid4(), digest) for code in codes if (digest := code_digest(user.subject, code)) is not None]
    stored = await service.credentials.replace_recovery_codes(user, digests, service.clock())
    return codes if stored else ()
