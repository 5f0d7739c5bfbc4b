"""Rows drawn from known models, so that the true score is known."""

from __future__ import annotations

import numpy as np

from ftkit.metrics import Scored


def labels_of(number: int) -> tuple[str, ...]:
    return tuple(f"l{i}" for i in range(number))


def classified(rng: np.random.Generator, rows: int, labels: int, accuracy: float, prior: object = None) -> Scored:
    """Labels by `prior`, right with chance `accuracy`, wrong towards the next label more often than others."""
    gold = rng.choice(labels, rows, p=prior)
    away = np.minimum(rng.integers(1, labels, rows), rng.integers(1, labels, rows))
    right = rng.random(rows) < accuracy
    return Scored(labels_of(labels), gold, np.where(right, gold, (gold + away) % labels))


def soft(rng: np.random.Generator, rows: int, labels: int, lead: float, prior: object = None) -> Scored:
    """Softmax scores whose gold label leads by `lead` on average."""
    gold = rng.choice(labels, rows, p=prior)
    logits = rng.normal(size=(rows, labels))
    logits[np.arange(rows), gold] += lead + rng.normal(0, 0.5, rows)
    scores = np.exp(logits - logits.max(1, keepdims=True))
    scores /= scores.sum(1, keepdims=True)
    return Scored(labels_of(labels), gold, scores.argmax(1), scores)


def two(
    rng: np.random.Generator, rows: int, labels: int, accuracy: float, differing: float, delta: float = 0.0
) -> tuple[Scored, Scored]:
    """A and B: B is right with chance `accuracy`, on `differing` of the rows only one is, A is better by `delta`."""
    gold = rng.integers(0, labels, rows)
    right_b, chance = rng.random(rows) < accuracy, rng.random(rows)
    mended, kept = (differing + delta) / 2 / (1 - accuracy), 1 - (differing - delta) / 2 / accuracy
    right_a = np.where(right_b, chance < kept, chance < mended)
    wrong_a, wrong_b = ((gold + rng.integers(1, labels, rows)) % labels for _ in range(2))
    guess_b = np.where(right_b, gold, wrong_b)
    guess_a = np.where(right_a, gold, np.where(right_b, wrong_a, guess_b))
    return Scored(labels_of(labels), gold, guess_a), Scored(labels_of(labels), gold, guess_b)


def clustered(
    rng: np.random.Generator, units: int, size: int, accuracy: float, correlation: float
) -> tuple[Scored, np.ndarray]:
    """Two labels; the accuracy of each unit is from a beta distribution with the given intra-class correlation."""
    unit = np.repeat(np.arange(units), size)
    of_unit = np.full(units, accuracy)
    if correlation:
        of_unit = rng.beta(*(np.array([accuracy, 1 - accuracy]) * (1 - correlation) / correlation), units)
    gold = rng.integers(0, 2, units * size)
    right = rng.random(units * size) < of_unit[unit]
    return Scored(labels_of(2), gold, np.where(right, gold, 1 - gold)), unit


def trained(
    rng: np.random.Generator,
    rows: int,
    seeds: int,
    luck: float,
    own: float,
    effect: float = 0.0,
    gold: np.ndarray | None = None,
    easy: np.ndarray | None = None,
) -> list[Scored]:
    """One recipe of several seeds on the same rows: how easy a row is, plus the luck of the seed, plus its own taste.

    `luck` and `own` are standard deviations between seeds of the whole, and of each row; `effect` is
    what the recipe adds; `easy` and `gold` are (rows,), the same for recipes on the same rows.
    """
    gold = rng.integers(0, 3, rows) if gold is None else gold
    easy = rng.normal(0.8, 1, rows) if easy is None else easy
    lead = easy + effect + rng.normal(0, luck, (seeds, 1)) + rng.normal(0, own, (seeds, rows))
    return [Scored(labels_of(3), gold, np.where(one > 0, gold, (gold + 1) % 3)) for one in lead]
