"""What more labels would buy: noise, the law, and every reason for which it cannot be told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_curves import REPETITIONS, ending, law, observed

from ftkit.metrics import load
from ftkit.statistics import curve, power_law
from ftkit.statistics.curve import Observed, forecast, sentence
from ftkit.statistics.power_law import Points

ACCURACY, LOSS = load("accuracy"), load("log_loss")
HALVINGS = np.array([20.0, 40, 80, 160, 320])


def exact(scores: np.ndarray, labels: np.ndarray = HALVINGS, rows: int = 20_000) -> Observed:
    """Points that are hardly off at all."""
    random = np.random.default_rng(0)
    wiggle = np.array([-1.0, 0.0, 1.0]) * 2e-4
    left_out = np.repeat(scores[:, None], rows, axis=1) + random.normal(0, 1e-9, (len(scores), rows))
    return Observed(labels, scores[:, None] + wiggle, left_out)


@pytest.mark.parametrize(("floor", "exponent"), [(0.0, 0.3), (0.1, 0.5), (0.05, 1.0)])
def test_a_law_seen_well_is_drawn_on_well(floor: float, exponent: float) -> None:
    course = law(floor, exponent)
    found = forecast(exact(np.array([course(n) for n in HALVINGS])), ACCURACY)
    assert found.outcome == "gain" and found.laws is not None and found.back_test is not None
    gain, low, high = found.laws.middle(found.laws.gains(640))
    truth = course(640) - course(320)
    assert low <= truth <= high and gain == pytest.approx(truth, abs=0.01)
    assert found.back_test["inside"] and found.back_test["from"] == 160


def test_a_loss_falls_and_reads_the_same_way_round() -> None:
    values = 0.2 + 2 * HALVINGS**-0.5
    found = forecast(exact(values), LOSS)
    assert found.outcome == "gain" and found.laws is not None
    ahead = curve.described(found, exact(values), LOSS)["ahead"][0]
    assert ahead["value"] == pytest.approx(0.2 + 2 * 640**-0.5, abs=0.01)
    assert ahead["low"] <= ahead["value"] <= ahead["high"] < values[-1]
    assert "bring log-loss from about 0.312 to 0.2" in sentence(found, LOSS)


def test_the_sentence_says_what_twice_the_labels_bring() -> None:
    scores = np.array([law(0.0, 0.3)(n) for n in HALVINGS])
    said = sentence(forecast(exact(scores), ACCURACY), ACCURACY)
    assert said.startswith("Twice the labels to train on (640 instead of 320) would be expected to bring accuracy from")
    assert "a gain of +4." in said or "a gain of +5." in said


def test_a_flat_curve_promises_little() -> None:
    found = forecast(exact(np.full(5, 0.8)), ACCURACY)
    assert found.outcome == "little"
    assert "change accuracy little: by " in sentence(found, ACCURACY)


def test_draws_share_a_pool_and_repetitions_do_not() -> None:
    """The spread of repetitions gives the variance of the draw, and a mean of them is off by the pool as well."""
    random, most = np.random.default_rng(3), 320
    values = np.zeros((5, 400))
    for repetition in range(400):
        worth = random.permutation(random.normal(0, 0.2, most))
        values[:, repetition] = [worth[: int(n)].mean() - worth.mean() for n in HALVINGS]
    draw, training = curve._components(HALVINGS, values + random.normal(0, 0.01, values.shape))
    assert draw == pytest.approx(0.04, rel=0.15) and training == pytest.approx(1e-4, rel=0.3)
    seen = Observed(HALVINGS, values, np.zeros((5, 50)))
    covariance = seen.covariance()
    assert covariance[-1, -1] == pytest.approx(0.04 / most, rel=0.2)  # all labels are one draw, however often trained
    assert covariance[0, -1] == pytest.approx(0.04 / most, rel=0.2)
    assert covariance[0, 0] > covariance[1, 1] > covariance[-1, -1]


def test_hard_test_rows_move_all_points_together() -> None:
    random = np.random.default_rng(0)
    hard = random.normal(0, 1, 200)
    left_out = np.stack([0.8 - hard / 200, 0.9 - hard / 200])
    seen = Observed(np.array([100.0, 200.0]), np.array([[0.8, 0.8], [0.9, 0.9]]), left_out)
    covariance = seen.covariance()
    assert covariance[0, 1] == pytest.approx(covariance[0, 0]) == pytest.approx(hard.var() / 200, rel=0.05)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"labels": HALVINGS[2:], "rows": slice(2, None)}, "the labels are too few for 4 shares"),
        ({"labels": np.array([200.0, 230, 260, 290, 320])}, "not even 3 times the labels"),
        ({"units": 6}, "fewer than 10 units"),
    ],
)
def test_too_little_to_fit(change: dict[str, object], reason: str) -> None:
    seen = observed(np.random.default_rng(0), law(0.05, 0.5), HALVINGS, 200)
    rows = change.get("rows", slice(None))
    seen = Observed(change.get("labels", HALVINGS), seen.values[rows], seen.left_out[rows])  # type: ignore[index,arg-type]
    if "units" in change:
        seen = replace(seen, left_out=seen.left_out[:, :6], by_unit=True)
    found = forecast(seen, ACCURACY)
    assert found.outcome == "cannot tell" and reason in found.reason and found.laws is None
    said = sentence(found, ACCURACY)
    assert said.startswith("What more labels would bring cannot be told: ") and said.endswith(".")
    assert curve.described(found, seen, ACCURACY)["trend"] == []
    assert len(curve.points_of(seen, ACCURACY)) == len(seen.labels)


def test_a_bent_curve_is_not_drawn_on() -> None:
    zigzag = forecast(exact(np.array([0.5, 0.7, 0.6, 0.8, 0.7])), ACCURACY)
    assert zigzag.outcome == "cannot tell" and "do not lie on a smooth curve" in zigzag.reason
    falling = forecast(
        observed(np.random.default_rng(1), lambda n: 0.9 - 0.05 * np.log(n / 20), HALVINGS, 400), ACCURACY
    )
    assert falling.outcome == "cannot tell"
    ended = forecast(observed(np.random.default_rng(2), ending(law(0, 0.4), 80), HALVINGS, 400), ACCURACY)
    assert ended.outcome == "cannot tell" and ("may be chance" in ended.reason or "smooth" in ended.reason)


def test_a_curve_that_stops_where_it_should_rise_fails_its_own_test() -> None:
    course = law(0.0, 0.5)
    scores = np.array([course(n) for n in HALVINGS])
    scores[-1] = scores[-2]
    points = Points(HALVINGS, 1 - scores, np.eye(5) * 1e-6 + 1e-5)
    test = curve._back_test(points, ACCURACY)
    assert test is not None and not test["inside"] and test["low"] > test["value"]
    assert "foretold accuracy" in curve._unforeseen(test, ACCURACY)


def test_laws_weigh_up_and_respect_that_no_error_is_below_none() -> None:
    laws = power_law.fit(Points(HALVINGS, 0.6 * (HALVINGS / 20) ** -0.4, np.eye(5) * 1e-4))
    assert laws.weight.sum() == pytest.approx(1) and (laws.weight >= 0).all()
    ends = laws.error - laws.doubling / (1 - 2.0**-laws.exponent)
    assert (ends[laws.weight > 0] >= -1e-9).all()
    assert laws.errors(320) == pytest.approx(laws.error)
    narrow, wide = (laws.middle(laws.gains(labels)) for labels in (640, 1280))
    assert wide[2] - wide[1] > narrow[2] - narrow[1] > 0


def test_scores_that_never_move_are_no_certainty() -> None:
    seen = Observed(HALVINGS, np.full((5, REPETITIONS), 1.0), np.full((5, 50), 1.0))
    found = forecast(seen, ACCURACY)
    assert found.outcome == "little"
