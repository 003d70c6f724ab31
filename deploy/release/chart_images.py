"""Values of the chart that name each image by its digest, so that a chart means the same images for ever."""

from __future__ import annotations

import re

from deploy.release.images import Images
from deploy.release.refusal import Refusal

# The key in the values of each image, by the service that the image holds.
_COMPONENTS = {
    "authorize": "authorize",
    "token": "token",
    "introspection": "introspection",
    "mailer": "mailer",
    "compact": "compact",
    "key_rotation": "keyRotation",
    "cli": "cli",
}


def with_images(values: str, images: Images) -> str:
    """``values.yaml`` with this registry and these digests, comments and all. Raises ``Refusal``."""
    # A value of the user for either wins over this one: `image.registry` and `global.imageRegistry` name mirrors.
    values = _with_value(values, "global", '  imageRegistry: ""\n', f"  imageRegistry: {images.registry}\n")
    for service, digest in images.digests.items():
        values = _with_value(values, _COMPONENTS[service], '    digest: ""\n', f'    digest: "{digest}"\n')
    return values


def _with_value(values: str, component: str, old: str, new: str) -> str:
    """The values in which the block of this top-level key has one line replaced."""
    block = re.search(rf"^{component}:\n(?:[ #].*\n|\n)*", values, re.MULTILINE)
    if block is None or block[0].count(old) != 1:
        raise Refusal(f"values.yaml has not one line {old.strip()!r} in {component!r}")
    return values[: block.start()] + block[0].replace(old, new) + values[block.end() :]
