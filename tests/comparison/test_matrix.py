"""The adapter × domain matrix: which rows count, what is compared with what, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from crossed_runs import LABELS, answers, evaluated, make_run
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests

from ftkit.comparison.matrix import crossed, unique
from ftkit.errors import InputError
from ftkit.reports.matrix import lines, notes


def at(matrix: Any, entry: str, name: str) -> Any:
    return next(cell for cell in matrix["cells"] if (cell["entry"], cell["set"]) == (entry, name))


def of(matrix: Any, entry: str) -> Any:
    return next(one for one in matrix["summary"] if one["entry"] == entry)


@pytest.fixture
def adapted(tmp_path: Path) -> dict[str, Any]:
    """A source run, one adapted from it to another domain, and one trained there from scratch; all with test rows."""
    there, here = ([f"{name}-train-{row}" for row in range(50)] for name in ("there", "here"))
    source = make_run(tmp_path / "source", answers("there", 200, 20), there)
    target = make_run(tmp_path / "target", answers("here", 200, 20), here, base=source)
    alone = make_run(tmp_path / "alone", answers("here", 200, 60), here)
    outcomes = {
        (source, "there.csv"): evaluated(source, "there", answers("there", 200, 20), there),
        (source, "here.csv"): evaluated(source, "here", answers("here", 200, 60) | answers("here-train", 50, 0)),
        (target, "there.csv"): evaluated(target, "there", answers("there", 200, 50), there),
        (target, "here.csv"): evaluated(target, "here", answers("here", 200, 20), here),
        (alone, "there.csv"): evaluated(alone, "there", answers("there", 200, 21) | answers("there-train", 50, 0)),
        (alone, "here.csv"): evaluated(alone, "here", answers("here", 200, 60), here),
    }
    return {"folders": [source, target, alone], "files": ["there.csv", "here.csv"], "outcomes": outcomes}


def test_gain_and_forgetting_are_against_the_base_on_either_side(adapted: Any) -> None:
    matrix = crossed(**adapted)
    target = of(matrix, "target")
    assert target["gain"]["set"] == "here" and target["gain"]["outcome"] == "better"
    assert target["gain"]["difference"]["value"] == pytest.approx(0.2) and target["gain"]["rows"] == 200
    assert target["forgetting"]["set"] == "there" and target["forgetting"]["outcome"] == "worse"
    assert target["forgetting"]["difference"]["value"] == pytest.approx(-0.15)
    assert target["forgetting"]["entry"] == "source" and target["note"] == ""
    assert "not adapted from source" in of(matrix, "alone")["note"]
    assert of(matrix, "source")["gain"] is None


def test_rows_count_where_a_run_was_not_trained_on_them(adapted: Any) -> None:
    matrix = crossed(**adapted)
    own = at(matrix, "source", "there")
    assert (own["rows"], own["left_out"], own["origin"], own["home"]) == (200, 50, "test rows", True)
    assert own["score"]["value"] == pytest.approx(0.9) and own["score"]["low"] < 0.9 < own["score"]["high"]
    away = at(matrix, "source", "here")
    assert (away["rows"], away["left_out"], away["origin"], away["home"]) == (250, 0, "evaluation", False)
    assert at(matrix, "target", "here")["against"]["rows"] == 200  # those that the target was not trained on
    assert [one["rows"] for one in matrix["sets"]] == [250, 250]


def test_all_cells_that_are_compared_are_one_family(adapted: Any) -> None:
    matrix = crossed(**adapted)
    compared = [cell["against"] for cell in matrix["cells"] if cell["against"]]
    assert len(compared) == 4 and {one["correction"] for one in compared} == {"Holm"}
    exact = [
        binomtest(one["fixed"], one["fixed"] + one["broken"]).pvalue if one["fixed"] + one["broken"] else 1.0
        for one in compared
    ]
    assert [one["p_value"] for one in compared] == pytest.approx(exact)
    assert [one["corrected"] for one in compared] == pytest.approx(multipletests(exact, method="holm")[1])
    assert "4 comparisons are corrected together" in " ".join(matrix["meaning"])


def test_rows_of_folds_fill_the_diagonal(tmp_path: Path) -> None:
    folded = make_run(tmp_path / "folded", answers("own", 100, 10), folds=5)
    other = make_run(tmp_path / "other", answers("else", 100, 10))
    outcomes = {
        (folded, "own.csv"): evaluated(folded, "own", answers("new", 20, 20), list(answers("own", 100, 0))),
        (other, "own.csv"): evaluated(other, "own", answers("own", 100, 40) | answers("new", 20, 0)),
    }
    matrix = crossed([other, folded], ["own.csv"], outcomes)
    cell = at(matrix, "folded", "own")
    assert (cell["rows"], cell["left_out"], cell["origin"], cell["home"]) == (120, 0, "out of fold", True)
    assert cell["score"]["value"] == pytest.approx(90 / 120)
    assert cell["against"]["rows"] == 120 and cell["against"]["value"] == pytest.approx(90 / 120)
    assert "is that of its procedure" in " ".join(matrix["meaning"])


def test_a_run_that_was_trained_on_everything_has_nothing_to_say(tmp_path: Path) -> None:
    seen = [f"own-{row}" for row in range(30)]
    run = make_run(tmp_path / "run", answers("test", 10, 1), seen)
    other = make_run(tmp_path / "other", answers("else", 10, 1))
    outcomes = {
        (run, "own.csv"): evaluated(run, "own", {}, seen),
        (other, "own.csv"): evaluated(other, "own", answers("own", 30, 3)),
    }
    matrix = crossed([run, other], ["own.csv"], outcomes)
    cell = at(matrix, "run", "own")
    assert cell["score"]["value"] is None and cell["left_out"] == 30
    assert cell["score"]["note"] == "it was trained on all 30 rows, and not in folds"
    assert at(matrix, "other", "own")["against"] is None
    assert "n/a: run on own: it was trained on all 30 rows" in "\n".join(lines(matrix))


def test_a_cell_that_cannot_be_is_no_error_of_the_whole(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", answers("a", 40, 4))
    third = make_run(tmp_path / "third", answers("a", 40, 4), labels=(*LABELS, "perhaps"))
    lacking = make_run(tmp_path / "lacking", answers("a", 40, 4))
    strange = {row: ("maybe", "no") for row in answers("b", 40, 0)}
    outcomes: dict[Any, Any] = {
        (run, "a.csv"): evaluated(run, "a", answers("a", 40, 4)),
        (third, "a.csv"): evaluated(third, "a", answers("a", 40, 4), labels=(*LABELS, "perhaps")),
        (lacking, "a.csv"): InputError("a.csv: task.text: no column 'body'\nit has text"),
        (run, "b.csv"): evaluated(run, "b", strange),
        (third, "b.csv"): evaluated(third, "b", answers("b", 40, 0), labels=(*LABELS, "perhaps")),
        (lacking, "b.csv"): evaluated(lacking, "b", answers("b", 40, 0)),
    }
    matrix = crossed([run, third, lacking], ["a.csv", "b.csv"], outcomes)
    assert at(matrix, "lacking", "a")["score"]["note"] == "a.csv: task.text: no column 'body' it has text"
    assert at(matrix, "run", "b")["score"] == {
        "value": None,
        "low": None,
        "high": None,
        "note": "none of the labels there is one of its own",
    }
    other = at(matrix, "third", "a")
    assert other["score"]["value"] == pytest.approx(0.9) and other["against"] is None
    assert other["against_note"] == "it has other labels than run"
    assert all(cell["against"] is None for cell in matrix["cells"])


def test_rows_that_are_labelled_differently_are_left_out_of_the_comparison(tmp_path: Path) -> None:
    a, b = (make_run(tmp_path / name, answers("x", 10, 1)) for name in "ab")
    swapped = {row: ("yes" if gold == "no" else "no", said) for row, (gold, said) in answers("rows", 10, 0).items()}
    outcomes = {
        (a, "s.csv"): evaluated(a, "s", answers("rows", 60, 6)),
        (b, "s.csv"): evaluated(b, "s", answers("rows", 60, 0) | swapped),
    }
    matrix = crossed([a, b], ["s.csv"], outcomes)
    assert at(matrix, "b", "s")["rows"] == 60 and at(matrix, "b", "s")["against"]["rows"] == 50


def test_without_rows_that_both_were_scored_on_nothing_is_compared(tmp_path: Path) -> None:
    source = make_run(tmp_path / "source", answers("there", 60, 6), folds=3)
    target = make_run(tmp_path / "target", answers("here", 60, 6), base=source)
    outcomes = {
        (source, "there.csv"): evaluated(source, "there", {}, list(answers("there", 60, 0))),
        (target, "there.csv"): evaluated(target, "there", {}, list(answers("there", 60, 0))),
        (source, "here.csv"): evaluated(source, "here", answers("here", 60, 6)),
        (target, "here.csv"): evaluated(target, "here", answers("here", 60, 6)),
    }
    matrix = crossed([source, target], ["there.csv", "here.csv"], outcomes)
    one = of(matrix, "target")
    assert one["forgetting"] is None and one["note"].startswith("no forgetting: it was trained on all 60 rows")
    assert one["gain"]["outcome"] == "equivalent"


def test_the_text_holds_every_cell_and_what_it_means(adapted: Any) -> None:
    said = "\n".join(lines(crossed(**adapted)))
    assert "target    0.750 -  0.900* +" in said
    assert "+20.0 points (" in said and "better" in said and "\u00a0" not in said
    assert "below zero, something was lost" in said
    assert "\nalone: not adapted from source" in said


def test_the_same_note_is_made_once() -> None:
    summary = [{"entry": name, "note": note} for name, note in (("a", "x"), ("b", ""), ("c", "x"), ("d", "y"))]
    assert notes({"summary": summary}) == ["a, c: x", "d: y"]


def test_names_are_as_long_as_they_must_be(tmp_path: Path) -> None:
    assert unique([Path("runs/a"), Path("runs/b")]) == ["a", "b"]
    assert unique([Path("x/test.csv"), Path("y/test.csv")], stem=True) == ["x/test", "y/test"]
    assert unique([tmp_path / "a"]) == ["a"]
