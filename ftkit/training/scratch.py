"""Two baselines of transfer: the earlier run as it is, and a small model that learns from the run's rows alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ftkit.bases import random
from ftkit.data.positions import answers
from ftkit.features.examples import Examples
from ftkit.features.network import Network
from ftkit.features.pooling import Pooling
from ftkit.features.probe import Probe, applied
from ftkit.features.scale import Scale
from ftkit.features.tokens import flat, is_ragged, split
from ftkit.methods.full import Full
from ftkit.models.assembly import causal, device
from ftkit.training.deciding import RANDOM_LR, batch_of
from ftkit.training.finite import NotFinite
from ftkit.training.loop import fit
from ftkit.training.members import Settings, balance, member
from ftkit.training.passes import Job, predict

if TYPE_CHECKING:
    from ftkit.data.table import Part
    from ftkit.training.session import Session

PASSES, ROWS, FEWEST = 120, 30_000, 3
"""passes over the training rows at most; rows shown altogether, about; passes at least"""
MEAN = Pooling("mean")


@dataclass(frozen=True)
class Scratch:
    """The small model of a task with random weights, ready to be trained on any part of a run."""

    session: Session
    job: Job
    width: int

    @classmethod
    def of(cls, session: Session) -> Scratch | None:
        """None where the task has no such model, or where the run itself starts from random weights."""
        recipe, frame = session.recipe, session.splits.rows.frame
        final = session.splits.parts[-1].train
        config = recipe.task.scratch([frame["input"].iloc[i] for i in final], session.assembly.processor)
        if config is None or session.assembly.base.kind == "random":
            return None
        base = random.find(config, recipe.seed, session.assembly.base.folder)
        processor = recipe.task.processor(base)
        backbone = Full(name="full").apply(recipe.task.load(base)).to(device())
        encoded = recipe.task.encode(frame["input"].to_list(), processor)
        network = Network(backbone, causal(backbone))
        job = Job(
            network=network,
            examples=Examples(recipe.task, processor, encoded.rows),
            targets=torch.from_numpy(session.targets),
            balanced=session.balanced,
            judge=session.arms[0].job.judge,
            accelerator=session.arms[0].job.accelerator,
        )
        with torch.no_grad():
            network.training(False)
            first = job.examples.batch(final[:1]).to(network.device)
            return cls(session, job, int(network(first).shape[-1]))

    def scores(self, part: Part) -> np.ndarray | None:
        """Probabilities of a part's test rows (rows, labels) by a model trained on its training rows.

        The number of passes is fixed, so that nothing is chosen on any row. None where training ran away.
        """
        labels = len(self.session.labels)
        classes = self.session.recipe.task.classes
        scale = Scale.of(self.session.targets[part.train], classes)
        weight, bias = np.zeros((labels, self.width), np.float32), np.zeros(labels, np.float32)
        start = Probe(MEAN, 1.0, weight, bias, scale, classes)
        passes = min(PASSES, max(FEWEST, ROWS // max(1, len(part.train))))
        settings = Settings(epochs=passes, lr=RANDOM_LR, batch=batch_of(self.session.recipe, len(part.train)))
        weights = balance(self.job.targets, part.train, labels) if self.job.balanced else None
        nothing = np.zeros(0, dtype=np.int64)
        full, seed = Full(name="full"), self.session.recipe.seed
        one = member("scratch", self.job.network, full, start, part.train, nothing, settings, seed, None, weights)
        try:
            for _ in fit(self.job, [one]):
                pass
        except NotFinite:
            return None
        return self.session.recipe.task.scores(predict(self.job, one, part.test))


def unadapted(session: Session, rows: np.ndarray) -> np.ndarray | None:
    """Scores (rows, labels), of tokens objects, by the earlier run that is the base, as it was delivered.

    Labels that it does not know never win; those that only it knows are left out. None where the base is no run,
    shares fewer than two labels, or does not predict all of the numbers.
    """
    head = session.assembly.head
    if head is None:
        return None
    if head.scale is None and len(set(head.labels) & set(session.labels)) < 2:
        return None
    if head.scale is not None and not set(answers(session.labels)) <= set(answers(head.labels)):
        return None
    logits = applied(session.pooled[head.pooling][rows], head.weight, head.bias)
    if head.scale is not None:
        logits = head.scale.own(logits)
    if not is_ragged(logits):
        return session.recipe.task.scores(_placed(logits, head.labels, session.labels))
    every, lengths = flat(logits)
    return session.recipe.task.scores(split(_placed(every, head.labels, session.labels), lengths))


def _placed(logits: np.ndarray, known: tuple[str, ...], labels: tuple[str, ...]) -> np.ndarray:
    """Columns of known labels in the order of others; of tokens that the base was not shown all stay infinite."""
    place = {label: i for i, label in enumerate(known)}
    seen = np.isfinite(logits).all(axis=1)
    least = float(logits[seen].min(initial=0.0)) - 20.0
    unknown = np.where(seen, least, -np.inf)
    return np.column_stack([logits[:, place[name]] if name in place else unknown for name in labels])
