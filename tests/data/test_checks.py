"""Each check finds what it is for, keeps quiet otherwise, and names what to type."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
import yaml

from ftkit import privacy
from ftkit.data import label_checks
from ftkit.data.checks import check_rows, label_counts
from ftkit.data.hashing import content_keys
from ftkit.data.table import Finding, Gold
from ftkit.data.tally import Tally
from ftkit.errors import InputError
from ftkit.methods import Method
from ftkit.recipe import Data, Evaluate, Recipe
from ftkit.tasks import Task


class Columns(Task):
    """A task of the test with one text and one label column."""

    def columns(self) -> dict[str, tuple[str, ...]]:
        return {"task.text": ("text",), "task.label": ("label",)}


def recipe_of(metrics: list[str] | None = None, **data: Any) -> Recipe:
    return Recipe(
        task=Columns(), method=Method(), data=Data(train="-", **data), evaluate=Evaluate(metrics=metrics or [])
    )


@pytest.fixture(autouse=True)
def _shown_again() -> Iterator[None]:
    yield
    privacy.hide(False)


def frame_of(rows: list[tuple[str, Gold]], split: str | list[str] = "train", **more: list[str | None]) -> pd.DataFrame:
    size = len(rows)
    return pd.DataFrame(
        {
            "content": content_keys([(text,) for text, _ in rows]),
            "gold": pd.Series([gold for _, gold in rows], dtype=object),
            "split": pd.Series([split] * size if isinstance(split, str) else split, dtype=object),
            "unit": pd.Series(more.get("unit", [None] * size), dtype=object),
            "annotator": pd.Series(more.get("annotator", [None] * size), dtype=object),
            "source": "a.csv",
            "line": range(2, size + 2),
        }
    )


def plain(count: int = 40) -> list[tuple[str, Gold]]:
    return [(f"text {i}", "ab"[i % 2]) for i in range(count)]


def found(findings: list[Finding]) -> dict[str, Finding]:
    assert all(finding.level in ("note", "warning", "fault") and finding.hint for finding in findings)
    return {finding.check: finding for finding in findings}


def test_good_rows_give_no_finding() -> None:
    assert check_rows(frame_of(plain()), recipe_of()) == []


# ---- rows ----


def test_one_text_with_several_labels() -> None:
    rows = [*plain(), ("Text 3!", "a"), ("text 3", "b"), ("text 4", "a")]
    finding = found(check_rows(frame_of(rows), recipe_of()))["conflicting labels"]
    assert finding.what == "different labels for one text: 1 text in 3 rows"
    assert "a.csv:5 and a.csv:42" in finding.hint and "--set data.annotator=COLUMN" in finding.hint


@pytest.mark.parametrize("column", ["annotator", "unit"])
def test_different_annotators_or_units_may_disagree(column: str) -> None:
    rows: list[tuple[str, Gold]] = [("same", "a"), ("same", "b"), ("same", "b")]
    apart = frame_of(rows, **{column: ["one", "two", "two"]})
    assert "conflicting labels" not in found(check_rows(apart, recipe_of()))
    together = frame_of(rows, **{column: ["one", "one", "two"]})
    assert "1 text in 2 rows" in found(check_rows(together, recipe_of()))["conflicting labels"].what


def test_sets_of_labels_may_conflict_too() -> None:
    rows: list[tuple[str, Gold]] = [("same", ("a",)), ("same", ("a", "b")), ("other", ()), ("other", ())]
    assert "1 text in 2 rows" in found(check_rows(frame_of(rows), recipe_of()))["conflicting labels"].what


def test_copies_within_a_split_are_counted() -> None:
    rows = [*plain(), ("text 2 ", "a"), ("TEXT 2", "a"), ("text 9", "b")]
    findings = check_rows(frame_of(rows, ["train"] * 42 + ["test"]), recipe_of())
    copies = [finding.what for finding in findings if finding.check == "duplicates"]
    assert copies == ["near-equal to an earlier one: 2 of 42 train rows"]


def test_labels_are_counted_by_split() -> None:
    rows: list[tuple[str, Gold]] = [("x", ("b", "a")), ("y", ()), ("z", ("a",))]
    assert label_counts(frame_of(rows, ["train", "train", "test"])) == {"train": {"a": 1, "b": 1}, "test": {"a": 1}}


def test_a_tally_without_bad_rows_finds_nothing() -> None:
    tally = Tally()
    tally.refuse(0.0)
    assert tally.findings() == [] and tally.reasons == {}


# ---- labels ----


def on_labels(train: dict[str, int], metrics: list[str] | None = None, **other: dict[str, int]) -> dict[str, Finding]:
    return found(label_checks.check({"train": train, **other}, sum(train.values()), metrics or []))


def test_labels_that_look_like_ids() -> None:
    finding = on_labels({f"id {i}": 1 for i in range(30)} | {"more": 5})["label column"]
    assert finding.level == "fault" and "31 labels on 35 training rows" in finding.what
    assert "label column" not in on_labels({f"topic {i}": 6 for i in range(30)})


def test_labels_that_look_like_a_quantity() -> None:
    assert "30 different numbers" in on_labels({str(i / 4): 9 for i in range(30)})["label column"].what
    assert "label column" not in on_labels({str(i): 9 for i in range(10)})
    assert "label column" not in on_labels({f"{i} stars": 9 for i in range(30)})


def test_spellings_of_a_label_come_with_a_map_to_paste() -> None:
    labels = {
        "Positive": 20,
        "positive": 9,
        "POSITIVE ": 1,
        "ｂａｄ": 3,
        "bad": 7,
        'say "no"': 5,
        "fine  now": 8,
        "fine now": 9,
    }
    finding = on_labels(labels)["label spelling"]
    pasted = in_recipe(finding)
    assert pasted == {
        "label_map": {"positive": "Positive", "POSITIVE ": "Positive", "ｂａｄ": "bad", "fine  now": "fine now"}
    }
    assert "4 labels" in finding.what and Data(train="-", **pasted).label_map["positive"] == "Positive"
    assert "label spelling" not in on_labels({"a": 9, "b": 9, "a b": 9, "a-b": 9})


def test_a_spelling_map_survives_strange_characters() -> None:
    finding = on_labels({"a\x85\u2028b": 9, "A b": 5, "c": 9})["label spelling"]
    assert in_recipe(finding) == {"label_map": {"A b": "a\x85\u2028b"}}


def in_recipe(finding: Finding) -> dict[str, Any]:
    """The label map of the hint, the same whether typed as a flag or pasted into a recipe."""
    flag, pasted = finding.hint.split(", or in a recipe under data: ")
    option, typed = shlex.split(flag)
    found: dict[str, Any] = yaml.safe_load(pasted)
    assert option == "--set" and yaml.safe_load(typed.removeprefix("data.label_map=")) == found["label_map"]
    return found


def test_labels_of_few_rows() -> None:
    finding = on_labels({"a": 90, "b": 80, "c": 4, "d": 1})["rare labels"]
    assert finding.what == "fewer than 5 training rows: 2 labels, of which 1 with one: 'd', 'c'"
    assert finding.level == "warning" and "--set data.rare=merge" in finding.hint
    assert on_labels({"a": 9, "b": 8, "c": 4})["rare labels"].level == "note"
    assert not label_checks.check({"train": {"a": 9, "b": 8, "other": 4}}, 21, [], merged="other")


def test_unbalanced_labels() -> None:
    finding = on_labels({"a": 95, "b": 5})["balance"]
    assert "'a' has 95 rows, 95 %" in finding.what and "macro_f1" in finding.hint
    assert "balance" not in on_labels({"a": 95, "b": 5}, ["macro_f1", "accuracy"])
    assert "balance" in on_labels({"a": 95, "b": 5}, ["accuracy", "macro_f1"])
    assert "balance" not in on_labels({"a": 75, "b": 25}) and "balance" not in on_labels({"a": 9})


def test_labels_of_one_side_only() -> None:
    findings = on_labels({"a": 9, "b": 9}, test={"a": 5, "c": 2, "d": 1}, validation={"e": 1})
    assert findings["labels of test rows"].what == "not in training: 2 labels of 3 test rows: 'c', 'd'"
    assert findings["labels of validation rows"].what == "not in training: 1 label of 1 validation row: 'e'"
    assert findings["untested labels"].what == "not in the test rows: 1 label: 'b'"
    assert "untested labels" not in on_labels({"a": 9, "b": 9})


def test_hopeless_labels_are_refused() -> None:
    def refused(train: dict[str, int], rows: int, test: dict[str, int] | None = None) -> bool:
        try:
            label_checks.refuse({"train": train} | ({"test": test} if test else {}), rows, len(train))
        except InputError as error:
            assert error.hint
            return True
        return False

    assert refused({"a": 9}, 9) and refused({}, 0)
    assert refused({"a": 1, "b": 1, "c": 1}, 3) and not refused({"a": 1, "b": 1, "c": 1}, 3, {"a": 1})
    assert refused({str(i): 1 for i in range(95)}, 100) and not refused({str(i): 1 for i in range(80)}, 100)
    assert refused({"a": 9, "b": 9}, 18, {"x": 3}) and not refused({"a": 9, "b": 9}, 18, {"x": 3, "a": 1})
    assert refused({"a": 2, "b": 2, "c": 2}, 2, {"a": 1})


def test_hidden_labels_are_counted_but_not_named() -> None:
    privacy.hide(True)
    findings = on_labels({"Sekret": 95, "sekret": 5, "sekret b": 1}, test={"sekret c": 1})
    assert len(findings) == 5 and findings["rare labels"].what.endswith("of which 1 with one")
    assert not [finding for finding in findings.values() if "sekret" in f"{finding.what} {finding.hint}".casefold()]
