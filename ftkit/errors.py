"""Every failure that a user can meet.

FtkitError          1  something failed that is not the input's fault
├── InputError      2  recipe, data or flags are wrong
│   └── Faults      2  several of them, found in one pass
├── GateError       3  a gate that the user asked for was not met
└── Interrupted   130  Ctrl-C or SIGTERM; what was finished is saved

The number is the exit code. Each error carries what is wrong and where (`message`) and the next
thing to type (`hint`); `ftkit.cli.main` is the only place that prints them.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

# what the allocators of torch and below it say; CUDA's and Metal's say the second
NO_MEMORY = ("DefaultCPUAllocator: ", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "memory object", "bad_alloc")


class FtkitError(Exception):
    """Base of all expected failures: one line of `message`, one line of `hint`."""

    code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(FtkitError):
    """The recipe, the data or a flag is wrong."""

    code = 2


class GateError(FtkitError):
    """The run finished, but a condition set by the user does not hold."""

    code = 3


class Interrupted(FtkitError):
    """SIGINT or SIGTERM arrived."""

    code = 130


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: `where` (a recipe line, a file and row), `what`, and a `hint`."""

    where: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        return f"{line}; {self.hint}" if self.hint else line


class Faults(InputError):
    """All faults of a recipe or data set at once, so that nobody mends them one run at a time."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def did_you_mean(word: str, choices: Iterable[str], show: int = 8) -> str:
    """The closest choice as a question, else the choices themselves, for the end of a message."""
    known = sorted(choices)
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]}?"
    return f"choose from {', '.join(known[:show])}" + (", …" if len(known) > show else "") if known else ""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python or torch says that memory could not be had, on the machine or its accelerator."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)
