"""Become another program that gets SIGTERM when its parent dies, however it dies.

`python -m local.follow_parent <program> <arguments>`. The local AWS saves its state on SIGTERM, so
even a supervisor that was killed loses no data. Only Linux can do this; elsewhere the program runs
as it is.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>; kept across execve, see prctl(2)

if __name__ == "__main__":
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == 1:
            sys.exit("The parent is gone already.")
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - no shell is meant
