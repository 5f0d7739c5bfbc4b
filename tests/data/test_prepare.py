"""From files to splits: what is read, what is refused, and what is said about it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit import privacy
from ftkit.bases import Base
from ftkit.data.prepare import prepare, rows_of
from ftkit.data.table import BadRow, Gold, Parsed, Rows, Splits, Table
from ftkit.errors import Faults, InputError
from ftkit.methods import Method
from ftkit.recipe import Data, Evaluate, Recipe
from ftkit.tasks import Task

SHARED = Path(os.environ.get("FTKIT_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"


class Short(Task):
    """A task of the test: texts of at most `max_chars`, one label or several with `|` between them."""

    text: str = "text"
    label: str = "auto"
    several: bool = False

    def columns(self) -> dict[str, tuple[str, ...]]:
        return {"task.text": (self.text,), "task.label": (self.label,)}

    def resolve(self, table: Table) -> Short:
        if self.label != "auto":
            return self
        if "label" not in table.frame:
            raise InputError(f"{table.source}: which column is the label?", "--label COLUMN")
        return self.model_copy(update={"label": "label"})

    def parse(self, table: Table, max_chars: int, labelled: bool = True, base: Base | None = None) -> Parsed:
        texts = table.frame[self.text].tolist()
        cells = table.frame[self.label].tolist() if labelled else [""] * len(texts)
        gold: list[Gold] = [self._gold(cell) for cell in cells]
        faults = [
            "empty text" if not text else "too long" if len(text) > max_chars else "no label" if missing else None
            for text, missing in zip(texts, [labelled and label is None for label in gold], strict=True)
        ]
        inputs = [None if fault else (text,) for text, fault in zip(texts, faults, strict=True)]
        return Parsed(list(inputs), gold, faults)

    def _gold(self, cell: str) -> Gold:
        return tuple(sorted(filter(None, cell.split("|")))) if self.several else cell or None


@pytest.fixture(autouse=True)
def _shown_again() -> Iterator[None]:
    yield
    privacy.hide(False)


def table(name: str, columns: dict[str, list[str]], bad: tuple[BadRow, ...] = ()) -> Table:
    frame = pd.DataFrame(columns, dtype="str")
    return Table(frame, np.arange(len(frame)) + 2, name, f"sha of {name}", ("delimiter: comma",), bad)


def texts(count: int, labels: str = "ab", start: int = 0, **more: list[str]) -> dict[str, list[str]]:
    numbers = range(start, start + count)
    return {"text": [f"text {i}" for i in numbers], "label": [labels[i % len(labels)] for i in numbers], **more}


def recipe_of(task: Task | None = None, slices: list[str] | None = None, **data: Any) -> Recipe:
    block = Data(**{"train": "train.csv", **data})
    return Recipe(task=task or Short(), method=Method(), data=block, evaluate=Evaluate(slices=slices or []))


def prepared(tables: list[Table], recipe: Recipe | None = None, **data: Any) -> tuple[Recipe, Splits]:
    """Prepare with tables in place of files; those called test… or valid… are given as such."""
    known = {each.source: each for each in tables}
    for key in ("train", "test", "validation"):
        named = [name for name in known if name.startswith(key[:5])]
        if named and key not in data:
            data[key] = named
    if recipe is None:
        recipe = recipe_of(**data)
    else:
        recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update=data)})
    with patch("ftkit.data.prepare.read_many", lambda sources, data: [known[source] for source in sources]):
        return prepare(recipe)


def refused(tables: list[Table], recipe: Recipe | None = None, **data: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        prepared(tables, recipe, **data)
    return caught.value


def found(splits: Splits, check: str) -> str:
    return " / ".join(f"{item.what} -> {item.hint}" for item in splits.report.findings if item.check == check)


# ---- the whole way ----


def test_files_become_rows_and_parts(tmp_path: Path) -> None:
    lines = ["text,label,user"] + [f"question {i},{'ab'[i % 2]},u{i % 9}" for i in range(50)]
    (tmp_path / "train.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "test.csv").write_text("text,label,user\nquestion 100,a,u1\nquestion 3!,b,\n", encoding="utf-8")
    train, test = str(tmp_path / "train.csv"), str(tmp_path / "test.csv")
    recipe, splits = prepare(recipe_of(train=train, test=test, group="user", slices=["user"]))
    frame = splits.rows.frame
    assert recipe.task.columns()["task.label"] == ("label",)
    assert list(frame.columns) == [
        *("row_id", "content", "input", "gold", "split", "unit", "group", "annotator", "source", "line", "slice.user"),
    ]
    assert len(frame) == 52 and frame["row_id"].is_unique and frame["row_id"].str.len().eq(32).all()
    last = frame.iloc[51].to_dict()
    assert last["input"] == ("question 3!",) and last["gold"] == "b" and last["split"] == "test"
    assert last["group"] is None and last["unit"] is None and last["annotator"] is None and last["slice.user"] == ""
    assert last["source"] == test and last["line"] == 3 and frame["group"][1] == "u1"
    (part,) = splits.parts
    assert splits.folds == 0 and part.test.tolist() == [50, 51] and 3 not in part.train and len(part.train) == 49
    report = splits.report
    assert (report.rows_read, report.rows_used, report.dropped) == (52, 51, {})
    assert report.split_rows == {"train": 49, "test": 2, "unused": 1}
    assert report.label_counts["test"] == {"a": 1, "b": 1} and set(report.files) == {train, test}
    assert any("delimiter" in sentence for sentence in report.detected)
    assert splits.rows.labels == ("a", "b") and not splits.rows.multi_label
    json.dumps(asdict(report))


def test_labels_are_those_of_the_final_training_rows() -> None:
    _, splits = prepared([table("train", texts(40, "cab")), table("test", texts(4, "abcd", start=100))])
    assert splits.rows.labels == ("a", "b", "c")
    assert "1 label of 1 test row: 'd'" in found(splits, "labels of test rows")
    assert len(splits.parts[0].test) == 4 and splits.report.dropped == {}


def test_a_row_keeps_its_id_when_training_rows_come_and_go() -> None:
    test = table("test", {"text": ["text 1", "text 1"], "label": ["a", "b"]})
    ids = []
    for train in (texts(40), texts(39, start=2)):
        rows = prepared([table("train", train), test])[1].rows.frame
        ids.append(rows["row_id"][rows["split"] == "test"].tolist())
    assert ids[0] == ids[1] and len(set(ids[0])) == 2


def test_several_files_of_one_split() -> None:
    tables = [table("train 1", texts(30)), table("train 2", {**texts(30, start=30), "more": ["x"] * 30})]
    _, splits = prepared(tables)
    assert len(splits.rows) == 60 and Counter(splits.rows.frame["source"]) == {"train 1": 30, "train 2": 30}
    assert splits.folds == 5


def test_a_validation_file_is_not_trained_on() -> None:
    _, splits = prepared(
        [table("train", texts(40)), table("valid", texts(10, start=50)), table("test", texts(5, start=90))]
    )
    (part,) = splits.parts
    ((_, held),) = part.inner
    assert not part.refit and splits.rows.frame["input"].iloc[held].tolist() == [(f"text {i}",) for i in range(50, 60)]
    assert splits.report.split_rows == {"train": 40, "validation": 10, "test": 5}


def test_several_labels_a_row() -> None:
    columns = {"text": [f"text {i}" for i in range(60)], "label": ["a|b", "b", ""] * 20}
    _, splits = prepared([table("train", columns)], recipe_of(Short(several=True)))
    assert splits.rows.multi_label and splits.rows.labels == ("a", "b")
    assert splits.report.label_counts == {"train": {"a": 20, "b": 40}}
    one = {"text": [f"text {i}" for i in range(60)], "label": ["a", ""] * 30}
    assert prepared([table("train", one)], recipe_of(Short(several=True)))[1].rows.labels == ("a",)


# ---- columns ----


def test_all_missing_columns_are_named_at_once() -> None:
    train = table("train.csv", {**texts(20), "user_id": ["u"] * 20})
    test = table("test.csv", {"txt": ["x"], "label": ["a"], "user_id": ["u"]})
    recipe = recipe_of(Short(label="lable"), ["team"], unit="user", group="USER_ID", annotator="who", split="part")
    error = refused([train, test], recipe)
    assert isinstance(error, Faults)
    said = [str(fault) for fault in error.faults]
    assert "train.csv: task.label: no column 'lable'; did you mean label? It has text, label, user_id" in said
    assert "test.csv: task.text: no column 'text'; did you mean txt? It has txt, label, user_id" in said
    assert any(line.startswith("train.csv: data.group: no column 'USER_ID'; did you mean user_id?") for line in said)
    assert "train.csv: data.annotator: no column 'who'; it has text, label, user_id" in said
    assert sum("data.split" in line for line in said) == 1 and sum("evaluate.slices" in line for line in said) == 2
    assert sum("data.unit" in line for line in said) == 2


def test_what_the_task_cannot_decide_is_said_beside_other_faults() -> None:
    error = refused([table("train.csv", {"text": ["x"] * 3})], unit="user")
    assert "which column is the label" in error.message and "data.unit" in error.message


def test_files_that_cannot_be_read_are_named_together(tmp_path: Path) -> None:
    with pytest.raises(Faults) as caught:
        prepare(recipe_of(train=str(tmp_path / "no.csv"), test=str(tmp_path / "none.csv")))
    assert len(caught.value.faults) == 2


# ---- bad rows ----


def test_bad_rows_are_counted_by_reason_and_left_out() -> None:
    columns = texts(400)
    columns["text"][7], columns["label"][9], columns["text"][11] = "", "", "x" * 200
    bad = (BadRow("train.csv", 500, "ragged line"),)
    _, splits = prepared([table("train.csv", columns, bad)], max_chars=100)
    report = splits.report
    assert report.dropped == {"empty text": 1, "no label": 1, "too long": 1, "ragged line": 1}
    assert report.examples["no label"] == ("train.csv:11",) and report.examples["ragged line"] == ("train.csv:500",)
    assert (report.rows_read, report.rows_used, len(splits.rows)) == (401, 397, 397)
    assert "1 row left out: too long -> see train.csv:13" in found(splits, "dropped rows")


def test_too_many_bad_rows_stop_it() -> None:
    columns = texts(100)
    for row in range(5):
        columns["text"][row * 3] = ""
    error = refused([table("train.csv", columns)])
    assert "train.csv: 5 of 100 rows cannot be used (5.0%; data.max_bad is 1.0%)" in error.message
    assert "empty text 5 (train.csv:2, train.csv:5, train.csv:8, …)" in error.message
    assert "--set data.max_bad=0.05" in error.message
    assert len(prepared([table("train.csv", columns)], max_bad=0.05)[1].rows) == 95


def test_rows_that_could_not_be_read_count_as_read_and_bad() -> None:
    bad = tuple(BadRow("train.csv", 200 + i, "ragged line") for i in range(5))
    assert "train.csv: 5 of 105 rows cannot be used" in refused([table("train.csv", texts(100), bad)]).message


def test_a_large_file_does_not_hide_a_small_bad_one() -> None:
    test = table("test.csv", {"text": ["a", "", "", "b"], "label": ["a", "a", "a", "b"]})
    assert "test.csv: 2 of 4 rows" in refused([table("train.csv", texts(990)), test]).message


def test_nothing_usable() -> None:
    error = refused([table("train.csv", {"text": ["", ""], "label": ["a", "b"]})])
    assert (
        error.message == "no usable rows: empty text 2 (train.csv:2, train.csv:3)" or "no usable train" in error.message
    )
    empty = table("test.csv", {"text": [""], "label": ["a"]})
    assert "no usable test rows" in refused([table("train.csv", texts(30)), empty], max_bad=1.0).message


# ---- labels ----


def test_labels_that_cannot_be_learnt_are_refused() -> None:
    assert "have one label only ('a')" in refused([table("train", texts(30, "a"))]).message
    ids = {"text": [f"text {i}" for i in range(30)], "label": [f"id {i}" for i in range(30)]}
    assert "look like ids or free text" in refused([table("train", ids)]).message
    error = refused([table("train", texts(30)), table("test", texts(5, "xy", start=50))])
    assert "no label of the test rows: 'x', 'y' occurs in training: 'a', 'b'" in error.message
    few = {"text": [f"text {i}" for i in range(4)], "label": list("abcd")}
    assert prepared([table("train", few), table("test", texts(4, "abcd", start=50))])[1].rows.labels == tuple("abcd")


def test_label_map_renames_before_anything_is_counted() -> None:
    columns = texts(60, "abA")
    _, splits = prepared([table("train", columns)], label_map={"A": "a", "zzz": "b"})
    assert splits.report.label_counts == {"train": {"a": 40, "b": 20}}
    assert "1 label that no row has: 'zzz'" in found(splits, "label_map")
    assert not found(splits, "label spelling")


@pytest.mark.parametrize(
    ("rare", "labels", "rows"),
    [("keep", ("a", "b", "z"), 41), ("drop", ("a", "b"), 40), ("merge", ("a", "b", "other"), 41)],
)
def test_rare_labels(rare: str, labels: tuple[str, ...], rows: int) -> None:
    columns = texts(40)
    columns["text"].append("last")
    columns["label"].append("z")
    _, splits = prepared([table("train", columns)], rare=rare)
    assert splits.rows.labels == labels and len(splits.rows) == rows
    assert splits.report.dropped == ({"rare label": 1} if rare == "drop" else {})
    assert rare == "keep" or "1 label of fewer than 2 training rows" in found(splits, "rare labels")


def test_nothing_left_after_dropping() -> None:
    columns = {"text": ["x", "y", "z"], "label": ["a", "b", "c"]}
    assert "all labels are rare" in refused([table("train", columns)], rare="drop").message


# ---- official splits ----


def test_a_split_column_is_found_and_kept() -> None:
    columns = texts(60, Split=["Train"] * 40 + ["dev"] * 10 + [" tst"] * 10)
    recipe, splits = prepared([table("train", columns)])
    assert recipe.data.split == "Split" and "column 'Split' holds the official split" in splits.report.detected
    assert splits.report.split_rows == {"train": 40, "validation": 10, "test": 10}
    assert splits.parts[0].test.tolist() == list(range(50, 60))


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("split", ["train"] * 60),
        ("split", ["test"] * 30 + ["dev"] * 30),
        ("split", ["train"] * 30 + ["banana"] * 30),
        ("kind", ["train"] * 30 + ["test"] * 30),
    ],
)
def test_other_columns_are_not_taken_for_a_split(name: str, cells: list[str]) -> None:
    recipe, splits = prepared([table("train", texts(60, **{name: cells}))])
    assert recipe.data.split is None and splits.folds == 5


def test_a_split_column_of_one_file_only_is_not_taken() -> None:
    first = texts(40, split=["train"] * 30 + ["test"] * 10)
    recipe, _ = prepared([table("train 1", first), table("train 2", texts(40, start=40))])
    assert recipe.data.split is None


def test_a_named_split_column_must_say_what_is_known() -> None:
    columns = texts(60, phase=["train"] * 50 + ["test"] * 8 + ["banana", ""])
    error = refused([table("train.csv", columns)], split="phase")
    assert "train.csv: data.split: column 'phase' has 2 values that name no split ('banana', '')" in error.message
    columns["phase"][58:] = ["test", "test"]
    assert len(prepared([table("train.csv", columns)], split="phase")[1].parts[0].test) == 10
    only = texts(60, phase=["test"] * 60)
    assert "no usable train rows" in refused([table("train.csv", only)], split="phase").message


def test_units_are_split_as_a_whole() -> None:
    columns = texts(200, user=[f"u{i // 10}" for i in range(200)])
    _, splits = prepared([table("train", columns)], unit="user")
    units = splits.rows.frame["unit"]
    assert len(splits.parts) == 6
    for part in splits.parts:
        assert not set(units.iloc[part.train]) & set(units.iloc[part.test])
    assert not found(splits, "unit")
    assert "--unit user" in found(prepared([table("train", columns)])[1], "unit")


# ---- another file ----


def other(source: Table, recipe: Recipe, labelled: bool) -> Any:
    with patch("ftkit.data.prepare.read", lambda name, data: source):
        return rows_of(recipe, source.source, labelled)


def test_rows_to_predict_keep_their_places() -> None:
    source = table("new.csv", {"text": ["one", "", "three"]}, (BadRow("new.csv", 9, "ragged line"),))
    seen, parsed, report = other(source, recipe_of(Short(label="label"), unit="user"), labelled=False)
    assert seen is source and parsed.inputs == [("one",), None, ("three",)]
    assert parsed.faults == [None, "empty text", None] and parsed.gold == [None] * 3
    assert (report.rows_read, report.rows_used, report.dropped) == (4, 2, {"empty text": 1, "ragged line": 1})
    assert report.files == {"new.csv": "sha of new.csv"} and report.detected == ("delimiter: comma",)


def test_hints_on_another_file_say_how_to_read_it(tmp_path: Path) -> None:
    recipe = recipe_of(Short(label="label"))
    bad = table("new.csv", {"text": ["x", ""], "label": ["a", "a"]})
    with pytest.raises(InputError, match="go on without them: --set data.max_bad=0.5"):
        other(bad, recipe, labelled=True)
    path = tmp_path / "new.csv"
    path.write_bytes("text,label\n¿Él? ¿Él?,a\n".encode("cp1252"))
    with pytest.raises(InputError, match="which is right") as caught:
        rows_of(recipe, str(path), labelled=True)
    assert "--set data.encoding=cp1252" in caught.value.hint
    said = recipe_of(Short(label="label"), encoding="cp1252")
    assert rows_of(said, str(path), labelled=True)[1].inputs == [("¿Él? ¿Él?",)]


def test_rows_to_evaluate_need_labels_and_get_the_same_names() -> None:
    recipe = recipe_of(Short(label="label"), label_map={"A": "a"})
    _, parsed, _ = other(table("new.csv", {"text": ["x", "y"], "label": ["A", "b"]}), recipe, labelled=True)
    assert parsed.gold == ["a", "b"]
    for columns, said in (
        ({"text": ["x"], "Label": ["a"]}, "did you mean Label?"),
        ({"text": ["x", ""], "label": ["a", "a"]}, "1 of 2 rows cannot be used"),
    ):
        with pytest.raises(InputError, match=".*") as caught:
            other(table("new.csv", columns), recipe, labelled=True)
        assert said in caught.value.message
    with pytest.raises(InputError, match="no usable rows"):
        other(table("new.csv", {"text": ["", ""]}), recipe, labelled=False)


# ---- privacy ----

MARK = "sekret"


def marked(count: int, labels: list[str], start: int = 0) -> dict[str, list[str]]:
    numbers = range(start, start + count)
    return {
        "text": [f"{MARK} text {i % 50}" for i in numbers],
        "label": [labels[i % len(labels)] for i in numbers],
        "user": [f"{MARK} {i // 4}" for i in numbers],
    }


def test_no_cell_is_written_where_rows_are_hidden() -> None:
    privacy.hide(True)
    labels = [f"{MARK} {name}" for name in ("a", "b", "A", "c")]
    columns = marked(100, labels)
    columns["label"][3], columns["label"][5] = f"{MARK} rare", labels[0]
    columns["text"][9] = ""
    test = marked(20, [labels[0], f"{MARK} unknown"], start=200)
    tables = [table("train", columns), table("test", test)]
    recipe = recipe_of(max_bad=0.02, label_map={f"{MARK} x": "y"})
    report = prepared(tables, recipe)[1].report
    said = json.dumps([asdict(finding) for finding in report.findings]) + str(report.detected) + str(report.examples)
    assert len(report.findings) >= 7 and MARK not in said
    one = [table("train", marked(40, [f"{MARK} a"]))]
    apart = [table("train", marked(40, labels)), table("test", marked(9, [f"{MARK} z"]))]
    column = [table("train", {**marked(40, labels), "part": [MARK] * 40})]
    for broken, data in ((one, {}), (apart, {}), (column, {"split": "part"})):
        error = refused(broken, **data)
        assert MARK not in error.message + error.hint


# ---- any table ----

cells = st.sampled_from(["", " ", "a", "b", "A ", "NA", "null", "1", "1.5", "train", "test", "x|y", "\x00", "很 好"])


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 25).flatmap(
        lambda rows: st.lists(st.lists(cells, min_size=rows, max_size=rows), min_size=5, max_size=5)
    ),
    st.sampled_from([{}, {"unit": "user"}, {"split": "split"}, {"rare": "merge", "rare_below": 3}, {"per_label": 2}]),
    st.booleans(),
    st.booleans(),
)
def test_no_table_makes_it_crash(columns: list[list[str]], data: dict[str, Any], several: bool, tested: bool) -> None:
    source = table("train", dict(zip(["text", "label", "user", "split", "date"], columns, strict=True)))
    tables = [source, table("test", texts(3, start=50, user=["u"] * 3))] if tested else [source]
    try:
        _, splits = prepared(tables, recipe_of(Short(several=several), **{"max_bad": 1.0, **data}))
    except InputError as error:
        assert error.message
        return
    check(splits.rows, splits)


def check(rows: Rows, splits: Splits) -> None:
    assert len(rows) == len(rows.frame) and not rows.frame["row_id"].isna().any()
    assert sum(splits.report.split_rows.values()) == len(rows)
    assert splits.report.rows_read == len(rows) + sum(splits.report.dropped.values())
    for part in splits.parts:
        assert len(part.train) and set(part.train) <= set(range(len(rows)))


# ---- real data ----

REAL = [
    ("banking77_en/train.csv", "banking77_en/test.csv", "text", "category", 77, 13083),
    ("tweets_en/stance_train.csv", "tweets_en/stance_test.csv", "text", "label_name", 3, 3869),
    ("shopping_reviews_zh/reviews.csv", None, "review", "label", 2, 12574),
    ("amazon_reviews_en/train.csv", "amazon_reviews_en/test.csv", "text", "label", 2, 9600),
    ("clinc150_en/train.csv", "clinc150_en/test.csv", "text", "intent", 151, 20600),
    ("ag_news_en/ag_news_test.csv", None, "description", "label", 4, 7600),
    ("review_sentences_en/imdb_labelled.txt", None, "column_1", "column_2", 2, 1000),
]


@pytest.mark.slow
@pytest.mark.parametrize(("train", "test", "text", "label", "labels", "rows"), REAL)
def test_real_files_without_any_setting(
    train: str, test: str | None, text: str, label: str, labels: int, rows: int
) -> None:
    from ftkit.tasks.text_classification import TextClassification

    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not here")
    files = {"train": str(SHARED / train)} | ({"test": str(SHARED / test)} if test else {})
    recipe, splits = prepare(recipe_of(TextClassification(name="text_classification"), **files))
    assert recipe.task.columns() == {"task.text": (text,), "task.label": (label,)}
    assert len(splits.rows.labels) == labels and len(splits.rows) == rows
    assert not [finding for finding in splits.report.findings if finding.level == "fault"]
