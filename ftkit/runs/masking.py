"""Stand-ins for what a run with hidden rows may not name."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from ftkit import privacy
from ftkit.data import positions, tags
from ftkit.data.table import Tags
from ftkit.errors import InputError
from ftkit.files import os_error, replacing
from ftkit.privacy import Mask

KEY_BYTES = 32


def mask_of(labels: tuple[str, ...]) -> Mask:
    """The mask of a run: off unless rows are hidden; labels, or types of tags, are numbered in their order.

    Row hashes are keyed with this machine's secret, so that runs on it can still be compared and
    nobody else can test a guess of a text against them.
    """
    if not privacy.hidden():
        return Mask(on=False)
    mask = Mask(on=True, key=machine_key())
    if positions.are_position(labels):  # our own words, without the building's name
        for label in positions.answers(labels):
            mask.open("label", label, positions.plain(label) or label)
    for label in tags.types_of(labels) if tags.are_classes(labels) else labels:
        mask.name("label", label)
    return mask


def machine_key() -> bytes:
    """32 random bytes in the user's configuration folder, readable by the owner alone."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    path = home / "ftkit" / "rows.key"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            with replacing(path) as temporary:  # whole or not at all: another process may look for it now
                temporary.chmod(0o600)
                temporary.write_bytes(secrets.token_bytes(KEY_BYTES))
        key = path.read_bytes()
    except OSError as error:
        raise os_error(error, f"keeping the key of hidden rows in {path}") from error
    if len(key) != KEY_BYTES:
        raise InputError(f"{path}: is no key of {KEY_BYTES} bytes", f"rm {path}")
    return key


def shown_labels(labels: Sequence[str], kind: str, mask: Mask) -> list[str]:
    """Labels as reports name them; where rows are hidden, of tags the types have stand-ins."""
    if kind == "values":
        labels = positions.answers(labels)
    if kind != "tags":
        return [mask.name("label", label) for label in labels]
    return list(masked_tags(Tags(labels), mask))


def masked_tags(row: Tags, mask: Mask) -> Tags:
    """Tags with stand-ins for their types where rows are hidden."""
    return tags.renamed(row, {kind: mask.name("label", kind) for kind in tags.types_of(row)})
