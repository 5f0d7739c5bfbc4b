"""What frozen modules above the cut make of a row before anything that trains has touched it: computed once a row.

LoRA on the second feed-forward map of the last block leaves attention, the first map and that map's own product as
they are; LoRA on queries and values the frozen products of all three projections. Where a row is passed again and
again, as for the folds and passes of a bank's group, these are looked up, and neither pass computes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from ftkit import hardware
from ftkit.features.batch import Batch
from ftkit.features.examples import Examples
from ftkit.features.headroom import in_lengths
from ftkit.features.network import TOLERANCE, Network

BUDGET = 512 * 2**20  # bytes of what is kept at most
PROBED = 3  # longest rows on which what is looked up is held against what is computed


@dataclass(frozen=True, eq=False)
class Module:
    """A frozen module whose output depends on nothing that trains."""

    module: nn.Module
    shape: Any
    """how its output is built around its one tensor"""
    place: int
    """of that tensor among its leaves"""
    others: tuple[Any, ...]
    """the leaves, None in its place"""
    width: int


class Constants:
    """Outputs of such modules by the hash of a row, un-padded; a `Batch` of these rows carries them."""

    def __init__(self, modules: Sequence[Module], hashes: Sequence[str], known: dict[str, torch.Tensor]) -> None:
        self.modules, self._hashes, self._known = tuple(modules), hashes, known

    def take(self, positions: np.ndarray) -> torch.Tensor | None:
        """(rows, longest, …, widths one after the other), padded with zeros; None where a row is not known."""
        hashes = [self._hashes[i] for i in positions]
        if any(one not in self._known for one in hashes):
            return None
        return torch.nn.utils.rnn.pad_sequence([self._known[one] for one in hashes], batch_first=True)

    @contextmanager
    def put(self, known: torch.Tensor) -> Iterator[None]:
        """In a pass inside, the modules give back what is known of its rows, and compute nothing."""
        widths = [one.width for one in self.modules]
        for one, part in zip(self.modules, torch.split(known, widths, dim=-1), strict=True):
            leaves = list(one.others)
            leaves[one.place] = part
            one.module.forward = partial(_given, tree_unflatten(leaves, one.shape))
        try:
            yield
        finally:
            for one in self.modules:
                del one.module.forward  # the class has one


def _given(output: Any, *args: Any, **kwargs: Any) -> Any:
    return output


@contextmanager
def looked_up(network: Network, examples: Examples, positions: np.ndarray) -> Iterator[None]:
    """Inside, passes over these rows look up what frozen modules make of them, where that can be had and pays."""
    examples.constants = _computed(network, examples, positions)
    try:
        yield
    finally:
        examples.constants = None


def _computed(network: Network, examples: Examples, positions: np.ndarray) -> Constants | None:
    first = {examples.hashes[i]: i for i in positions[::-1]}  # equal rows are computed once
    some = np.array(sorted(first.values()), dtype=np.int64)
    if not len(some) or examples.prefix is None or not network.trainable() or examples.augment:
        return None
    network.training(False)
    modules = _modules(network, examples.batch(some[:1]).to(network.device))
    if not modules or _size(modules, examples, some) > min(BUDGET, hardware.memory_limit() // 8 // hardware.sharers()):
        return None
    known: dict[str, torch.Tensor] = {}

    @torch.no_grad()
    def work(rows: np.ndarray, filled: np.ndarray) -> None:
        with _noted(modules) as outputs:
            network(examples.batch(filled).to(network.device))
        whole = torch.cat([outputs[one.module] for one in modules], dim=-1)
        for row, position in zip(whole, rows.tolist(), strict=False):  # what is filled up repeats rows
            known[examples.hashes[position]] = row.clone()

    in_lengths(network, examples, some, work)
    found = Constants(modules, examples.hashes, known)
    return found if _holds(network, examples, some, found) else None


def _size(modules: Sequence[Module], examples: Examples, some: np.ndarray) -> float:
    """Bytes of all their outputs for some rows."""
    assert examples.prefix is not None
    entry = examples.prefix.take(some[:1])
    times = int(examples.lengths[some].sum()) / max(1, int(examples.lengths[some[0]]))
    return times * entry.nbytes / entry.shape[-1] * sum(one.width for one in modules)


def _modules(network: Network, batch: Batch) -> list[Module]:
    """The outermost modules above the cut that run once, are not reached by anything that trains, and speak of rows."""
    assert batch.prefix is not None
    calls: list[tuple[str, nn.Module, Any]] = []
    named = [
        (f"{number}.{name}".rstrip("."), module)
        for number, block in enumerate(network.blocks[network.depth :])
        for name, module in block.named_modules()
        if any(True for _ in module.parameters())
    ]
    with ExitStack() as stack, torch.enable_grad():
        for name, module in named:

            def note(module: nn.Module, args: Any, output: Any, name: str = name) -> None:
                calls.append((name, module, output))

            stack.callback(module.register_forward_hook(note).remove)
        network(batch)
    counts = [sum(module is other for _, other, _ in calls) for _, module, _ in calls]
    found: dict[str, Module] = {}
    for (name, module, output), count in sorted(zip(calls, counts, strict=True), key=lambda one: len(one[0][0])):
        inside = any(name.startswith(f"{other}.") for other in found)
        if count == 1 and not inside and (one := _module(module, output, batch.prefix)) is not None:
            found[name] = one
    return list(found.values())


def _module(module: nn.Module, output: Any, entering: torch.Tensor) -> Module | None:
    """A module by its output; None where that is no single tensor for the positions of the rows, or may change."""
    leaves, shape = tree_flatten(output)
    places = [i for i, one in enumerate(leaves) if isinstance(one, torch.Tensor)]
    if len(places) != 1:
        return None
    tensor = leaves[places[0]]
    if tensor.requires_grad or tensor.shape[:-1] != entering.shape[:-1] or tensor.dtype != entering.dtype:
        return None
    others = tuple(None if i == places[0] else one for i, one in enumerate(leaves))
    return Module(module, shape, places[0], others, tensor.shape[-1])


@contextmanager
def _noted(modules: Sequence[Module]) -> Iterator[dict[nn.Module, torch.Tensor]]:
    """A pass inside leaves what the modules give back."""
    outputs: dict[nn.Module, torch.Tensor] = {}
    with ExitStack() as stack:
        for one in modules:

            def note(module: nn.Module, args: Any, output: Any, place: int = one.place) -> None:
                outputs[module] = tree_flatten(output)[0][place]

            stack.callback(one.module.register_forward_hook(note).remove)
        yield outputs


@torch.no_grad()
def _holds(network: Network, examples: Examples, some: np.ndarray, found: Constants) -> bool:
    """Whether looking up comes to the same as computing, for the longest rows beside the shortest one."""
    ordered = some[np.argsort(-examples.lengths[some], kind="stable")]
    both = np.concatenate([ordered[:PROBED], ordered[-1:]])
    batch = examples.batch(both).to(network.device)
    plain = network(batch)
    known = found.take(both)
    assert known is not None
    again = network(replace(batch, known=(found, known.to(network.device))))
    mask = network.mask(batch.inputs, plain)
    real = torch.ones(plain.shape[:2], dtype=torch.bool) if mask is None else mask.bool()
    size = plain[real].abs().max().clamp(min=1e-12)
    return bool((again - plain)[real].abs().max() / size < TOLERANCE)
