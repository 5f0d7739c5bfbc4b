"""A temperature is found again, equals another implementation's, and does not run away on few or easy rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, softmax

from ftkit.statistics import temperature


def drawn(rng: np.random.Generator, rows: int, labels: int, spread: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are calibrated as they are, and labels drawn from them."""
    logits = rng.normal(size=(rows, labels)) * spread
    return logits, np.array([rng.choice(labels, p=one) for one in softmax(logits, axis=1)])


def other(logits: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    """Gradient descent on 1/T, on rows and one more of each label that share the weight of a row."""
    rows, labels = logits.shape
    share = 1 / (weights.sum() + 1)

    def loss(beta: np.ndarray) -> float:
        scores = np.log(softmax(logits * beta[0], axis=1))
        return -float(weights @ ((1 - share) * scores[np.arange(rows), targets] + share * scores.mean(1)))

    return float(1 / minimize(loss, np.array([1.0]), bounds=[(0.05, 20.0)]).x[0])


@pytest.mark.parametrize("true", [0.4, 1.0, 2.5])
def test_it_is_found_again(true: float) -> None:
    logits, targets = drawn(np.random.default_rng(1), 4000, 5)
    assert temperature.fit(logits * true, targets, np.ones(4000)) == pytest.approx(true, rel=0.06)


@pytest.mark.parametrize("true", [0.4, 2.5])
def test_it_is_found_again_for_several_labels_a_row(true: float) -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(3000, 4)) * 2
    targets = (rng.random((3000, 4)) < expit(logits)).astype(np.float32)
    assert temperature.fit(logits * true, targets, np.ones(3000)) == pytest.approx(true, rel=0.06)


def test_it_equals_another_implementation() -> None:
    rng = np.random.default_rng(3)
    for _ in range(60):
        rows, labels = int(rng.integers(30, 300)), int(rng.integers(2, 9))
        logits, targets = drawn(rng, rows, labels, rng.uniform(0.3, 4))
        weights = rng.choice([0.5, 1.0], rows)
        logits *= rng.uniform(0.5, 2)
        assert temperature.fit(logits, targets, weights) == pytest.approx(other(logits, targets, weights), rel=2e-3)


def test_rows_that_are_all_right_do_not_make_it_sure_of_everything() -> None:
    logits = np.eye(3)[np.arange(60) % 3] * 4.0
    found = temperature.fit(logits, np.arange(60) % 3, np.ones(60))
    assert 0.5 < found < 1.5  # a leap to 1/20 would say 1 - 1e-34
    assert temperature.fit(-logits, np.arange(60) % 3, np.ones(60)) == pytest.approx(temperature.LARGEST, rel=1e-3)


def test_a_row_that_is_asked_of_several_models_counts_once() -> None:
    logits, targets = drawn(np.random.default_rng(4), 50, 3)
    rows = np.arange(50)
    once = temperature.fitted(rows, logits, targets)
    twice = temperature.fitted(np.tile(rows, 2), np.tile(logits, (2, 1)), np.tile(targets, 2))
    assert once.rows == twice.rows == 50
    assert once.value == pytest.approx(twice.value, rel=1e-6)


def test_few_rows_and_labels_unknown_to_training_give_none() -> None:
    logits, targets = drawn(np.random.default_rng(5), 40, 3)
    targets[:11] = -1
    found = temperature.fitted(np.arange(40), logits, targets)
    assert found.value is None and found.rows == 29
    assert found.why_not == "only 29 validation rows, and a temperature takes 30"
    targets[:11] = 0
    assert temperature.fitted(np.arange(40), logits, targets).value is not None
    assert temperature.fitted(np.zeros(40, int), logits, targets).rows == 1


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 6), st.sampled_from([0.0, 1e-6, 1.0, 1e3, 1e30]),
    st.booleans(),
)  # fmt: skip
def test_any_logits_give_a_number_in_range(seed: int, rows: int, labels: int, scale: float, several: bool) -> None:
    rng = np.random.default_rng(seed)
    logits = (rng.normal(size=(rows, labels)) * scale).astype(np.float32)
    targets = rng.integers(0, 2, (rows, labels)).astype(np.float32) if several else rng.integers(0, labels, rows)
    found = temperature.fit(logits, targets, np.ones(rows))
    assert 1 / temperature.LARGEST <= found <= temperature.LARGEST
