"""Baselines of transfer: the earlier head on the labels that both know, and a model that learns from nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ftkit.features.pooling import Pooling
from ftkit.features.scale import Scale
from ftkit.models.delivery import Head
from ftkit.tasks.series_classification import SeriesClassification
from ftkit.tasks.text_regression import TextRegression
from ftkit.tasks.token_classification import TokenClassification
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


def test_tokens_are_scored_one_by_one_and_unseen_ones_stay_so() -> None:
    given = session(head("B-x", "O", "I-x"), ("I-y", "O", "B-x"))
    cells = [np.array([[1.0, 0.0], [np.nan, np.nan]], np.float32), np.array([[0.0, 1.0]], np.float32)]
    given.pooled[MEAN] = np.fromiter(cells, dtype=object, count=2)
    given.recipe.task = TokenClassification(name="token_classification", text="tokens", label="tags")
    found = unadapted(given, np.array([0, 1]))
    assert found is not None and [one.shape for one in found] == [(2, 3), (1, 3)]
    assert found[0][0].argmax() == 2 and found[1][0].argmax() == 1 and found[0][0, 0] < 1e-8
    assert (found[0][1] == 0).all(), "a token that is cut off has no tag"


def test_numbers_come_in_their_own_units() -> None:
    scale = Scale(mean=np.array([10.0]), sd=np.array([2.0]))
    one = Head(MEAN, ("price",), np.array([[1.0, 0.0]], np.float32), np.zeros(1, np.float32), scale=scale)
    given = session(one, ("price",))
    given.recipe.task = TextRegression(name="text_regression", text="text", label="price")
    np.testing.assert_allclose(unadapted(given, np.array([0, 2])), [[12.0], [8.0]])
    assert unadapted(session(one, ("price", "weight")), np.array([0])) is None
