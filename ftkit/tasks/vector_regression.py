"""Numbers from numbers: any table, and where in a building a device is by the radio strengths that it hears."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, final

import numpy as np

from ftkit.bases import own
from ftkit.data import positions
from ftkit.tasks import Encoded, Given, Guess, _floors
from ftkit.tasks._backbone import backbone_of
from ftkit.tasks._snippet import Snippet
from ftkit.tasks._valued import Valued

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from ftkit.bases import Base
    from ftkit.data.measured import Measured
    from ftkit.data.table import Gold, Parsed, Table
    from ftkit.metrics import Scored
    from ftkit.recipe import Data
    from ftkit.tasks._vectors import Processor

Auto = Literal["auto"]
SMALL = {"model_type": own.VECTOR, "hidden_size": 128, "num_hidden_layers": 3, "dropout": 0.1}
"""an encoder of residual blocks: of fixed columns, or of the set of whatever was measured"""
PLACE = "place"
"""column of the place of each reading"""


@final
class VectorRegression(Valued):
    """A row is numbers in columns, or pairs of a name and a number in one cell; some numbers may be missing."""

    layout: Literal["auto", "columns", "pairs"] = "auto"
    """columns: a number in each; pairs: one column with cells such as `id:-72,id:-88`"""
    inputs: Auto | list[str] = "auto"
    """columns to predict from, or patterns of their names (`AP*`); the column of pairs"""
    position: Auto | bool = "auto"
    """whether the labels are coordinates of one point, of which distances are taken"""
    floor: str = "auto"
    """column of the floor of a position, or none"""
    floors: Auto | list[float] = "auto"
    """floors that there are; auto: those of the training rows. A row of another one is a fault"""
    missing: Auto | Literal["none"] | float = "auto"
    """number that stands for not measured, such as 100 or -110 for an access point that was not heard"""
    unit: Auto | Literal["m", "degrees"] = "auto"
    """of coordinates; degrees are turned into metres from `origin`, auto asks where they look like degrees"""
    origin: tuple[float, float] | None = None
    """the point in degrees from which metres are counted, in the order of the labels"""
    encoder: Literal["auto", "columns", "set"] = "auto"
    """of a model from random weights: columns (auto, for columns), or the set of what was measured (auto, for pairs),
    which also takes names that training never saw"""
    site: str = ""
    """name of the building where positions are told: the same column is another device elsewhere, so is a coordinate"""

    default_base: ClassVar[str | dict[str, Any]] = {"config": SMALL}
    noun: ClassVar[str] = "measurement"
    pieces: ClassVar[tuple[str, str]] = (
        "numbers, as they have names that its training never saw",
        "fixed columns leave them out; a set (task.encoder: set, from scratch) has a place for each, learnt from rows",
    )
    augmentations: ClassVar[tuple[str, ...]] = ("noise", "mask")

    @property
    def default_metrics(self) -> tuple[str, ...]:  # type: ignore[override]  # of a position, errors are in metres
        """Of a position its error in metres and the floor; of other numbers as elsewhere."""
        if self.position is not True:
            return Valued.default_metrics
        floors = ("floor_hit_rate", "evaal") if self.floor != "none" else ()
        return ("mean_error", "median_error", "p95_error", *floors)

    @property
    def row_metric(self) -> str:  # type: ignore[override]  # likewise
        """Of a position the distance."""
        return "mean_error" if self.position is True else Valued.row_metric

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Columns of the numbers to predict, the floor aside."""
        return () if self.label == "auto" else super().targets_named

    @property
    def targets_named(self) -> tuple[str, ...]:
        """Names of what is predicted: of a position x, y, z and floor, of which building where that is said."""
        if self.position is not True:
            return super().targets_named
        axes = positions.AXES[: len(self.label_columns)]
        named = (*axes, *([positions.FLOOR] if self.floor != "none" else []))
        return tuple(positions.spelled(name, self.site) for name in named)

    # ---- data ----

    @classmethod
    def recognise(cls, table: Table) -> Guess:
        """Signal strengths or other numbers beside a position; or numbers alone, one of which is asked for."""
        from ftkit.data.guess_vector import guess_vectors, shortened

        found = guess_vectors(table.frame)
        if found is None:
            return Guess(0.0, {}, "no column of numbers to predict, or none to predict it from")
        inputs = shortened(found.inputs, table.frame)
        label: Any = list(found.label) if found.position else found.label[0]
        fields = {"layout": found.layout, "inputs": inputs, "label": label, "position": found.position}
        fields |= {"floor": found.floor} if found.floor else {}
        instead = f"--task vector_regression predicts {found.label[0]} as a number on a scale" if found.ratings else ""
        return Guess(found.fit, fields, found.why, instead)

    def columns(self) -> dict[str, tuple[str, ...]]:
        """The column of pairs; label and floor. Of columns some may be absent from a file."""
        label = self.label_columns or ("auto",)
        named = {"task.label": (*label, *([self.floor] if self.floor not in ("auto", "none") else []))}
        return named | ({"task.inputs": tuple(self.inputs)} if self.layout == "pairs" else {})

    def resolve(self, table: Table) -> Self:
        """Decide columns, floors, unit and what stands for nothing from the training table, where they are `auto`."""
        from ftkit.tasks import _vector_columns

        return _vector_columns.settled(self, table)

    def rows(self, table: Table, data: Data, labelled: bool, base: Base | None = None) -> Table:
        """With the place of each reading beside it."""
        from dataclasses import replace

        from ftkit.tasks import _vector_columns

        if not labelled or self.position is not True or PLACE in table.frame:
            return table
        return replace(table, frame=table.frame.assign(**{PLACE: _vector_columns.places(self, table.frame)}))

    def hangs(self, table: Table) -> tuple[str, str] | None:
        """The place where places have several readings, as those are nearly the same."""
        from ftkit.tasks import _vector_columns

        if self.position is not True or not _vector_columns.repeat(table.frame[PLACE]):
            return None
        return PLACE, "readings of one place stay on one side of every split; --unit COLUMN says otherwise"

    def parse(self, table: Table, max_chars: int, labelled: bool = True, base: Base | None = None) -> Parsed:
        """What was measured, and the numbers to predict; no number, nothing measured and unknown floors are faults."""
        from ftkit.data.table import Parsed
        from ftkit.tasks import _vector_columns

        rows, faults, notes = _vector_columns.measured(self, table)
        gold: list[Gold] = [None] * len(rows)
        if labelled:
            gold, wrong = _vector_columns.gold(self, table)
            faults = [fault or other for fault, other in zip(faults, wrong, strict=True)]
        kept = [None if one is None or fault else (one,) for one, fault in zip(rows, faults, strict=True)]
        return Parsed(inputs=list(kept), gold=gold, faults=faults, notes=notes)

    # ---- model ----

    def shape(self, inputs: list[tuple[str, ...]], config: dict[str, Any]) -> dict[str, Any]:
        """Kind of encoder, columns and scale of the data, for random weights."""
        from ftkit.tasks._vectors import KEY, table_for

        if config.get("model_type") != own.VECTOR or KEY in config:
            return config
        kind = config.get("kind") or ("set" if self.encoder == "set" or self._of_pairs() else "columns")
        table = table_for(_items(inputs), kind)
        return {"kind": kind, "columns": len(table["columns"]) if kind == "columns" else 1} | config | {KEY: table}

    def _of_pairs(self) -> bool:
        return self.encoder == "auto" and self.layout == "pairs"

    def processor(self, base: Base) -> Processor:
        """The base's own columns and scale."""
        from ftkit.tasks._vectors import Processor

        return Processor.of(base)

    def load(self, base: Base) -> torch.nn.Module:
        """The bare encoder in fp32 and eval mode."""
        return backbone_of(base)

    def scratch(self, inputs: list[tuple[str, ...]], processor: Processor) -> dict[str, Any]:
        """The small model that is trained without pretraining, to be held against the base."""
        return self.shape(inputs, dict(SMALL))

    def encode(self, inputs: list[tuple[str, ...]], processor: Processor) -> Encoded:
        """{"values": (columns,), "heard": (columns,)} float32, or {"values": (pairs,), "names": (pairs, 2) int64}."""
        rows, unknown, pieces = processor.encode(_items(inputs))
        return Encoded(rows, 0, unknown, pieces)

    def longest(self, processor: Processor) -> int:
        """Numbers of a row; of a set there is no end."""
        return len(processor.columns)

    def collate(self, rows: list[dict[str, np.ndarray]], processor: Processor) -> dict[str, torch.Tensor]:
        """Rows side by side; of sets, shorter ones are filled up with what is not heard."""
        return processor.batch(rows)

    def poolings(self, backbone: torch.nn.Module) -> tuple[str, ...]:
        """There is one position."""
        return ("mean",)

    def augment(
        self, batch: dict[str, torch.Tensor], names: tuple[str, ...], generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        """noise: normal, a tenth of a unit of input; mask: a tenth of what was measured is taken for missing."""
        import torch

        values, heard = batch["values"], batch["heard"]
        if "noise" in names:
            values = values + 0.1 * torch.randn(values.shape, generator=generator) * heard
        if "mask" in names:
            heard = heard * (torch.rand(heard.shape, generator=generator) > 0.1)
        return batch | {"values": values * heard, "heard": heard}

    @property
    def classes(self) -> int:
        """Floors, of which one is right: no floor lies between two others, and none is off by half of one."""
        return len(self.known_floors)

    @property
    def known_floors(self) -> tuple[float, ...]:
        """Those that there are; none where no position is predicted, or no floor of it."""
        if self.position is not True or self.floor == "none" or self.floors == "auto":
            return ()
        return tuple(self.floors)

    def targets(self, gold: list[Gold], labels: tuple[str, ...]) -> np.ndarray:
        """(rows, columns) float64: coordinates in metres, and for each floor whether it is the right one."""
        return _floors.targets(gold, self.known_floors) if self.classes else super().targets(gold, labels)

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The error of the coordinates in sds, and the cross-entropy of the floors: (rows,)."""
        first = logits.shape[1] - self.classes
        error = super().loss(logits[:, :first], targets[:, :first])
        return error + _floors.loss(logits[:, first:], targets[:, first:]) if self.classes else error

    def scores(self, logits: np.ndarray) -> np.ndarray:
        """(rows, columns) numbers in their own units, and the probability of each floor."""
        exact = super().scores(logits)
        return _floors.probabilities(exact, self.known_floors) if self.classes else exact

    def scored(self, targets: np.ndarray, scores: np.ndarray, labels: tuple[str, ...]) -> Scored:
        """Numbers beside the truth, of floors the likeliest."""
        return super().scored(self._told(targets), self._told(scores), positions.answers(labels))

    def decode(self, scores: np.ndarray, labels: tuple[str, ...]) -> list[Gold]:
        """The numbers of each row, the likeliest floor last."""
        return super().decode(self._told(scores), labels)

    def _told(self, scores: np.ndarray) -> np.ndarray:
        return _floors.told(scores, self.known_floors) if self.classes else scores

    def constants(self, given: Given) -> dict[str, np.ndarray]:
        """Mean and median; of floors the most frequent with both."""
        found = super().constants(given)
        if self.classes:
            found["median"][:, -self.classes :] = found["mean"][:, -self.classes :]
        return found

    # ---- baselines and pages ----

    def baselines(self, given: Given) -> dict[str, np.ndarray]:
        """Neighbours among labelled rows; of positions also the nearest place."""
        from ftkit.tasks._vector_baselines import nearest_place, weighted_neighbours

        values = given.processor.dense(given.rows, given.train)
        known, targets, asked = values[given.train], given.targets[given.train], values[given.test]
        found = {"weighted_neighbours": weighted_neighbours(known, targets, asked)}
        return found | ({"nearest_place": nearest_place(known, targets, asked)} if self.position is True else {})

    def snippet(self, processor: Processor) -> Snippet:
        """The encoder's own file, and how rows are scaled."""
        from ftkit.tasks._vector_snippet import floors_told, lines

        names = processor.columns[:2]
        return Snippet(
            imports=("import hashlib", "from torch import nn"),
            setup=("", "", *lines(processor), "", ""),
            arguments="rows",
            rows="rows",
            batch=("batch = prepared(rows)",),
            example=repr([dict.fromkeys(names, round(processor.offset[0] + processor.scale[0], 6))]),
            masked=False,
            last=floors_told(self.known_floors) if self.classes else (),
        )

    @classmethod
    def toy(cls, folder: Path) -> dict[str, Any]:
        """Twenty-four fingerprints of six access points on two floors, and a random encoder of two blocks."""
        from ftkit.tasks._vector_toy import write

        return write(folder)

    def names(self, gold: Iterable[Gold]) -> tuple[str, ...]:
        """The targets, whatever the rows hold; a column for each floor."""
        return positions.columns(self.targets_named, self.known_floors) if self.classes else self.targets_named


def _items(inputs: list[tuple[str, ...]]) -> list[Measured]:
    from ftkit.data.measured import Measured

    return [one for (one,) in inputs if isinstance(one, Measured)]
