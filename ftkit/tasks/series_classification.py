"""Label windows of sensor data: signals of several channels over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, final

import numpy as np
from pydantic import Field

from ftkit.errors import InputError
from ftkit.tasks import Encoded, Guess
from ftkit.tasks._backbone import backbone_of
from ftkit.tasks._labelled import Labelled
from ftkit.tasks._snippet import Snippet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

    from ftkit.bases import Base
    from ftkit.data.samples import Samples
    from ftkit.data.table import Gold, Parsed, Table
    from ftkit.recipe import Data
    from ftkit.tasks._series import Processor

Auto = Literal["auto"]
Positive = Annotated[float, Field(gt=0)]
SMALL = {
    "model_type": "vit",
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
}
"""a Transformer over patches of all channels: of the small models of transformers the best and fastest on sensors"""
PATCHES = 20
"""patches of a window, about"""


@final
class SeriesClassification(Labelled):
    """A row is a window: in lists, one a channel (Parquet, JSON), in numbered columns, or cut from recordings."""

    layout: Literal["auto", "lists", "wide", "long"] = "auto"
    """lists or wide (numbered columns, x_0, x_1, …): one row a window; long: one row a sample"""
    channels: Auto | list[str] = "auto"
    """columns of the signals; of numbered columns the name before the number"""
    time: str = "auto"
    """column of time stamps, or none where samples follow each other evenly"""
    time_unit: Literal["auto", "s", "ms", "us", "ns"] = "auto"
    """of time stamps that are numbers"""
    rate: Auto | Positive = "auto"
    """Hz that recordings are brought to; auto: their own"""
    window: Auto | Positive = "auto"
    """seconds of a window that is cut from a recording; auto: 2"""
    step: Auto | Positive = "auto"
    """seconds from one window to the next; auto: half a window"""
    label_share: float = Field(0.5, gt=0, le=1)
    """share of a window that its commonest label must hold"""
    recording: Auto | list[str] = "auto"
    """columns that tell recordings apart in a long table"""
    points: Auto | Annotated[int, Field(ge=4)] = "auto"
    """samples of a window as a model from scratch is shown it; auto: those of the data, 256 at most"""
    normalise: Auto | Literal["channel", "window", "none"] = "auto"
    """channel: by one offset and scale a channel for all windows, which keeps levels (auto); window: by each window's
    own mean and spread, which drops them; an earlier run keeps its own"""

    default_base: ClassVar[str | dict[str, Any]] = {"config": SMALL}
    default_metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1")
    noun: ClassVar[str] = "window"
    augmentations: ClassVar[tuple[str, ...]] = ("noise", "shift", "scale", "mask")

    # ---- data ----

    @classmethod
    def recognise(cls, table: Table) -> Guess:
        """Lists of numbers, numbered columns, or samples whose label stays for a while."""
        from ftkit.data.guess_series import guess_series

        found = guess_series(table.frame)
        if found is None:
            return Guess(0.0, {}, "no column looks like a signal")
        fields: dict[str, Any] = {"layout": found.layout, "channels": list(found.channels)}
        fields |= {key: value for key in ("time", "label") if (value := getattr(found, key))}
        return Guess(0.95 if found.label else 0.5, fields, found.why)

    def columns(self) -> dict[str, tuple[str, ...]]:
        """Channels, time and label; numbered columns are found by their beginnings."""
        whole = self.channels if isinstance(self.channels, list) and self.layout != "wide" else ()
        label = (self.label,) if isinstance(self.label, str) else tuple(self.label)
        named = {"task.channels": tuple(whole), "task.label": label}
        if self.time not in ("auto", "none"):
            named["task.time"] = (self.time,)
        return named

    def resolve(self, table: Table) -> Self:
        """Decide columns, rate and the cutting of windows from the training table, where they are `auto`."""
        from ftkit.tasks import _series_columns

        guess = self.recognise(table)
        task = self.model_copy(update={k: v for k, v in guess.fields.items() if getattr(self, k) == "auto"})
        missing = [key for key in ("layout", "channels", "label") if getattr(task, key) == "auto"]
        if missing:
            columns = ", ".join(map(str, table.frame.columns))
            hint = f"--set task.{missing[0]}=…" if missing[0] != "label" else "--label COLUMN"
            raise InputError(f"{table.source}: which is the {missing[0]}? It has {columns}", hint)
        task = task.model_copy(update={"time": "none" if task.time == "auto" else task.time})
        return _series_columns.settled(task.with_kind(table), table)

    def rows(self, table: Table, data: Data, labelled: bool, base: Base | None = None) -> Table:
        """Of a long table the windows; any other is as it should be."""
        from ftkit.data.samples import WINDOW, windowed

        if self.layout != "long" or WINDOW in table.frame:
            return table
        return windowed(table, self._samples(table, data, labelled))

    def hangs(self, table: Table) -> tuple[str, str] | None:
        """The recording of windows that were cut, as they may overlap; else a column of people."""
        from ftkit.tasks import _series_columns

        return _series_columns.unit(self.layout, table)

    def parse(self, table: Table, max_chars: int, labelled: bool = True, base: Base | None = None) -> Parsed:
        """Windows and labels of every row; signals with holes, of unequal length or without numbers are faults."""
        from ftkit.data.table import Parsed
        from ftkit.tasks import _series_columns

        windows, faults = _series_columns.windows(self.layout, list(self.channels), self.time, self.time_unit, table)
        gold: list[Gold] = self.gold(table) if labelled else [None] * len(windows)
        if labelled:
            pairs = zip(faults, gold, strict=True)
            faults = [fault or ("no label" if one is None else None) for fault, one in pairs]
        kept = [None if one is None or fault else (one,) for one, fault in zip(windows, faults, strict=True)]
        return Parsed(inputs=list(kept), gold=gold, faults=faults)

    def _samples(self, table: Table, data: Data, labelled: bool) -> Samples:
        from ftkit.data.samples import Samples
        from ftkit.data.windows import Grid

        assert isinstance(self.rate, float) and isinstance(self.window, float) and isinstance(self.step, float)
        apart = [*self.recording, *(name for name in (data.unit, data.group, data.split, data.left_out) if name)]
        return Samples(
            channels=list(self.channels),
            time=None if self.time == "none" else self.time,
            unit=self.time_unit,
            recording=[name for name in dict.fromkeys(apart) if name in table.frame],
            label=self.label if labelled and isinstance(self.label, str) else None,
            label_share=self.label_share,
            grid=Grid(self.rate, self.window, self.step),
        )

    # ---- model ----

    def shape(self, inputs: list[tuple[str, ...]], config: dict[str, Any]) -> dict[str, Any]:
        """Channels, samples and scale of the data, for random weights."""
        from ftkit.data.windows import Window
        from ftkit.tasks._series import scaling_for, shaped

        windows = [one for (one,) in inputs if isinstance(one, Window)]
        usual = int(np.median([len(one.values) for one in windows]))
        points = self.points if isinstance(self.points, int) else max(8, min(256, usual))
        scaling = scaling_for(windows, "channel" if self.normalise == "auto" else self.normalise, points)
        patch = max(1, round(points / PATCHES))
        if config.get("model_type") == "vit" and "patch_size" not in config:
            config = {"patch_size": (1, patch)} | config
        return shaped(config, scaling)

    def processor(self, base: Base) -> Processor:
        """The base's own scaling.

        Raises InputError where the base takes other channels, or where the recipe wants another scaling.
        """
        from ftkit.tasks._series import Processor

        made = Processor.of(base)
        if made.scaling.channels not in (0, len(self.channels)):
            what = f"{base.name}: takes {made.scaling.channels} channels, and the data have {len(self.channels)}"
            raise InputError(what, "name as many with --set 'task.channels=[…]', in the base's order")
        if self.normalise not in ("auto", made.scaling.normalise):
            what = f"task.normalise: {base.name} normalises by {made.scaling.normalise}, not by {self.normalise}"
            raise InputError(what, "leave out task.normalise")
        return made

    def load(self, base: Base) -> torch.nn.Module:
        """The bare backbone in fp32 and eval mode."""
        return backbone_of(base)

    def scratch(self, inputs: list[tuple[str, ...]], processor: Processor) -> dict[str, Any]:
        """The small model that is trained without pretraining, to be held against the base."""
        return self.shape(inputs, dict(SMALL))

    def encode(self, inputs: list[tuple[str, ...]], processor: Processor) -> Encoded:
        """Windows as the base is shown them: {"window": (points, channels) float32}."""
        rows = [{"window": processor.scaling(one.values)} for (one,) in inputs]  # type: ignore[attr-defined]
        return Encoded(rows, 0, 0, 0)

    def longest(self, processor: Processor) -> int:
        """Samples of every window."""
        return processor.scaling.points

    def positions(self, rows: Sequence[dict[str, np.ndarray]], processor: Processor) -> np.ndarray:
        """Patches of a window: several samples make one."""
        return np.full(len(rows), processor.positions)

    def collate(self, rows: list[dict[str, np.ndarray]], processor: Processor) -> dict[str, torch.Tensor]:
        """All windows have one length, so that nothing is padded."""
        return processor.batch(np.stack([row["window"] for row in rows]))

    def augment(
        self, batch: dict[str, torch.Tensor], names: tuple[str, ...], generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        """Noise, shift, scale and mask, each with a strength of its own for each window."""
        from ftkit.tasks._series import augmented

        key = next(name for name in ("past_values", "pixel_values", "input_features") if name in batch)
        time, channel = (3, 1) if key == "pixel_values" else (1, 2)
        return batch | {key: augmented(batch[key], names, generator, time, channel)}

    def raw(self, rows: Any, processor: Processor) -> np.ndarray:
        """Windows as vectors, (rows, points x channels)."""
        return np.stack([row["window"].reshape(-1) for row in rows])

    # ---- pages ----

    def snippet(self, processor: Processor) -> Snippet:
        """How windows are scaled and shaped."""
        return Snippet(
            imports=("import numpy as np",),
            setup=("", "", *processor.snippet(), "", ""),
            arguments="windows",
            rows="windows",
            batch=("batch = prepared(windows)",),
            example=f"[np.zeros(({processor.scaling.points}, {len(self.channels)}))]",
            masked=False,
            states="hidden = hidden.flatten(1, -2)",
        )

    def show(
        self, input: tuple[str, ...], row: dict[str, np.ndarray], processor: Any, answer: tuple[Gold, Gold]
    ) -> str:
        """Channels over time."""
        from ftkit.data.windows import Window
        from ftkit.tasks._drawing import channels

        (window,) = input
        if not isinstance(window, Window):
            return ""
        return channels(window.values, list(self.channels), f"channels of {window} over time")

    @classmethod
    def toy(cls, folder: Path) -> dict[str, Any]:
        """Twenty-four windows: slow swings high up, fast ones low down; and a random Transformer over patches."""
        from ftkit.tasks._series_toy import write

        return write(folder)
