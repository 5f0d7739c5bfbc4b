"""`fit`: the training loop. It is born stacked, and holds the only `backward()` of the package."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from ftkit.errors import out_of_memory
from ftkit.features import tokens
from ftkit.features.examples import Examples
from ftkit.features.headroom import ROWS, in_chunks, portions
from ftkit.features.network import Network
from ftkit.features.pooling import EACH, Pooling
from ftkit.tasks import NO_TOKEN
from ftkit.training import finite
from ftkit.training.lengths import alike
from ftkit.training.members import Member
from ftkit.training.memory import Longest, Room
from ftkit.training.profiling import Profile
from ftkit.training.stacks import Stack

if TYPE_CHECKING:
    from accelerate import Accelerator

Judge = Callable[[np.ndarray, np.ndarray], tuple[float, float]]
"""(positions, logits) → (score, larger is better; mean loss)"""
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
        else:
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
        return _rehearsed(job, [one], [_parts(job, one, rows)])


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
    longest = [one.train[np.argsort(-lengths[one.train], kind="stable")][: one.settings.batch] for one in active]
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
                _losses(job, one, batch[:rows], 0) for one, batch in zip(active, longest, strict=True)
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
            raise finite.bad_step(job, one, what, rows, _each_loss(job, one, rows))
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
            turns = _turns(job, members, [_parts(job, one, rows) for one, rows in zip(members, batches, strict=True)])
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
        sums = [_losses(job, members[i], parts[i][turn], turn).sum() / sum(map(len, parts[i])) for i in here]
        yield here, torch.stack(sums)


def _parts(job: Job, one: Member, rows: np.ndarray) -> list[np.ndarray]:
    """Rows that pass the network together: as many as memory takes, and on a CPU no long ones among short ones."""
    parts = [part for part in np.array_split(rows, job.room.parts(one.settings.accumulate)) if len(part)]
    if job.network.device.type != "cpu" or not one.backbone:  # a GPU is idle with few rows; a head knows no padding
        return parts
    return [piece for part in parts for piece in alike(part, job.examples.lengths)]


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


def _losses(job: Job, one: Member, rows: np.ndarray, turn: int) -> torch.Tensor:
    """(rows,) weighted losses."""
    device = job.network.device
    # dropout depends on nothing but the member's seed, its step and the part
    seed = int(np.random.SeedSequence([one.seed, one.step, turn]).generate_state(1)[0])
    if device.type == "cpu":  # torch.manual_seed minds devices that are not there too: a third of a head's step
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)
    with torch.autocast(device.type, torch.bfloat16, enabled=job.precision == "bf16"):
        logits = _logits(job, one, rows, changed=seed)
    each = job.examples.task.loss(
        logits.float() if logits.dtype != torch.float64 else logits, one.wanted(job.targets[rows]).to(device)
    )
    if one.label_weights is not None:
        each = each * one.label_weights.to(device, each.dtype)[job.targets[rows].to(device)]
    return each


def _logits(job: Job, one: Member, rows: np.ndarray, changed: int | None = None) -> torch.Tensor:
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
    pooled = job.pooled[one.pooling][rows]
    if not tokens.is_ragged(pooled):
        features = torch.from_numpy(pooled)
        return None if features.isnan().any() else one.head(features.to(one.weight))
    if any(row is None for row in pooled):
        return None
    pieces = tokens.places([job.examples.rows[i] for i in rows])
    features = torch.from_numpy(np.concatenate(list(pooled)))[pieces[pieces != NO_TOKEN] >= 0]
    return one.head(features.to(one.weight), pieces.to(one.weight.device))


@torch.no_grad()
def _each_loss(job: Job, one: Member, rows: np.ndarray) -> np.ndarray:
    """Loss of each row as the step has just seen it."""
    parts = enumerate(_parts(job, one, rows))
    return np.concatenate([_losses(job, one, part, turn).float().cpu().numpy() for turn, part in parts])


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


@torch.no_grad()
def predict(job: Job, one: Member, positions: np.ndarray) -> np.ndarray:
    """Logits (positions, labels) in float32 or better, in the precision that the base was loaded in.

    Numbers that are predicted come in their own units; tokens as an object array (positions,) of (tokens, labels).
    """
    job.network.training(False)
    exact = np.float64 if one.bias.dtype == torch.float64 else np.float32
    each = one.pooling.kind == EACH
    out = np.empty(len(positions), object) if each else np.zeros((len(positions), len(one.bias)), dtype=exact)
    place = {int(position): i for i, position in enumerate(positions)}

    def work(rows: np.ndarray) -> None:
        logits = _logits(job, one, rows).cpu().numpy()
        mine = [place[int(row)] for row in rows]
        out[mine] = tokens.cut(logits, [job.examples.rows[i] for i in rows]) if each else logits

    with job.profile.time("evaluation"):
        for rows in portions(job.examples.lengths, positions, job.network.device, job.evaluation_batch):
            in_chunks(job.network, job.examples, rows, len(rows), work)
    if (error := finite.bad_scores(job, one, positions, out)) is not None:
        raise error
    return out if one.scale is None else one.scale.own(out)
