"""Everything that the fits of one run share: model, encoded rows, features, targets and settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ftkit import metrics
from ftkit.console import console
from ftkit.data import coverage
from ftkit.errors import InputError
from ftkit.features import probe
from ftkit.features.examples import Examples, Extracted, extract
from ftkit.features.pooling import Pooling, candidates
from ftkit.features.probe import Probe
from ftkit.models.assembly import Assembly
from ftkit.tasks import Encoded
from ftkit.training.loop import Job
from ftkit.training.members import Settings
from ftkit.training.parts import Fitted, Solve, Watch, fit_part, warm_start

if TYPE_CHECKING:
    from accelerate import Accelerator

    from ftkit.data.table import Finding, Part, Splits
    from ftkit.methods import Method
    from ftkit.recipe import Recipe

ROWS_TRAINED, FEWEST_EPOCHS = 20_000, 3  # `epochs: auto` shows a fit about as many rows, in at least 3 passes


@dataclass(frozen=True)
class Session:
    """One run, ready to fit its parts. The recipe has nothing left that is `auto`."""

    recipe: Recipe
    splits: Splits
    assembly: Assembly
    encoded: Encoded
    coverage: tuple[Finding, ...]
    """what the base does not know of the rows, or does not see"""
    extracted: Extracted
    job: Job
    targets: np.ndarray

    @property
    def labels(self) -> tuple[str, ...]:
        """Label names in the order of scores."""
        return self.splits.rows.labels

    @property
    def balanced(self) -> bool:
        """Whether rows weigh by their label's count."""
        return self.recipe.train.class_weight == "balanced"

    def warm_start(self, part: Part) -> tuple[Solve, tuple[Pooling, float]]:
        """What solves heads for a part; pooling and strength are chosen on its inner holdouts alone."""

        def score(targets: np.ndarray, logits: np.ndarray) -> float:
            return judged(self.recipe, self.labels, targets, logits)[0]

        count = len(self.labels)
        pooled, known = self.extracted.pooled, None
        if (head := self.assembly.head) is not None:
            known = _carried_over(head.labels, head.weight, head.bias, self.labels)
        choice = probe.choose(pooled, self.targets, count, part.inner, score, self.balanced)
        return warm_start(pooled, self.targets, count, choice, self.balanced, known), choice

    def probe(self, part: Part, choice: tuple[Pooling, float]) -> Probe:
        """The linear probe on the untouched base, solved on all training rows of the part."""
        return probe.fit(self.extracted.pooled, self.targets, len(self.labels), part.train, choice, self.balanced)

    def fit(self, part: Part, seed: int, solve: Solve, watch: Watch) -> Fitted:
        """Train one part with one seed."""
        return fit_part(self.job, self.recipe.method, solve, part, settings(self.recipe), seed, watch)


def open_session(recipe: Recipe, splits: Splits, assembly: Assembly, accelerator: Accelerator) -> Session:
    """Encode all rows and run the untouched base over them, once."""
    rows = splits.rows.frame
    encoded = recipe.task.encode(rows["input"].to_list(), assembly.processor)
    missed = coverage.findings(recipe, rows["input"].to_list(), encoded)
    for finding in missed:
        console.warn(f"{finding.what}; {finding.hint}")
    examples = Examples(recipe.task, assembly.processor, encoded.rows)
    if assembly.head is not None:
        poolings: tuple[Pooling, ...] = (assembly.head.pooling,)
    else:
        poolings = candidates(assembly.base.folder, assembly.network.causal)
    with console.progress("reading rows with the base", len(examples)) as bar:
        extracted = extract(assembly.network, examples, poolings, seen=bar.update)
    if extracted.why_not:
        console.say(extracted.why_not)
    examples.prefix = extracted.prefix
    targets = recipe.task.targets(rows["gold"].to_list(), splits.rows.labels)
    job = Job(
        network=assembly.network,
        examples=examples,
        targets=torch.from_numpy(targets),
        row_weights=torch.from_numpy(_row_weights(recipe, splits, targets)),
        judge=lambda positions, logits: judged(recipe, splits.rows.labels, targets[positions], logits),
        accelerator=accelerator,
    )
    return Session(recipe, splits, assembly, encoded, missed, extracted, job, targets)


def settings(recipe: Recipe) -> Settings:
    """The fit's settings of a recipe without `auto`."""
    block = recipe.train
    if block.epochs == "auto" or block.lr == "auto":
        raise ValueError("the recipe still has auto in train")
    return Settings(
        epochs=block.epochs,
        lr=block.lr,
        batch=block.batch,
        accumulate=block.accumulate,
        warmup=block.warmup,
        decay=block.decay,
        weight_decay=block.weight_decay,
        clip=block.clip,
        patience=block.patience,
    )


def decided(recipe: Recipe, splits: Splits) -> Recipe:
    """The recipe with everything `auto` decided, to be saved with the run and read back by a rerun."""
    block, method = recipe.train, recipe.method
    if block.class_weight == "balanced" and splits.rows.multi_label:
        raise InputError("train.class_weight: balanced needs one label a row", "--set train.class_weight=none")
    values: dict[str, Any] = {
        "train.epochs": _epochs(method, len(splits.parts[-1].train)) if block.epochs == "auto" else block.epochs,
        "train.lr": method.default_lr if block.lr == "auto" else block.lr,
        "train.precision": _precision() if block.precision == "auto" else block.precision,
        "evaluate.metrics": recipe.evaluate.metrics or list(_default_metrics(recipe, splits)),
    }
    return recipe.replace(values)


def _epochs(method: Method, rows: int) -> int:
    """The method's own number of passes; fewer on many rows, where each pass takes more steps."""
    return min(method.default_epochs, max(FEWEST_EPOCHS, ROWS_TRAINED // max(1, rows)))


def scored(recipe: Recipe, labels: tuple[str, ...], targets: np.ndarray, logits: np.ndarray) -> metrics.Scored:
    """Targets and logits in the form that metrics take."""
    scores = recipe.task.scores(logits)
    if targets.ndim == 2:
        return metrics.Scored(labels, targets.astype(np.int64), (scores > 0.5).astype(np.int64), scores)
    return metrics.Scored(labels, targets, scores.argmax(axis=1), scores)


def judged(recipe: Recipe, labels: tuple[str, ...], targets: np.ndarray, logits: np.ndarray) -> tuple[float, float]:
    """Primary score (turned so that larger is better) and log-loss of some rows."""
    primary = metrics.load(recipe.evaluate.metrics[0])
    seen = scored(recipe, labels, targets, logits)
    value = primary.compute(seen)
    loss = metrics.load("log_loss").compute(seen)
    return (value if primary.higher_is_better else -value), loss


def every_seed(recipe: Recipe) -> list[int]:
    """Seeds of the repetitions."""
    return [recipe.seed + i for i in range(recipe.seeds)]


def _default_metrics(recipe: Recipe, splits: Splits) -> tuple[str, ...]:
    """The task's metrics, led by macro-F1 where the commonest label is over 3 times the rarest."""
    counts = list(splits.report.label_counts.get("train", {}).values())
    if counts and max(counts) > 3 * min(counts):
        console.say(f"labels are unbalanced ({max(counts)} to {min(counts)} rows): macro-F1 is the primary metric")
        return ("macro_f1", *(name for name in recipe.task.default_metrics if name != "macro_f1"))
    return tuple(recipe.task.default_metrics)


def _precision() -> str:
    """fp32 on CPUs, where bf16 steps have not shown a gain; bf16 on GPUs that have it."""
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "fp32"


def _row_weights(recipe: Recipe, splits: Splits, targets: np.ndarray) -> np.ndarray:
    """(rows,) weights in the loss with mean 1 over training rows."""
    if recipe.train.class_weight == "none":
        return np.ones(len(targets), dtype=np.float32)
    train = splits.parts[-1].train
    counts = np.bincount(targets[train], minlength=len(splits.rows.labels))
    weights = len(train) / np.maximum(counts, 1) / max(1, (counts > 0).sum())
    return np.where(targets >= 0, weights[targets], 1.0).astype(np.float32)


def _carried_over(
    old: tuple[str, ...], weight: np.ndarray, bias: np.ndarray, labels: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Head rows of an earlier run in the order of `labels`; nan for labels that it did not know."""
    place = {label: i for i, label in enumerate(old)}
    carried = np.full((len(labels), weight.shape[1]), np.nan, dtype=np.float32)
    carried_bias = np.full(len(labels), np.nan, dtype=np.float32)
    for i, label in enumerate(labels):
        if label in place:
            carried[i], carried_bias[i] = weight[place[label]], bias[place[label]]
    return carried, carried_bias
