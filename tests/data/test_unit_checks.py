"""A column that should be the unit is found by name or by its values, and ordinary columns are left in peace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftkit.data import unit_checks
from ftkit.data.prepare import prepare
from ftkit.data.read import read
from ftkit.data.unit_checks import agreement, check_tested
from ftkit.methods import Method
from ftkit.recipe import Data, Recipe
from ftkit.statistics.intervals import FEW_UNITS
from ftkit.tasks import Task
from ftkit.tasks.text_classification import TextClassification

ROOT = Path(__file__).resolve().parents[2]


class Columns(Task):
    """A task of the test with one text and one label column."""

    def columns(self) -> dict[str, tuple[str, ...]]:
        return {"task.text": ("text",), "task.label": ("label",)}


def on_unit(columns: dict[str, list[str]], **data: Any) -> list[str]:
    size = len(next(iter(columns.values())))
    base = {"text": [f"text {i}" for i in range(size)], "label": ["ab"[i % 2] for i in range(size)]}
    recipe = Recipe(task=Columns(), method=Method(), data=Data(train="-", **data))
    found = unit_checks.check(pd.DataFrame(base | columns, dtype="str"), recipe)
    assert all((one.level, one.check) == ("warning", "unit") for one in found)
    return [one.hint for one in found]


NAMES = [
    "user",
    "UserID",
    "user_id",
    "userid",
    "session",
    "author",
    "说话人",
    "thread",
    "date",
    "speaker_id",
    "device",
    "subject",
    "recording",
    "doc",
]


@pytest.mark.parametrize("name", [*NAMES, "doc id"])
def test_a_column_that_should_be_the_unit(name: str) -> None:
    (hint,) = on_unit({name: [f"x{i // 4}" for i in range(60)]})
    assert hint in (f"--unit {name}", f"--unit '{name}'")


def test_columns_that_are_no_unit() -> None:
    repeated = [f"x{i // 4}" for i in range(60)]
    assert on_unit({"team": repeated}) == []
    assert on_unit({"valid": repeated}) == []
    assert on_unit({"user": [f"x{i}" for i in range(60)]}) == []
    assert on_unit({"user": ["same"] * 60}) == []
    assert on_unit({"user": [""] * 30 + repeated[:30]}) == []
    assert on_unit({"user": ["xy"[i % 2] for i in range(60)]}) == []  # one-to-one with the label
    assert on_unit({"doc": [f"d{i // 4}" for i in range(60)], "text": [f"t{i // 4}" for i in range(60)]}) == []
    assert on_unit({"user": repeated}, unit="user") == []
    assert on_unit({"user": repeated}, group="user") == []
    assert on_unit({"user": repeated}, annotator="user") == []


def by_value(agree: float, values: int = 60, each: int = 5) -> dict[str, list[str]]:
    """Labels of rows that share a value are alike with the chance `agree` each, else drawn."""
    rng = np.random.default_rng(0)
    own = np.repeat(rng.integers(0, 2, values), each)
    label = np.where(rng.random(values * each) < agree, own, rng.integers(0, 2, values * each))
    return {"label": ["ab"[one] for one in label], "who": [f"k{i // each:03}" for i in range(values * each)]}


def test_values_that_behave_like_identifiers_are_found_without_a_name() -> None:
    rows = by_value(0.8)
    assert on_unit(rows) == ["--unit who"]
    assert on_unit(by_value(1.0)) == ["--unit who"]  # one label for each patient
    assert on_unit(by_value(0.0)) == []  # rows of one value are no more alike than any
    assert on_unit(by_value(0.8, values=10, each=30)) == []  # few values: a slice, as a team or a topic
    assert on_unit(by_value(0.8, values=300, each=1)) == []
    names = {code: chr(97 + i // 26) + chr(97 + i % 26) for i, code in enumerate(dict.fromkeys(rows["who"]))}
    assert on_unit(rows | {"who": [names[one] for one in rows["who"]]}) == ["--unit who"]


@pytest.mark.parametrize("name", ["topic", "category", "brand", "domain", "城市来源"])
def test_a_label_or_an_origin_is_not_taken_for_an_identifier(name: str) -> None:
    rows = by_value(0.8)
    assert on_unit({"label": rows["label"], name: rows["who"]}) == []


def test_numbers_sentences_and_finer_labels_are_no_identifiers() -> None:
    rows = by_value(0.8)
    assert on_unit(rows | {"who": [str(int(one[1:]) / 4) for one in rows["who"]]}) == []
    assert on_unit(rows | {"who": [f"what was said in room {one} then" for one in rows["who"]]}) == []
    finer = by_value(1.0)
    words = {code: chr(97 + i // 26) + chr(97 + i % 26) for i, code in enumerate(dict.fromkeys(finer["who"]))}
    assert on_unit(finer | {"who": [words[one] for one in finer["who"]]}) == []


@given(st.lists(st.tuples(st.sampled_from("uvw"), st.sampled_from("abc")), min_size=4, max_size=30))
def test_agreement_is_that_of_all_pairs(rows: list[tuple[str, str]]) -> None:
    pairs = [(one, other) for i, one in enumerate(rows) for other in rows[:i]]
    alike = [one[1] == other[1] for one, other in pairs if one[0] == other[0]]
    if alike:
        cells, labels = (pd.Series([row[i] for row in rows], dtype=object) for i in (0, 1))
        together, chance, _ = agreement(cells, labels)
        assert together == pytest.approx(np.mean(alike))
        assert chance == pytest.approx(np.mean([one[1] == other[1] for one, other in pairs]))


def test_too_few_tested_units_are_said_before_training(tmp_path: Path) -> None:
    assert check_tested([None] * 50) == [] and check_tested([f"u{i % 10}" for i in range(50)]) == []
    (finding,) = check_tested([f"u{i % 9}" for i in range(50)])
    assert finding.what == "the test rows are of 9 units: fewer than 10 give no interval and no verdict"
    assert unit_checks.FEWEST_UNITS == FEW_UNITS
    lines = "".join(f"some text {i},{'ab'[i % 2]},u{i % 6}\n" for i in range(60))
    (tmp_path / "few.csv").write_text("text,label,user\n" + lines, encoding="utf-8")
    task = TextClassification(name="text_classification")
    _, splits = prepare(Recipe(task=task, method=Method(), data=Data(train=str(tmp_path / "few.csv"), unit="user")))
    assert [one.what for one in splits.report.findings if one.check == "units"] == [
        "the test rows are of 6 units: fewer than 10 give no interval and no verdict"
    ]


def findings_on(path: Path) -> list[str]:
    data = Data(train=str(path))
    table = read(str(path), data)
    task = TextClassification(name="text_classification").resolve(table)
    return [one.hint for one in unit_checks.check(table.frame, Recipe(task=task, method=Method(), data=data))]


def test_the_columns_of_the_quickstart_are_ordinary() -> None:
    assert findings_on(ROOT / "recipes" / "data" / "support_messages.csv") == []


@pytest.mark.slow  # real tables
def test_of_real_tables_only_the_annotators_are_pointed_at(shared: Path) -> None:
    """Texts that several people rated stay together anyway; topics, products and agencies are slices."""
    data = shared / "data"
    assert findings_on(data / "offensiveness_by_annotator_en" / "ratings.csv") == ["--unit user_id"]
    ordinary = [
        *(data / "tweets_en").glob("*_train.csv"),
        *(data / "banking77_en").glob("*.csv"),
        *(data / "clinc150_en").glob("t*.csv"),
        data / "amazon_reviews_en" / "train.csv",
        data / "shopping_reviews_zh" / "reviews.csv",
        data / "ag_news_en" / "ag_news_test.csv",
    ]
    assert len(ordinary) == 10
    assert {str(path): findings_on(path) for path in ordinary} == {str(path): [] for path in ordinary}
