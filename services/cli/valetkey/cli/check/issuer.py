"""Whether the issuer answers as clients will ask it."""

from __future__ import annotations

from collections.abc import Iterable

from valetkey.administration.diagnosis.finding import Finding, skipped, unwell, well
from valetkey.cli.failure import Failure
from valetkey.cli.issuer_client import IssuerClient
from valetkey.core.routes import JWKS

_ADVICE = (
    "Check that the introspection service runs, and that the ingress leads {url} to it. Where a private CA has "
    "signed its certificate, name that in SSL_CERT_FILE; proxies of HTTPS_PROXY are not used."
)


async def examine_issuer(issuer: str, active_kids: Iterable[str]) -> list[Finding]:
    """Metadata, and whether the published keys are those that sign."""
    if not issuer:
        advice = "Set VALETKEY_ISSUER to look at it from outside."
        return [skipped("metadata", "VALETKEY_ISSUER is not set", advice)]
    async with IssuerClient(issuer) as client:
        try:
            await client.metadata()
        except Failure as failure:
            return [unwell("metadata", failure.message, _ADVICE.format(url=issuer))]
        found = [well("metadata", f"{issuer} describes itself")]
        try:
            published = await client.jwks()
        except Failure as failure:
            return [*found, unwell("jwks", failure.message, _ADVICE.format(url=f"{issuer}{JWKS.path}"))]
    members = published.get("keys")
    kids = {str(key.get("kid")) for key in members if isinstance(key, dict)} if isinstance(members, list) else set()
    if missing := sorted(set(active_kids) - kids):
        advice = "Is it another installation that answers, or a cache in front of /jwks that ignores max-age?"
        return [*found, unwell("jwks", f"active keys are not published: {', '.join(missing)}", advice)]
    return [*found, well("jwks", f"{len(kids)} key(s) published")]
