"""Any exception as an error for people: what every verb says of it, and what a sweep keeps of a failed run."""

from __future__ import annotations

from ftkit.errors import FtkitError, out_of_memory
from ftkit.privacy import hidden


def known(error: BaseException, again: str = "run again with --debug") -> FtkitError:
    """The error itself where it is one of ours, else one that names it; `again` is the hint of an unexpected one."""
    if isinstance(error, FtkitError):
        return error
    if isinstance(error, ConnectionError | TimeoutError):
        return FtkitError(f"the network does not answer: {_said(error)}", "try again, or --offline with what is cached")
    if out_of_memory(error):
        return FtkitError("not enough memory", "a smaller train.batch, data.per_label or task.max_length needs less")
    if isinstance(error, OSError) and error.errno is not None:
        from ftkit.files import os_error

        return os_error(error, f"using {error.filename}" if error.filename else "using a file")
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("ftkit"):
        return FtkitError(f"the package {error.name} is not installed", "ftkit doctor lists what is missing")
    return FtkitError(f"unexpected error: {_said(error)}", again)


def _said(error: BaseException) -> str:
    """The exception on one line; its text may quote a cell, so hidden rows leave only its name."""
    name = type(error).__name__
    lines = [] if hidden() else [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{name}: {lines[0]}" if lines else name
