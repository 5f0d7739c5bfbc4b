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
    from ftkit.metrics import Footage, Scored
    from ftkit.recipe import Data
    from ftkit.tasks._snippet import Snippet


PIECES = "pieces"
"""array (tokens,) of an encoded row of tokens: the position whose hidden state speaks for the token, or one of these"""
FRAMES = "frames"
"""of a batch whose rows are several pictures each, all of them one after the other: (rows,) how many are of each row"""
NO_PIECE, NO_TOKEN = -1, -2
"""a token that the base is not shown; in a batch, none is there"""


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
    unseen: int = 0
    """tokens of a row of tokens that the base is not shown, and that get no prediction of their own"""


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
    processor: Any
    """the base's"""


class Task(Entry):
    """Columns in, predictions out. Data, encoding, loss and decoding meet here and nowhere else."""

    default_base: ClassVar[str | dict[str, Any]] = "minilm"
    """a name, or `{config: …}` for random weights; empty where nothing can be chosen for the user"""
    suggested_base: ClassVar[str] = ""
    """a hub id to name where no base is given"""
    noun: ClassVar[str] = "text"
    """what a row's input is called on pages"""
    pieces: ClassVar[tuple[str, str]] = (
        "pieces of text",
        "--base with a model of this language, such as intfloat/multilingual-e5-small; "
        "until then trust the model without pretraining",
    )
    """what `Encoded.pieces` counts, and what to do where the base does not know many of them"""
    default_metrics: ClassVar[tuple[str, ...]] = ("accuracy",)
    reads_files: ClassVar[bool] = False
    """whether cells name files, which `parse` decodes as the base takes them"""
    names_labels: ClassVar[tuple[str, ...]] = ()
    """its keys whose values are labels, which are private where rows are hidden"""
    heavy: ClassVar[bool] = False
    """whether a row is many pictures, so that memory allows few rows in a pass, however much there is of it"""
    cut_by: ClassVar[str] = "max_length"
    """its key that says where rows are cut"""
    reading: ClassVar[tuple[str, ...]] = ()
    """its keys that say how files are read, and that a finished run may be told anew to predict"""
    augmentations: ClassVar[tuple[str, ...]] = ()
    """what `train.augment` may name"""
    row_metric: ClassVar[str] = "accuracy"
    """metric that is a mean over rows, by which they are judged where the primary one is not"""
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

    def rows(self, table: Table, data: Data, labelled: bool, base: Base | None = None) -> Table:
        """The table with one row an example; a task that cuts its examples out of longer recordings does it here.

        `base` is given where the task reads files.
        """
        return table

    def hangs(self, table: Table) -> tuple[str, str] | None:
        """The column whose rows hang together where `data.unit` names none, and why; None: they do not."""
        return None

    def footage(self, inputs: list[tuple[str, ...]]) -> Footage | None:
        """What metrics of video need to know of rows; None where they are none."""
        return None

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

    def shape(self, inputs: list[tuple[str, ...]], config: dict[str, Any]) -> dict[str, Any]:
        """The config of a model with random weights, filled up with what the data decide, such as channels."""
        return config

    def scratch(self, inputs: list[tuple[str, ...]], processor: Any) -> dict[str, Any] | None:
        """The config of a small model that is trained on the run's rows alone, as a baseline; None: there is none.

        `inputs` are training rows, `processor` is the base's. The engine builds and trains it.
        """
        return None

    def encode(self, inputs: list[tuple[str, ...]], processor: Any) -> Encoded:
        """Un-padded arrays for each row, as the backbone's forward names them."""
        raise TypeError(f"{type(self).__name__} has no encode")

    def longest(self, processor: Any) -> int:
        """Positions at which a row is cut."""
        raise TypeError(f"{type(self).__name__} has no longest")

    def positions(self, rows: Sequence[dict[str, np.ndarray]], processor: Any) -> np.ndarray | None:
        """(rows,) positions of each row as the blocks of the base see it; None where they are those of its arrays."""
        return None

    def collate(self, rows: list[dict[str, np.ndarray]], processor: Any) -> dict[str, torch.Tensor]:
        """A batch padded to its own longest row."""
        raise TypeError(f"{type(self).__name__} has no collate")

    def names(self, gold: Iterable[Gold]) -> tuple[str, ...]:
        """What scores are of: every label of the training rows, sorted; where numbers are predicted, the targets."""
        several = [(item,) if isinstance(item, str) else item or () for item in gold]
        return tuple(sorted({str(label) for item in several for label in item}))

    @property
    def classes(self) -> int:
        """How many of the last columns of numbers are those of one class: 1 where it is the right one, else 0."""
        return 0

    def targets(self, gold: list[Gold], labels: tuple[str, ...]) -> np.ndarray:
        """Gold labels: (rows,) int64, (rows, labels) float32 of 0 and 1, or numbers, (rows, targets) float64.

        The loss is given numbers in sds from their mean over the training rows, and `classes` as they are. Of tags,
        (rows, tokens) int64, with -1 for a tag that training lacks and `NO_TOKEN` where there is none.
        """
        raise TypeError(f"{type(self).__name__} has no targets")

    def outline(self, lengths: np.ndarray, processor: Any) -> dict[str, torch.Tensor] | None:
        """What `collate` gives for rows of these lengths, in shape alone: enough where a prefix is cached.

        None where it takes the rows themselves.
        """
        return None

    def poolings(self, backbone: torch.nn.Module) -> tuple[str, ...]:
        """Kinds of pooling to choose from where the checkpoint declares none and looks both ways."""
        return ("mean", "first")

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Loss of each row, (rows,)."""
        raise TypeError(f"{type(self).__name__} has no loss")

    def scores(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities (rows, labels), float64: softmax, or independent ones for multi-label; or numbers.

        Of tags, an object array (rows,) of (tokens, labels); 0 throughout for a token that the base is not shown.
        """
        raise TypeError(f"{type(self).__name__} has no scores")

    def scored(self, targets: np.ndarray, scores: np.ndarray, labels: tuple[str, ...]) -> Scored:
        """Targets and scores of the same rows as metrics take them."""
        raise TypeError(f"{type(self).__name__} has no scored")

    def decode(self, scores: np.ndarray, labels: tuple[str, ...]) -> list[Gold]:
        """The predicted label, or labels, of each row."""
        raise TypeError(f"{type(self).__name__} has no decode")

    def cell(self, gold: Gold) -> Any:
        """A prediction as it stands in a table."""
        return gold if isinstance(gold, str) else ",".join(map(str, gold or ()))

    def confidence(self, scores: np.ndarray) -> np.ndarray:
        """How sure each prediction is, (rows,): the probability that it is right."""
        raise TypeError(f"{type(self).__name__} has no confidence")

    def augment(
        self, batch: dict[str, torch.Tensor], names: tuple[str, ...], generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        """A training batch changed at random in ways that keep its labels; `names` are of `augmentations`."""
        raise TypeError(f"{type(self).__name__} has no augment")

    # ---- baselines and pages ----

    def snippet(self, processor: Any) -> Snippet:
        """Its part of the model card's Python."""
        raise TypeError(f"{type(self).__name__} has no snippet")

    def constants(self, given: Given) -> dict[str, np.ndarray]:
        """What needs no input at all, such as the most frequent label: name → scores (test rows, labels)."""
        return {}

    def baselines(self, given: Given) -> dict[str, np.ndarray]:
        """Models of the task's field that need no base: name → probabilities (test rows, labels)."""
        return {}

    def views(
        self, rows: Sequence[dict[str, np.ndarray]], processor: Any
    ) -> dict[str, Sequence[dict[str, np.ndarray]]]:
        """Encoded rows with something left out: name → rows, of which a probe on the untouched base is a baseline."""
        return {}

    def raw(self, rows: Sequence[dict[str, np.ndarray]], processor: Any) -> np.ndarray | None:
        """Encoded rows as vectors (rows, numbers) for nearest neighbours without any model; None: there are none."""
        return None

    def show(
        self, input: tuple[str, ...], row: dict[str, np.ndarray], processor: Any, answer: tuple[Gold, Gold]
    ) -> str:
        """A row as HTML (a picture, a player), for a few rows of a page; empty where its text says it all.

        `row` is the same as encoded, so that no file is decoded again; `answer` what is right, and what was said.
        """
        return ""

    # ---- for tests and try-outs ----

    @classmethod
    def toy(cls, folder: Path) -> dict[str, Any]:
        """Write a few easy rows and a random two-block checkpoint; returns the recipe keys to train on them."""
        raise TypeError(f"{cls.__name__} has no toy")
