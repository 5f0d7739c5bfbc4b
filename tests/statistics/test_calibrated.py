"""Confidences before and after: the numbers are those of the metrics, and the change is told for what it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_rows import soft

from ftkit import metrics
from ftkit.metrics import Scored
from ftkit.statistics.calibrated import METRICS, measured


def scaled(found: Scored, by: float) -> Scored:
    """The same logits divided."""
    assert found.scores is not None
    logits = np.log(found.scores) / by
    scores = np.exp(logits - logits.max(1, keepdims=True))
    return replace(found, scores=scores / scores.sum(1, keepdims=True))


def test_scaling_that_helps_and_scaling_that_harms() -> None:
    true = soft(np.random.default_rng(0), 600, 4, 1.5)
    sure = scaled(true, 0.3)
    helped, harmed = measured(sure, true), measured(true, sure)
    assert helped["change"]["outcome"] == "better" and harmed["change"]["outcome"] == "worse"
    assert helped["change"]["low"] > 0 > harmed["change"]["high"]
    assert helped["change"]["value"] == pytest.approx(-harmed["change"]["value"])
    assert helped["before"]["ece"]["value"] > helped["after"]["ece"]["value"]
    for name in METRICS:
        assert helped["before"][name]["value"] == metrics.load(name).compute(sure)
        assert helped["after"][name]["value"] == metrics.load(name).compute(true)
    assert helped["reliability"]["before"] != helped["reliability"]["after"]


def test_scaling_that_does_next_to_nothing_is_not_praised() -> None:
    one = soft(np.random.default_rng(1), 300, 3, 2.0)
    assert measured(one, scaled(one, 1.0))["change"]["outcome"] not in ("better", "worse")


def test_without_a_temperature_there_is_no_after() -> None:
    found = measured(soft(np.random.default_rng(2), 300, 3, 2.0), None)
    assert found["after"] is None and found["change"] is None and found["reliability"]["after"] is None
    assert found["before"]["ece"]["low"] is not None


def test_several_labels_a_row_have_no_top_label() -> None:
    rng = np.random.default_rng(3)
    gold = rng.integers(0, 2, (200, 3))
    several = Scored(("a", "b", "c"), gold, gold, np.where(gold == 1, 0.8, 0.2))
    found = measured(several, several)
    assert found["before"]["ece"]["value"] is None and found["reliability"] == {"before": None, "after": None}
    assert found["before"]["log_loss"]["value"] == pytest.approx(-3 * np.log(0.8))
