"""What the PEFT methods share: where adapters go, and the PEFT folder they are saved as."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from torch import nn

from ftkit.methods import Layers
from ftkit.models.architecture import blocks, convolutions, linears

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
    """Full names of the modules to adapt in the chosen blocks.

    `wanted` are last parts of names (`query`, `v_proj`), or longer ones that tell modules apart whose last parts
    are equal (`expand_1x1.convolution`); empty means by structure: the query and value projections where a block
    has them, else all its linear modules, else its convolutions.
    """
    from ftkit.errors import InputError, did_you_mean

    several = _inside(backbone, layers)
    if not wanted:
        chosen = [[name for name in names if _end(name) in QUERIES | VALUES] or names for names in several]
        return [name for names in chosen for name in names]
    inside = [name for names in several for name in names]
    for want in wanted:
        if not any(_ends(name, want) for name in inside):
            known = {_end(name) for name in inside}
            raise InputError(f"method.target_modules: no {want!r} in the chosen blocks", did_you_mean(want, known))
    return [name for name in inside if any(_ends(name, want) for want in wanted)]


def scaled(backbone: nn.Module, layers: Layers, wanted: list[str]) -> list[str]:
    """Full names of the modules whose outputs or inputs IA³ scales: keys, values, second feed-forward."""
    if wanted:
        return targets(backbone, layers, wanted)
    several = _inside(backbone, layers)
    chosen = [
        [name for name in names if _end(name) in KEYS | VALUES or is_feedforward(backbone, name)] or names
        for names in several
    ]
    return [name for names in chosen for name in names]


def is_feedforward(backbone: nn.Module, name: str) -> bool:
    """Whether a module narrows the widened feed-forward activation back: more inputs than outputs.

    Keys and values do too where queries share them, but are none.
    """
    if _end(name) in KEYS | VALUES:
        return False
    weight = cast("Any", backbone.get_submodule(name)).weight
    if weight.ndim > 2:  # a convolution
        return False
    rows, columns = weight.shape
    inputs, outputs = (columns, rows) if isinstance(backbone.get_submodule(name), nn.Linear) else (rows, columns)
    return bool(inputs > outputs)


def _inside(backbone: nn.Module, layers: Layers) -> list[list[str]]:
    """For each chosen block, its linear modules; of one without any, its convolutions.

    Raises InputError where no chosen block has either.
    """
    from ftkit.errors import InputError

    prefix = blocks(backbone).name
    lines, maps = linears(backbone), convolutions(backbone)
    starts = [f"{prefix}.{number}." for number in chosen_layers(backbone, layers)]
    several = [
        [name for name in lines if name.startswith(start)] or [name for name in maps if name.startswith(start)]
        for start in starts
    ]
    if not any(several):
        raise InputError("the chosen blocks have no linear modules and no convolutions to adapt", "--method freeze")
    return several


def _end(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _ends(name: str, want: str) -> bool:
    return name == want or name.endswith(f".{want}")


def attach(backbone: nn.Module, config: Any) -> nn.Module:
    """The backbone with a fresh adapter; everything else is frozen."""
    from peft import get_peft_model

    with _quiet():
        return _answering(cast("nn.Module", get_peft_model(cast("Any", backbone), config)))


def save(backbone: nn.Module, folder: Path) -> None:
    """A plain PEFT folder over the bare `AutoModel`."""
    cast("Any", backbone).save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # the run has its own card


def restore(backbone: nn.Module, folder: Path) -> nn.Module:
    """The backbone with the saved adapter."""
    from peft import PeftModel

    with _quiet():
        return _answering(
            cast("nn.Module", PeftModel.from_pretrained(cast("Any", backbone), folder, local_files_only=True))
        )


def _answering(model: nn.Module) -> nn.Module:
    """The same, its wrapped convolutions with the settings that a model may ask them for.

    MobileNet pads by the stride and the size of each kernel, which peft's wrappers do not pass on.
    """
    for module in model.modules():
        inner = getattr(module, "base_layer", None)
        if isinstance(inner, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            for name in ("stride", "kernel_size", "dilation", "padding", "groups"):
                setattr(module, name, getattr(inner, name))
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """peft asks models for an attribute that transformers 5.23 has renamed: nothing that a user can mend."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        yield
