"""Stand-ins for what a run with hidden rows may not name."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ftkit import privacy
from ftkit.privacy import Mask


def mask_of(labels: tuple[str, ...]) -> Mask:
    """The mask of a run: off unless rows are hidden; labels are numbered in their order.

    Row hashes are keyed with this machine's secret, so that runs on it can still be compared and
    nobody else can test a guess of a text against them.
    """
    if not privacy.hidden():
        return Mask(on=False)
    mask = Mask(on=True, key=_machine_key())
    for label in labels:
        mask.name("label", label)
    return mask


def _machine_key() -> bytes:
    """32 random bytes in the user's configuration folder, readable by the owner alone."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    path = home / "ftkit" / "rows.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as file:
        key = secrets.token_bytes(32)
        file.write(key)
    return key
