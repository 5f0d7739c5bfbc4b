"""Numbers and comparisons in words."""

from __future__ import annotations

from pathlib import Path

from ftkit.metrics import Metric
from ftkit.statistics.paired import Comparison

PROBE = "linear_probe"
TFIDF = "tfidf"
SCRATCH = "from_scratch"
RAW = "raw_neighbour"
SHAPES = "token_shapes"
NEIGHBOURS, NEAREST_PLACE = "weighted_neighbours", "nearest_place"
MOTION, MEAN_FRAME = "motion", "mean_frame"
MAJORITY = "majority"
MEAN, MEDIAN = "mean", "median"
NAMES = {
    PROBE: "the linear probe",
    "nearest_neighbour": "the nearest neighbour",
    TFIDF: "the model without pretraining (TF-IDF)",
    SCRATCH: "the model without pretraining (trained from scratch on these rows)",
    RAW: "the nearest neighbour of raw inputs",
    "source": "the earlier run without adapting",
    SHAPES: "the model without pretraining (words and their shapes)",
    NEIGHBOURS: "the weighted mean of the nearest labelled rows",
    NEAREST_PLACE: "the nearest labelled place",
    MOTION: "the model of motion alone",
    MEAN_FRAME: "the linear probe on each clip's mean picture",
    MAJORITY: "always answering the most frequent label",
    MEAN: "always answering the mean",
    MEDIAN: "always answering the median",
    "base": "the untouched base",
}
WITHOUT = {
    TFIDF: "A model without pretraining (TF-IDF)",
    SCRATCH: "A model without pretraining (trained from scratch on these rows)",
    RAW: "The nearest neighbour of raw inputs, without any pretraining,",
    SHAPES: "A model without pretraining (words and their shapes)",
    NEIGHBOURS: "The weighted mean of the nearest labelled rows, without any training,",
    NEAREST_PLACE: "The nearest labelled place, without any training,",
    MOTION: "A model of motion alone, without any pretraining,",
    MAJORITY: "Always answering the most frequent label",
    MEAN: "Always answering the mean",
    MEDIAN: "Always answering the median",
}
"""what needs no pretrained model: if it wins, that is the first thing to know"""
SUBJECTS = {
    "lora": "adapter",
    "ia3": "adapter",
    "head": "solved head",
    "freeze": "fine-tuned model",
    "full": "fine-tuned model",
}
"""what a method makes"""
METRICS = {
    "macro_f1": "macro-F1",
    "span_f1": "span F1",
    "partial_span_f1": "partial span F1",
    "row_span_f1": "row span F1",
    "micro_f1": "micro-F1",
    "precision": "macro precision",
    "recall": "macro recall",
    "matthews": "Matthews correlation",
    "roc_auc": "AUC",
    "log_loss": "log-loss",
    "ece": "calibration error",
    "brier": "Brier score",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "pearson": "Pearson correlation",
    "spearman": "rank correlation",
    "quadratic_kappa": "quadratic kappa",
    "within_one": "share within one",
    "mean_error": "mean error",
    "median_error": "median error",
    "p95_error": "95th percentile of the error",
    "floor_hit_rate": "floor hit rate",
    "evaal": "EvAAL score",
    "false_alarms_per_hour": "false alarms an hour",
    "scene_recall": "recall by scene",
}


def predictor(name: str) -> str:
    """How a sentence calls a baseline."""
    return NAMES.get(name, name.replace("_", " "))


def subject(method: str) -> str:
    """What a sentence calls the outcome of a method; of a search or a method of one's own, in general words."""
    return SUBJECTS.get(method, "adapted model")


def measure(metric: Metric) -> str:
    """How a sentence calls a metric."""
    return METRICS.get(metric.name, Path(metric.name).stem.replace("_", " "))


def gap(value: float, metric: Metric, signed: bool = True) -> str:
    """A difference: `+2.3 points` for shares between 0 and 1, `+0.052` otherwise."""
    points = metric.bounds == (0.0, 1.0)
    number = abs(value) * 100 if points else abs(value)
    text = f"{number:.1f}" if points else f"{number:.3f}"
    zero = float(text) == 0
    sign = "" if zero or not signed else "+" if value > 0 else "−"
    return f"{sign}{text}" + (" points" if points else "")


def size(value: float, metric: Metric) -> str:
    """A difference without sign, rounded for a sentence: `14 points`, `1 point`, `2.3 points`."""
    if metric.bounds != (0.0, 1.0):
        return f"{value:.3g}"
    text = f"{value * 100:.0f}" if value >= 0.0995 else f"{value * 100:.1f}".removesuffix(".0")
    return f"{text} point{'' if text == '1' else 's'}"


def probability(value: float) -> str:
    """`p < 0.001`, `p = 0.031`, `p = 0.43`."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}" if value < 0.1 else f"p = {value:.2f}"


def evidence(found: Comparison, metric: Metric, counted: bool = True) -> str:
    """`accuracy 0.874 against 0.851 on 300 rows, a difference of +2.3 points (95 % interval …, p = 0.02)`."""
    lower = "" if metric.higher_is_better else " (lower is better)"
    text = f"{measure(metric)} {found.value:.3f} against {found.reference:.3f}{lower}"
    text += f" on {rows(found.rows)}" if counted else ""
    text += f", a difference of {gap(found.difference, metric)}"
    better = "" if metric.higher_is_better else ", positive meaning better"
    inside = []
    if found.low is not None and found.high is not None:
        low = gap(found.low, metric).removesuffix(" points")
        inside.append(f"95 % interval {low} to {gap(found.high, metric).removesuffix(' points')}")
    if found.corrected is not None:
        corrected = f"{found.correction}-corrected " if found.correction else ""
        inside.append(corrected + probability(found.corrected))
    return text + better + (f" ({', '.join(inside)})" if inside else "")


def rows(number: int) -> str:
    """`1 row`, `3,080 rows`."""
    return f"{number:,} row{'' if number == 1 else 's'}"


def power(found: Comparison, metric: Metric) -> str:
    """How small a true difference this many rows find; nothing forbids to find a smaller one by luck."""
    if found.smallest_effect is None:
        return "No difference at all could have been seen on so few rows."
    least = size(found.smallest_effect, metric)
    return f"With this many rows, a true difference of {least} would be found 4 times in 5, a smaller one less often."
