"""What the PEFT methods share: where adapters go, and the PEFT folder they are saved as."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from torch import nn

from ftkit.methods import Layers
from ftkit.models.architecture import blocks, linears

if TYPE_CHECKING:
    from pathlib import Path

QUERIES = {"query", "q_proj", "q_lin", "q", "query_proj"}
KEYS = {"key", "k_proj", "k_lin", "k", "key_proj"}
VALUES = {"value", "v_proj", "v_lin", "v", "value_proj"}


def chosen_layers(backbone: nn.Module, layers: Layers, key: str = "method.layers") -> list[int]:
    """Numbers of the blocks that `layers` means: `all`, `last N`, or a list counted from 0.

    Raises InputError where the base has fewer blocks.
    """
    from ftkit.errors import InputError

    count = len(blocks(backbone).modules)
    if layers == "all":
        return list(range(count))
    if isinstance(layers, str):
        last = int(layers.split()[1])
        if last > count:
            raise InputError(f"{key}: last {last}, but the base has {count} blocks", f"at most {count}")
        return list(range(count - last, count))
    if wrong := [number for number in layers if not 0 <= number < count]:
        raise InputError(f"method.layers: no block {wrong[0]}, the base has {count}", f"0 to {count - 1}")
    return sorted(layers)


def targets(backbone: nn.Module, layers: Layers, wanted: list[str]) -> list[str]:
    """Full names of the linear modules to adapt in the chosen blocks.

    `wanted` are last parts of names (`query`, `v_proj`); empty means by structure: the query and
    value projections where the block has them, else all its linear modules.
    """
    from ftkit.errors import InputError, did_you_mean

    inside = _linears_in(backbone, layers)
    ends = {_end(name) for name in inside}
    for want in wanted:
        if want not in ends:
            raise InputError(f"method.target_modules: no {want!r} in the chosen blocks", did_you_mean(want, ends))
    keep = set(wanted) or (ends & (QUERIES | VALUES)) or ends
    return [name for name in inside if _end(name) in keep]


def scaled(backbone: nn.Module, layers: Layers, wanted: list[str]) -> list[str]:
    """Full names of the modules whose outputs or inputs IA³ scales: keys, values, second feed-forward."""
    if wanted:
        return targets(backbone, layers, wanted)
    inside = _linears_in(backbone, layers)
    return [name for name in inside if _end(name) in KEYS | VALUES or is_feedforward(backbone, name)] or inside


def is_feedforward(backbone: nn.Module, name: str) -> bool:
    """Whether a module narrows the widened feed-forward activation back: more inputs than outputs.

    Keys and values do too where queries share them, but are none.
    """
    if _end(name) in KEYS | VALUES:
        return False
    weight = cast("Any", backbone.get_submodule(name)).weight
    rows, columns = weight.shape
    inputs, outputs = (columns, rows) if isinstance(backbone.get_submodule(name), nn.Linear) else (rows, columns)
    return bool(inputs > outputs)


def _linears_in(backbone: nn.Module, layers: Layers) -> list[str]:
    prefix = blocks(backbone).name
    starts = tuple(f"{prefix}.{i}." for i in chosen_layers(backbone, layers))
    return [name for name in linears(backbone) if name.startswith(starts)]


def _end(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def attach(backbone: nn.Module, config: Any) -> nn.Module:
    """The backbone with a fresh adapter; everything else is frozen."""
    from peft import get_peft_model

    with _quiet():
        return cast("nn.Module", get_peft_model(cast("Any", backbone), config))


def save(backbone: nn.Module, folder: Path) -> None:
    """A plain PEFT folder over the bare `AutoModel`."""
    cast("Any", backbone).save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # the run has its own card


def restore(backbone: nn.Module, folder: Path) -> nn.Module:
    """The backbone with the saved adapter."""
    from peft import PeftModel

    with _quiet():
        return cast("nn.Module", PeftModel.from_pretrained(cast("Any", backbone), folder, local_files_only=True))


@contextmanager
def _quiet() -> Iterator[None]:
    """peft asks models for an attribute that transformers 5.23 has renamed: nothing that a user can mend."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        yield
