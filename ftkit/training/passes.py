"""What a pass through the network says of a member's rows: their logits, and in training their losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from ftkit.features import tokens
from ftkit.features.examples import Examples
from ftkit.features.headroom import ROWS, in_chunks, portions
from ftkit.features.network import Network
from ftkit.features.pooling import EACH, Pooling
from ftkit.training import finite
from ftkit.training.lengths import alike
from ftkit.training.members import Member
from ftkit.training.memory import Room
from ftkit.training.profiling import Profile
from ftkit.training.repeats import firsts

if TYPE_CHECKING:
    from accelerate import Accelerator

Judge = Callable[[np.ndarray, np.ndarray], tuple[float, float]]
"""(positions, logits) → (score, larger is better; mean loss)"""


@dataclass(frozen=True)
class Job:
    """What the loop needs besides members: the model, the rows, what they should become, and how to run."""

    network: Network
    examples: Examples
    targets: torch.Tensor
    """(rows,), (rows, labels), (rows, targets) or (rows, tokens), for all rows"""
    balanced: bool
    """whether a row weighs in inverse proportion to its label's count among the member's training rows"""
    judge: Judge
    accelerator: Accelerator
    precision: Literal["fp32", "bf16"] = "fp32"
    """of training steps"""
    evaluation_batch: int = ROWS
    """rows at most"""
    pooled: Mapping[Pooling, np.ndarray] = field(default_factory=dict)
    """features (rows, width) of the untouched base, nan where not known: a head that trains alone needs no more. Of
    tokens, objects (tokens, width), None where not known"""
    profile: Profile = field(default_factory=Profile)
    room: Room = field(default_factory=Room)
    dropout: bool = True
    """whether the base's own dropout acts in the blocks that train"""
    describe: Callable[[int], str] = "row {}".format
    """a row as a message names it"""
    alike: np.ndarray | None = None
    """(rows,) equal numbers for equal inputs, which go through the network once in a pass; None: each row does"""


def parts_of(job: Job, one: Member, rows: np.ndarray) -> list[np.ndarray]:
    """Rows that pass the network together: as many as memory takes, and on a CPU no long ones among short ones."""
    parts = [part for part in np.array_split(rows, job.room.parts(one.settings.accumulate)) if len(part)]
    if job.network.device.type != "cpu" or not one.backbone:  # a GPU is idle with few rows; a head knows no padding
        return parts
    return [piece for part in parts for piece in alike(part, job.examples.lengths)]


def row_losses(job: Job, one: Member, rows: np.ndarray, turn: int) -> torch.Tensor:
    """(rows,) weighted losses."""
    device = job.network.device
    # dropout depends on nothing but the member's seed, its step and the part
    seed = int(np.random.SeedSequence([one.seed, one.step, turn]).generate_state(1)[0])
    if device.type == "cpu":  # torch.manual_seed minds devices that are not there too: a third of a head's step
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)
    with torch.autocast(device.type, torch.bfloat16, enabled=job.precision == "bf16"):
        logits = _logits_once(job, one, rows, seed)
    each = job.examples.task.loss(
        logits.float() if logits.dtype != torch.float64 else logits, one.wanted(job.targets[rows]).to(device)
    )
    if one.label_weights is not None:
        each = each * one.label_weights.to(device, each.dtype)[job.targets[rows].to(device)]
    return each


def _logits_once(job: Job, one: Member, rows: np.ndarray, seed: int) -> torch.Tensor:
    """The logits of a step, of rows with equal inputs from one of them."""
    if job.alike is None:
        return logits_of(job, one, rows, changed=seed)
    some, again = firsts(rows, job.alike)
    return logits_of(job, one, some, changed=seed)[torch.from_numpy(again).to(job.network.device)]


def logits_of(job: Job, one: Member, rows: np.ndarray, changed: int | None = None) -> torch.Tensor:
    """(rows, labels) or (rows, tokens, labels); `changed` is the seed of a training step's augmentation."""
    augmented = changed is not None and bool(job.examples.augment)
    alone = not augmented and not one.backbone and one.pooling in job.pooled  # nothing below the head moves
    if alone and (known := _known(job, one, rows)) is not None:
        return known
    with job.profile.time("batches"):
        batch = job.examples.batch(rows, changed=changed).to(job.network.device)
    job.profile.saw(job.examples.lengths[rows])
    with job.profile.time("forward"):
        return one.logits(job.network, batch)


def _known(job: Job, one: Member, rows: np.ndarray) -> torch.Tensor | None:
    """Logits from the features of the untouched base; None where those of a row are not known."""
    pooled = job.pooled[one.pooling]
    if tokens.is_ragged(pooled) and any(row is None for row in pooled[rows]):
        return None
    features, pieces = tokens.gathered(pooled, job.examples.rows, rows)
    if pieces is None and features.isnan().any():
        return None
    return one.head(features.to(one.weight), None if pieces is None else pieces.to(one.weight.device))


@torch.no_grad()
def each_loss(job: Job, one: Member, rows: np.ndarray) -> np.ndarray:
    """Loss of each row as the step has just seen it."""
    parts = enumerate(parts_of(job, one, rows))
    return np.concatenate([row_losses(job, one, part, turn).float().cpu().numpy() for turn, part in parts])


@torch.no_grad()
def predict(job: Job, one: Member, positions: np.ndarray) -> np.ndarray:
    """Logits (positions, labels) in float32 or better, in the precision that the base was loaded in.

    Numbers that are predicted come in their own units; tokens as an object array (positions,) of (tokens, labels).
    """
    if job.alike is not None:
        some, again = firsts(positions, job.alike)
        each_input = predict(replace(job, alike=None), one, some)
        return np.asarray(each_input[again])
    job.network.training(False)
    exact = np.float64 if one.bias.dtype == torch.float64 else np.float32
    each = one.pooling.kind == EACH
    out = tokens.blank(len(positions), len(one.bias), exact, each)
    place = {int(position): i for i, position in enumerate(positions)}

    def work(rows: np.ndarray) -> None:
        logits = logits_of(job, one, rows).cpu().numpy()
        mine = [place[int(row)] for row in rows]
        out[mine] = tokens.cut(logits, [job.examples.rows[i] for i in rows]) if each else logits

    with job.profile.time("evaluation"):
        for rows in portions(job.examples.lengths, positions, job.network.device, job.evaluation_batch):
            in_chunks(job.network, job.examples, rows, len(rows), work)
    if (error := finite.bad_scores(job, one, positions, out)) is not None:
        raise error
    return out if one.scale is None else one.scale.own(out)
