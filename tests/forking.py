"""Work in a child process that can be killed; what this process has imported, no child imports again."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable


def forked(work: Callable[[], None], after: float | None = None) -> int:
    """Do the work in a child; SIGKILL it after some seconds. Returns its exit status as `waitpid` gives it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # the child ends without closing it
            work()
            code = 0
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)  # pytest shows it where the test fails
        finally:
            os._exit(code)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]
