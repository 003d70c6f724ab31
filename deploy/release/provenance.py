"""What the files of a release are made of: an in-toto statement with the predicate of SLSA, version 1.

It holds no time and no name of a machine: the same source gives the same statement everywhere.
https://slsa.dev/spec/v1.0/provenance
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.release.images import Images
from deploy.release.requirements import LOCK
from deploy.release.version import Version

_LOCKS = (Path("requirements.lock"), LOCK)


def statement(source: Path, tree: str, version: Version, moment: int, files: Path, images: Images | None) -> str:
    """JSON about every file in a directory, built from the files of a git tree that lie in ``source``."""
    about = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": file.name, "digest": {"sha256": _sha256(file)}} for file in sorted(files.iterdir())],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:valetkey:make-release-files:v1",
                "externalParameters": _parameters(version, images),
                "internalParameters": {"SOURCE_DATE_EPOCH": moment},
                "resolvedDependencies": [*_dependencies(source, tree, version, images)],
            },
            "runDetails": {"builder": {"id": "urn:valetkey:make-release-files"}},
        },
    }
    return json.dumps(about, indent=2) + "\n"


def images_of(text: str) -> Images | None:
    """The images that a statement of ours names, or None if it names none. Raises ``Refusal``."""
    given = json.loads(text)["predicate"]["buildDefinition"]["externalParameters"]
    return Images(given["registry"], given["digests"]) if "registry" in given else None


def _parameters(version: Version, images: Images | None) -> dict[str, Any]:
    given: dict[str, Any] = {"version": str(version)}
    if images is not None:
        given |= {"registry": images.registry, "digests": dict(sorted(images.digests.items()))}
    return given


def _dependencies(source: Path, tree: str, version: Version, images: Images | None) -> Iterator[dict[str, Any]]:
    # The tree, not the commit: it is the same before the release is committed.
    yield {"uri": f"git:refs/tags/v{version}", "digest": {"gitTree": tree}}
    for lock in _LOCKS:
        yield {"uri": f"file:{lock.as_posix()}", "digest": {"sha256": _sha256(source / lock)}}
    for name, digest in images.references() if images else ():
        yield {"uri": f"oci://{name}@{digest}", "digest": {"sha256": digest.removeprefix("sha256:")}}


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
