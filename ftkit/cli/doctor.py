"""What this machine offers: device, precision, memory, hub, caches, extras."""

from __future__ import annotations

from ftkit.console import console


def command() -> None:
    """Example: ftkit doctor --offline"""
    from ftkit.verbs import doctoring

    found = doctoring.diagnose()
    console.result(doctoring.text(found), found)
    console.next("ftkit new --example")
