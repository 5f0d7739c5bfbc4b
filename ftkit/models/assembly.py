"""Base + task + method → a network ready to train, or a finished run ready to predict."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from ftkit import bases
from ftkit.errors import InputError
from ftkit.features import processor, tokens
from ftkit.features.examples import Examples, Features
from ftkit.features.fingerprint import Fingerprint
from ftkit.features.headroom import ROWS, in_chunks, portions
from ftkit.features.network import Network
from ftkit.features.pooling import EACH
from ftkit.features.probe import applied
from ftkit.models.architecture import blocks
from ftkit.models.delivery import Head, method_of, read_head
from ftkit.tasks import Encoded

if TYPE_CHECKING:
    from torch import nn

    from ftkit.bases import Base
    from ftkit.features.cache import Cache
    from ftkit.methods import Method
    from ftkit.recipe import Recipe


@dataclass(frozen=True)
class Assembly:
    """A backbone with a method's trainable weights attached, and what turns rows into its inputs."""

    base: Base
    network: Network
    processor: Any
    head: Head | None
    """of the earlier run that serves as the base"""


def assemble(recipe: Recipe, method: Method | None = None) -> Assembly:
    """Load the base (an earlier run's adapter is merged into it) and attach a method, the recipe's first if not given.

    Raises InputError for a base that cannot be loaded or a method that does not fit it.
    """
    base = bases.resolve(recipe.base, recipe.seed)
    backbone, processor, head = _loaded(base, recipe)
    backbone.requires_grad_(False)
    origin = Fingerprint(backbone)
    torch.manual_seed(recipe.seed)
    backbone = (method or recipe.method.rungs()[0]).apply(backbone).to(device())
    network = Network(backbone, causal(backbone))
    network.origin = origin
    return Assembly(base, network, processor, head)


@dataclass(frozen=True)
class Model:
    """A finished run: inputs in, logits out."""

    recipe: Recipe
    base: Base
    network: Network
    processor: Any
    head: Head

    def logits(
        self,
        inputs: list[tuple[str, ...]],
        seen: Callable[[int], None] = lambda rows: None,
        cache: Cache | None = None,
    ) -> tuple[np.ndarray, Encoded]:
        """(rows, labels) float32 (of numbers float64, in their own units; of tokens objects (tokens, labels)), and the
        rows as encoded.

        With a cache, what is below the adapter is looked up there, and kept for the next run on the same rows.
        """
        encoded = self.recipe.task.encode(inputs, self.processor)
        examples = Examples(self.recipe.task, self.processor, encoded.rows)
        return self.logits_of(examples, np.arange(len(examples)), seen, cache), encoded

    @torch.no_grad()
    def logits_of(
        self,
        examples: Examples,
        positions: np.ndarray,
        seen: Callable[[int], None] = lambda rows: None,
        cache: Cache | None = None,
    ) -> np.ndarray:
        """The same of some rows that are encoded already: (positions, labels)."""
        examples = replace(examples, prefix=None)
        if cache is not None and (known := self._look_up(examples, positions, cache)) is not None:
            seen(len(positions))
            found = known[positions]
            if tokens.is_ragged(found):
                return applied(found, self.head.weight, self.head.bias)
            return self._scores(torch.from_numpy(found))
        width, exact = len(self.head.bias), np.float32 if self.head.scale is None else np.float64
        each = self.head.pooling.kind == EACH
        out = np.empty(len(examples), object) if each else np.zeros((len(examples), width), exact)
        self.network.training(False)
        done = 0

        def work(some: np.ndarray) -> None:
            nonlocal done
            batch = examples.batch(some).to(self.network.device)
            found = self._scores(self.network.features(batch, self.head.pooling))
            out[some] = tokens.of_rows(found, [examples.rows[i] for i in some]) if each else found
            done += len(some)
            seen(done)

        device, heavy = self.network.device, self.recipe.task.heavy
        with processor.used("auto", self.network.width):
            for several in portions(examples.lengths, positions, device) if heavy else [positions]:
                in_chunks(self.network, examples, several, len(several) if heavy else ROWS, work)
        result: np.ndarray = out[positions]
        return result

    @property
    def untouched(self) -> bool:
        """Whether the run left the base as it was."""
        return self.network.depth == len(self.network.blocks) > 0

    def _look_up(self, examples: Examples, positions: np.ndarray, cache: Cache) -> np.ndarray | None:
        """Features (rows, width) where the run left the base as it was; else None, and `examples` get their prefix."""
        with processor.used("auto", self.network.width):
            features = Features(self.network, examples, (self.head.pooling,) if self.untouched else (), cache)
            features.read(positions)
        examples.prefix = features.prefix
        return features.pooled.get(self.head.pooling)

    def _scores(self, features: torch.Tensor) -> np.ndarray:
        """(rows, width) → (rows, labels)."""
        weight, bias = torch.from_numpy(self.head.weight), torch.from_numpy(self.head.bias)
        logits: np.ndarray = (features.float().cpu() @ weight.T + bias).numpy()
        return logits if self.head.scale is None else self.head.scale.own(logits)


@dataclass(frozen=True)
class Finished:
    """A finished run whose weights are still on the disk."""

    run: Path
    recipe: Recipe
    base: Base


@dataclass(frozen=True)
class Loaded:
    """A base in memory, on which finished runs are restored."""

    backbone: nn.Module
    processor: Any
    origin: Fingerprint

    def copy(self) -> Loaded:
        """Another one, which a run may change."""
        backbone = copy.deepcopy(self.backbone)
        return Loaded(backbone, self.processor, self.origin.copied(backbone))

    def twin(self) -> Loaded:
        """Another one around the same weights, for a run that only adds to them."""
        weights = {id(one): one for one in (*self.backbone.parameters(), *self.backbone.buffers())}
        return Loaded(copy.deepcopy(self.backbone, dict[int, Any](weights)), self.processor, self.origin)

    def restored(self, one: Finished) -> Model:
        """A run on this base, which is the run's from now on.

        Raises InputError for a damaged one.
        """
        backbone = _restored(one.recipe, self.backbone, one.run / "adapter").eval()
        for parameter in self.origin.moved(backbone):  # the network is cut below what the run has moved
            parameter.requires_grad_(parameter.is_floating_point())
        network = Network(backbone.to(device()), causal(backbone))
        network.origin = self.origin
        backbone.requires_grad_(False)
        return Model(one.recipe, one.base, network, self.processor, read_head(one.run / "adapter"))

    def cut(self, depth: int | None = None) -> Network:
        """The base itself, nothing of it to be trained but, for the cut, what lies from block `depth` on."""
        if depth is not None:
            for block in blocks(self.backbone).modules[depth:]:
                for parameter in block.parameters():
                    parameter.requires_grad_(parameter.is_floating_point())
        network = Network(self.backbone, causal(self.backbone))
        network.origin = self.origin
        self.backbone.requires_grad_(False)
        return network


def finished(run: Path) -> Finished:
    """What a run is made of.

    Raises InputError for a folder that is no run, and an unfinished run.
    """
    from ftkit.recipe import read

    base = bases.resolve(str(run)).parent  # refuses what is no finished run, and a base that has changed since
    if base is None:
        raise InputError(f"{run}: is a base, not a run", "give the folder that ftkit train wrote")
    return Finished(run, read(run / "recipe.yaml"), base)


def loaded(one: Finished) -> Loaded:
    """The base of a finished run."""
    backbone, processor, _ = _loaded(one.base, one.recipe)
    return Loaded(backbone.requires_grad_(False).to(device()), processor, Fingerprint(backbone))


def unattached(recipe: Recipe) -> Loaded:
    """The base of a recipe, nothing attached to it."""
    backbone, processor, _ = _loaded(bases.resolve(recipe.base), recipe)
    return Loaded(backbone, processor, Fingerprint(backbone))


def load_run(run: Path) -> Model:
    """A finished run with its delivered adapter, ready to predict.

    Raises InputError for a folder that is no run, an unfinished run, or a damaged one.
    """
    one = finished(run)
    return loaded(one).restored(one)


def device() -> torch.device:
    """Where Accelerate would put a model."""
    from accelerate import PartialState

    return cast("torch.device", PartialState().device)


def _loaded(base: Base, recipe: Recipe) -> tuple[nn.Module, Any, Head | None]:
    """The base's backbone; for an earlier run with its adapter merged in, and its head."""
    from ftkit.recipe import read

    if base.run is None or base.parent is None:
        torch.manual_seed(0)  # what a checkpoint lacks is drawn (RoBERTa's pooler): equal in every run, or none shares
        return recipe.task.load(base), recipe.task.processor(base), None
    earlier = read(base.run / "recipe.yaml")
    backbone, processor, _ = _loaded(base.parent, earlier)
    backbone = _restored(earlier, backbone, base.run / "adapter")
    if hasattr(backbone, "merge_and_unload"):
        backbone = backbone.merge_and_unload()  # type: ignore[operator]
    return backbone.eval(), processor, read_head(base.run / "adapter")


def _restored(recipe: Recipe, backbone: nn.Module, folder: Path) -> nn.Module:
    from safetensors import SafetensorError

    try:
        return method_of(folder.parent, recipe).restore(backbone, folder)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        first = str(error).partition("\n")[0]
        raise InputError(f"{folder}: the adapter cannot be loaded ({first})", "train the run again") from None


def causal(backbone: nn.Module) -> bool:
    """Whether positions only see what is before them, so that the last one knows most."""
    from transformers.models.auto import modeling_auto

    config = getattr(backbone, "config", None)
    kind = getattr(config, "model_type", "")
    # kinds that also have a masked-language head, such as BERT, see both ways unless told otherwise
    decoder = kind in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    both_ways = kind in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    # of a model with both halves (Marian, Whisper) the backbone is the encoder, which looks both ways
    both_ways = both_ways or bool(getattr(config, "is_encoder_decoder", False))
    return bool(getattr(config, "is_decoder", False)) or (decoder and not both_ways)
