"""What the benchmark of transfer concludes from its numbers, and that rows of its table outlive other measurements."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pairs import Pair, Rows
from spreads import half_width
from transfer import collected, over_rows, pairs, same_test
from transfer_table import COLUMNS, HEADER, Result, kept, row, written

from ftkit.statistics import predictions

NONE = float("nan")


def pair(name: str = "a → b", per_label: int | None = 2) -> Pair:
    return Pair(name, "a", lambda data, repetition: pytest.fail("no data is read"), per_label, {}, {})


def result(scores: list[list[float]], metric: str = "accuracy", stand_in: str = "") -> Result:
    methods = ("head", "head", "lora")
    return Result(pair(), np.array(scores), metric, 8, 100, 9.0, 3.0, 2000, methods, stand_in=stand_in)


def report(value: float, baselines: dict[str, float]) -> dict[str, Any]:
    return {
        "primary": "accuracy",
        "procedure": "held_out",
        "scores": {"test": {"accuracy": {"value": value}}},
        "baselines": {name: {"accuracy": {"value": number}} for name, number in baselines.items()},
        "data": {"split_rows": {"train": 8, "test": 30}},
        "cost": {"seconds": {"train": 1.0, "save": 2.0}, "adapter_bytes": 1500},
        "choices": {"method": "head"},
    }


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (
            [[0.5, NONE, 0.7, 0.8, 0.9], [0.5, NONE, 0.7, 0.8, 0.91], [0.5, NONE, 0.7, 0.8, 0.89]],
            ("transfer pays: +40.0", "that pays: +10.0"),
        ),
        (
            [[0.5, 0.6, 0.9, 0.8, 0.85]] * 3,
            (
                "transfer pays: +25.0 points (+25.0 to +25.0) over the raw",
                "−5.0 points (−5.0 to −5.0) against the source",
            ),
        ),
        ([[0.5, 0.4, 0.7, 0.8, 0.801]] * 3, ("transfer pays", "that does not pay: within a point of the probe")),
        ([[0.9, 0.4, 0.7, 0.8, 0.8]] * 3, ("transfer does not pay: −10.0", "")),
        (
            [[0.5, NONE, 0.7, 0.8, 0.6], [0.5, NONE, 0.7, 0.6, 0.9], [0.5, NONE, 0.7, 0.9, 0.9]],
            ("transfer: cannot tell", "beyond that: cannot tell"),
        ),
    ],
)
def test_verdicts(scores: list[list[float]], expected: tuple[str, str]) -> None:
    found = result(scores).verdict()
    assert all(part in found for part in expected), found
    assert ("adapting" in found) == (scores[0][0] < 0.9)


def test_of_errors_less_is_better() -> None:
    falls = [[0.9, NONE, 0.8, 0.7, 0.60], [0.9, NONE, 0.8, 0.7, 0.61], [0.9, NONE, 0.8, 0.7, 0.59]]
    found = result(falls, "mae", "tfidf").verdict()
    assert found.startswith("transfer pays: mean absolute error better by +0.300 (+0.275 to +0.325) over TF-IDF")
    assert "adapting beyond that pays: mean absolute error better by +0.100" in found and "the probe" in found
    assert (
        "does not pay: mean absolute error better by −0.100"
        in result([[0.5, NONE, 0.8, 0.7, 0.6]] * 3, "mae").verdict()
    )
    assert "within 1 % of the probe" in result([[0.9, NONE, 0.8, 0.7, 0.699]] * 3, "mae").verdict()


def test_one_draw_has_the_intervals_of_its_test_rows() -> None:
    once = result([[0.5, NONE, 0.7, 0.8, 0.9]])
    paired = {"from_scratch": (0.3, 0.5), "linear_probe": (-0.1, 0.3)}
    found = replace(once, over_rows=[paired]).verdict()
    assert "transfer pays: +40.0 points (+30.0 to +50.0)" in found
    assert "cannot tell, +10.0 points (−10.0 to +30.0)" in found
    assert "1 draw, intervals of test rows" in row(once)
    falls = replace(result([[0.9, NONE, 0.8, 0.7, 0.6]], "mae"), over_rows=[{"linear_probe": (-0.15, -0.05)}])
    assert falls.gained("linear_probe") == pytest.approx((0.1, 0.05, 0.15))


def test_draws_that_share_their_test_rows_are_no_surer_than_these_rows_allow() -> None:
    draws = result([[0.5, NONE, 0.7, 0.8, 0.9], [0.5, NONE, 0.7, 0.8, 0.91], [0.5, NONE, 0.7, 0.8, 0.89]])
    alone = half_width([0.1, 0.11, 0.09])
    shared = replace(draws, over_rows=[{"linear_probe": (-0.1, 0.3)}, {"linear_probe": (0.0, 0.2)}])
    assert draws.gained("linear_probe") == pytest.approx((0.1, 0.1 - alone, 0.1 + alone))
    whole = (alone**2 + 0.15**2) ** 0.5
    assert shared.gained("linear_probe") == pytest.approx((0.1, 0.1 - whole, 0.1 + whole))
    assert "beyond that pays" in draws.verdict() and "beyond that: cannot tell" in shared.verdict()
    assert row(shared)[-2] == "3 draws and test rows" and row(draws)[-2] == "3 draws"


def test_whether_repetitions_are_scored_on_equal_rows() -> None:
    def rows(test: list[str] | None, pool: list[str]) -> Rows:
        tested = None if test is None else pd.DataFrame({"text": test})
        return Rows(pd.DataFrame(), pd.DataFrame({"text": pool}), tested)

    assert same_test(rows(["a"], ["b"]), rows(["a"], ["c"])) and not same_test(rows(["a"], ["b"]), rows(["d"], ["b"]))
    assert same_test(rows(None, ["a"]), rows(None, ["a"])) and not same_test(rows(None, ["a"]), rows(None, ["b"]))


def test_intervals_are_students() -> None:
    assert half_width([1.0, 2.0, 3.0]) == pytest.approx(4.302653 / 3**0.5)
    assert np.isnan(half_width([1.0]))


def test_reports_become_a_line() -> None:
    known = {"linear_probe": 0.5, "source": 0.25}
    found = collected(pair(), [report(0.5, known), report(0.7, {**known, "linear_probe": 0.7})], 4.0)
    assert found.scores.shape == (2, len(COLUMNS)) and np.isnan(found.scores[:, :2]).all()
    line = dict(zip(HEADER, row(found, "2026-01-02"), strict=True))
    assert line["from scratch"] == line["raw neighbour"] == "–" and line["source unadapted"] == "0.250 ± 0.000"
    assert line["probe"].startswith("0.600 ±") and line["target labels a class"] == "2 (8 in all)"
    assert (line["seconds"], line["adapter"], line["measured"]) == ("3", "2 kB", "2026-01-02, 2 draws")


def test_a_model_without_pretraining_stands_in_by_name() -> None:
    found = collected(pair(per_label=None), [report(0.5, {"tfidf": 0.4, "linear_probe": 0.5})], 4.0)
    line = dict(zip(HEADER, row(found), strict=True))
    assert line["from scratch"] == "0.400 (TF-IDF)" and line["target labels a class"] == "all (8 in all)"
    both = collected(pair(), [report(0.5, {"tfidf": 0.4, "from_scratch": 0.3})], 4.0)
    assert row(both)[3] == "0.300", "it stands in only where nothing is trained from scratch"


def test_without_labels_the_source_is_held_against_neighbours_among_its_own_rows() -> None:
    once = result([[NONE, 2.97, 2.94, NONE, 2.94]], "mean_error")
    found = replace(once, labelled=0, methods=("nothing",), over_rows=[{"raw_neighbour": (-0.2, 0.2)}])
    line = dict(zip(HEADER, row(found), strict=True))
    assert line["probe"] == line["from scratch"] == "–" and line["chosen"] == "nothing"
    assert line["verdict"].startswith("transfer: cannot tell") and "adapting beyond" not in line["verdict"]


def test_in_folds_every_labelled_row_is_tested() -> None:
    folds = report(0.5, {"motion": 0.4}) | {"procedure": "out_of_fold", "per_label": [{"rows": 21}, {"rows": 12}]}
    found = collected(pair(), [folds], 4.0)
    assert found.tested == 33 and row(found)[3] == "0.400 (motion alone)"
    assert collected(pair(), [report(0.5, {})], 4.0).tested == 30


def test_rows_that_are_not_measured_again_are_kept(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    scores = [[0.5, NONE, 0.7, 0.8, 0.9]] * 3
    lines = {name: [name, *row(result(scores))[1:]] for name in ("b → c", "a → b")}
    readme.write_text(f"before\n<!-- transfer -->\nwhere\n\n{written(lines, ['a → b', 'b → c'])}\n<!-- /transfer -->\n")
    assert kept(readme) == lines and list(kept(readme)) == ["a → b", "b → c"]
    readme.write_text("<!-- transfer -->\nNot measured yet.\n<!-- /transfer -->\n")
    assert kept(readme) == {}


def test_names_of_pairs_are_the_keys_of_rows() -> None:
    names = [one.name for one in pairs()]
    assert len(names) >= 14 and len(set(names)) == len(names) and not any("|" in name for name in names)
    assert [one.name for one in pairs("PEN:")] == [name for name in names if name.startswith("pen:")]


def test_intervals_over_rows_are_as_the_metric_counts(tmp_path: Path) -> None:
    """Of errors the adapted model's are smaller: its difference lies below zero, and the gain above."""
    off = np.random.default_rng(0).gamma(2, 1, 60)
    gold = [(0.0, 0.0)] * len(off)
    frames = [
        predictions.frame_of(
            row_id=[f"r{i:02d}" for i in range(len(off))],
            input_hash=["h"] * len(off),
            split="test",
            gold=gold,
            prediction=[(float(one), 0.0) for one in off * size],
            scores=None,
            labels=("x", "y"),
            predictor=name,
            seed=0,
            kind="values",
        )
        for name, size in (("adapted", 0.5), ("linear_probe", 1.0))
    ]
    path = tmp_path / "predictions.parquet"
    predictions.write(
        pd.concat(frames),
        path,
        labels=("x", "y"),
        task="vector_regression",
        metrics=["mean_error"],
        primary="mean_error",
    )
    found = result([[NONE, NONE, NONE, off.mean(), off.mean() / 2]], "mean_error")
    value, low, high = replace(found, over_rows=[over_rows(tmp_path, found)]).gained("linear_probe")
    assert 0 < low < value < high and value == pytest.approx(off.mean() / 2)
