"""Many adapters of equal shapes in one safetensors file, each readable alone.

A shard holds a stack of groups: each weight's values of all of them, one after the other along the first axis. Its
metadata say of every group what the index says, so that the index can be made again from the shards.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ftkit.bank.records import Record
from ftkit.errors import InputError
from ftkit.features.fingerprint import digest
from ftkit.files import replacing

SCHEMA = 1
CENTRE = "embedding.mean"
"""name of the tensor that holds each group's mean embedding, (places, width) float32; see `ftkit.bank.nearest`"""
Weights = Mapping[str, torch.Tensor]
"""an adapter and its head, by name"""


@dataclass(frozen=True)
class Shard:
    """What a shard says of itself and its groups."""

    path: Path
    number: int
    made_from: str
    """hash of recipe and general adapter: a shard with another one is none of this bank's"""
    records: tuple[Record, ...]

    def adapter(self, place: int) -> dict[str, torch.Tensor]:
        """The weights of one group, read without the others."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path, framework="pt") as file:
                names = [name for name in file.keys() if name != CENTRE]  # noqa: SIM118  # it is no dict
                return {name: file.get_slice(name)[place] for name in names}
        except (SafetensorError, OSError, IndexError) as error:
            raise damaged(self.path, str(error)) from None

    def centres(self) -> torch.Tensor | None:
        """(places, width) mean embeddings of the groups' rows; None where none are kept."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path, framework="pt") as file:
                kept: torch.Tensor | None = file.get_tensor(CENTRE) if CENTRE in file.keys() else None  # noqa: SIM118
                return kept
        except (SafetensorError, OSError) as error:
            raise damaged(self.path, str(error)) from None


def path_of(folder: Path, number: int) -> Path:
    """Where a shard lies; names of groups never become paths."""
    return folder / f"{number:06}.safetensors"


def sha256_of(weights: Weights) -> str:
    """sha256 of an adapter: names, types, shapes and bytes."""
    state = hashlib.sha256()
    for name in sorted(weights):
        state.update(f"{name} {digest(weights[name])}\n".encode())
    return state.hexdigest()


def write(
    path: Path,
    number: int,
    made_from: str,
    records: Sequence[Record],
    adapters: Sequence[Weights],
    centres: torch.Tensor | None = None,
) -> None:
    """Write a shard; `adapters` and `centres` are in the order of the records' places. Whole or not at all."""
    from safetensors.torch import save

    names = sorted(adapters[0]) if adapters else []
    tensors = {name: torch.stack([one[name].detach().cpu() for one in adapters]).contiguous() for name in names}
    tensors |= {} if centres is None or not adapters else {CENTRE: centres.contiguous()}
    said = json.dumps(
        {
            "schema": SCHEMA,
            "number": number,
            "made_from": made_from,
            "groups": [dataclasses.asdict(one) for one in records],
        }
    )
    packed = save(tensors, {"bank": said, "sha256": hashlib.sha256(said.encode()).hexdigest()})
    with replacing(path) as temporary:
        temporary.write_bytes(packed)


def read(path: Path) -> Shard:
    """What a shard says; its weights are read when they are asked for.

    Raises InputError where it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
        said = metadata["bank"]
        if hashlib.sha256(said.encode()).hexdigest() != metadata["sha256"]:
            raise ValueError("its description does not fit its checksum")
        document: dict[str, Any] = json.loads(said)
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']}, but this ftkit reads schema {SCHEMA}")
        return Shard(path, document["number"], document["made_from"], tuple(map(_record, document["groups"])))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(path, str(error)) from None


def read_all(folder: Path) -> list[Shard]:
    """All shards of a bank, in order."""
    return [read(path) for path in sorted(folder.glob("*.safetensors"))]


def records_of(folder: Path, numbers: Sequence[int]) -> list[tuple[int, Record]]:
    """What some shards say of their groups: (shard, record)."""
    return [(number, record) for number in numbers for record in read(path_of(folder, number)).records]


def weight_bytes(folder: Path) -> int:
    """Bytes of all adapters' numbers alone, those that are out of service included."""
    total = 0
    for shard in read_all(folder):
        places = [one.place for one in shard.records if one.place is not None]
        total += len(places) * sum(one.nbytes for one in shard.adapter(places[0]).values()) if places else 0
    return total


def damaged(path: Path, why: str) -> InputError:
    """A shard that is not as it was written."""
    return InputError(f"{path}: is damaged ({why.partition(chr(10))[0]})", "train the bank again, or take its backup")


def _record(tree: dict[str, Any]) -> Record:
    labels = tree["labels"]
    return Record(**{**tree, "labels": None if labels is None else tuple(labels)})
