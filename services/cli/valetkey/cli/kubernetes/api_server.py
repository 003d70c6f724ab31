"""Speaks to the API server of the cluster as this pod's service account: over verified TLS, bounded, no redirects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

import aiohttp

from valetkey.cli.failure import Failure
from valetkey.cli.kubernetes.service_account import ServiceAccount
from valetkey.core.json_text import find_json_object
from valetkey.core.oauth.errors import TemporarilyUnavailable

_TIMEOUT = aiohttp.ClientTimeout(total=10.0)
_MAX_BODY = 4 << 20
# RFC 7386; the API server takes no plain JSON for a patch.
_CONTENT_TYPES = {"PATCH": "application/merge-patch+json"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server said; ``reason`` is its own word for a refusal, such as ``AlreadyExists``."""

    status: int
    body: Mapping[str, object]

    @property
    def reason(self) -> str:
        """The machine-readable reason, empty where there is none."""
        return str(self.body.get("reason", ""))

    @property
    def message(self) -> str:
        """What the API server tells people."""
        return str(self.body.get("message", "")) or f"status {self.status}"


class ApiServer:
    """The API server at ``url``."""

    def __init__(self, url: str, account: ServiceAccount) -> None:
        self._url = url
        self._account = account
        connector = aiohttp.TCPConnector(ssl=account.tls())
        self._session = aiohttp.ClientSession(
            timeout=_TIMEOUT, connector=connector, cookie_jar=aiohttp.DummyCookieJar()
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def request(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Answer:
        """The answer to one request. Raises ``TemporarilyUnavailable`` where another attempt may succeed.

        Raises ``Failure`` where the server is not the one this pod's authority vouches for.
        """
        headers = {"Authorization": f"Bearer {self._account.token}", "Accept": "application/json"}
        if method in _CONTENT_TYPES:
            headers["Content-Type"] = _CONTENT_TYPES[method]
        try:
            async with self._session.request(
                method, self._url + path, json=body, headers=headers, allow_redirects=False
            ) as response:
                answer = Answer(response.status, find_json_object(await response.content.read(_MAX_BODY)) or {})
        except aiohttp.ClientConnectorCertificateError as error:
            raise Failure(f"{self._url} is not the API server of this cluster: {error.certificate_error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TemporarilyUnavailable(
                f"the API server at {self._url} cannot be reached ({str(error) or type(error).__name__})"
            ) from error
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise TemporarilyUnavailable(f"the API server at {self._url} says: {answer.message}")
        return answer
