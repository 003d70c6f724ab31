"""What this API knows of its issuer: metadata and keys, fetched once and shared."""

from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus

import aiohttp

from valetkey.resource_server.cache_policy import CachePolicy
from valetkey.resource_server.cached_document import CachedDocument, Document
from valetkey.resource_server.clock import Clock, system_clock
from valetkey.resource_server.error import IssuerUnavailable
from valetkey.resource_server.key_set import KeySet
from valetkey.resource_server.metadata import Metadata, metadata_urls, read_metadata
from valetkey.resource_server.outbound import Outbound
from valetkey.resource_server.url import is_plain_loopback, require_url


class AuthorizationServer:
    """The issuer named by configuration; nothing a token says changes where it is looked for."""

    def __init__(
        self,
        issuer: str,
        *,
        session: aiohttp.ClientSession | None = None,
        timeout: timedelta = timedelta(seconds=5),
        cache: CachePolicy = CachePolicy(),  # noqa: B008 - frozen
        clock: Clock = system_clock,
    ) -> None:
        """`issuer` is https, or http on loopback, without query and fragment; raises ValueError otherwise.

        `timeout` is for each request as a whole. A `session` that is handed in stays the caller's to close.
        """
        parts = require_url(issuer, plain_loopback=True)
        if "?" in issuer or "#" in issuer:
            raise ValueError("an issuer has neither query nor fragment")
        self.issuer = issuer
        self.clock = clock
        # An https issuer cannot send us to plain http, not even on this machine.
        self.outbound = Outbound(plain_loopback=is_plain_loopback(parts), timeout=timeout, session=session)
        self._cache = cache
        self._metadata = CachedDocument(self._fetch_metadata, policy=cache, clock=clock)
        self._keys = CachedDocument(self._fetch_key_set, policy=cache, clock=clock)

    async def metadata(self) -> Metadata:
        """The issuer's metadata. RFC 8414 §3. Raises IssuerUnavailable."""
        return await self._metadata.get()

    async def key_set(self) -> KeySet:
        """The issuer's public keys. RFC 7517 §5. Raises IssuerUnavailable."""
        return await self._keys.get()

    async def newer_key_set(self, seen: KeySet) -> KeySet:
        """The keys, asked for again unless that happened a moment ago. Raises IssuerUnavailable."""
        return await self._keys.refetch(seen)

    async def close(self) -> None:
        """Drop requests under way and connections."""
        await self._keys.close()
        await self._metadata.close()
        await self.outbound.close()

    async def _fetch_metadata(self, _: Document[Metadata] | None) -> Document[Metadata]:
        for url in metadata_urls(self.issuer):
            answer = await self.outbound.get(url)
            if answer.status == HTTPStatus.NOT_FOUND:
                continue
            if answer.status != HTTPStatus.OK:
                raise IssuerUnavailable(f"metadata was answered with {answer.status}")
            metadata = read_metadata(answer.json(), self.issuer)
            return Document(metadata, url, None, self._cache.max_age(answer.headers))
        raise IssuerUnavailable("the issuer publishes no metadata")

    async def _fetch_key_set(self, held: Document[KeySet] | None) -> Document[KeySet]:
        url = (await self.metadata()).jwks_uri
        if url is None:
            raise IssuerUnavailable("the metadata document has no jwks_uri")
        known = held if held is not None and held.etag is not None and held.url == url else None
        answer = await self.outbound.get(url, {"If-None-Match": known.etag} if known and known.etag else None)
        max_age = self._cache.max_age(answer.headers)
        if known is not None and answer.status == HTTPStatus.NOT_MODIFIED:
            return replace(known, max_age=max_age)
        if answer.status != HTTPStatus.OK:
            raise IssuerUnavailable(f"jwks_uri was answered with {answer.status}")
        try:
            keys = KeySet.from_jwks(answer.json())
        except ValueError as error:
            raise IssuerUnavailable("jwks_uri holds no JWK Set") from error
        return Document(keys, url, answer.headers.get("ETag"), max_age)
