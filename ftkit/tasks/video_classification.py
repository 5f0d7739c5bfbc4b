"""One label, or several, for a clip of video."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, final

import numpy as np
from pydantic import Field

from ftkit.data.items import FileItem
from ftkit.tasks import Encoded, Given, _clips
from ftkit.tasks._backbone import backbone_of
from ftkit.tasks._files import FileTask, Found, Reader
from ftkit.tasks._snippet import Snippet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import torch

    from ftkit.bases import Base
    from ftkit.data.decoded import Decoded, Store
    from ftkit.data.table import Gold, Table
    from ftkit.metrics import Footage
    from ftkit.recipe import Data
    from ftkit.tasks._watching import Eye

CLIP = "clip"
GRID = 16  # pixels a side that the raw baseline compares
QUIET = ("normal", "nothing", "none", "no event", "no_event", "background", "quiet", "idle", "empty", "negative")
"""what people call footage in which nothing happens"""
SCENE = ("scene", "scene_id", "sceneid")
Auto = Literal["auto"]
Positive = Annotated[float, Field(gt=0, le=3600)]


@final
class VideoClassification(FileTask):
    """Clips in, label probabilities out, through any base of pictures, frame by frame, or a video encoder.

    Kept decoded are the pictures at even steps of time, as small as the base takes them.
    """

    fps: Auto | Positive = "auto"
    """pictures that are looked at in a second of footage; auto: 2, and 7.5 of a video encoder"""
    span: Auto | Positive = "auto"
    """seconds of a clip, from its start, that are looked at; auto: 10, and of a video encoder what its pictures take"""
    step: Auto | Literal["none"] | Positive = "auto"
    """seconds from one window to the next where files longer than `span` are cut into windows, with labels or without;
    auto: only to predict, one behind the other, files of at least two windows"""
    bounds: Auto | tuple[str, str] = "auto"
    """columns of the seconds at which a clip starts and ends within its file; auto: start and end, where they are
    numbers"""
    over_time: Literal["auto", "mean", "change"] = "auto"
    """how a clip's pictures become one row: their mean, or beside it how much successive ones differ; auto: by
    validation. A video encoder has a way of its own"""
    quiet: str = "auto"
    """label of footage in which nothing happens, of which false alarms are counted; auto: one called normal, none, …;
    none: every label is an event"""

    default_base: ClassVar[str] = ""
    suggested_base: ClassVar[str] = "google/vit-base-patch16-224-in21k (or MCG-NJU/videomae-base, …)"
    heavy: ClassVar[bool] = True
    names_labels: ClassVar[tuple[str, ...]] = ("quiet",)
    cut_by: ClassVar[str] = "span"
    reading: ClassVar[tuple[str, ...]] = ("step",)
    suffixes: ClassVar[tuple[str, ...]] = (".mp4", ".mkv", ".avi", ".webm", ".mov", ".m4v", ".mpg", ".mpeg")
    noun: ClassVar[str] = "clip"
    augmentations: ClassVar[tuple[str, ...]] = ("flip", "crop")

    def resolve(self, table: Table) -> Self:
        """Decide columns, multi-label and the quiet label from the training table, where they are `auto`."""
        task = super().resolve(table)
        if task.quiet != "auto":
            return task
        cells: list[Any] = []
        if isinstance(task.label, str) and task.multi_label is not True and task.label in table.frame:
            cells = table.frame[task.label].to_list()
        labels = {str(cell).strip() for cell in cells}
        named = [label for word in QUIET for label in sorted(labels) if label.casefold() == word]
        return task.model_copy(update={"quiet": named[0] if named else "none"})

    def rows(self, table: Table, data: Data, labelled: bool, base: Base | None = None) -> Table:
        """Of files that are cut one row a window, with its bounds."""
        from ftkit.tasks import _cutting

        assert base is not None
        return _cutting.rows(self, table, labelled, lambda: self.processor(base).span)

    def found(self, table: Table, root: Path, reader: Reader, store: Store) -> Iterator[Found]:
        """Files, or parts of them, each file decoded once."""
        from ftkit.tasks import _cutting

        return _cutting.found(self, table, root, reader, store)

    def hangs(self, table: Table) -> tuple[str, str] | None:
        """A column called scene: a base knows a scene again, whatever happens in it. Else the file of its parts."""
        from ftkit.tasks import _cutting

        taken = {self.file, *([self.label] if isinstance(self.label, str) else self.label)}
        named = [str(name) for name in table.frame if str(name).casefold() in SCENE and name not in taken]
        if not named or not 1 < table.frame[named[0]].nunique() < len(table.frame):
            parts = _cutting.bounds_of(self, table.frame) and table.frame[self.file].map(str).duplicated().any()
            return (self.file, "parts of one file stay on one side of every split") if parts else None
        return named[0], "clips of one scene stay on one side of every split; --unit COLUMN says otherwise"

    def footage(self, inputs: list[tuple[str, ...]]) -> Footage:
        """How long each clip is, as far as it is looked at, and the quiet label."""
        from ftkit.metrics import Footage

        seconds = np.array([item.seconds for (item,) in inputs if isinstance(item, FileItem)], dtype=np.float64)
        return Footage(seconds, None if self.quiet in ("auto", "none") else self.quiet)

    # ---- model ----

    def processor(self, base: Base) -> Eye:
        """How the base watches."""
        from ftkit.tasks._watching import eye_of

        _clips.library()
        return eye_of(base, self.fps, self.span, self.suggested_base)

    def load(self, base: Base) -> torch.nn.Module:
        """The bare backbone in fp32 and eval mode; of a model of pictures and texts, its half for pictures."""
        backbone = backbone_of(base)
        half = getattr(backbone, "vision_model", None)
        return half if half is not None else backbone

    def reader(self, processor: Eye) -> Reader:
        """Pictures at even steps of time; one more than the base is shown tells that a clip was cut."""
        import PIL
        import transformers

        from ftkit.tasks import _footage, _seeing

        fps, most, images = processor.fps, processor.most, processor.images
        versions = f"PyAV {_clips.library().__version__}, {PIL.__version__}, {transformers.__version__}"
        wanted = processor.at_once or self.span != "auto"
        return Reader(
            settings=f"clips {processor.settings} {versions}",
            name=CLIP,
            decode=lambda file: _clips.decode(file, fps, most + 1, lambda pixels: _seeing.placed(images, pixels)),
            variant=_clips.variant,
            remark=lambda file: _clips.remark(file, processor.span),
            note=lambda clip: "shorter than the seconds that are looked at" if wanted and len(clip) < most else "",
            rate=fps,
            stretches=lambda file, wanted: _footage.decode(
                file, wanted, fps, most + 1, lambda pixels: _seeing.placed(images, pixels)
            ),
        )

    def encode(self, inputs: list[tuple[str, ...]], processor: Eye) -> Encoded:
        """Clips as decoded, with what each costs the base, and how many are longer than it looks."""
        rows = super().encode(inputs, processor).rows
        cut = int((rows.lengths > processor.most).sum())  # type: ignore[attr-defined]
        lengths, several = processor.lengths(rows.lengths), not processor.at_once  # type: ignore[attr-defined]
        rows = dataclasses.replace(rows, lengths=lengths, settings=processor.settings, several=several)  # type: ignore[type-var]
        return Encoded(rows, truncated=cut, unknown=0, pieces=0)

    def collate(self, rows: list[dict[str, np.ndarray]], processor: Eye) -> dict[str, torch.Tensor]:
        """What the base's image processor makes of the pictures."""
        return processor.batch([row[CLIP] for row in rows])

    def outline(self, lengths: np.ndarray, processor: Eye) -> dict[str, torch.Tensor]:
        """The same of nothing but its shape."""
        return processor.outline(lengths)

    def poolings(self, backbone: torch.nn.Module) -> tuple[str, ...]:
        """As of single pictures, and where they go through the base one by one, with and without their changes."""
        from ftkit.tasks._watching import ENCODERS

        marks = ("cls_token", "class_embedding")
        marked = any(mark in name for name, _ in backbone.named_parameters() for mark in marks)
        kinds = ("first", "mean") if marked else ("mean",)
        config: Any = backbone.config
        if config.model_type in ENCODERS or self.over_time == "mean":
            return kinds
        changing = tuple(f"{kind}+change" for kind in kinds)
        return changing if self.over_time == "change" else (*kinds, *changing)

    def augment(
        self, batch: dict[str, torch.Tensor], names: tuple[str, ...], generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        """Each clip changed in its own way, all its pictures alike: mirrored, a part of them enlarged."""
        from ftkit.tasks._clip_changes import changed

        return changed(batch, tuple(name for name in self.augmentations if name in names), generator)

    # ---- baselines and pages ----

    def raw(self, rows: Sequence[dict[str, np.ndarray]], processor: Eye) -> np.ndarray:
        """The mean picture of each clip, very small."""
        from ftkit.tasks._pictures import shrunk

        clips: Decoded = rows  # type: ignore[assignment]
        return clips.digested("raw", lambda clip: shrunk(_mean(clip)[0], GRID)).astype(np.float32)

    def baselines(self, given: Given) -> dict[str, np.ndarray]:
        """What moves, and nothing of what it looks like."""
        from ftkit.tasks import _motion

        clips: Decoded = given.rows  # type: ignore[assignment]
        numbers = clips.digested("motion", _motion.numbers)
        known, asked = numbers[given.train], numbers[given.test]
        return {
            "motion": _motion.solved(known, given.targets[given.train], given.labels, asked, given.balanced),
        }

    def views(
        self, rows: Sequence[dict[str, np.ndarray]], processor: Eye
    ) -> dict[str, Sequence[dict[str, np.ndarray]]]:
        """Each clip as a single picture, its mean: what stands in the scene, without anything that happens."""
        clips: Decoded = rows  # type: ignore[assignment]
        lengths, how = processor.lengths(np.ones(len(clips), np.int64)), f"{clips.settings} mean"
        return {"mean_frame": dataclasses.replace(clips, lengths=lengths, settings=how, change=_mean)}

    def show(
        self, input: tuple[str, ...], row: dict[str, np.ndarray], processor: Eye, answer: tuple[Gold, Gold]
    ) -> str:
        """A few pictures of the clip, with their times."""
        from ftkit.tasks._clip_page import drawn

        (item,) = input
        start = item.stretch[0] if isinstance(item, FileItem) and item.stretch else 0.0
        return drawn(row[CLIP][: processor.most], processor.fps, item, start)

    def snippet(self, processor: Eye) -> Snippet:
        """Files through PyAV and the image processor."""
        from ftkit.tasks._clip_snippet import lines

        return lines(processor)

    @classmethod
    def toy(cls, folder: Path) -> dict[str, Any]:
        """Twenty-four clips of discs that move and bars that stand, and a ViT of two blocks."""
        from ftkit.tasks._clip_toy import write_base, write_clips

        write_clips(folder / "toy")
        write_base(folder / "base")
        return {
            "base": str(folder / "base"),
            "task": {"name": "video_classification", "file": "file", "label": "label"},
            "data": {"train": str(folder / "toy"), "folds": 2},
        }


def _mean(clip: np.ndarray) -> np.ndarray:
    """(frames, height, width, 3) → (1, height, width, 3): the mean picture."""
    return np.asarray(clip.mean(axis=0, keepdims=True).round().astype(np.uint8))
