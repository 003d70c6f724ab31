"""The notes of a release: what changed, and where its images and its chart are."""

from __future__ import annotations

from deploy.release.images import Images
from deploy.release.version import Version

FILE = "NOTES.md"


def notes(changes: str, version: Version, images: Images | None) -> str:
    """Markdown. Without ``images`` it is the section of the changelog alone."""
    if images is None:
        return changes
    rows = "".join(f"| `{name}:{version}` | `{digest}` |\n" for name, digest in images.references())
    return f"""\
```console
$ helm install valetkey oci://{images.registry}/charts/valetkey --version {version} --values values.yaml
```

The chart names these images by digest. `SHA256SUMS` has the sum of every file. `requirements.txt` is for machines
without containers.

| image | digest |
|---|---|
{rows}
{changes}"""
