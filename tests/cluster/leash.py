"""Runs a command that is killed when the process that started it ends.

    python -I -S leash.py PARENT_PID COMMAND [ARGUMENT...]

The kernel does it (PR_SET_PDEATHSIG, kept over exec), so nothing outlives a test run,
however that ends.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):  # it ended before the request took effect
        sys.exit(1)
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - to become it is the purpose
