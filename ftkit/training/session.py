"""Everything that the fits of one run share: model, encoded rows, features, targets and settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ftkit import metrics, privacy
from ftkit.console import console
from ftkit.errors import InputError, did_you_mean
from ftkit.features import probe
from ftkit.features.examples import Examples, Extracted, extract
from ftkit.features.pooling import Pooling, candidates
from ftkit.features.probe import Probe
from ftkit.models.assembly import Assembly
from ftkit.training.encoding import Prepared
from ftkit.training.loop import Job
from ftkit.training.members import Settings
from ftkit.training.parts import Choice, Fitted, Solve, Watch, fit_part, warm_start

if TYPE_CHECKING:
    from accelerate import Accelerator

    from ftkit.data.table import Part, Splits
    from ftkit.methods import Method
    from ftkit.recipe import Recipe

ROWS_TRAINED, FEWEST_EPOCHS = 20_000, 3  # `epochs: auto` shows a fit about as many rows, in at least 3 passes


@dataclass(frozen=True)
class Session:
    """One run, ready to fit its parts. The recipe has nothing left that is `auto`."""

    recipe: Recipe
    prepared: Prepared
    assembly: Assembly
    extracted: Extracted
    job: Job
    targets: np.ndarray

    @property
    def splits(self) -> Splits:
        """Rows and parts."""
        return self.prepared.splits

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

        def score(targets: np.ndarray, logits: np.ndarray) -> tuple[float, float]:
            return judged(self.recipe, self.labels, targets, logits)

        count = len(self.labels)
        pooled, known = self.extracted.pooled, None
        if (head := self.assembly.head) is not None:
            known = _carried_over(head.labels, head.weight, head.bias, self.labels)
        choice = probe.choose(pooled, self.targets, count, part.inner, score, self.balanced)
        return warm_start(pooled, self.targets, count, choice, self.balanced, known), choice

    def probe(self, part: Part, choice: tuple[Pooling, float]) -> Probe:
        """The linear probe on the untouched base, solved on all training rows of the part."""
        return probe.fit(self.extracted.pooled, self.targets, len(self.labels), part.train, choice, self.balanced)

    def fit(self, part: Part, seed: int, solve: Solve, watch: Watch, agreed: Choice | None) -> Fitted:
        """Train one part with one seed; `agreed` is the choice of passes where folds have made it."""
        chosen = settings(self.recipe)
        return fit_part(self.job, self.recipe.method, solve, self.extracted.pooled, part, chosen, seed, watch, agreed)


def open_session(recipe: Recipe, prepared: Prepared, assembly: Assembly, accelerator: Accelerator) -> Session:
    """Run the untouched base over all rows, once."""
    splits, encoded = prepared.splits, prepared.encoded
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
    targets = recipe.task.targets(splits.rows.frame["gold"].to_list(), splits.rows.labels)
    job = Job(
        network=assembly.network,
        examples=examples,
        targets=torch.from_numpy(targets),
        balanced=recipe.train.class_weight == "balanced",
        precision="bf16" if recipe.train.precision == "bf16" else "fp32",
        judge=lambda positions, logits: judged(recipe, splits.rows.labels, targets[positions], logits),
        accelerator=accelerator,
    )
    return Session(recipe, prepared, assembly, extracted, job, targets)


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
    _refuse_trackers(block.trackers)
    values: dict[str, Any] = {
        "report.rows": "hide" if privacy.hidden() else recipe.report.rows,  # a later verb must know without being told
        "train.epochs": _epochs(method, len(splits.parts[-1].train)) if block.epochs == "auto" else block.epochs,
        "train.lr": method.default_lr if block.lr == "auto" else block.lr,
        "train.precision": _precision() if block.precision == "auto" else block.precision,
        "evaluate.metrics": recipe.evaluate.metrics or list(_default_metrics(recipe, splits)),
    }
    recipe = recipe.replace(values)
    for name in recipe.evaluate.metrics:  # one that fails should fail now
        metrics.load(name).compute(metrics.Scored(("a", "b"), np.array([0, 1]), np.array([0, 1]), np.eye(2)))
    return recipe


def _refuse_trackers(names: list[str]) -> None:
    """Raise for a tracker that Accelerate does not know, or that is not installed."""
    if not names:
        return
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers

    ready = {str(one) for one in get_available_trackers()}
    for name in names:
        if name not in LOGGER_TYPE_TO_CLASS:
            raise InputError(f"train.trackers: no tracker {name!r}", did_you_mean(name, LOGGER_TYPE_TO_CLASS))
        if name not in ready:
            raise InputError(f"train.trackers: {name} is not installed", f"pip install {name}")


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
