"""How strongly a login proves who a person is: the levels, weakest first, in one table. OIDC Core §2, RFC 9470 §4.

``phr`` and ``phrh`` are those of OpenID Connect Extended Authentication Profile ACR Values 1.0 §4. What makes a passkey
one that stays in its authenticator is what that says; attestation, which would prove it, is not asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from valetkey.core.authentication.factor import Factor, Method

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

ACR_PASSWORD = "urn:valetkey:acr:password"  # noqa: S105 - the name of a method, not a secret
ACR_MFA = "urn:valetkey:acr:mfa"
ACR_PHISHING_RESISTANT = "phr"
ACR_HARDWARE_PROTECTED = "phrh"

SUPPORTED_ACR = (ACR_PASSWORD, ACR_MFA, ACR_PHISHING_RESISTANT, ACR_HARDWARE_PROTECTED)
"""The weakest first. A login that reaches one reaches those before it."""
REQUIRABLE_ACR = SUPPORTED_ACR[1:]
"""What clients and groups can demand: every login reaches the weakest."""

_AMR_MFA = "mfa"
_SECOND = (Method.TOTP, Method.RECOVERY_CODE)
# Each level by the sets of methods that reach it. A passkey is two factors: the key, and what unlocks it.
_REACHED_BY: dict[str, tuple[tuple[Method, ...], ...]] = {
    ACR_PASSWORD: ((Method.PASSWORD,), (Method.PASSKEY,)),
    ACR_MFA: ((Method.PASSKEY,), *((Method.PASSWORD, method) for method in _SECOND)),
    ACR_PHISHING_RESISTANT: ((Method.PASSKEY,),),
    ACR_HARDWARE_PROTECTED: ((Method.PASSKEY,),),
}


class Strength(NamedTuple):
    """What some factors prove together. ``auth_time`` is that of the oldest factor which the level rests on."""

    acr: str
    auth_time: datetime
    amr: tuple[str, ...]


def strength_of(factors: Sequence[Factor]) -> Strength | None:
    """The strongest level that these factors reach, None where they reach none."""
    if len(factors) == 1 and factors[0].method is Method.PASSWORD:
        return Strength(ACR_PASSWORD, factors[0].at, factors[0].amr)
    return next((found for acr in reversed(SUPPORTED_ACR) if (found := strength_at(acr, factors))), None)


def strength_at(acr: str, factors: Iterable[Factor]) -> Strength | None:
    """What these factors prove of this one level, by the latest proofs that reach it; None where they do not."""
    counted = [factor for factor in factors if acr != ACR_HARDWARE_PROTECTED or factor.is_device_bound]
    latest = {factor.method: factor for factor in sorted(counted, key=lambda factor: factor.at)}
    found = [[latest[method] for method in way] for way in _REACHED_BY[acr] if latest.keys() >= set(way)]
    if not found:
        return None
    used = max(found, key=lambda way: min(factor.at for factor in way))
    amr = [name for factor in used for name in factor.amr]
    if reaches(acr, ACR_MFA):
        amr.append(_AMR_MFA)
    return Strength(acr, min(factor.at for factor in used), tuple(dict.fromkeys(amr)))


def reaches(acr: str, required: str) -> bool:
    """Whether a login of one level is as strong as another, or stronger."""
    return SUPPORTED_ACR.index(acr) >= SUPPORTED_ACR.index(required)


def strongest(levels: Iterable[str | None]) -> str | None:
    """The strongest of these levels, None where there is none."""
    return max((acr for acr in levels if acr is not None), key=SUPPORTED_ACR.index, default=None)


def weakest(levels: Iterable[str]) -> str | None:
    """The weakest of these levels, None where there is none."""
    return min(levels, key=SUPPORTED_ACR.index, default=None)


def known(levels: Collection[str]) -> tuple[str, ...]:
    """Those that are levels here, the weakest first, each once."""
    return tuple(acr for acr in SUPPORTED_ACR if acr in levels) if levels else ()


class Enrolled(NamedTuple):
    """By which methods a user can prove who that is; ``has_device_bound``: with a passkey that stays where it is."""

    methods: frozenset[Method]
    has_device_bound: bool = False

    def can_reach(self, acr: str) -> bool:
        """Whether a login with these methods can reach this level."""
        if acr == ACR_HARDWARE_PROTECTED and not self.has_device_bound:
            return False
        return any(self.methods >= set(way) for way in _REACHED_BY[acr])

    @property
    def own_acr(self) -> str:
        """The level that every login of this user reaches: one who has set up a second factor wants to be asked for it.

        Recovery codes alone are none: they are what is left of one.
        """
        return ACR_MFA if self.methods & {Method.TOTP, Method.PASSKEY} else ACR_PASSWORD


def takes_part(method: Method, acr: str) -> bool:
    """Whether a proof by this method takes part in reaching a level."""
    return any(method in way for way in _REACHED_BY[acr])


def demandable(acr: str) -> str:
    """The level that is demanded: one that this release does not know is above all that it knows."""
    return acr if acr in SUPPORTED_ACR else SUPPORTED_ACR[-1]
