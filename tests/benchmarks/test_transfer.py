"""What the benchmark of transfer concludes from its numbers, and that its pairs keep source, pool and test apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from transfer import COLUMNS, HEADER, Pair, Result, collected, half_width, row


def pair() -> Pair:
    return Pair("a → b", "a", lambda data, repetition: pytest.fail("no data is read"), 2, {}, {})


def result(scores: list[list[float]]) -> Result:
    return Result(pair(), np.array(scores), "accuracy", 8, 100, 9.0, 3.0, 2000, ("head", "head", "lora"))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (
            [[0.5, 0.7, 0.8, 0.9], [0.5, 0.7, 0.8, 0.91], [0.5, 0.7, 0.8, 0.89]],
            ("transfer pays: +40.0", "that pays: +10.0"),
        ),
        ([[0.5, 0.9, 0.8, 0.85]] * 3, ("transfer pays", "does not pay: −5.0 points (−5.0 to −5.0) against the source")),
        ([[0.5, 0.7, 0.8, 0.801]] * 3, ("transfer pays", "that does not pay: within a point of the probe")),
        ([[0.9, 0.7, 0.8, 0.8]] * 3, ("transfer does not pay: −10.0", "")),
        (
            [[0.5, 0.7, 0.8, 0.6], [0.5, 0.7, 0.6, 0.9], [0.5, 0.7, 0.9, 0.9]],
            ("transfer: cannot tell", "beyond that: cannot tell"),
        ),
    ],
)
def test_verdicts(scores: list[list[float]], expected: tuple[str, str]) -> None:
    found = result(scores).verdict()
    assert all(part in found for part in expected), found
    assert "adapting" not in found or scores[0][0] < 0.9


def test_intervals_are_students() -> None:
    assert half_width([1.0, 2.0, 3.0]) == pytest.approx(4.302653 / 3**0.5)
    assert np.isnan(half_width([1.0]))


def test_reports_become_a_line() -> None:
    def report(value: float) -> dict[str, Any]:
        scores = {"accuracy": {"value": value}}
        return {
            "primary": "accuracy",
            "scores": {"test": scores},
            "baselines": {"linear_probe": scores, "source": {"accuracy": {"value": 0.25}}},
            "data": {"split_rows": {"train": 8, "test": 30}},
            "cost": {"seconds": {"train": 1.0, "save": 2.0}, "adapter_bytes": 1500},
            "choices": {"method": "head"},
        }

    found = collected(pair(), [report(0.5), report(0.7)], 4.0)
    assert found.scores.shape == (2, len(COLUMNS)) and np.isnan(found.scores[:, 0]).all()
    line = row(found)
    assert len(line) == len(HEADER)
    assert (
        line[2] == "–" and line[3] == "0.250 ± 0.000" and line[4].startswith("0.600 ±") and line[7:9] == ["3", "2 kB"]
    )
