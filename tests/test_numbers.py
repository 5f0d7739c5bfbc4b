"""How numbers are read from cells, which tables are taken for regression, and what solves them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from ftkit.data.table import Table
from ftkit.features import neighbours, probe
from ftkit.features.pooling import Pooling
from ftkit.features.scale import Scale
from ftkit.metrics import Scored, load
from ftkit.statistics.paired import compare
from ftkit.tasks._lexical import tfidf_numbers
from ftkit.tasks._valued import numbers
from ftkit.tasks.text_classification import TextClassification
from ftkit.tasks.text_regression import TextRegression
from ftkit.verbs.starting import recipe_for

TEXTS = ["the screen is bright and sharp", "it broke after two days", "good value for the price", "never again"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["3", " 4.5 ", "-1e2"], [3.0, 4.5, -100.0]),
        (["0,5", "12,25"], [0.5, 12.25]),
        (["1,250", "3,000,000.5"], [1250.0, 3000000.5]),
        (["1,250", "0,5"], [1.25, 0.5]),  # one that cannot be thousands decides for all
        (["", "n/a", "nan", "inf", "1_000", "4 stars"], [None] * 6),
    ],
)
def test_cells_become_numbers(cells: list[str], expected: list[float | None]) -> None:
    assert numbers(cells) == expected


@given(st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=2, max_size=30), st.floats(0.001, 1000))
def test_a_scale_and_its_way_back_are_one(values: list[float], times: float) -> None:
    targets = np.array(values)[:, None] * times
    scale = Scale.of(targets)
    assert scale is not None and (scale.sd > 0).all()
    largest = max(1.0, float(np.abs(targets).max()))
    np.testing.assert_allclose(scale.own(scale.standard(targets)), targets, atol=1e-12 * largest)


def test_labels_have_no_scale() -> None:
    assert Scale.of(np.array([0, 1, 2])) is None and Scale.of(np.zeros((3, 2), dtype=np.float32)) is None


@pytest.mark.parametrize("rows", [20, 200])
def test_the_probe_of_numbers_is_ridge_regression(rows: int) -> None:
    random = np.random.default_rng(0)
    features = random.normal(5, 3, (rows, 30)).astype(np.float32)
    targets = np.stack([features @ random.normal(0, 1, 30) + 1000, random.normal(0, 1e-3, rows)], axis=1)
    mean = Pooling("mean")
    solved = probe.fit({mean: features}, targets, 2, np.arange(rows), (mean, 0.1))
    ready = (features - features.mean(0)) / (features - features.mean(0)).std()
    other = Ridge(alpha=10).fit(ready, (targets - targets.mean(0)) / targets.std(0))
    expected = other.predict(ready) * targets.std(0) + targets.mean(0)
    np.testing.assert_allclose(solved.logits(features), expected, rtol=1e-3, atol=1e-4)


def test_neighbours_of_numbers_are_a_mean_of_what_is_near() -> None:
    features = np.eye(3, dtype=np.float32)
    targets = np.array([[1.0], [5.0], [9.0]])
    found = neighbours.vote(features, targets, 1, np.array([[1, 0, 0], [0, 0, 1]], dtype=np.float32), count=2)
    assert found.shape == (2, 1) and found[0, 0] < 1.01 and found[1, 0] > 8.99


def test_tfidf_of_numbers_learns_words_and_copes_with_texts_without_any() -> None:
    texts = [f"{word} {i}" for i in range(15) for word in ("cheap", "dear")]
    targets = np.array([[2.0], [90.0]] * 15)
    low, high = tfidf_numbers(texts, targets, ["cheap one", "dear one"])[:, 0]
    assert low < 25 and high > 70
    np.testing.assert_allclose(tfidf_numbers(["?", "!"], np.array([[1.0], [3.0]]), ["?"]), [[2.0]])


def test_numbers_that_differ_by_rounding_are_the_same_answer() -> None:
    random = np.random.default_rng(0)
    gold = random.normal(100, 5, (50, 1))
    guess = gold + random.normal(0, 1, (50, 1))
    a, b = Scored(("kg",), gold, guess), Scored(("kg",), gold, guess * (1 + 1e-9))
    found = compare(load("rmse"), a, b)
    assert found.same and found.outcome == "equivalent" and found.fixed == found.broken == 0
    worse = compare(load("rmse"), a, Scored(("kg",), gold, guess + 3), margin=0.5)
    assert worse.outcome == "better" and worse.fixed > worse.broken and worse.margin == 0.5


def table(**columns: list[str]) -> Table:
    frame = pd.DataFrame(columns)
    return Table(frame, np.arange(len(frame)) + 2, "t.csv", "")


def test_many_different_numbers_are_regression_and_few_whole_ones_classification() -> None:
    texts = [f"{TEXTS[i % 4]} {i}" for i in range(120)]
    prices = table(text=texts, price=[f"{i * 1.7:.2f}" for i in range(120)])
    assert TextRegression.recognise(prices).fit > TextClassification.recognise(prices).fit
    assert TextRegression.recognise(prices).fields == {"text": "text", "label": "price"}
    stars = table(text=texts, stars=[str(1 + i % 5) for i in range(120)])
    assert TextRegression.recognise(stars).fit < TextClassification.recognise(stars).fit
    assert "--task text_regression" in TextRegression.recognise(stars).instead
    both = table(text=texts, price=[f"{i * 1.7:.2f}" for i in range(120)], category=["a", "b", "c"] * 40)
    assert TextRegression.recognise(both).fit < TextClassification.recognise(both).fit
    assert TextRegression.recognise(table(text=texts, id=[str(i) for i in range(120)])).fit == 0


def test_a_table_of_stars_says_how_to_have_them_as_ratings(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = pd.DataFrame({"text": [f"{TEXTS[i % 4]} {i}" for i in range(60)], "stars": [1 + i % 5 for i in range(60)]})
    rows.to_csv("stars.csv", index=False)
    assert recipe_for("stars.csv", []).task.name == "text_classification"
    assert "--task text_regression predicts them as ratings" in capsys.readouterr().err
    recipe = recipe_for("stars.csv", [("task.name", "text_regression")])
    assert recipe.task.columns() == {"task.text": ("text",), "task.label": ("stars",)}
    assert "--task" not in capsys.readouterr().err
