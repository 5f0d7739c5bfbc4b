"""From an exception to one clear line and an exit code."""

from __future__ import annotations

import io
import os
import sys
import traceback

import typer

from ftkit import failures
from ftkit.console import console
from ftkit.errors import Faults, FtkitError, Interrupted
from ftkit.privacy import hidden


def explain(error: BaseException, command: str, debug: bool) -> int:
    """Say what went wrong with `command`, as JSON too where that was asked for, and return the exit code."""
    if isinstance(error, BrokenPipeError):
        return _hush()
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if debug:
        console.trace(_traceback(error))
    known = _known(error, command)
    document = {"message": known.message, "hint": known.hint, "code": known.code}
    if isinstance(known, Faults):
        document["faults"] = [{"where": fault.where, "what": fault.what, "hint": fault.hint} for fault in known.faults]
        for fault in known.faults:
            console.error(str(fault))
    else:
        console.error(known.message, known.hint)
    if console.mode == "json":
        console.result("", {"error": document})
    return known.code


def _known(error: BaseException, command: str) -> FtkitError:
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted")
    if isinstance(error, typer.TyperException):
        return _usage(error, command)
    return failures.known(error)


def _usage(error: typer.TyperException, command: str) -> FtkitError:
    """A wrong flag or argument, as the parser reports it."""
    known = FtkitError(" ".join(error.format_message().split()), f"{command} --help")
    known.code = error.exit_code
    return known


def _traceback(error: BaseException) -> str:
    if not hidden():
        return "".join(traceback.format_exception(error))
    return "".join([*traceback.format_tb(error.__traceback__), type(error).__name__, "\n"])


def _hush() -> int:
    """Whoever read our output has gone: nothing is left to say, also not when Python flushes at its end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # stdout is no real file, as in a test
        sys.stdout = io.StringIO()
    return 1
