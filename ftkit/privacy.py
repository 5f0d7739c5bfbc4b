"""Private rows: what a cell of the user's data may turn into before it leaves the process.

`report.rows: hide` (or `FTKIT_ROWS=hide` for a whole machine) means that no input, label, unit or
group name reaches a report, card, message, log or `--json`. Whoever puts a cell into a message
passes it through `shown`; whoever writes names to a file goes through a `Mask`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping

_hidden = False  # of the whole process: a context variable would be unset in worker threads

HIDDEN = "‹hidden›"


def hide(value: bool) -> None:
    """Hide rows from here on in this process; the environment can only add to it."""
    global _hidden
    _hidden = value


def hidden() -> bool:
    """Whether rows are private in this process."""
    return _hidden or os.environ.get("FTKIT_ROWS", "").lower() == "hide"


def shown(value: object, width: int = 60) -> str:
    """A cell as it may appear in a message: quoted and cut to `width` characters, or a blank."""
    if hidden():
        return HIDDEN
    text = " ".join(str(value).split())
    return repr(text if len(text) <= width else text[: width - 1] + "…")


class Mask:
    """Stable stand-ins for the names of one run: `label 1`, `label 2`, … and keyed hashes.

    The key is random and is not kept, so hashes of two runs with hidden rows do not match unless
    the caller passes the same key on.
    """

    def __init__(self, on: bool, key: bytes | None = None) -> None:
        self.on = on
        self.key = key or secrets.token_bytes(32)
        self._names: dict[tuple[str, str], str] = {}

    @property
    def fingerprint(self) -> str | None:
        """What tells keys apart without giving one away; None where nothing is masked."""
        return hashlib.sha256(b"row key" + self.key).hexdigest()[:16] if self.on else None

    def name(self, kind: str, value: str) -> str:
        """`value` itself, or `kind` and a number in order of first use."""
        if not self.on:
            return value
        count = sum(1 for known, _ in self._names if known == kind)
        return self._names.setdefault((kind, value), f"{kind} {count + 1}")

    def open(self, kind: str, value: str, said: str) -> None:
        """Let a name that tells nothing be said, as `said`."""
        self._names[kind, value] = said

    def digest(self, value: str) -> str:
        """`value` itself (already a hash), or its keyed hash of 32 hex digits."""
        if not self.on:
            return value
        return hmac.new(self.key, value.encode(), hashlib.sha256).hexdigest()[:32]

    def counts(self, by_split: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
        """Rows by split and label, the labels by their stand-ins."""
        return {
            split: {self.name("label", label): rows for label, rows in counts.items()}
            for split, counts in by_split.items()
        }
