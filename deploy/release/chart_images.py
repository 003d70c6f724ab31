"""Values of the chart that name each image by its digest, so that a chart means the same images for ever."""

from __future__ import annotations

import re
from collections.abc import Mapping

from deploy.release.refusal import Refusal

# The key in the values of each image, by the service that the image holds.
COMPONENTS = {
    "authorize": "authorize",
    "token": "token",
    "introspection": "introspection",
    "compact": "compact",
    "key_rotation": "keyRotation",
    "cli": "cli",
}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def with_images(values: str, registry: str, digests: Mapping[str, str]) -> str:
    """``values.yaml`` with this registry and these digests, comments and all. Raises ``Refusal``."""
    problems = [f"{service}: no digest" for service in COMPONENTS.keys() - digests.keys()]
    problems += [f"{service}: no image of ours" for service in digests.keys() - COMPONENTS.keys()]
    problems += [f"{name}: {digest} is no digest" for name, digest in digests.items() if not _DIGEST.fullmatch(digest)]
    if problems:
        raise Refusal("; ".join(sorted(problems)))
    values = _with_value(values, "image", '  registry: ""\n', f"  registry: {registry}\n")
    for service, digest in digests.items():
        values = _with_value(values, COMPONENTS[service], '    digest: ""\n', f'    digest: "{digest}"\n')
    return values


def _with_value(values: str, component: str, old: str, new: str) -> str:
    """The values in which the block of this top-level key has one line replaced."""
    block = re.search(rf"^{component}:\n(?:[ #].*\n|\n)*", values, re.MULTILINE)
    if block is None or block[0].count(old) != 1:
        raise Refusal(f"values.yaml has not one line {old.strip()!r} in {component!r}")
    return values[: block.start()] + block[0].replace(old, new) + values[block.end() :]
