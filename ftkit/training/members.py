"""A member: one set of trainable weights with everything that training them needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import nn

from ftkit.features import tokens
from ftkit.features.batch import Batch
from ftkit.features.network import Network
from ftkit.features.pooling import Pooling
from ftkit.features.probe import Probe
from ftkit.features.scale import Scale
from ftkit.methods import Method
from ftkit.training.repeats import firsts, with_repeats

CLOSED = -1e4  # logit of a label that may not be given: its probability is 0, and no gradient comes from it
STRETCH = 32  # batches that are sorted by length together: 8 % of padding on banking77, where 8 of them leave 30 %


@dataclass(frozen=True)
class Settings:
    """What all members of a fit share; `ftkit.recipe.Train` with everything `auto` decided."""

    epochs: int
    lr: float
    batch: int = 32
    accumulate: int = 1
    warmup: float = 0.1
    decay: Literal["linear", "cosine", "none"] = "linear"
    weight_decay: float = 0.01
    clip: float = 1.0
    patience: int = 2


@dataclass
class Best:
    """The best state so far: weights by name, at which epoch, with which validation score and loss."""

    epoch: int
    score: float
    loss: float
    weights: dict[str, torch.Tensor]


@dataclass(frozen=True)
class Origin:
    """Where a member started from, and how it stays near: a bank's group beside the general adapter."""

    weights: Mapping[str, torch.Tensor]
    """by name, head included"""
    pull: float
    """strength of the pull back, decoupled from the gradient; L2-SP (Li et al. 2018, arXiv:1802.01483)"""
    labels: torch.Tensor
    """(labels,) bool: those that its rows carry; the head's other rows stay as they were"""
    closed: bool
    """whether it may not give the other labels"""


@dataclass
class Member:
    """Weights, optimiser, schedule, order of rows, random stream and early stop of one fit.

    Everything random follows from (seed, step) or (seed, epoch), so a member trains the same alone
    and in any stack.
    """

    name: str
    seed: int
    train: np.ndarray
    validation: np.ndarray
    pooling: Pooling
    backbone: dict[str, nn.Parameter]
    weight: nn.Parameter
    """(labels, width)"""
    bias: nn.Parameter
    """(labels,)"""
    settings: Settings
    label_weights: torch.Tensor | None = None
    """(labels,) weight of a row by its label, 1 on average over `train`; None: all rows count alike"""
    stop_after: int | None = None
    """end after this many epochs of the schedule, as an earlier choice on validation rows found best"""
    origin: Origin | None = None
    """where it is held near its start"""
    scale: Scale | None = None
    """of the numbers that are predicted: the head gives them in sds from their mean; None for labels"""
    alike: np.ndarray | None = None
    """(all rows,) equal numbers for equal inputs, which then share a step; None: each row for itself"""
    step: int = 0
    epoch: int = 0
    done: bool = False
    best: Best | None = None
    started: bool = False
    """whether it has been scored before its first step"""
    losses: list[float] = field(default_factory=list)
    """training losses of the steps of this epoch so far"""
    curve: list[tuple[float, float]] = field(default_factory=list)
    """(score, loss) on validation rows after each epoch, beginning before the first"""
    held: list[np.ndarray] = field(default_factory=list)
    """logits (validation rows, labels) beside each entry of `curve`"""

    _order: tuple[int, list[np.ndarray]] | None = None

    def __post_init__(self) -> None:
        self.last_epoch = self.settings.epochs if self.stop_after is None else self.stop_after
        self.inputs = self.train if self.alike is None else firsts(self.train, self.alike)[0]
        self.steps_an_epoch = max(1, math.ceil(len(self.inputs) / self.settings.batch))
        self.done = self.last_epoch == 0 or not len(self.train)
        matrices = [p for p in self.parameters() if p.ndim > 1]
        vectors = [p for p in self.parameters() if p.ndim <= 1]
        groups = [
            {"params": matrices, "weight_decay": self.settings.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=self.settings.lr, fused=True)

    def named(self) -> dict[str, nn.Parameter]:
        """All trainable weights by name, head included."""
        return {**self.backbone, "head.weight": self.weight, "head.bias": self.bias}

    def parameters(self) -> list[nn.Parameter]:
        """The same without their names."""
        return list(self.named().values())

    def logits(self, network: Network, batch: Batch) -> torch.Tensor:
        """(rows, labels), or (rows, tokens, labels)."""
        return self.head(network.features(batch, self.pooling, self.backbone), batch.pieces)

    def head(self, features: torch.Tensor, pieces: torch.Tensor | None = None) -> torch.Tensor:
        """Pooled features (rows, width) → (rows, labels).

        With the `pieces` of a batch, those of tokens (tokens with a piece, width) → (rows, tokens, labels).
        """
        return tokens.spread(self._head(features), pieces)

    def _head(self, features: torch.Tensor) -> torch.Tensor:
        if self.origin is None:
            return features @ self.weight.T + self.bias
        own = self.origin.labels
        weight = torch.where(own[:, None], self.weight, self.weight.detach())
        logits = features @ weight.T + torch.where(own, self.bias, self.bias.detach())
        return logits.masked_fill(~own, CLOSED) if self.origin.closed else logits

    def wanted(self, targets: torch.Tensor) -> torch.Tensor:
        """Targets of some rows as the loss takes them."""
        return targets if self.scale is None else torch.from_numpy(self.scale.standard(targets.numpy()))

    def batches(self, epoch: int, lengths: np.ndarray) -> list[np.ndarray]:
        """Training rows of this epoch, in batches of similar length and in random order.

        Rows are shuffled, sorted by length within stretches of `STRETCH` batches, and the batches
        shuffled again. A batch has so many inputs, each with all its rows.
        """
        random = np.random.default_rng([self.seed, epoch])
        rows, size = random.permutation(self.inputs), self.settings.batch
        stretches = [rows[start : start + size * STRETCH] for start in range(0, len(rows), size * STRETCH)]
        ordered = np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in stretches])
        cut = [ordered[start : start + size] for start in range(0, len(ordered), size)]
        shuffled = [cut[i] for i in random.permutation(len(cut))]
        return shuffled if self.alike is None else with_repeats(shuffled, self.train, self.alike)

    def batch(self, lengths: np.ndarray) -> np.ndarray:
        """Rows of the next step."""
        if self._order is None or self._order[0] != self.epoch:
            self._order = self.epoch, self.batches(self.epoch, lengths)
        return self._order[1][self.step % self.steps_an_epoch]

    def learning_rate(self) -> float:
        """Of the next step: linear warm-up, then decay to zero over the whole schedule."""
        chosen = self.settings
        total = chosen.epochs * self.steps_an_epoch
        warm = int(chosen.warmup * total)
        if self.step < warm:
            return chosen.lr * (self.step + 1) / warm
        share = (self.step - warm) / max(1, total - warm)  # 0 → 1
        if chosen.decay == "linear":
            return chosen.lr * (1 - share)
        return chosen.lr * (0.5 + 0.5 * math.cos(math.pi * share)) if chosen.decay == "cosine" else chosen.lr

    @torch.no_grad()
    def stay_near(self, lr: float) -> None:
        """The end of a step at a learning rate: a share of the way back to where it started from."""
        if self.origin is None or not self.origin.pull:
            return
        share = min(1.0, lr * self.origin.pull)
        for name, p in self.named().items():
            p.lerp_(self.origin.weights[name], share)

    def snapshot(self) -> dict[str, torch.Tensor]:
        """A copy of all trainable weights, by name."""
        return {name: p.detach().clone() for name, p in self.named().items()}

    def load(self, weights: dict[str, torch.Tensor]) -> None:
        """Put a snapshot back."""
        with torch.no_grad():
            for name, p in self.named().items():
                p.copy_(weights[name])

    def judge(self, score: float, loss: float, logits: np.ndarray) -> None:
        """Note a validation result; keep the best weights and stop when patience is over.

        `logits` (validation rows, labels) are what the result is of. A score that is not defined on
        these rows (nan) leaves the choice to the loss.
        """
        self.curve.append((score, loss))
        self.held.append(logits)
        if self.best is None or _rank(score, loss) > _rank(self.best.score, self.best.loss):
            self.best = Best(self.epoch, score, loss, self.snapshot())
        elif self.epoch - self.best.epoch >= self.settings.patience:
            self.done = True

    def unmade(self) -> int:
        """Bytes that training will add beside the weights: gradients, optimiser's state, and the best so far."""
        copies = 1 + 2 * (not self.optimizer.state) + (len(self.validation) > 0 and self.best is None)
        return copies * sum(p.nbytes for p in self.parameters())

    def release(self, weights: bool) -> None:
        """Give back the memory that only training needs, and with `weights` the weights as well."""
        self.best = None
        self.optimizer.state.clear()
        for p in self.parameters():
            p.grad = None
        if weights:
            self.backbone = {}
            self.optimizer = torch.optim.AdamW([self.weight, self.bias])

    def restore_best(self) -> None:
        """End with the best weights instead of the last."""
        if self.best is not None:
            self.load(self.best.weights)


def _rank(score: float, loss: float) -> tuple[float, float]:
    return (-math.inf if math.isnan(score) else score, -loss)


def balance(targets: torch.Tensor, train: np.ndarray, labels: int) -> torch.Tensor:
    """(labels,) weights in inverse proportion to the label's training rows; a row's mean weight is 1."""
    counts = torch.bincount(targets[train], minlength=labels)
    return len(train) / counts.clamp(min=1) / max(1, int((counts > 0).sum()))


def member(
    name: str,
    network: Network,
    method: Method,
    probe: Probe,
    train: np.ndarray,
    validation: np.ndarray,
    settings: Settings,
    seed: int,
    stop_after: int | None = None,
    label_weights: torch.Tensor | None = None,
    alike: np.ndarray | None = None,
) -> Member:
    """A member whose head starts from the solved probe and whose other weights start as the method says."""
    generator = torch.Generator().manual_seed(seed)
    start = network.trainable()
    backbone = {name: nn.Parameter(method.fresh(name, p.cpu(), generator).to(p)) for name, p in start.items()}
    like = next(network.backbone.parameters())
    weight = nn.Parameter(torch.from_numpy(probe.weight.copy()).to(like))
    bias = nn.Parameter(torch.from_numpy(probe.bias.copy()).to(like))
    return Member(
        name,
        seed,
        train,
        validation,
        probe.pooling,
        backbone,
        weight,
        bias,
        settings,
        label_weights,
        stop_after,
        scale=probe.scale,
        alike=alike,
    )
