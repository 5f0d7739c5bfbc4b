"""What a position is called: x, y, z and floor, with the building behind them where that is said.

A head has a column for each floor (`floor 1`, `floor 2`), of which the likeliest is predicted (`floor`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

AXES = ("x", "y", "z")
FLOOR = "floor"
NAMED = re.compile(r"(x|y|z|floor)( -?[\d.]+)?( \(.*\))?")


def spelled(name: str, site: str) -> str:
    """`x`, or `x (north)` in the building called north."""
    return f"{name} ({site})" if site else name


def plain(target: str) -> str | None:
    """`x` of `x (north)`; None for what is no part of a position."""
    match = NAMED.fullmatch(target)
    return match[1] if match and (match[1] == FLOOR or not match[2]) else None


def columns(targets: Sequence[str], floors: Sequence[float]) -> tuple[str, ...]:
    """Columns of a head that predicts a position: `x, y, floor` with one for each floor in the place of the last."""
    site = targets[-1].removeprefix(FLOOR)
    return (*targets[:-1], *(f"{FLOOR} {one:g}{site}" for one in floors))


def answers(columns: Sequence[str]) -> tuple[str, ...]:
    """What a head with these columns predicts: of the floors there is one; all else as it is."""
    if not are_position(columns):
        return tuple(columns)
    return tuple(dict.fromkeys(NAMED.sub(r"\1\3", one) for one in columns))


def are_position(targets: Sequence[str]) -> bool:
    """Whether these are the targets of a position: two axes at least, and nothing else but a floor."""
    known = [plain(one) for one in targets]
    return None not in known and known[:2] == list(AXES[:2])
