"""What the activations of a base depend on, apart from its inputs, as a short text: the key of the cache."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import nn

from ftkit import hardware
from ftkit.errors import FtkitError
from ftkit.models.architecture import blocks

READING = 1  # raise it when rows are put through the base in another way: their last bits change
NAMES_ONLY = {"_name_or_path", "architectures", "id2label", "label2id", "transformers_version"}
"""entries of a config that no arithmetic depends on"""


class Fingerprint:
    """A backbone as it is before a method is attached: its weights and buffers, and how it computes."""

    def __init__(self, backbone: nn.Module) -> None:
        self._tensors = {**dict(backbone.named_parameters()), **dict(backbone.named_buffers())}
        self._versions = {name: tensor._version for name, tensor in self._tensors.items()}
        self._computes = _computes(backbone)
        try:
            self._stack = blocks(backbone).name
        except FtkitError:
            self._stack = ""
        self._digests: dict[str, str] = {}

    def copied(self, backbone: nn.Module) -> Fingerprint:
        """The fingerprint of a copy, in which nothing is hashed again that has been hashed here."""
        copy = Fingerprint(backbone)
        copy._digests |= self._digests
        return copy

    def whole(self) -> str:
        """The key of what comes out at the top, 64 hex digits."""
        return self._key(list(self._tensors), "top")

    def below(self, depth: int) -> str:
        """The key of what enters block `depth`, 64 hex digits: weights of that block and above do not count.

        What lies outside the blocks counts wherever it is registered: DeBERTa keeps there what all of them use.
        """
        above = [name for name in self._tensors if (place := self._place(name)) is not None and place >= depth]
        return self._key([name for name in self._tensors if name not in set(above)], f"block {depth}")

    def moved(self, backbone: nn.Module) -> list[nn.Parameter]:
        """Weights of a backbone that were not part of this one, or have been written to since."""
        same = {id(tensor): tensor._version == self._versions[name] for name, tensor in self._tensors.items()}
        return [parameter for parameter in backbone.parameters() if not same.get(id(parameter), False)]

    def _place(self, name: str) -> int | None:
        """Number of the block that a tensor belongs to."""
        if not self._stack or not name.startswith(f"{self._stack}."):
            return None
        return int(name[len(self._stack) + 1 :].split(".")[0])

    def _key(self, names: list[str], where: str) -> str:
        new = [name for name in names if name not in self._digests]
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # hashing lets go of the interpreter's lock
            self._digests.update(zip(new, pool.map(digest, [self._tensors[name] for name in new]), strict=True))
        weights = {name: self._digests[name] for name in sorted(names)}
        device = next((tensor.device for tensor in self._tensors.values()), torch.device("cpu"))
        text = json.dumps([where, weights, self._computes, _settings(device)], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


@torch.no_grad()
def digest(tensor: torch.Tensor) -> str:
    """sha256 of a tensor's dtype, shape and bytes, 64 hex digits."""
    state = hashlib.sha256(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
    state.update(tensor.detach().contiguous().cpu().reshape(-1).view(torch.uint8).numpy().data)
    return state.hexdigest()


def _computes(backbone: nn.Module) -> dict[str, Any]:
    """Class, config and attention kernel."""
    config: Any = getattr(backbone, "config", None)
    described = {key: value for key, value in config.to_dict().items() if key not in NAMES_ONLY} if config else {}
    return {
        "class": type(backbone).__qualname__,
        "config": described,
        "attention": getattr(config, "_attn_implementation", None),
    }


def _settings(device: torch.device) -> dict[str, Any]:
    """Versions, processor and switches: each changes the last bits of a number."""
    import transformers

    return {
        "reading": READING,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "device": hardware.card(device) or hardware.processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),  # a convolution of one image and two threads is not that of one thread
        "matmul": torch.get_float32_matmul_precision(),
        "onednn": torch.backends.mkldnn.enabled,
    }
