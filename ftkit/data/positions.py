"""What the targets of a position are called: x, y, z and floor, with the building behind them where that is said."""

from __future__ import annotations

import re
from collections.abc import Sequence

AXES = ("x", "y", "z")
FLOOR = "floor"
NAMED = re.compile(r"(x|y|z|floor)( \(.*\))?")


def spelled(name: str, site: str) -> str:
    """`x`, or `x (north)` in the building called north."""
    return f"{name} ({site})" if site else name


def plain(target: str) -> str | None:
    """`x` of `x (north)`; None for what is no part of a position."""
    match = NAMED.fullmatch(target)
    return match[1] if match else None


def are_position(targets: Sequence[str]) -> bool:
    """Whether these are the targets of a position: two axes at least, and nothing else but a floor."""
    known = [plain(one) for one in targets]
    return None not in known and known[:2] == list(AXES[:2])
