"""How often the interval of what twice the labels bring holds, and what is said of curves that follow no law.

Each cell is 70 made-up runs of 3 repetitions: 320 labels and 400 test rows by halvings, 160 labels and 400 test rows
closer together, 800 labels and 1,000 test rows.
"""

from __future__ import annotations

import numpy as np
import pytest
from drawn_curves import Course, ending, late, law, observed

from ftkit.metrics import load
from ftkit.statistics.curve import forecast

ACCURACY = load("accuracy")
RUNS = 70
SIZES = [
    (np.array([20.0, 40, 80, 160, 320]), 400),
    (np.round(np.geomspace(20, 160, 6)), 400),
    (np.array([25.0, 50, 100, 200, 400, 800]), 1000),
]


def simulated(course: Course, labels: np.ndarray, rows: int) -> dict[str, float]:
    """Shares of the runs: intervals that hold, and what was said."""
    random, most = np.random.default_rng([int(labels[-1]), rows]), float(labels[-1])
    held, level, outcomes, wrong = [], [], [], []
    for _ in range(RUNS):
        found = forecast(observed(random, course, labels, rows), ACCURACY)
        assert found.laws is not None
        _, low, high = found.laws.middle(found.laws.gains(2 * most))
        held.append(low <= course(2 * most) - course(most) <= high)
        _, low, high = found.laws.middle(found.laws.errors(2 * most))
        level.append(low <= 1 - course(2 * most) <= high)
        outcomes.append(found.outcome)
        wrong.append(found.outcome != "cannot tell" and not held[-1])
    said = {name: outcomes.count(name) / RUNS for name in ("gain", "little", "cannot tell")}
    return said | {"gain holds": np.mean(held), "score holds": np.mean(level), "wrong": np.mean(wrong)}  # type: ignore[dict-item]


@pytest.mark.slow  # 12 cells
@pytest.mark.parametrize(("labels", "rows"), SIZES)
def test_the_interval_holds_for_power_laws(labels: np.ndarray, rows: int) -> None:
    courses = [law(0, 0.2), law(0, 0.35), law(0.05, 0.5), law(0.1, 0.8)]
    found = [simulated(course, labels, rows) for course in courses]
    assert min(one["gain holds"] for one in found) >= 0.92, found  # 70 runs: standard error 0.026
    assert min(one["score holds"] for one in found) >= 0.90, found
    assert np.mean([one["score holds"] for one in found]) >= 0.93
    assert np.mean([one["gain"] for one in found]) >= 0.6, "an answer that never comes is no answer"
    assert max(one["little"] for one in found) <= 0.02


@pytest.mark.slow  # 12 cells
@pytest.mark.parametrize(("labels", "rows"), SIZES)
def test_curves_that_have_ended_are_seldom_promised_anything(labels: np.ndarray, rows: int) -> None:
    most = labels[-1]
    flat = simulated(lambda n: 0.8, labels, rows)
    assert flat["gain"] <= 0.03 and flat["wrong"] <= 0.12 and flat["gain holds"] >= 0.85
    assert simulated(ending(law(0, 0.4), most / 4), labels, rows)["gain"] <= 0.04
    assert simulated(ending(law(0, 0.4), most / 2), labels, rows)["gain"] <= 0.15
    # Nothing in the points tells of an end that lies right behind them: the page says so beside the forecast.
    assert simulated(ending(law(0, 0.4), most), labels, rows)["gain"] >= 0.8


@pytest.mark.slow  # 3 cells
@pytest.mark.parametrize(("labels", "rows"), SIZES)
def test_a_curve_that_begins_slowly_is_not_promised_too_much(labels: np.ndarray, rows: int) -> None:
    """The law then ends too soon: its interval may lie too low, and must not lie too high."""
    course, most, low = late(law(0.05, 0.6, 0.9), 40), float(labels[-1]), []
    random = np.random.default_rng([1, int(most)])
    for _ in range(RUNS):
        laws = forecast(observed(random, course, labels, rows), ACCURACY).laws
        assert laws is not None
        low.append(laws.middle(laws.gains(2 * most))[1])
    assert np.mean(np.array(low) <= course(2 * most) - course(most)) >= 0.97
