"""Who types the command, as the operating system knows them."""

from __future__ import annotations

import os
import pwd


def operator_name() -> str:
    """The name of the user that this process runs as, or ``uid:<number>`` where it has none, as in a container.

    Not taken from the environment, which every user can change.
    """
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid:{uid}"
