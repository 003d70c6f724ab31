"""What an installation decides once for all of its clients."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InstallationRules:
    """``pkce_exceptions``: whether the registration of a confidential client may let it off PKCE."""

    pkce_exceptions: bool = True


USUAL_RULES = InstallationRules()
