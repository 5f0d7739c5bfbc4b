"""One group's adapter as a folder of its own, which plain transformers and peft load."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from ftkit.bank.stage import BIAS, FINAL, WEIGHT
from ftkit.files import os_error
from ftkit.models import delivery
from ftkit.training.members import Member, Settings

if TYPE_CHECKING:
    from ftkit.bank.records import Outcome
    from ftkit.bank.serving import Served

NONE = np.array([], dtype=np.int64)


def deliver(served: Served, one: Outcome, out: Path) -> Path:
    """Write adapter and head of a group; a folder that is there is whole."""
    stage = served.stage
    weights = {name: nn.Parameter(tensor) for name, tensor in served.adapter(one).items()}
    weight, bias = weights.pop(WEIGHT), weights.pop(BIAS)
    start, settings = stage.starts[FINAL], Settings(epochs=0, lr=1.0)
    key = one.record.key[:12]
    member = Member(key, 0, NONE, NONE, start.pooling, weights, weight, bias, settings, scale=start.scale)
    staged = out.parent / f".{out.name[:60]}.tmp"
    try:
        shutil.rmtree(staged, ignore_errors=True)
        delivery.save(stage.network, stage.recipe.method, member, stage.labels, staged)
        os.replace(staged, out)
    except OSError as error:
        raise os_error(error, f"writing {out}") from error
    return out
