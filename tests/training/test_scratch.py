"""Baselines of transfer: the earlier head on the labels that both know, and a model that learns from nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ftkit.features.pooling import Pooling
from ftkit.models.delivery import Head
from ftkit.tasks.series_classification import SeriesClassification
from ftkit.training.scratch import unadapted

MEAN = Pooling("mean")


def session(head: Head | None, labels: tuple[str, ...]) -> Any:
    task = SeriesClassification(label="label", multi_label=False)
    features = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]], dtype=np.float32)
    return SimpleNamespace(
        assembly=SimpleNamespace(head=head),
        labels=labels,
        pooled={MEAN: features},
        recipe=SimpleNamespace(task=task),
    )


def head(*labels: str) -> Head:
    weight = np.array([[2, 0], [0, 2], [-3, -3]], dtype=np.float32)[: len(labels)]
    return Head(MEAN, labels, weight, np.zeros(len(labels), dtype=np.float32))


def test_labels_are_matched_by_name() -> None:
    found = unadapted(session(head("walk", "sit", "fall"), ("sit", "stand", "walk")), np.array([0, 1]))
    assert found is not None and found.shape == (2, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found.argmax(axis=1).tolist() == [2, 0]
    assert (found[:, 1] < 1e-8).all(), "a label that the earlier run does not know never wins"
    expected = np.exp([0.0, 2.0]) / np.exp([0.0, 2.0]).sum()
    np.testing.assert_allclose(found[0, [0, 2]], expected, atol=1e-6)


@pytest.mark.parametrize("one", [None, head("a", "b", "c"), head("walk", "b", "c")])
def test_without_two_common_labels_there_is_no_such_baseline(one: Head | None) -> None:
    assert unadapted(session(one, ("sit", "walk")), np.array([0])) is None
