"""The file to review: which rows are in it, what a spreadsheet makes of it, and when there is none."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training.test_checkpoints import carry_out, toy_recipe

from ftkit import runs
from ftkit.features import doubts
from ftkit.runs.doubtful import FORMULA, harmless, review_file


def recipe_with(folder: Path, more: list[str]) -> Any:
    """The toy with other rows behind its own."""
    recipe = toy_recipe(folder, method="head", **{"train.epochs": "auto"})
    with (folder / "toy.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in more)
    return recipe


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy has 24 rows, which must do here; no page is drawn."""
    monkeypatch.setattr(doubts, "FEW_ROWS", 10)
    monkeypatch.setattr("ftkit.runs.saving.render_run", lambda *given: "")


def test_rows_to_look_at_again(tmp_path: Path) -> None:
    """A label that is wrong, and one text with two labels, of which the commoner one is suggested."""
    more = ["plum cherry please and one pear,tool", "Bring the saw!,tool", "bring the saw,tool", "bring the SAW,fruit"]
    report = carry_out(recipe_with(tmp_path / "data", more), tmp_path / "run")
    found = report["doubtful"]
    assert found["file"] == runs.LABELS and found["checked"] == 28
    wrong = next(row for row in found["doubted"] if row["line"] == 26)
    assert (wrong["label"], wrong["suggestion"]) == ("tool", "fruit") and wrong["doubt"] > 0.5
    torn = {row["line"]: row for row in found["contradicting"]}
    assert set(torn) == {27, 28, 29} and found["counts"]["contradicting"] == 3
    assert [torn[line]["suggestion"] for line in (27, 28, 29)] == [None, None, "tool"]
    assert torn[29]["why"] == "near-equal to toy.csv:27, which is labelled tool"
    table = pd.read_csv(tmp_path / "run" / runs.LABELS, keep_default_na=False)
    assert list(table) == ["file", "line", "input", "label", "suggestion", "doubt", "why", "right label"]
    assert list(table["line"]) == [row["line"] for row in found["doubted"] + found["contradicting"]]
    assert (table["right label"] == "").all() and "plum cherry please and one pear" in set(table["input"])


def test_nothing_doubtful_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubts, "FEW_ROWS", 30)
    found = carry_out(recipe_with(tmp_path / "data", []), tmp_path / "run")["doubtful"]
    assert found["file"] is None and found["counts"] == {"doubted": 0, "contradicting": 0}
    assert "it takes 30" in found["why_not"]
    assert not (tmp_path / "run" / runs.LABELS).exists()


def test_private_rows_are_counted_and_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTKIT_ROWS", "hide")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    more = ["plum cherry please and one pear,tool", "bring the saw,tool", "bring the SAW,fruit"]
    found = carry_out(recipe_with(tmp_path / "data", more), tmp_path / "run")["doubtful"]
    assert found["counts"]["contradicting"] == 2 and found["counts"]["doubted"] >= 1
    assert found["doubted"] == found["contradicting"] == [] and found["file"] is None
    assert not (tmp_path / "run" / runs.LABELS).exists()


def entry(text: str, **other: Any) -> dict[str, Any]:
    plain = {"file": "a.csv", "line": 3, "label": "x", "suggestion": ("y", "z"), "doubt": None, "why": "so"}
    return plain | {"input": [text, "pair"]} | other


@given(st.text(), st.sampled_from(["", *FORMULA]), st.text())
def test_no_cell_is_a_formula_and_every_cell_comes_back(before: str, sign: str, text: str) -> None:
    cell = sign + text
    written = review_file([entry(cell, label=cell, file=before)])
    assert written.startswith("\ufeff")
    head, row = csv.reader(io.StringIO(written.removeprefix("\ufeff"), newline=""))
    assert head[2:4] == ["input 1", "input 2"]
    assert all(not one.lstrip(" ").startswith(FORMULA) for one in row)
    assert row[2].removeprefix("'") == cell.removeprefix("'") and row[5] == "y,z" and row[3] == "pair"
    assert harmless("-1") == "'-1" and harmless("a-1") == "a-1"
