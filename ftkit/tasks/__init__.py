"""Tasks: what is predicted from what. One file each; this module holds their common base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ftkit.registry import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy as np
    import torch

    from ftkit.bases import Base
    from ftkit.data.table import Gold, Parsed, Table
    from ftkit.metrics import Scored


@dataclass(frozen=True)
class Guess:
    """How a table was understood: recipe keys, and why, as a sentence for people.

    `instead` is said where another task takes the same label column: how to have this one.
    """

    fit: float
    """0 (not this task) to 1 (surely this task)"""
    fields: dict[str, Any]
    """keys of the task"""
    why: str
    instead: str = ""


@dataclass(frozen=True)
class Encoded:
    """Rows as the model takes them, and what encoding them lost."""

    rows: Sequence[dict[str, np.ndarray]]
    """un-padded arrays of each row, named as the backbone's forward names them, or as `collate` knows them"""
    truncated: int
    """rows that were cut"""
    unknown: int
    """pieces that the processor does not know"""
    pieces: int
    """all pieces, special ones aside"""


@dataclass(frozen=True)
class Given:
    """What a baseline of a task's own field may learn from, and what it is asked."""

    inputs: list[tuple[str, ...]]
    """of all rows"""
    rows: Sequence[dict[str, np.ndarray]]
    """the same as encoded"""
    targets: np.ndarray
    """of all rows, as `Task.targets` gives them"""
    train: np.ndarray
    """positions"""
    test: np.ndarray
    """positions"""
    labels: int
    balanced: bool
    """whether rows weigh in inverse proportion to their label's count"""


class Task(Entry):
    """Columns in, predictions out. Data, encoding, loss and decoding meet here and nowhere else."""

    default_base: ClassVar[str] = "minilm"
    default_metrics: ClassVar[tuple[str, ...]] = ("accuracy",)
    reads_files: ClassVar[bool] = False
    """whether cells name files, which `parse` decodes as the base takes them"""
    augmentations: ClassVar[tuple[str, ...]] = ()
    """what `train.augment` may name"""
    loss_metric: ClassVar[str] = "log_loss"
    """metric that decides between epochs where the primary one is not defined, or equal"""

    @property
    def kind(self) -> str:
        """Kind of its predictions: label | labels | values | tags | text | nll."""
        return "label"

    # ---- data (no torch) ----

    @classmethod
    def recognise(cls, table: Table) -> Guess:
        """How well the table fits this task, and with which columns."""
        return Guess(0.0, {}, "")

    def columns(self) -> dict[str, tuple[str, ...]]:
        """Recipe key -> columns that the table must have, for `text: [title, body]` both of them."""
        return {}

    def resolve(self, table: Table) -> Self:
        """A copy whose `auto` fields are decided from the training table (columns, multi-label)."""
        return self

    def parse(self, table: Table, max_chars: int, labelled: bool = True, base: Base | None = None) -> Parsed:
        """Inputs and gold labels of every row, with a reason for each row that cannot be used.

        Inputs that are no texts are `ftkit.data.items.Item`s. `base` is given where the task reads files.
        """
        raise TypeError(f"{type(self).__name__} has no parse")

    # ---- model (torch inside the functions) ----

    def processor(self, base: Base) -> Any:
        """What turns inputs into arrays, such as the tokenizer; loads no weights."""
        raise TypeError(f"{type(self).__name__} has no processor")

    def load(self, base: Base) -> torch.nn.Module:
        """The bare backbone in eval mode."""
        raise TypeError(f"{type(self).__name__} has no load")

    def encode(self, inputs: list[tuple[str, ...]], processor: Any) -> Encoded:
        """Un-padded arrays for each row, as the backbone's forward names them."""
        raise TypeError(f"{type(self).__name__} has no encode")

    def longest(self, processor: Any) -> int:
        """Positions at which a row is cut."""
        raise TypeError(f"{type(self).__name__} has no longest")

    def collate(self, rows: list[dict[str, np.ndarray]], processor: Any) -> dict[str, torch.Tensor]:
        """A batch padded to its own longest row."""
        raise TypeError(f"{type(self).__name__} has no collate")

    def names(self, gold: Iterable[Gold]) -> tuple[str, ...]:
        """What scores are of: every label of the training rows, sorted; where numbers are predicted, the targets."""
        several = [(item,) if isinstance(item, str) else item or () for item in gold]
        return tuple(sorted({str(label) for item in several for label in item}))

    def targets(self, gold: list[Gold], labels: tuple[str, ...]) -> np.ndarray:
        """Gold labels: (rows,) int64, (rows, labels) float32 of 0 and 1, or numbers, (rows, targets) float64.

        The loss is given numbers in sds from their mean over the training rows.
        """
        raise TypeError(f"{type(self).__name__} has no targets")

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Loss of each row, (rows,)."""
        raise TypeError(f"{type(self).__name__} has no loss")

    def scores(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities (rows, labels), float64: softmax, or independent ones for multi-label; or numbers."""
        raise TypeError(f"{type(self).__name__} has no scores")

    def scored(self, targets: np.ndarray, scores: np.ndarray, labels: tuple[str, ...]) -> Scored:
        """Targets and scores of the same rows as metrics take them."""
        raise TypeError(f"{type(self).__name__} has no scored")

    def decode(self, scores: np.ndarray, labels: tuple[str, ...]) -> list[Gold]:
        """The predicted label, or labels, of each row."""
        raise TypeError(f"{type(self).__name__} has no decode")

    def confidence(self, scores: np.ndarray) -> np.ndarray:
        """How sure each prediction is, (rows,): the probability that it is right."""
        raise TypeError(f"{type(self).__name__} has no confidence")

    def augment(
        self, batch: dict[str, torch.Tensor], names: tuple[str, ...], generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        """A training batch changed at random in ways that keep its labels; `names` are of `augmentations`."""
        raise TypeError(f"{type(self).__name__} has no augment")

    # ---- baselines and pages ----

    def constants(self, given: Given) -> dict[str, np.ndarray]:
        """What needs no input at all, such as the most frequent label: name → scores (test rows, labels)."""
        return {}

    def baselines(self, given: Given) -> dict[str, np.ndarray]:
        """Models of the task's field that need no base: name → probabilities (test rows, labels)."""
        return {}

    def show(self, input: tuple[str, ...]) -> str:
        """A row's input as HTML (a picture, a player), for a few rows of a page; empty where its text says it all."""
        return ""

    # ---- for tests and try-outs ----

    @classmethod
    def toy(cls, folder: Path) -> dict[str, Any]:
        """Write a few easy rows and a random two-block checkpoint; returns the recipe keys to train on them."""
        raise TypeError(f"{cls.__name__} has no toy")
