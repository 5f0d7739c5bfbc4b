"""Ctrl-C and SIGTERM while training: the step under way is finished and saved first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ftkit.console import console

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """True once the run has been asked to end."""

    def __init__(self) -> None:
        self.asked = False
        self.loses_nothing = False
        """whether what is under way need not be finished first"""

    def __bool__(self) -> bool:
        return self.asked

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Within the block there is nothing to save, so that a signal ends it with KeyboardInterrupt."""
        if self.asked:
            raise KeyboardInterrupt
        self.loses_nothing = True
        try:
            yield
        finally:
            self.loses_nothing = False


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Within the block the first signal asks to stop, a second one stops at once; outside the main thread neither.

    Raises KeyboardInterrupt at the end of a block that was asked to stop and ended by itself.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.asked or stop.loses_nothing:
            raise KeyboardInterrupt
        stop.asked = True
        console.say("stopping after this step; once more to stop at once")

    before = {number: signal.signal(number, ask) for number in SIGNALS}
    try:
        yield stop
        if stop:
            raise KeyboardInterrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
