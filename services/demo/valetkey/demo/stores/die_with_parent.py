"""A program that turns into another one, which the kernel ends together with its parent.

Run by path with ``python -I -S``, so it may import nothing but the standard library::

    die_with_parent.py PARENT_PID DEATH_SIGNAL UID GID PROGRAM [ARGUMENT...]

UID -1 keeps the user. Where the kernel knows no parent-death signal, the program just starts.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_KEEP_USER = -1


def main() -> None:
    """Drop to the user, arm the signal, become the program."""
    parent, death_signal, uid, gid = (int(argument) for argument in sys.argv[1:5])
    program = sys.argv[5:]
    if uid != _KEEP_USER:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid, which would disarm it.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:
            sys.exit("the parent was gone before the program could start")
    os.execv(program[0], program)  # noqa: S606 - becoming the program is the point; there is no shell


if __name__ == "__main__":
    main()
