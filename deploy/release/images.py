"""Images that have been pushed, as a chart, a statement and notes name them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deploy.release.refusal import Refusal

SERVICES = ("authorize", "token", "introspection", "mailer", "compact", "key_rotation", "cli")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Images:
    """The registry with the path in it, and the digest of each service's image. Raises ``Refusal`` if one is wrong."""

    registry: str
    digests: Mapping[str, str]

    def __post_init__(self) -> None:
        problems = [f"{service}: no digest" for service in set(SERVICES) - self.digests.keys()]
        problems += [f"{service}: no image of ours" for service in self.digests.keys() - set(SERVICES)]
        problems += [
            f"{service}: {digest} is no digest"
            for service, digest in self.digests.items()
            if not _DIGEST.fullmatch(digest)
        ]
        if problems:
            raise Refusal("; ".join(sorted(problems)))

    def references(self) -> Iterator[tuple[str, str]]:
        """The name of each image and its digest."""
        for service in SERVICES:
            yield f"{self.registry}/{image_name(service)}", self.digests[service]


def image_name(service: str) -> str:
    """What the image of a service is called in every registry."""
    return f"valetkey-{service.replace('_', '-')}"
