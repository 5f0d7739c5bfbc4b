"""`fit`: the training loop. It is born stacked, and holds the only `backward()` of the package."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from ftkit.errors import FtkitError
from ftkit.features.examples import Examples
from ftkit.features.network import Network
from ftkit.training.members import Member

if TYPE_CHECKING:
    from accelerate import Accelerator

Judge = Callable[[np.ndarray, np.ndarray], tuple[float, float]]
"""(positions, logits) → (score, larger is better; mean loss)"""
REHEARSAL = 2  # validation batches scored before the first step, so that a broken evaluation fails in seconds


@dataclass(frozen=True)
class Step:
    """What just happened to a member: an optimiser step, or the end of an epoch (also before step 1)."""

    member: Member
    epoch: int
    step: int
    loss: float | None
    """mean training loss of the step; of the epoch where `validation` is set"""
    lr: float
    rows: int
    """training rows of this step; 0 at the end of an epoch"""
    validation: tuple[float, float] | None = None
    """score (larger is better), loss; at the end of an epoch of a member with validation rows"""


@dataclass(frozen=True)
class Job:
    """What the loop needs besides members: the model, the rows, what they should become, and how to run."""

    network: Network
    examples: Examples
    targets: torch.Tensor
    """(rows,) or (rows, labels), for all rows"""
    balanced: bool
    """whether a row weighs in inverse proportion to its label's count among the member's training rows"""
    judge: Judge
    accelerator: Accelerator
    precision: Literal["fp32", "bf16"] = "fp32"
    """of training steps"""
    evaluation_batch: int = 64


def fit(job: Job, members: Sequence[Member]) -> Iterator[Step]:
    """Train members side by side until each is done; best weights are restored at each one's end.

    A round takes one batch from every active member, sums the means of their losses and steps all.
    Raises FtkitError when a loss is not finite.
    """
    active = [one for one in members if not one.done]
    for one in active:
        if len(few := one.validation[: REHEARSAL * job.evaluation_batch]):
            job.judge(few, predict(job, one, few))
        yield _judged(job, one, None)
    lengths = job.examples.lengths
    batches = {id(one): one.batches(0, lengths) for one in active}
    losses: dict[int, list[float]] = {id(one): [] for one in active}
    while active:
        job.network.training(True)
        for taken in _round(job, active, [batches[id(one)][one.step % one.steps_an_epoch] for one in active]):
            losses[id(taken.member)].append(taken.loss or 0.0)
            yield taken
        for one in [one for one in active if one.step % one.steps_an_epoch == 0]:
            one.epoch += 1
            mean, losses[id(one)] = float(np.mean(losses[id(one)])), []
            yield _judged(job, one, mean)
            batches[id(one)] = one.batches(one.epoch, lengths)
            one.done = one.done or one.epoch >= one.last_epoch
            if one.done:
                one.restore_best()
        active = [one for one in active if not one.done]


def _round(job: Job, members: list[Member], batches: list[np.ndarray]) -> list[Step]:
    """One optimiser step of every member; batches are cut into `accumulate` parts to save memory."""
    parts = [np.array_split(rows, one.settings.accumulate) for one, rows in zip(members, batches, strict=True)]
    totals = [0.0] * len(members)
    for turn in range(max(map(len, parts))):
        losses = []
        for i, one in enumerate(members):
            if turn < len(parts[i]) and len(rows := parts[i][turn]):
                loss = _loss(job, one, rows, turn) / len(batches[i])
                totals[i] += float(loss.detach())
                losses.append(loss)
        if losses:
            job.accelerator.backward(torch.stack(losses).sum())
    steps = []
    for one, rows, total in zip(members, batches, totals, strict=True):
        lr = one.learning_rate()
        _step(job, one, lr, total)
        steps.append(Step(one, one.epoch, one.step, total, lr, len(rows)))
    return steps


def _loss(job: Job, one: Member, rows: np.ndarray, turn: int) -> torch.Tensor:
    """Sum of the rows' weighted losses."""
    device = job.network.device
    # dropout depends on nothing but the member's seed, its step and the part
    torch.manual_seed(int(np.random.SeedSequence([one.seed, one.step, turn]).generate_state(1)[0]))
    batch = job.examples.batch(rows).to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=job.precision == "bf16"):
        logits = one.logits(job.network, batch)
    each = job.examples.task.loss(
        logits.float() if logits.dtype != torch.float64 else logits, job.targets[rows].to(device)
    )
    if one.label_weights is not None:
        each = each * one.label_weights.to(device, each.dtype)[job.targets[rows].to(device)]
    return each.sum()


def _step(job: Job, one: Member, lr: float, loss: float) -> None:
    """Clip, step, and forget the gradients."""
    if not np.isfinite(loss):
        raise FtkitError(
            f"{one.name}: the loss is {loss} at step {one.step + 1} (epoch {one.epoch + 1})",
            f"a smaller learning rate, such as --set train.lr={one.settings.lr / 10:g}",
        )
    parameters = [p for p in one.parameters() if p.grad is not None]
    torch.nn.utils.clip_grad_norm_(parameters, one.settings.clip)
    for group in one.optimizer.param_groups:
        group["lr"] = lr
    one.optimizer.step()
    one.optimizer.zero_grad(set_to_none=True)
    one.step += 1


def _judged(job: Job, one: Member, loss: float | None) -> Step:
    if not len(one.validation):
        return Step(one, one.epoch, one.step, loss, one.learning_rate(), 0)
    score, held_loss = job.judge(one.validation, predict(job, one, one.validation))
    one.judge(score, held_loss)
    return Step(one, one.epoch, one.step, loss, one.learning_rate(), 0, (score, held_loss))


@torch.no_grad()
def predict(job: Job, one: Member, positions: np.ndarray) -> np.ndarray:
    """Logits (positions, labels) in float32 or better, in the precision that the base was loaded in."""
    job.network.training(False)
    out = np.zeros((len(positions), len(one.bias)), dtype=np.float64 if one.bias.dtype == torch.float64 else np.float32)
    place = {int(position): i for i, position in enumerate(positions)}
    for rows in job.examples.by_length(positions, job.evaluation_batch):
        logits = one.logits(job.network, job.examples.batch(rows).to(job.network.device))
        out[[place[int(row)] for row in rows]] = logits.cpu().numpy()
    return out
