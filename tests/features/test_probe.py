"""The probe is the solution of a convex problem, and stays one when labels or rows are few."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ftkit.features import neighbours, probe, solving
from ftkit.features.pooling import Pooling
from ftkit.tasks import Given
from ftkit.tasks._lexical import tfidf
from ftkit.tasks.text_classification import TextClassification

MEAN, FIRST = Pooling("mean"), Pooling("first")


@pytest.fixture
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Ninety rows of three labels around three far points, off centre and stretched."""
    random = np.random.default_rng(0)
    targets = np.repeat([0, 1, 2], 30)
    centres = random.normal(size=(3, 8)) * 2
    return (centres[targets] + random.normal(size=(90, 8))).astype(np.float32) * 7 + 40, targets


def test_it_is_sklearns_solution_on_scaled_features(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    features, targets = blobs
    weight, bias = solving.solve(features, targets, 3, 0.1)
    centred = features - features.mean(0)
    model = LogisticRegression(C=0.1, max_iter=1000).fit(centred / centred.std(), targets)
    expected = model.decision_function(centred / centred.std())
    np.testing.assert_allclose(features @ weight.T + bias, expected, atol=2e-3)


def test_numbers_beside_a_class_are_each_solved_as_they_are_alone(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    features, labels = blobs
    numbers = np.random.default_rng(1).normal(5.0, 3.0, size=(90, 2)) + labels[:, None]
    both = np.column_stack([numbers, np.eye(3)[labels]])
    solved = probe.fit({MEAN: features}, both, 5, np.arange(90), (MEAN, 0.01), classes=3)
    alone = probe.fit({MEAN: features}, numbers, 2, np.arange(90), (MEAN, 0.01))
    weight, bias = solving.solve(features, labels, 3, 0.01 * solving.OF_CLASSES)
    said = solved.logits(features)
    np.testing.assert_allclose(said[:, :2], alone.logits(features), rtol=1e-5)
    np.testing.assert_allclose(said[:, 2:], features @ weight.T + bias, atol=1e-4)
    soft = solved.softened().logits(features)
    np.testing.assert_allclose(soft[:, :2], said[:, :2])
    np.testing.assert_allclose(soft[:, 2:], probe.SOFT * said[:, 2:], atol=1e-3)


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("labels", [2, 4])
def test_fewer_rows_than_columns_have_the_same_solution(labels: int, balanced: bool) -> None:
    random = np.random.default_rng(labels)
    targets = np.sort(random.integers(0, labels, 40))
    features = random.normal(size=(40, 300)) * np.geomspace(1, 0.01, 300) + targets[:, None]
    weight, bias = solving.solve(features, targets, labels, 0.1, balanced)
    centred = (features - features.mean(0)) / (features - features.mean(0)).std()
    model = LogisticRegression(C=0.1, max_iter=10_000, tol=1e-8, class_weight="balanced" if balanced else None)
    expected = model.fit(centred, targets).decision_function(centred)
    found = features @ weight.T + bias
    np.testing.assert_allclose(found[:, 1] - found[:, 0] if labels == 2 else found, expected, rtol=5e-3, atol=2e-2)


def test_a_strength_that_follows_another_is_solved_as_well(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    features, targets = blobs
    for gold in (targets, np.stack([targets == 0, targets == 1], axis=1)):
        solver = solving.Solver(features, gold, gold.shape[-1] if gold.ndim == 2 else 3)
        for strength in (0.001, 0.1, 1.0):
            weight, bias = solver.at(strength)
            cold = solving.solve(features, gold, len(bias), strength)
            np.testing.assert_allclose(features @ weight.T + bias, features @ cold[0].T + cold[1], atol=2e-2)


def test_rows_that_are_all_alike_are_told_apart_by_nothing() -> None:
    weight, bias = solving.solve(np.ones((6, 4), dtype=np.float32), np.array([0, 0, 0, 0, 1, 1]), 2, 1.0)
    assert not weight.any() and bias[1] - bias[0] == pytest.approx(np.log(2 / 4), abs=1e-2)


def test_a_softened_head_decides_alike_and_is_less_certain(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    features, targets = blobs
    head = probe.fit({MEAN: features}, targets, 3, np.arange(90), (MEAN, 1.0))
    before, after = head.logits(features), head.softened().logits(features)
    assert (before.argmax(1) == after.argmax(1)).all()
    assert np.ptp(after, axis=1).max() < 0.5 * np.ptp(before, axis=1).max()


def test_shifting_and_scaling_the_features_changes_nothing(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    features, targets = blobs
    first = solving.solve(features, targets, 3, 1.0)
    other = features * 0.01 - 3
    second = solving.solve(other, targets, 3, 1.0)
    np.testing.assert_allclose(features @ first[0].T + first[1], other @ second[0].T + second[1], atol=5e-3)


@pytest.mark.parametrize("present", [[0, 2], [1]])
def test_a_label_without_rows_never_wins(blobs: tuple[np.ndarray, np.ndarray], present: list[int]) -> None:
    features, targets = blobs
    rows = np.isin(targets, present)
    weight, bias = solving.solve(features[rows], targets[rows], 3, 1.0)
    assert weight.shape == (3, 8) and np.isfinite(weight).all() and np.isfinite(bias).all()
    assert set((features[rows] @ weight.T + bias).argmax(1)) == set(present)


def test_several_labels_a_row_are_solved_one_by_one(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    features, targets = blobs
    several = np.stack([targets == 0, targets != 1, np.ones(90), np.zeros(90)], axis=1).astype(np.float32)
    weight, bias = solving.solve(features, several, 4, 1.0)
    said = features @ weight.T + bias > 0
    assert (said == several.astype(bool)).mean(axis=0).tolist() == pytest.approx([1, 1, 1, 1], abs=0.05)


def test_the_better_pooling_is_chosen_on_held_out_rows(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    features, targets = blobs
    noise = np.random.default_rng(1).normal(size=features.shape).astype(np.float32)
    every = np.random.default_rng(2).permutation(90)
    holdouts = [(every[30:], every[:30]), (every[:60], every[60:])]

    def accuracy(gold: np.ndarray, logits: np.ndarray) -> tuple[float, float]:
        return (float((logits.argmax(1) == gold).mean()) if len(set(gold)) > 1 else float("nan")), 1.0

    pooling, strength = probe.choose({FIRST: noise, MEAN: features}, targets, 3, holdouts, accuracy)
    assert pooling == MEAN
    assert strength in probe.STRENGTHS
    single = (every[30:], np.flatnonzero(targets == 0)[:3])  # one label: the score is not defined there
    assert probe.choose({FIRST: noise, MEAN: features}, targets, 3, [single, *holdouts], accuracy)[0] == MEAN
    assert probe.choose({MEAN: features}, targets, 3, [], accuracy) == (MEAN, probe.UNCHOSEN)


def test_neighbours_vote_for_what_is_near(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    features, targets = blobs
    centred = features - features.mean(0)
    shares = neighbours.vote(centred[::2], targets[::2], 3, centred[1::2])
    np.testing.assert_allclose(shares.sum(1), 1.0)
    assert (shares.argmax(1) == targets[1::2]).mean() > 0.9


def test_tfidf_learns_words_and_copes_with_texts_without_any() -> None:
    texts = ["red apple", "ripe apple", "green pear", "new hammer", "old saw", "the drill"] * 3
    targets = np.array([0, 0, 0, 1, 1, 1] * 3)
    shares = tfidf(texts, targets, 3, ["an apple", "that hammer"])
    assert shares.argmax(1).tolist() == [0, 1]
    np.testing.assert_allclose(shares.sum(1), 1.0)
    assert shares[:, 2].max() < 0.05
    blank = tfidf(["?", "!"], np.array([0, 1]), 2, ["?"])
    np.testing.assert_allclose(blank, [[0.5, 0.5]])


def test_majority_is_the_share_of_labels() -> None:
    given = Given([], [], np.array([0, 0, 1, 0, 1, 1]), np.arange(4), np.arange(4, 6), 2, False, None)
    assert TextClassification().constants(given) == {"majority": pytest.approx(np.full((2, 2), [0.75, 0.25]))}
