"""The backbone as a function of its trainable weights, from the inputs or from a cached prefix.

Nothing below the lowest trained block changes while training, so what enters that block is computed
once for each row and training starts there (`Network.capture`, `Batch.prefix`).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.func import functional_call

from ftkit.features.batch import Batch
from ftkit.features.blank import Blank
from ftkit.features.cut import CannotResume, Cut
from ftkit.features.dropout import quicken
from ftkit.features.fingerprint import Fingerprint
from ftkit.features.narrow import CannotNarrow, narrowed
from ftkit.features.pooling import EACH, Pooling, place
from ftkit.features.processor import attention
from ftkit.models.architecture import blocks, frozen_depth, last_block

POOLED = "pooling_mask"
"""input that tells which positions are real where the base itself does not mask any: (rows, positions) of 0 and 1"""
ONE = ("first", "last")
"""kinds of pooling that look at a single position of a row"""
TOLERANCE = 1e-5  # largest difference of hidden states, relative to their size, at which a cache is trusted


class Network:
    """A backbone whose trainable weights are handed in with each call, so that many members share it."""

    def __init__(self, backbone: nn.Module, causal: bool = False) -> None:
        quicken(backbone)
        self.backbone = backbone
        self.causal = causal
        self.origin: Fingerprint | None = None
        """of the untouched base: by this a cache knows it"""
        frozen = frozen_depth(backbone)
        self.blocks = blocks(backbone).modules if frozen else ()
        """the repeated blocks, bottom first; none where nothing below them is frozen"""
        # where only what comes after the blocks trains (a final norm), the last block is the place to cut
        self.depth = min(frozen, len(self.blocks) - 1) if frozen and self.trainable() else frozen
        """how many blocks, from the bottom, are computed once; all where nothing trains"""
        self._cut = Cut(self.blocks, self.depth) if 0 < self.depth < len(self.blocks) else None
        self._model: Any = backbone.get_base_model() if hasattr(backbone, "get_base_model") else backbone  # type: ignore[operator]
        accepted = inspect.signature(self._model.forward).parameters
        self._options = {"use_cache": False} if "use_cache" in accepted else {}
        self._aliases = _aliases(backbone)
        self._modes = _modes(backbone, self.blocks[frozen:] if frozen else (backbone,))
        self._last = self.blocks[-1] if self.blocks else last_block(backbone)
        self._narrow: dict[tuple[str, bool], bool] = {}
        """by kind of pooling, and by whether some is looked up: can the last block be run for the one position?"""
        self._channels_first = any(isinstance(one, nn.modules.conv._ConvNd) for one in backbone.modules())

    @property
    def device(self) -> torch.device:
        return next(self.backbone.parameters()).device

    @property
    def width(self) -> int | None:
        """Numbers of a state between blocks; None of a base that does not tell, such as a convolution."""
        config = getattr(self._model, "config", None)
        found = (getattr(config, name, None) for name in ("hidden_size", "d_model"))
        return next((one for one in found if isinstance(one, int)), None)

    def trainable(self) -> dict[str, nn.Parameter]:
        """Backbone weights that train, by name."""
        return {name: p for name, p in self.backbone.named_parameters() if p.requires_grad}

    def __call__(self, batch: Batch, weights: Mapping[str, torch.Tensor] | None = None) -> torch.Tensor:
        """Last hidden states, (rows, positions, width), with `weights` in place of the backbone's own.

        Raises CannotResume for a prefix where this model needs more than that (see `doubt`).
        """
        if batch.prefix is None:
            return self._run(batch.inputs, weights)
        if self._cut is None:
            raise CannotResume("nothing is cut here")
        if not self._cut.learnt:  # an earlier run has filled the cache
            with torch.autocast(self.device.type, enabled=False):
                self.entering({key: one[:1] for key, one in batch.inputs.items()})
        # silent inputs cost no arithmetic: no projection of patches, no convolution of sound
        inputs = {key: Blank.like(one) if one.is_floating_point() else one for key, one in batch.inputs.items()}
        with self._cut.resumed(batch.prefix), batch.known[0].put(batch.known[1]) if batch.known else nullcontext():
            hidden = self._run(inputs, weights)
        if isinstance(hidden, Blank):
            raise CannotResume("what is above the cut also hears what is below by another way")
        return hidden

    def training(self, on: bool) -> None:
        """Dropout only in blocks that train: frozen ones, and every BatchNorm, stay in eval mode."""
        for module, trains in self._modes:
            if module.training != (on and trains):  # it is asked at every step, and seldom changes anything
                module.training = on and trains

    def capture(self, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor | None, torch.Tensor]:
        """What enters block `depth`, (rows, …), and the last hidden states.

        None for the first where nothing is to be cut, or where no cut holds (`doubt` says why).
        """
        entered, hidden = self.enter(inputs)
        assert hidden is not None
        return entered[0], hidden

    def entering(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor | None:
        """The first half of `capture`, at the cost of the blocks below the cut alone."""
        return None if self._cut is None else self.enter(inputs, above=False)[0][0]

    def enter(
        self, inputs: dict[str, torch.Tensor], also: Sequence[Network] = (), above: bool = True
    ) -> tuple[list[torch.Tensor | None], torch.Tensor | None]:
        """What enters the cut of this network, and of others on the same backbone, in a single pass.

        With `above` also the last hidden states; without, the pass ends at the highest cut.
        """
        networks = (self, *also)
        top = max(networks, key=lambda one: one.depth)
        hidden = None
        with ExitStack() as stack:
            recorded = [
                (one, stack.enter_context(one._cut.recorded(above or one is not top)))
                for one in sorted(networks, key=lambda one: one.depth)  # the highest is innermost: it may end the pass
                if one._cut is not None
            ]
            hidden = self._run(inputs).detach()
        found = {id(one): None if _fault(entered, inputs) else entered[0] for one, entered in recorded}
        return [found.get(id(one)) for one in networks], hidden

    @torch.no_grad()
    def doubt(self, inputs: dict[str, torch.Tensor]) -> str:
        """Why a cache cannot stand for the plain model on these rows; empty where it can.

        What enters is put back as a cache would keep it, with zeros for padding.
        """
        if self._cut is None:
            return "nothing is cut"
        self.training(False)
        with self._cut.recorded() as entered:
            plain = self._run(inputs).detach()
        if wrong := _fault(entered, inputs):
            return wrong
        second = self.entering(inputs)
        if second is None or not _error(second, entered[0]) < TOLERANCE:
            return "what enters the first trained block differs from pass to pass"
        lengths = self.lengths(Batch(inputs), second)
        try:
            again = self(Batch(inputs, second if lengths is None else _cut_off(second, torch.from_numpy(lengths))))
        except Exception as fault:  # whatever an unknown model trips over: it will be run as it is
            return f"the model cannot go on from there ({fault})"
        mask = self.mask(inputs, plain)
        real = torch.ones(plain.shape[:2], dtype=torch.bool) if mask is None else mask.bool()
        error = _error(again[real], plain[real])
        return "" if error < TOLERANCE else f"the model goes on from there with an error of {error:.0e}"

    def mask(self, inputs: dict[str, torch.Tensor], states: torch.Tensor) -> torch.Tensor | None:
        """(rows, positions) of 0 and 1 along axis 1 of `states`; None where all its positions are real."""
        heard = inputs.get(POOLED)
        return heard if heard is not None and heard.shape[1] == states.shape[1] else self._attended(inputs, states)

    def _attended(self, inputs: dict[str, torch.Tensor], states: torch.Tensor) -> torch.Tensor | None:
        """The same of what the base itself masks, so that no position depends on what is behind its row."""
        mask = inputs.get("attention_mask")
        if mask is None or mask.shape[1] == states.shape[1]:
            return mask
        frames = getattr(self._model, "_get_feat_extract_output_lengths", None)  # models of sound: samples → frames
        if frames is None or int(frames(torch.tensor(mask.shape[1]))) != states.shape[1]:
            return None
        real: torch.Tensor = torch.arange(states.shape[1], device=mask.device) < frames(mask.sum(1))[:, None]
        return real.to(mask.dtype)

    def pooled(self, batch: Batch, hidden: torch.Tensor, pooling: Pooling) -> torch.Tensor:
        """What a pooling makes of the last hidden states: (rows, width), or (tokens with a piece, width)."""
        where = batch.pieces if pooling.kind == EACH else self.mask(batch.inputs, hidden)
        return pooling(hidden, where, batch.frames)

    def features(
        self, batch: Batch, pooling: Pooling, weights: Mapping[str, torch.Tensor] | None = None
    ) -> torch.Tensor:
        """`pooled` of the call, for less: where a pooling looks at one position, the last block computes no other.

        Whether that holds is seen once, on the first batch, in comparison with the plain model.
        """
        if pooling.kind not in ONE or self._last is None:
            return self.pooled(batch, self(batch, weights), pooling)
        case = pooling.kind, batch.known is not None
        if case not in self._narrow:
            self._narrow[case] = self._narrows(batch, pooling, weights)
        if self._narrow[case]:
            try:
                return self._narrowly(batch, pooling, weights)
            except CannotNarrow:  # other rows may go through it by another way
                self._narrow[case] = False
        return self.pooled(batch, self(batch, weights), pooling)

    def _narrowly(self, batch: Batch, pooling: Pooling, weights: Mapping[str, torch.Tensor] | None) -> torch.Tensor:
        assert self._last is not None
        with narrowed(self._last, lambda states: place(states, self.mask(batch.inputs, states), pooling.kind)):
            hidden = self(batch, weights)
        if hidden.shape[1] != 1:
            raise CannotResume("what is above the last block brings positions back")
        return pooling(hidden, None, batch.frames)

    @torch.no_grad()
    def _narrows(self, batch: Batch, pooling: Pooling, weights: Mapping[str, torch.Tensor] | None) -> bool:
        with self._calm(), torch.autocast(self.device.type, enabled=False):
            try:
                plain = self.pooled(batch, self(batch, weights), pooling)
                return _error(self._narrowly(batch, pooling, weights), plain) < TOLERANCE
            except Exception:  # whatever an unknown model trips over: it will be run as it is
                return False

    @contextmanager
    def _calm(self) -> Iterator[None]:
        """Without dropout, which is as it was afterwards."""
        before = [module.training for module, _ in self._modes]
        self.training(False)
        try:
            yield
        finally:
            for (module, _), was in zip(self._modes, before, strict=True):
                module.training = was

    def lengths(self, batch: Batch, entering: torch.Tensor) -> np.ndarray | None:
        """(rows,) real positions along axis 1 of what enters, padding to their right; None where rows are whole."""
        mask = self._attended(batch.inputs, entering)
        return None if mask is None else mask.sum(1).cpu().numpy()

    def _run(
        self, inputs: Mapping[str, torch.Tensor], weights: Mapping[str, torch.Tensor] | None = None
    ) -> torch.Tensor:
        values = {alias: tensor for name, tensor in (weights or {}).items() for alias in self._aliases[name]}
        # `tie_weights` would look for aliases in the whole model each time: 0.6 ms, half of what a call costs here
        mask = inputs.get("attention_mask")
        with attention(None if mask is None else mask.shape[1]):
            given = {key: value for key, value in inputs.items() if key != POOLED}
            out = functional_call(self.backbone, values, kwargs={**given, **self._options}, tie_weights=False)
        hidden: torch.Tensor = out.last_hidden_state
        if hidden.ndim == 3:
            return hidden
        # maps (rows, width, height, width of the map …), or series (rows, channels, patches, width)
        return hidden.flatten(2).transpose(1, 2) if self._channels_first else hidden.flatten(1, -2)


def _aliases(backbone: nn.Module) -> dict[str, list[str]]:
    """All names of each trainable weight, by the first: tied ones have several."""
    names: dict[int, list[str]] = {}
    for name, parameter in backbone.named_parameters(remove_duplicate=False):
        if parameter.requires_grad:
            names.setdefault(id(parameter), []).append(name)
    return {several[0]: several for several in names.values()}


def _modes(backbone: nn.Module, training: Sequence[nn.Module]) -> list[tuple[nn.Module, bool]]:
    """Every module, and whether it ever leaves eval mode; BatchNorm's statistics are not saved with an adapter."""
    norm = nn.modules.batchnorm._BatchNorm
    awake = {module for top in training for module in top.modules() if not isinstance(module, norm)}
    return [(module, module in awake) for module in backbone.modules()]


def _fault(entered: list[torch.Tensor], inputs: Mapping[str, torch.Tensor]) -> str:
    """What is wrong with what was recorded at a cut in one pass; empty where nothing is."""
    rows = len(next(iter(inputs.values())))
    if len(entered) != 1:
        return f"the first trained block is given a tensor {len(entered)} times in a pass"
    if entered[0].requires_grad:
        return "something below the first trained block trains as well"
    if len(entered[0]) != rows:
        return f"what enters the first trained block, {tuple(entered[0].shape)}, is not one entry for each row"
    return ""


def _cut_off(states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """(rows, positions, …) with zeros from each row's length on: what becomes of a row that is stored un-padded."""
    kept = torch.arange(states.shape[1], device=states.device) < lengths.to(states.device)[:, None]
    return states.masked_fill(~kept.view(*kept.shape, *[1] * (states.ndim - 2)), 0.0)


def _error(again: torch.Tensor, plain: torch.Tensor) -> float:
    """Largest difference, relative to the largest value."""
    return float((again - plain).abs().max() / plain.abs().max().clamp(min=1e-12))
