"""`fit`: the training loop. It is born stacked, and holds the only `backward()` of the package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ftkit.errors import out_of_memory
from ftkit.training import finite
from ftkit.training.members import Member
from ftkit.training.memory import Longest
from ftkit.training.passes import Job, each_loss, parts_of, predict, row_losses
from ftkit.training.stacks import Stack

Turns = Iterator[tuple[Sequence[int] | np.ndarray, torch.Tensor]]
"""places of members, and beside each a share of its mean loss: one backward pass"""
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


def fit(job: Job, members: Sequence[Member], stack: Stack | None = None) -> Iterator[Step]:
    """Train members side by side until each is done; best weights are restored at each one's end.

    A round takes one batch from every active member, sums the means of their losses and steps all.
    Between any two steps that are yielded a member may be saved, and taken up again by another call. With the
    `stack` of all these members one pass serves rows of several; that one is not taken up again.
    Raises NotFinite for a loss, a gradient or a score that is no number, and FtkitError where memory is too small.
    """
    with job.profile.time("rehearsal"):
        if stack is None:
            _make_room(job, [one for one in members if not one.done])
        elif not all(one.done for one in members):
            _make_room_for(job, stack)
    for one in members:
        if not one.started and (len(one.validation) or not one.done):  # a head that is only solved is scored too
            if len(few := one.validation[: REHEARSAL * job.evaluation_batch]):
                job.judge(few, predict(job, one, few))
            held = _held(job, one)
            one.started = True
            yield _judged(job, one, None, held)
    while True:
        for one in members:
            if not one.done and one.step == (one.epoch + 1) * one.steps_an_epoch:
                yield _epoch_ended(job, one)
        for one in members:
            if not one.done and one.epoch >= one.last_epoch:
                one.done = True
        active = [one for one in members if not one.done]
        if not active:
            break
        job.network.training(job.dropout)
        with job.profile.step():
            steps = _round(job, active, [one.batch(job.examples.lengths) for one in active], stack)
        for taken in steps:
            taken.member.losses.append(taken.loss or 0.0)
            yield taken
    for one in members:
        one.restore_best()


def rehearse(job: Job, one: Member, rows: np.ndarray) -> bool:
    """All of a step but its end: forwards and backwards through rows, and nothing moves. Whether memory sufficed."""
    with job.profile.time("rehearsal"):  # no step is taken, so its parts are none of a step's
        _make_room(job, [one])
        return _rehearsed(job, [one], [parts_of(job, one, rows)])


def _rehearsed(job: Job, members: list[Member], parts: list[list[np.ndarray]]) -> bool:
    job.network.training(True)
    done = _tried(job, members, _turns(job, members, parts))
    _forget(members)
    return done is not None


def _epoch_ended(job: Job, one: Member) -> Step:
    held = _held(job, one)  # first, because it may fail, and the member must then be as its last step has left it
    one.epoch += 1
    mean, one.losses = float(np.mean(one.losses)), []
    return _judged(job, one, mean, held)


def _make_room(job: Job, active: list[Member]) -> None:
    """See to it that the longest batches fit into memory, where no longer ones were looked at before."""
    lengths = job.examples.lengths
    longest = [one.inputs[np.argsort(-lengths[one.inputs], kind="stable")][: one.settings.batch] for one in active]
    positions = sum(len(rows) * int(lengths[rows[0]]) for rows in longest)
    if positions <= job.room.known:
        return
    job.room.known = positions
    job.network.training(True)
    job.room.choose(
        Longest(
            batch=max(map(len, longest)),
            accumulate=max(one.settings.accumulate for one in active),
            device=job.network.device,
            unmade=sum(one.unmade() for one in active),
            forward=lambda rows: [
                row_losses(job, one, batch[:rows], 0) for one, batch in zip(active, longest, strict=True)
            ],
            whole=lambda rows: _rehearsed(job, active, [[batch[:rows]] for batch in longest]),
        )
    )


def _make_room_for(job: Job, stack: Stack) -> None:
    """See to it that the largest pass of a stack fits into memory."""
    largest = stack.longest(job)
    positions = int(job.examples.lengths[largest.rows].sum())
    if positions <= job.room.known or not stack.members[0].backbone:
        return
    job.room.known = positions
    job.network.training(job.dropout)
    job.room.choose(
        Longest(
            batch=len(largest.rows),
            accumulate=stack.settings.accumulate,
            device=job.network.device,
            unmade=0,
            forward=lambda rows: stack.losses(job, largest.first(rows)),
            whole=lambda rows: _tried(job, stack.members, stack.alone(job, largest.first(rows)), stack) is not None,
        )
    )


def _round(job: Job, members: list[Member], batches: list[np.ndarray], stack: Stack | None) -> list[Step]:
    """One optimiser step of every member, or none of any where a number is not finite."""
    totals = _gradients(job, members, batches, stack)
    with job.profile.time("optimiser"):
        norms = _clip(members) if stack is None else stack.clip(len(members))
    for one, rows, total, norm in zip(members, batches, totals, norms, strict=True):
        if not np.isfinite([total, norm]).all():
            _forget(members, stack)
            what = f"the loss is {total}" if not np.isfinite(total) else f"the gradient is {norm}"
            raise finite.bad_step(job, one, what, rows, each_loss(job, one, rows))
    rates = [one.learning_rate() for one in members]
    with job.profile.time("optimiser"):
        if stack is None:
            for one, lr in zip(members, rates, strict=True):
                _step(one, lr)
        else:
            stack.step(rates)
    steps = []
    for one, rows, total, lr in zip(members, batches, totals, rates, strict=True):
        steps.append(Step(one, one.epoch, one.step, total, lr, len(rows)))
        one.step += 1
    return steps


def _clip(members: list[Member]) -> list[float]:
    """Norms of the members' gradients, each of which is then no longer than the recipe allows."""
    norms = []
    for one in members:
        moved = [p for p in one.parameters() if p.grad is not None]
        norms.append(float(torch.nn.utils.clip_grad_norm_(moved, one.settings.clip)))
    return norms


def _gradients(job: Job, members: list[Member], batches: list[np.ndarray], stack: Stack | None) -> list[float]:
    """Mean loss of each member's batch, whose gradient it then holds; in smaller parts where memory runs out."""
    while True:
        if stack is None:
            turns = _turns(job, members, [parts_of(job, one, rows) for one, rows in zip(members, batches, strict=True)])
        else:
            turns = stack.turns(job, batches)
        if (totals := _tried(job, members, turns, stack)) is not None:
            return totals
        largest = max(range(len(members)), key=lambda i: len(batches[i]))
        job.room.halve(len(batches[largest]), members[largest].settings.accumulate, "out of memory")


def _turns(job: Job, members: list[Member], parts: list[list[np.ndarray]]) -> Turns:
    """Part after part of the members' batches: whose each part is, and its share of their mean loss."""
    for turn in range(max(map(len, parts))):
        here = [i for i, some in enumerate(parts) if turn < len(some)]
        sums = [row_losses(job, members[i], parts[i][turn], turn).sum() / sum(map(len, parts[i])) for i in here]
        yield here, torch.stack(sums)


def _tried(job: Job, members: Sequence[Member], turns: Turns, stack: Stack | None = None) -> list[float] | None:
    """Forwards and backwards through the members' batches; None, and no gradient, where memory ran out."""
    try:
        return _backward(job, len(members), turns)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
    _forget(members, stack)  # only here, where the error and with it the tensors of the failed pass are gone
    return None


def _backward(job: Job, count: int, turns: Turns) -> list[float]:
    """Mean loss of each member, from passes that run one after the other."""
    totals = np.zeros(count)
    for whose, losses in turns:
        np.add.at(totals, whose, losses.detach().cpu().numpy())
        with job.profile.time("backward"):
            job.accelerator.backward(losses.sum())
    return [float(total) for total in totals]


def _forget(members: Sequence[Member], stack: Stack | None = None) -> None:
    if stack is not None:
        stack.forget()
        return
    for one in members:
        one.optimizer.zero_grad(set_to_none=True)


def _step(one: Member, lr: float) -> None:
    for group in one.optimizer.param_groups:
        group["lr"] = lr
    one.optimizer.step()
    one.stay_near(lr)
    one.optimizer.zero_grad(set_to_none=True)


def _held(job: Job, one: Member) -> np.ndarray | None:
    """Logits of the validation rows; None where there are none."""
    return predict(job, one, one.validation) if len(one.validation) else None


def _judged(job: Job, one: Member, loss: float | None, logits: np.ndarray | None) -> Step:
    if logits is None:
        return Step(one, one.epoch, one.step, loss, one.learning_rate(), 0)
    score, held_loss = job.judge(one.validation, logits)
    one.judge(score, held_loss, logits)
    return Step(one, one.epoch, one.step, loss, one.learning_rate(), 0, (score, held_loss))
