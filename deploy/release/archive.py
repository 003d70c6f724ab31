"""Archives whose bytes follow from what is in them."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path


def write_archive(archive: Path, files: Mapping[str, bytes], moment: int) -> None:
    """Write a ``.tgz`` of these files, in this order, as old as that moment (seconds since 1970).

    Its own time becomes that moment too: ``helm push`` writes it into the manifest.
    """
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as written:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), moment, 0o644
            written.addfile(entry, io.BytesIO(content))
    archive.write_bytes(gzip.compress(plain.getvalue(), mtime=0))
    os.utime(archive, (moment, moment))


def make_reproducible(archive: Path, moment: int) -> None:
    """Write the archive of a chart again without the times, the owners and the order that its making left in it."""
    with tarfile.open(archive) as packed:
        files = {each.name: _bytes(packed, each) for each in packed if each.isfile()}
    # Helm wants Chart.yaml early; the other names come in their order.
    names = sorted(files, key=lambda name: (not name.endswith("/Chart.yaml"), name))
    write_archive(archive, {name: files[name] for name in names}, moment)


def _bytes(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    content = archive.extractfile(entry)
    return content.read() if content else b""
