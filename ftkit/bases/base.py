"""What a resolved base is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Base:
    """A pretrained checkpoint on this disk, ready to load."""

    name: str
    """as the user wrote it"""
    folder: Path
    """config.json and safetensors; of a run, those of the base underneath it"""
    revision: str
    """the hub's commit, the package's version, "local" or "random" """
    sha256: str
    """of the weight file; of several shards, or of a run, of the parts' hashes in order"""
    kind: Literal["packaged", "folder", "hub", "run", "random"]
    run: Path | None = None
    """the earlier run that training starts from"""
    parent: Base | None = None
    """what that run started from itself"""

    def config(self) -> dict[str, Any]:
        """What its config.json says; nothing where it cannot be read."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found
