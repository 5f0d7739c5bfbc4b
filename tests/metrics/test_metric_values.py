"""Every metric against scikit-learn, or against its definition written as a loop."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from ftkit.metrics import Scored, family, load
from ftkit.metrics._kinds import CountMetric, InfluenceMetric, count, count_each

CASES = 60
OF_FOOTAGE = {"false_alarms_per_hour", "scene_recall"}
"""what is said of clips alone, and has tests of its own"""
NAMES = (*(name for name in family("label") if name not in OF_FOOTAGE), "top_3_accuracy", "top_5_accuracy")


def drawn(seed: int, unknown: bool = True) -> Scored:
    """Random rows: 2 to 8 labels, ties among the scores, every third case with gold labels unknown to training."""
    rng = np.random.default_rng(seed)
    labels, rows = int(rng.integers(2, 9)), int(rng.integers(5, 200))
    gold = rng.integers(0, labels, rows)
    scores = rng.gamma(0.5, size=(rows, labels)) + 0.01
    scores[np.arange(rows), gold] += rng.uniform(0, 2)
    scores = np.round(scores / scores.sum(1, keepdims=True), 2)  # two decimals: ties
    scores += 0.02
    scores /= scores.sum(1, keepdims=True)
    prediction = scores.argmax(1)
    if unknown and seed % 3 == 0:
        gold[rng.random(rows) < 0.2] = -1
    return Scored(tuple(f"l{i}" for i in range(labels)), gold, prediction, scores)


def drawn_many(seed: int) -> Scored:
    """Random multi-label rows, some without any label."""
    rng = np.random.default_rng(seed)
    labels, rows = int(rng.integers(2, 6)), int(rng.integers(5, 100))
    gold = (rng.random((rows, labels)) < 0.4).astype(np.int64)
    gold[0] = 1
    scores = np.clip(gold * 0.4 + rng.random((rows, labels)) * 0.6, 0, 1)
    return Scored(tuple(f"l{i}" for i in range(labels)), gold, (scores >= 0.5).astype(np.int64), scores)


def of_sklearn(scored: Scored, labels: np.ndarray) -> dict[str, float]:
    """What scikit-learn gives for the label metrics, the macro ones over `labels`."""
    gold, guess = scored.gold, scored.prediction
    macro = sk.precision_recall_fscore_support(gold, guess, labels=labels, average="macro", zero_division=0)
    named = dict(zip(("precision", "recall", "macro_f1"), macro[:3], strict=True))
    return {**named, "accuracy": sk.accuracy_score(gold, guess)}


def test_label_metrics_equal_those_of_sklearn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sklearn, for predicted labels that are not gold
        for seed in range(CASES):
            scored = drawn(seed)
            wanted = of_sklearn(scored, np.unique(scored.gold))
            wanted["matthews"] = sk.matthews_corrcoef(scored.gold, scored.prediction)
            wanted["micro_f1"] = wanted["accuracy"]  # a wrong row is one miss and one false alarm
            assert {name: load(name).compute(scored) for name in wanted} == pytest.approx(wanted, abs=1e-12), seed


def test_multi_label_metrics_equal_those_of_sklearn() -> None:
    for seed in range(CASES):
        scored = drawn_many(seed)
        wanted = of_sklearn(scored, np.flatnonzero(scored.gold.any(0)))
        wanted["micro_f1"] = sk.f1_score(scored.gold, scored.prediction, average="micro", zero_division=0)
        assert {name: load(name).compute(scored) for name in wanted} == pytest.approx(wanted, abs=1e-12), seed


def test_matthews_of_several_labels_is_the_mean_of_the_two_class_ones() -> None:
    for seed in range(25):
        scored = drawn_many(seed)
        each = [sk.matthews_corrcoef(scored.gold[:, k], scored.prediction[:, k]) for k in range(scored.gold.shape[1])]
        assert load("matthews").compute(scored) == pytest.approx(np.mean(each), abs=1e-12)


def test_auc_equals_that_of_sklearn() -> None:
    compared = 0
    for seed in range(CASES):
        scored = drawn(seed, unknown=False)
        assert scored.scores is not None
        if len(np.unique(scored.gold)) < len(scored.labels):
            continue  # sklearn refuses labels without rows
        two = len(scored.labels) == 2
        wanted = sk.roc_auc_score(scored.gold, scored.scores[:, 1] if two else scored.scores, multi_class="ovr")
        assert load("roc_auc").compute(scored) == pytest.approx(wanted, abs=1e-12), seed
        compared += 1
    assert compared > 45


def test_auc_of_several_labels_equals_that_of_sklearn() -> None:
    for seed in range(30):
        scored = drawn_many(seed)
        able = scored.gold.any(0) & ~scored.gold.all(0)
        assert scored.scores is not None
        wanted = sk.roc_auc_score(scored.gold[:, able], scored.scores[:, able], average="macro")
        assert load("roc_auc").compute(scored) == pytest.approx(wanted, abs=1e-12), seed


def test_log_loss_and_brier_equal_those_of_sklearn() -> None:
    for seed in range(CASES):
        scored = drawn(seed, unknown=False)
        labels = np.arange(len(scored.labels))
        assert scored.scores is not None
        log_loss = sk.log_loss(scored.gold, scored.scores, labels=labels)
        assert load("log_loss").compute(scored) == pytest.approx(log_loss, abs=1e-12), seed
        truth = (scored.gold[:, None] == labels).astype(float)
        brier = ((scored.scores - truth) ** 2).sum(1).mean()
        assert load("brier").compute(scored) == pytest.approx(brier, abs=1e-12), seed


def test_log_loss_and_brier_of_several_labels_are_made_of_two_class_ones() -> None:
    for seed in range(20):
        many = drawn_many(seed)
        assert many.scores is not None
        columns = [(many.gold[:, place], many.scores[:, place]) for place in range(many.gold.shape[1])]
        parts = [sk.log_loss(gold, scores, labels=[0, 1]) for gold, scores in columns]
        assert load("log_loss").compute(many) == pytest.approx(sum(parts), abs=1e-9), seed
        brier = np.mean([sk.brier_score_loss(gold, scores) for gold, scores in columns])
        assert load("brier").compute(many) == pytest.approx(brier, abs=1e-12), seed


def test_ece_equals_a_loop_over_sorted_rows() -> None:
    for seed in range(CASES):
        rng = np.random.default_rng(seed)
        rows = int(rng.integers(1, 900))
        confidence = rng.beta(4, 1.2, rows) * 0.5 + 0.5  # no ties
        right = rng.random(rows) < confidence - 0.05
        scored = Scored(
            ("a", "b"), np.zeros(rows, int), (~right).astype(int), np.column_stack([confidence, 1 - confidence])
        )
        bins = min(15, max(1, rows // 30))
        wanted = 0.0
        for part in np.array_split(np.argsort(confidence), [i * rows // bins for i in range(1, bins)]):
            wanted += abs(right[part].mean() - confidence[part].mean()) * len(part) / rows
        assert load("ece").compute(scored) == pytest.approx(wanted, abs=1e-12), seed


def test_rows_of_equal_confidence_share_a_bin_in_any_order() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.choice([0.6, 0.7, 0.9, 1.0], 400, p=[0.1, 0.2, 0.3, 0.4])
    wrong = (rng.random(400) > confidence).astype(int)
    scored = Scored(("a", "b"), np.zeros(400, int), wrong, np.column_stack([confidence, 1 - confidence]))
    shuffled = scored.take(rng.permutation(400))
    assert load("ece").compute(scored) == pytest.approx(load("ece").compute(shuffled), abs=1e-12)
    by_hand = sum(abs((confidence == c) @ (1 - wrong - c)) for c in (0.6, 0.7, 0.9, 1.0)) / 400
    assert load("ece").compute(scored) == pytest.approx(by_hand, abs=1e-12)


def test_a_gold_label_unknown_to_training_is_always_wrong() -> None:
    scored = Scored(("a", "b"), np.array([-1, 1]), np.array([1, 1]), np.array([[0.1, 0.9], [0.2, 0.8]]))
    assert load("accuracy").compute(scored) == 0.5
    assert load("recall").compute(scored) == 0.5  # of b 1, of the unknown one 0
    assert load("macro_f1").compute(scored) == pytest.approx((2 / 3 + 0) / 2)
    losses = load("log_loss").rows(scored)
    assert losses is not None and losses[0] == pytest.approx(-math.log(1e-15)) and losses[1] == -math.log(0.8)
    assert load("brier").compute(scored) == pytest.approx(((0.01 + 0.81 + 1) + (0.04 + 0.04)) / 2)


def test_a_probability_of_zero_costs_no_more_than_the_clip() -> None:
    scored = Scored(("a", "b"), np.array([0]), np.array([1]), np.array([[0.0, 1.0]]))
    assert load("log_loss").compute(scored) == pytest.approx(-math.log(1e-15))


def test_metrics_without_scores_are_nan_where_they_need_them() -> None:
    scored = Scored(("a", "b"), np.array([0, 1, 1]), np.array([0, 1, 0]))
    needing = [name for name in NAMES if load(name).needs_scores]
    assert needing == ["brier", "ece", "log_loss", "roc_auc", "top_3_accuracy", "top_5_accuracy"]
    assert all(math.isnan(load(name).compute(scored)) for name in needing)
    assert all(not math.isnan(load(name).compute(scored)) for name in set(NAMES) - set(needing))


def test_nothing_to_score_is_nan_and_no_warning() -> None:
    empty = np.zeros(0, dtype=np.int64)
    nothing = Scored(("a", "b"), empty, empty, np.zeros((0, 2)))
    nobody = Scored(("a", "b"), np.zeros((0, 2), int), np.zeros((0, 2), int), np.zeros((0, 2)))
    assert len(NAMES) == 12
    for name in NAMES:
        assert math.isnan(load(name).compute(nothing)) and math.isnan(load(name).compute(nobody)), name


def test_one_label_only_and_constant_predictions_are_defined_or_nan() -> None:
    scored = Scored(("a", "b"), np.zeros(4, int), np.zeros(4, int), np.full((4, 2), 0.5))
    values = {name: load(name).compute(scored) for name in NAMES}
    assert values["matthews"] == 0 and math.isnan(values["roc_auc"]) and values["accuracy"] == values["macro_f1"] == 1


def test_every_value_lies_within_the_declared_bounds() -> None:
    for name in NAMES:
        metric = load(name)
        values = [metric.compute(make(seed)) for seed in range(30) for make in (drawn, drawn_many)]
        known = [value for value in values if not math.isnan(value)]
        assert len(known) >= 20 and min(known) >= metric.bounds[0] and max(known) <= metric.bounds[1], name


def test_counts_of_rows_sum_to_the_counts_of_all() -> None:
    for scored in (drawn(3), drawn(4), drawn_many(5)):
        whole, each = count(scored), count_each(scored)
        for part in ("right", "predicted", "gold"):
            assert np.array_equal(getattr(whole, part), getattr(each, part).sum(0))


def test_rows_and_contributions_have_the_value_as_their_mean() -> None:
    seen = set()
    for name in NAMES:
        metric = load(name)
        for scored in (drawn(1), drawn(3), drawn_many(2)):
            rows = metric.contributions(scored) if isinstance(metric, InfluenceMetric) else metric.rows(scored)
            if rows is not None:
                seen.add(name)
                assert rows.shape == (len(scored),) and rows.mean() == pytest.approx(
                    metric.compute(scored), abs=1e-12, nan_ok=True
                )
    assert seen == {"accuracy", "brier", "log_loss", "roc_auc", "top_3_accuracy", "top_5_accuracy"}
    assert sum(isinstance(load(name), CountMetric) for name in NAMES) == 5


def test_top_k_equals_a_loop_and_needs_k_labels() -> None:
    scored = drawn(3)
    order = [sorted(range(len(scored.labels)), key=lambda label: (-row[label], label)) for row in scored.scores]
    for k in (3, 5):
        metric = load(f"top_{k}_accuracy")
        if len(scored.labels) >= k:
            right = [gold in row[:k] for gold, row in zip(scored.gold, order, strict=True)]
            assert metric.compute(scored) == pytest.approx(np.mean(right))
        few = Scored(("a", "b"), np.array([0, 1]), np.array([0, 0]), np.array([[0.9, 0.1], [0.8, 0.2]]))
        assert math.isnan(metric.compute(few))
    exactly = Scored(("a", "b", "c"), np.array([0, 2, -1]), np.array([0, 0, 0]), np.full((3, 3), 1 / 3))
    assert load("top_3_accuracy").compute(exactly) == pytest.approx(2 / 3)
