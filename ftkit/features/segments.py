"""Segments: the files that a shelf of the cache is made of, each with many entries and a checksum over all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

SCHEMA = "1"


@dataclass
class Segment:
    """Entries one after the other along the first axis of `flat`."""

    flat: torch.Tensor
    starts: dict[str, tuple[int, int]]
    """hash: first position, positions"""
    sha256: str = ""
    """what its file says that it should be"""

    def __getitem__(self, digest: str) -> torch.Tensor:
        start, length = self.starts[digest]
        return self.flat[start : start + length]


def joined(entries: Mapping[str, torch.Tensor]) -> Segment:
    """Entries side by side in one segment."""
    starts, at = {}, 0
    for digest, one in entries.items():
        starts[digest] = (at, len(one))
        at += len(one)
    return Segment(torch.cat(list(entries.values())), starts)


def pack(key: str, entries: Mapping[str, torch.Tensor]) -> bytes:
    """The bytes of a segment's file, on the shelf of a key."""
    from safetensors.torch import save

    segment = joined(entries)
    said = {"schema": SCHEMA, "rows": json.dumps(segment.starts), "sha256": digest_of(key, segment)}
    return save({"flat": segment.flat}, said)


def read(path: Path) -> Segment:
    """A segment, memory-mapped, its checksum not looked at yet; a ValueError says what is wrong with it."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            said: dict[str, Any] = file.metadata() or {}
            flat: torch.Tensor = file.get_tensor("flat")
    except SafetensorError:
        raise ValueError("not a whole safetensors file") from None
    if said.get("schema") != SCHEMA or not {"rows", "sha256"} <= set(said):
        raise ValueError("not written by this version")
    try:
        starts = {digest: (start, length) for digest, (start, length) in json.loads(said["rows"]).items()}
    except (AttributeError, TypeError) as error:
        raise ValueError("its list of rows is none") from error
    return Segment(flat, starts, said["sha256"])


def digest_of(key: str, segment: Segment) -> str:
    """sha256 over the key of its shelf and all that a segment holds."""
    flat = segment.flat
    state = hashlib.sha256(f"{key} {json.dumps(segment.starts)} {flat.dtype} {tuple(flat.shape)}".encode())
    if flat.numel():
        state.update(flat.reshape(-1).view(torch.uint8).numpy().data)
    return state.hexdigest()
