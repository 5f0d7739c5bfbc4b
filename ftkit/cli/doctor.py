"""What this machine offers: device, precision, memory, hub, caches, extras."""

from __future__ import annotations

from typing import Annotated

import typer

from ftkit.console import console

Clear = Annotated[bool, typer.Option("--clear-cache", help="Delete the cached activations of frozen layers.")]


def command(clear_cache: Clear = False) -> None:
    """Example: ftkit doctor --offline"""
    from ftkit.verbs import doctoring

    if clear_cache:
        freed = doctoring.clear_activations()
        console.result(doctoring.cleared(freed), freed)
        return
    found = doctoring.diagnose()
    console.result(doctoring.text(found), found)
    console.next("ftkit new --example")
