"""Members of equal shapes that train as one: their weights lie side by side, and one pass serves rows of them all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from ftkit.features import tokens
from ftkit.features.headroom import in_chunks, portions
from ftkit.features.mixed import can_mix, mixed, mixed_head
from ftkit.features.pooling import EACH
from ftkit.training import finite
from ftkit.training.members import CLOSED, Member

if TYPE_CHECKING:
    from ftkit.training.loop import Turns
    from ftkit.training.passes import Job

BETAS, EPSILON = (0.9, 0.999), 1e-8  # those of torch.optim.AdamW, which members that train alone use
WEIGHTS = 8 * 2**20  # bytes of a stack's weights: what is gathered for each pass stays in the processor's cache


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows of one pass, and the places of their members in the stack."""

    rows: np.ndarray
    member: np.ndarray

    def first(self, count: int) -> Piece:
        """The first rows of it."""
        return Piece(self.rows[:count], self.member[:count])


class Stack:
    """Weights (members, …), AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) and the way back of all its members.

    A member's own parameters become views of them. Members that end sooner stand behind those that end later, so that
    the active ones are always the first.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = sorted(members, key=lambda one: -one.steps_an_epoch * one.last_epoch)
        self.pooling, self.settings = self.members[0].pooling, self.members[0].settings
        each = [one.named() for one in self.members]
        self.weights = {name: nn.Parameter(torch.stack([some[name].detach() for some in each])) for name in each[0]}
        for name, whole in self.weights.items():
            whole.grad = torch.zeros_like(whole)
            for some, own in zip(each, whole.detach().unbind(), strict=True):
                some[name].data = own
        self._moments = {name: (torch.zeros_like(one), torch.zeros_like(one)) for name, one in self.weights.items()}
        origins = [one.origin for one in self.members]
        self._pull = torch.tensor([0.0 if one is None else one.pull for one in origins])
        self._origins = {
            name: torch.stack(
                [own if one is None else one.weights[name] for one, own in zip(origins, whole, strict=True)]
            )
            for name, whole in ((name, one.detach()) for name, one in self.weights.items())
        }
        bias = self.weights["head.bias"]
        every = torch.ones(bias.shape[1], dtype=torch.bool, device=bias.device)
        self._own = torch.stack([every if one is None else one.labels for one in origins])
        self._closed = torch.stack(
            [~own & (one is not None and one.closed) for one, own in zip(origins, self._own, strict=True)]
        )
        scales = [one.scale for one in self.members if one.scale is not None]
        ends = [torch.from_numpy(np.stack(one)) for one in ([s.mean for s in scales], [s.sd for s in scales]) if one]
        self._scale = (ends[0], ends[1]) if ends else None
        weighted = [one.label_weights for one in self.members]
        self._label_weights = None if weighted[0] is None else torch.stack([one for one in weighted if one is not None])

    def logits(self, job: Job, piece: Piece) -> torch.Tensor:
        """(rows, labels) or (rows, tokens, labels), each row by its own member."""
        features, pieces = self._features(job, piece)
        member = tokens.of_each(piece.member, pieces)
        logits = mixed_head(features, self.weights["head.weight"], self.weights["head.bias"], member)
        closed = self._closed[torch.from_numpy(member).to(logits.device)]
        return tokens.spread(logits.masked_fill(closed, CLOSED), pieces)

    def _features(self, job: Job, piece: Piece) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(rows, width); of rows of tokens, (tokens with a piece, width), and where the pieces stand."""
        device = job.network.device
        if not self.members[0].backbone:
            known, pieces = tokens.gathered(job.pooled[self.pooling], job.examples.rows, piece.rows)
            return known.to(self.weights["head.weight"]), None if pieces is None else pieces.to(device)
        batch, member = job.examples.batch(piece.rows).to(device), torch.from_numpy(piece.member).to(device)
        return mixed(job.network, batch, self.weights, member, self.pooling), batch.pieces

    def losses(self, job: Job, piece: Piece) -> torch.Tensor:
        """(rows,) weighted losses."""
        device = job.network.device
        with torch.autocast(device.type, torch.bfloat16, enabled=job.precision == "bf16"):
            logits = self.logits(job, piece)
        targets = self._wanted(job.targets[piece.rows], piece.member).to(device)
        each = job.examples.task.loss(logits.float() if logits.dtype != torch.float64 else logits, targets)
        if self._label_weights is None:
            return each
        return each * self._label_weights.to(device, each.dtype)[torch.from_numpy(piece.member).to(device), targets]

    def _wanted(self, targets: torch.Tensor, member: np.ndarray) -> torch.Tensor:
        """Targets of some rows as the loss takes them: numbers in sds from the mean of the row's member."""
        if self._scale is None:
            return targets
        mean, sd = (one[torch.from_numpy(member)] for one in self._scale)
        return (targets - mean) / sd

    def turns(self, job: Job, batches: Sequence[np.ndarray]) -> Turns:
        """Pass after pass over the batches of the first members: whose each row is, and its share of their mean."""
        sizes = np.array([len(rows) for rows in batches])
        whole = Piece(np.concatenate(batches), np.repeat(np.arange(len(batches)), sizes))
        for piece in self.pieces(job, whole):
            losses = self.losses(job, piece)
            yield piece.member, losses / torch.from_numpy(sizes[piece.member]).to(losses)

    def alone(self, job: Job, piece: Piece) -> Turns:
        """The same of a single pass, to try it out."""
        yield piece.member, self.losses(job, piece)

    @torch.no_grad()
    def predict(self, job: Job, asked: Sequence[tuple[Member, np.ndarray]]) -> list[np.ndarray]:
        """Logits (rows, labels) in float32 or better of each member's rows; no row is asked for twice.

        Numbers that are predicted come in their own units; tokens as objects (tokens, labels).
        """
        if not asked:
            return []
        job.network.training(False)
        place = {id(one): i for i, one in enumerate(self.members)}
        sizes = [len(rows) for _, rows in asked]
        whole = Piece(
            np.concatenate([rows for _, rows in asked]),
            np.repeat([place[id(one)] for one, _ in asked], sizes),
        )
        exact = np.float64 if self.weights["head.bias"].dtype == torch.float64 else np.float32
        labels, each = self.weights["head.bias"].shape[1], self.pooling.kind == EACH
        out = tokens.blank(len(whole.rows), labels, exact, each)
        where = {int(row): i for i, row in enumerate(whole.rows)}

        def work(rows: np.ndarray) -> None:
            mine = [where[int(row)] for row in rows]
            logits = self.logits(job, Piece(rows, whole.member[mine])).cpu().numpy()
            out[mine] = tokens.cut(logits, [job.examples.rows[i] for i in rows]) if each else logits

        with job.profile.time("evaluation"):
            for piece in self.pieces(job, whole) if len(whole.rows) else ():
                in_chunks(job.network, job.examples, piece.rows, len(piece.rows), work)
        found = np.split(out, np.cumsum(sizes)[:-1])
        for (one, rows), logits in zip(asked, found, strict=True):
            if (error := finite.bad_scores(job, one, rows, logits)) is not None:
                raise error
        return [
            logits if one.scale is None else one.scale.own(logits)
            for (one, _), logits in zip(asked, found, strict=True)
        ]

    def pieces(self, job: Job, whole: Piece) -> Iterator[Piece]:
        """Rows of similar length, the longest first, as many at once as fill a pass; a head takes all at once."""
        if not self.members[0].backbone:
            yield whole
            return
        lengths, parts = job.examples.lengths[whole.rows], job.room.parts(self.settings.accumulate)
        for several in portions(lengths, np.arange(len(lengths)), job.network.device):
            for some in np.array_split(several, parts):
                if len(some):
                    yield Piece(whole.rows[some], whole.member[some])

    def longest(self, job: Job) -> Piece:
        """The largest pass that training will meet."""
        rows = np.concatenate([one.train for one in self.members])
        member = np.repeat(np.arange(len(self.members)), [len(one.train) for one in self.members])
        return next(self.pieces(job, Piece(rows, member)))

    @torch.no_grad()
    def clip(self, count: int) -> list[float]:
        """Norms of the first members' gradients, each of which is then no longer than the recipe allows."""
        gradients = [self._gradient(name, count) for name in self.weights]
        self._gradient("head.weight", count).mul_(self._own[:count, :, None])
        self._gradient("head.bias", count).mul_(self._own[:count])
        norms = torch.stack([one.flatten(1).norm(dim=1) for one in gradients]).norm(dim=0)
        share = (self.settings.clip / (norms + 1e-6)).clamp(max=1.0)
        for one in gradients:
            one.mul_(_beside(share, one))
        found: list[float] = norms.tolist()
        return found

    @torch.no_grad()
    def step(self, rates: Sequence[float]) -> None:
        """One step of the first members, each at its own learning rate, and a share of the way back."""
        count, taken = len(rates), self.members[0].step + 1
        (first, second), decay = BETAS, self.settings.weight_decay
        rate = torch.tensor(rates, dtype=torch.float64)
        for name, whole in self.weights.items():
            p, gradient = whole.detach()[:count], self._gradient(name, count)
            mean, square = (one[:count] for one in self._moments[name])
            mean.lerp_(gradient, 1 - first)
            square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
            if decay and p.ndim > 2:
                p.mul_(_beside(1 - rate * decay, p))
            spread = (square.sqrt() / (1 - second**taken) ** 0.5).add_(EPSILON)
            p.sub_(mean / spread * _beside(rate / (1 - first**taken), p))
            p.lerp_(self._origins[name][:count], _beside((rate * self._pull[:count]).clamp(max=1.0), p).expand_as(p))
        self.forget()

    def forget(self) -> None:
        """Put all gradients back to zero."""
        for one in self.weights.values():
            assert one.grad is not None
            one.grad.zero_()

    def _gradient(self, name: str, count: int) -> torch.Tensor:
        gradient = self.weights[name].grad
        assert gradient is not None
        return gradient[:count]


def can_stack(job: Job, one: Member) -> bool:
    """Whether members like this one can train side by side: nothing is random in a pass, and each row goes alone."""
    if job.dropout or job.examples.augment:
        return False
    return one.pooling in job.pooled if not one.backbone else can_mix(job.network)


def stacks(members: Sequence[Member]) -> Iterator[Stack]:
    """Members in stacks: those that pool alike and train about as long, as many as a stack holds."""
    waiting: dict[object, list[Member]] = {}
    for one in members:
        waiting.setdefault((one.pooling, one.label_weights is None), []).append(one)
    for some in waiting.values():
        ordered = sorted(some, key=lambda one: -one.steps_an_epoch * one.last_epoch)
        size = max(1, WEIGHTS // sum(p.nbytes for p in ordered[0].parameters()))
        for start in range(0, len(ordered), size):
            yield Stack(ordered[start : start + size])


def _beside(each: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    """(members,) in the shape that goes with (members, …)."""
    return each.to(tensor).view(-1, *[1] * (tensor.ndim - 1))
