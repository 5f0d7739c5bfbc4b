"""The app made of the verbs, and `main`, the one place where errors end."""

from __future__ import annotations

import importlib
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ftkit import __version__
from ftkit.cli._failing import explain
from ftkit.cli._options import Bound, deferred
from ftkit.cli._trail import Trail
from ftkit.console import console

HELP = """Fine-tune a pretrained model on a small target, and say honestly whether it helped.

Begin with `ftkit train FILE` on a table of labelled texts, or with `ftkit new --example` for data to try it on."""

EPILOG = "Exit codes: 0 done, 1 failed, 2 recipe, data or flags are wrong, 3 a gate was not met, 130 interrupted."


def verbs() -> list[str]:
    """Names of the verbs: the files of this folder."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))


def build() -> typer.Typer:
    """The app with every verb; calling it parses and returns what to run, without running it."""
    app = typer.Typer(
        help=HELP, epilog=EPILOG, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False
    )
    app.callback()(_root)
    for name in verbs():
        module = importlib.import_module(f"ftkit.cli.{name}")
        summary = (module.__doc__ or "").partition("\n")[0]
        text = f"{summary}\n\n{(module.command.__doc__ or '').strip()}"
        app.command(name, help=text, short_help=summary)(deferred(module.command))
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        console.result(f"ftkit {__version__}", {"ftkit": __version__})
        raise typer.Exit()


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and stop.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Options that stand before the verb."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every error ends here, in one line."""
    args = list(sys.argv[1:] if argv is None else argv)
    flags = set(args[: args.index("--")] if "--" in args else args)
    # set before parsing, so that a wrong flag is answered in the form that was asked for
    console.mode = "json" if "--json" in flags else "quiet" if "--quiet" in flags else "human"
    trail = Trail(["ftkit", *args])
    try:
        with _terminable():
            code = _run(args or ["--help"], trail)
    except BaseException as error:
        command = " ".join(["ftkit", *(word for word in args[:1] if word in verbs())])
        code = explain(error, command, debug="--debug" in flags)
    trail.write(code)
    return code


def _run(args: list[str], trail: Trail) -> int:
    parsed: Any = build()(args, prog_name="ftkit", standalone_mode=False)
    if not isinstance(parsed, Bound):  # --help and --version have been answered
        return int(parsed or 0)
    from ftkit import environment

    environment.quiet_libraries()
    if parsed.offline:
        environment.go_offline()
    return parsed.run(trail)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends a command as Ctrl-C does, so that it can save what it has."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
