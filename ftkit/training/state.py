"""A member as tensors and plain values: what a checkpoint holds of it, and how it comes back bit by bit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ftkit.features import tokens
from ftkit.training.members import Best, Member

SCHEMA = "1"
LENGTHS = "lengths/"


@dataclass(frozen=True)
class Saved:
    """A member at rest. Tensors: `weights/…`, `best/…`, `optimizer/…/…`, `held/…` and `results/…`, with `lengths/…`."""

    tensors: dict[str, torch.Tensor]
    values: dict[str, Any]

    @property
    def key(self) -> str:
        """Which member of the run this is."""
        return str(self.values["key"])

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train."""
        return bool(self.values["finished"])

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its history so far."""
        return list(self.values["lines"])

    @property
    def results(self) -> dict[str, np.ndarray]:
        """What the run wants to know of a finished member."""
        return self.arrays("results/")

    def under(self, prefix: str) -> dict[str, torch.Tensor]:
        """Tensors whose names begin with `prefix`, without it."""
        return {name.removeprefix(prefix): one for name, one in self.tensors.items() if name.startswith(prefix)}

    def arrays(self, prefix: str) -> dict[str, np.ndarray]:
        """What `_stored` took in under names that begin with `prefix`, in the order of the names without it."""
        lengths = self.under(f"{LENGTHS}{prefix}")
        return {
            name: tokens.split(tensor.numpy(), lengths[name].numpy()) if name in lengths else tensor.numpy()
            for name, tensor in sorted(self.under(prefix).items())
        }

    def write(self, path: Path) -> None:
        """A safetensors file that can tell whether it is whole; no copy of it is made in memory."""
        from safetensors.torch import save_file

        tensors = {name: one.contiguous() for name, one in self.tensors.items()}
        values = json.dumps(self.values)
        save_file(tensors, path, {"schema": SCHEMA, "values": values, "sha256": _digest(tensors, values)})

    @classmethod
    def read(cls, path: Path) -> Saved:
        """What `write` wrote.

        Raises ValueError in words where any byte that matters has changed, FileNotFoundError for no file.
        """
        from safetensors import SafetensorError, safe_open

        if not path.exists():
            raise FileNotFoundError(path)
        try:
            with safe_open(path, framework="pt") as file:
                said = file.metadata()
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dict
            values, digest, schema = said["values"], said["sha256"], said["schema"]
        except (ValueError, KeyError, TypeError, MemoryError, OverflowError, OSError, SafetensorError):
            raise ValueError("not a whole safetensors file") from None
        if schema != SCHEMA or digest != _digest(tensors, values):
            raise ValueError("its checksum does not fit")
        return cls(tensors, json.loads(values))


def _digest(tensors: Mapping[str, torch.Tensor], values: str) -> str:
    state = hashlib.sha256(values.encode())
    for name in sorted(tensors):
        one = tensors[name]
        state.update(f"{name} {one.dtype} {tuple(one.shape)}".encode())
        state.update(one.reshape(-1).view(torch.uint8).numpy().data if one.numel() else b"")
    return state.hexdigest()


def state_of(
    one: Member,
    key: str,
    lines: Sequence[dict[str, Any]],
    results: Mapping[str, np.ndarray] | None = None,
    weights: bool = True,
) -> Saved:
    """A copy of a member; with `results` it is finished, and of what only training needs nothing is kept."""
    finished = results is not None
    arrays = {f"held/{i:06}": logits for i, logits in enumerate(one.held)}
    arrays |= {f"results/{name}": result for name, result in (results or {}).items()}
    tensors = _stored(arrays)
    if weights:
        tensors |= {f"weights/{name}": tensor.cpu() for name, tensor in one.snapshot().items()}
    if not finished:
        tensors |= _training(one)
    values = {
        "key": key,
        "finished": finished,
        "lines": list(lines),
        "step": one.step,
        "epoch": one.epoch,
        "done": one.done,
        "started": one.started,
        "losses": one.losses,
        "curve": one.curve,
        "best": None if one.best is None else [one.best.epoch, one.best.score, one.best.loss],
    }
    return Saved(tensors, values)


def _stored(arrays: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Arrays as tensors; what belongs to rows of tokens as one block, with the number of tokens of each row."""
    stored = {}
    for name, array in arrays.items():
        if tokens.is_ragged(array):
            array, lengths = tokens.flat(array)
            stored[f"{LENGTHS}{name}"] = torch.from_numpy(lengths)
        stored[name] = torch.from_numpy(np.ascontiguousarray(array))
    return stored


def _training(one: Member) -> dict[str, torch.Tensor]:
    """Best weights so far and the optimiser's state."""
    best = {} if one.best is None else one.best.weights
    tensors = {f"best/{name}": tensor.cpu() for name, tensor in best.items()}
    for name, parameter in one.named().items():
        for key, value in one.optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer/{name}/{key}"] = value.detach().cpu().clone()
    return tensors


def restore(one: Member, saved: Saved) -> None:
    """Bring a freshly made member to where it was saved."""
    values, named = saved.values, one.named()
    if weights := saved.under("weights/"):
        one.load({name: tensor.to(named[name].device) for name, tensor in weights.items()})
    for name, tensor in saved.under("optimizer/").items():
        place, key = name.rsplit("/", 1)
        where = "cpu" if key == "step" else named[place].device  # AdamW counts steps on the CPU
        one.optimizer.state[named[place]][key] = tensor.to(where)
    one.step, one.epoch = values["step"], values["epoch"]
    one.done, one.started = values["done"] or saved.finished, values["started"]
    one.losses = values["losses"]
    one.curve = [(score, loss) for score, loss in values["curve"]]
    one.held = list(saved.arrays("held/").values())
    if values["best"] is not None:
        epoch, score, loss = values["best"]
        best = {name: tensor.to(named[name].device) for name, tensor in saved.under("best/").items()}
        one.best = Best(epoch, score, loss, best)
