"""``make cluster``: a cluster until Ctrl-C, and how to reach it."""

from __future__ import annotations

import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from cluster.cluster import running_cluster
from cluster.programs import build, why_no_cluster


def main() -> int:
    """Build, start, wait."""
    if why := why_no_cluster():
        sys.stderr.write(f"{why}\n")
        return 69
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(prefix="valetkey-cluster-") as directory,
        running_cluster(build(), Path(directory)) as cluster,
    ):
        sys.stderr.write(
            f"export KUBECONFIG={cluster.kubectl.kubeconfig} PATH={cluster.kubectl.program.parent}:$PATH\n"
        )
        signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
