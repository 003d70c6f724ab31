"""What is in the layers of an image, those that other layers cover included."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from support.containers import docker, image_of


def layer_files(service: str, directory: Path) -> dict[str, tarfile.TarInfo]:
    """Every file and directory of every layer, by its path from the root."""
    saved = directory / f"{service}.tar"
    docker("save", "--output", str(saved), image_of(service))
    found: dict[str, tarfile.TarInfo] = {}
    with tarfile.open(saved) as image:
        manifest = image.extractfile("manifest.json")
        assert manifest is not None
        for layer in json.load(manifest)[0]["Layers"]:
            content = image.extractfile(layer)
            assert content is not None
            with tarfile.open(fileobj=content) as files:
                found |= {f"/{member.name.removeprefix('./').lstrip('/')}": member for member in files}
    saved.unlink()
    return found
