"""Archives whose bytes follow from what is in them."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path


def make_reproducible(archive: Path, moment: int) -> None:
    """Write a ``.tgz`` again without the times, the owners and the order that its making left in it.

    Its own time becomes that moment too (seconds since 1970): ``helm push`` writes it into the manifest.
    """
    with tarfile.open(archive) as packed:
        files = {each.name: _bytes(packed, each) for each in packed if each.isfile()}
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as written:
        # Helm wants Chart.yaml early; the other names come in their order.
        for name in sorted(files, key=lambda name: (not name.endswith("/Chart.yaml"), name)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(files[name]), moment, 0o644
            written.addfile(entry, io.BytesIO(files[name]))
    archive.write_bytes(gzip.compress(plain.getvalue(), mtime=0))
    os.utime(archive, (moment, moment))


def _bytes(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    content = archive.extractfile(entry)
    return content.read() if content else b""
