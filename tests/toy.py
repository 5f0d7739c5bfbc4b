"""A toy run without files or folds: what tests of the loop, the methods and the features stand on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from ftkit import metrics, registry
from ftkit.bases import Base
from ftkit.data.read import read
from ftkit.features import probe
from ftkit.features.examples import Examples, Features
from ftkit.features.network import Network
from ftkit.features.pooling import EACH, Pooling
from ftkit.features.probe import Probe
from ftkit.methods import Method
from ftkit.recipe import Data
from ftkit.tasks import Task
from ftkit.training.members import Member, Settings, member
from ftkit.training.passes import Job

MEAN = Pooling("mean")
EVERY = np.arange(24)
NONE = np.array([], dtype=np.int64)


def method_named(name: str, **fields: Any) -> Method:
    """A method of the registry, reaching only the last of the toy's two blocks unless told otherwise."""
    quick = {"lora": {"layers": "last 1"}, "ia3": {"layers": "last 1"}, "freeze": {"last": 1}}.get(name, {})
    return registry.load("methods", name)(name=name, **{**quick, **fields})


@dataclass(frozen=True)
class Toy:
    """The toy of a task: 24 rows, few labels or a number, a random base of 2 blocks."""

    task: Task
    method: Method
    job: Job
    targets: np.ndarray
    labels: tuple[str, ...]
    probe: Probe
    folder: Path

    def member(self, settings: Settings, seed: int = 0, **fields: Any) -> Member:
        """One member on all rows, or as `fields` say."""
        given = {"name": "toy", "train": EVERY, "validation": NONE, **fields}
        return member(
            network=self.job.network, method=self.method, probe=self.probe, settings=settings, seed=seed, **given
        )

    def logits(self, one: Member) -> np.ndarray:
        """Of all rows."""
        from ftkit.training.passes import predict

        return predict(self.job, one, EVERY)


def build(
    folder: Path, method: Method, task: str = "text_classification", double: bool = False, cached: bool = True
) -> Toy:
    """Load the toy of a task in `folder` and attach a method."""
    kind = registry.load("tasks", task)
    tree = kind.toy(folder)
    data = Data(**tree["data"])
    table = read(str(data.train), data)
    chosen = kind(**{key: value for key, value in tree["task"].items() if key != "name"}).resolve(table)
    parsed = chosen.parse(chosen.rows(table, data, True, base_in(folder)), data.max_chars, base=base_in(folder))
    inputs = [row for row in parsed.inputs if row is not None]
    assert len(inputs) == len(EVERY), "the toy of a task has 24 rows, all of them good"
    backbone, processor = load(chosen, folder)
    torch.manual_seed(0)
    network = Network(method.apply(backbone.requires_grad_(False)))
    if double:
        network.backbone.double()
    examples = Examples(chosen, processor, chosen.encode(inputs, processor).rows)
    pooling = Pooling(EACH) if chosen.kind == "tags" else MEAN
    features = Features(network, examples, (pooling,), None)
    features.read(EVERY)
    examples.prefix = features.prefix if cached else None
    labels = chosen.names(parsed.gold)
    targets = chosen.targets(parsed.gold, labels)
    solved = probe.fit(features.pooled, targets, len(labels), EVERY, (pooling, 0.01))
    job = Job(
        network,
        examples,
        torch.from_numpy(targets),
        False,
        judge(chosen, targets, labels),
        Accelerator(cpu=True),
    )
    return Toy(chosen, method, job, targets, labels, solved, folder)


def load(task: Task, folder: Path) -> tuple[nn.Module, Any]:
    """The toy's untouched backbone and its processor."""
    base = base_in(folder)
    return task.load(base), task.processor(base)


def base_in(folder: Path) -> Base:
    """The toy's base."""
    return Base("toy", folder / "base", "local", "", "folder")


def judge(task: Task, targets: np.ndarray, labels: tuple[str, ...]) -> Any:
    """The task's first metric, turned so that larger is better, and its loss, of logits."""
    metric, loss = metrics.load(task.default_metrics[0]), metrics.load(task.loss_metric)

    def scored(positions: np.ndarray, logits: np.ndarray) -> tuple[float, float]:
        seen = task.scored(targets[positions], task.scores(logits), labels)
        return metric.compute(seen) * (1 if metric.higher_is_better else -1), loss.compute(seen)

    return scored


def judged_by(toy: Toy, judge: Any) -> Toy:
    """The same toy with another judge of validation rows."""
    return replace(toy, job=replace(toy.job, judge=judge))


def with_accelerator(toy: Toy) -> Toy:
    """The same toy with an Accelerator of this test's own: its process-wide state ends with each test."""
    return replace(toy, job=replace(toy.job, accelerator=Accelerator(cpu=True)))
