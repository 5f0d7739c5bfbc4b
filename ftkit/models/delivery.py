"""The adapter folder of a run: what moved in the base, and the head on top of it.

`adapter/` is a PEFT folder over the bare `AutoModel` (or whatever the method saves), plus
`head.safetensors` (weight, bias) and `head.json` (pooling, labels and their order, temperature; of numbers
the mean and sd that they were trained at).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ftkit.errors import InputError
from ftkit.features.pooling import Pooling
from ftkit.features.scale import Scale
from ftkit.files import write_json

if TYPE_CHECKING:
    from ftkit.features.network import Network
    from ftkit.methods import Method
    from ftkit.recipe import Recipe
    from ftkit.training.members import Member

SCHEMA = 1
METHOD = "method.json"


@dataclass(frozen=True)
class Head:
    """A linear head and how its features are made."""

    pooling: Pooling
    labels: tuple[str, ...]
    weight: np.ndarray
    """(labels, width) float32"""
    bias: np.ndarray
    """(labels,) float32"""
    temperature: float | None = None
    """what logits are divided by to be calibrated; None where none was fitted"""
    scale: Scale | None = None
    """of the numbers that are predicted: it gives them in sds from their mean; None for labels"""


def save(
    network: Network,
    method: Method,
    member: Member,
    labels: tuple[str, ...],
    folder: Path,
    chosen: bool = False,
    temperature: float | None = None,
) -> int:
    """Write a member's adapter and head; returns the bytes written. The network carries the member afterwards.

    A method that a search has `chosen` is written beside them, since the recipe does not name it.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    put(network, member)
    method.save(network.backbone, folder)
    tensors = {"weight": member.weight, "bias": member.bias}
    save_file({name: p.detach().float().cpu().contiguous() for name, p in tensors.items()}, folder / "head.safetensors")
    described: dict[str, Any] = {"schema": SCHEMA, **asdict(member.pooling), "labels": list(labels)}
    described["temperature"] = temperature
    if member.scale is not None:
        described |= {"mean": member.scale.mean.tolist(), "sd": member.scale.sd.tolist()}
    write_json(folder / "head.json", described)
    if chosen:
        write_json(folder / METHOD, {"name": method.name} | method.model_dump(mode="json"))
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def weight_of(network: Network, seeds: int) -> int:
    """Bytes of the trained weights that a run leaves: one adapter, and with several `seeds` one of each beside it."""
    return sum(p.nbytes for p in network.trainable().values()) * (seeds + 1 if seeds > 1 else 1)


def method_of(run: Path, recipe: Recipe) -> Method:
    """The method of a run's adapter: its recipe's, or what a search has chosen."""
    if len(recipe.method.rungs()) == 1:
        return recipe.method
    try:
        chosen = json.loads((run / "adapter" / METHOD).read_text(encoding="utf-8"))
        return recipe.replace({"method": chosen}).method
    except (OSError, ValueError) as error:
        raise InputError(f"{run}: what its search has chosen cannot be read ({error})", "train it again") from None


def put(network: Network, member: Member) -> None:
    """Copy a member's weights into the backbone."""
    with torch.no_grad():
        for name, parameter in network.trainable().items():
            parameter.copy_(member.backbone[name])


def read_head(folder: Path) -> Head:
    """The head of an adapter folder.

    Raises InputError where it is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        described = json.loads((folder / "head.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "head.safetensors")
        pooling = Pooling(described["kind"], described["normalise"])
        temperature = described.get("temperature")  # adapters of earlier versions have none
        calibrated = None if temperature is None else float(temperature)
        scale = Scale(np.array(described["mean"]), np.array(described["sd"])) if "mean" in described else None
        return Head(pooling, tuple(described["labels"]), tensors["weight"], tensors["bias"], calibrated, scale)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise InputError(f"{folder}: its head cannot be read ({error})", "train the run again") from None
