"""How often something is done while training: every so many steps, or minutes."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """How often the member under way is saved: after so many steps, or so many seconds."""

    steps: int = 0
    seconds: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Pace:
        """`every 100 steps`, `every 5 minutes`, `every step`; a ValueError for anything else."""
        found = re.fullmatch(r"every(?: (\d+(?:\.\d+)?))? (step|minute)s?", " ".join(text.split()))
        count = float(found[1] or 1) if found else 0.0
        if not found or count <= 0 or (found[2] == "step" and count != int(count)):
            raise ValueError("expected every N steps, or every N minutes")
        return cls(steps=int(count)) if found[2] == "step" else cls(seconds=60 * count)
