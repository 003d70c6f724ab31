"""What an installation decides once for all of its clients."""

from __future__ import annotations

from dataclasses import dataclass

from valetkey.core.client.client import AudienceParameter


@dataclass(frozen=True, slots=True)
class InstallationRules:
    """``pkce_exceptions``: whether the registration of a confidential client may let it off PKCE.

    ``audience_parameter``: what ``audience`` is for clients whose registration does not say.
    ``id_token_alg``: what signs ID tokens for clients that have registered none. OIDC Registration §2.
    """

    pkce_exceptions: bool = True
    audience_parameter: AudienceParameter = AudienceParameter.REFUSE
    id_token_alg: str = "RS256"  # noqa: S105 - an algorithm, not a secret


USUAL_RULES = InstallationRules()
