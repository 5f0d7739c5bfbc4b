"""What adapts the groups of a finished bank, ready to be asked for single steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ftkit import runs
from ftkit.bank import adapting
from ftkit.bank.adapting import Adapter
from ftkit.bank.grouping import Folds, Group, groups_of
from ftkit.bank.stage import Stage, open_stage
from ftkit.data.prepare import prepare
from ftkit.data.splits import used_only
from ftkit.features.examples import Examples
from ftkit.privacy import Mask
from ftkit.recipe import read
from ftkit.training.passes import Job
from ftkit.training.stopping import Stop


def adapter_of(
    bank: Path, recipe: dict[str, Any] | None = None, exact: bool = False, lr: float = 0.01
) -> tuple[Adapter, list[Group]]:
    """What adapts groups of a bank, with other recipe keys and in float64 where asked, and its groups."""
    from accelerate import Accelerator

    stage = open_stage(bank / "general")
    if exact:
        stage = _doubled(stage)
    stage = replace(stage, recipe=stage.recipe.replace(recipe or {}))
    splits = used_only(prepare(read(bank / runs.RECIPE))[1])
    frame = splits.rows.frame
    targets = stage.recipe.task.targets(frame["gold"].to_list(), stage.labels)
    encoded = stage.recipe.task.encode(frame["input"].to_list(), stage.processor)
    examples = Examples(stage.recipe.task, stage.processor, encoded.rows)
    pooled = stage.read(examples, np.arange(len(frame)), None, lambda done: None)
    job = Job(
        stage.network,
        examples,
        torch.from_numpy(targets),
        False,
        judge=lambda positions, logits: (0.0, 0.0),
        accelerator=Accelerator(cpu=True),
        pooled=pooled,
        dropout=False,
    )
    off = Mask(on=False)
    settings = adapting.settings_of(stage, lr)
    made = Adapter(stage, job, Folds.of(splits), frame, targets, settings, off, Stop())
    return made, groups_of(splits, stage.recipe, targets, off)


def _doubled(stage: Stage) -> Stage:
    stage.network.backbone.double()
    starts = {
        fold: replace(one, weights={name: tensor.double() for name, tensor in one.weights.items()})
        for fold, one in stage.starts.items()
    }
    return replace(stage, starts=starts)
