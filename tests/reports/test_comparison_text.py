"""What the terminal says of a comparison, from its document alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from compared_runs import Made

from ftkit.comparison.document import Asked, compare
from ftkit.reports import comparison_text
from ftkit.reports.comparison_text import best_run, lines


def compared(folder: Path, *made: Made, **asked: Any) -> dict[str, Any]:
    paths = [str(one.write(folder / f"run-{place}")) for place, one in enumerate(made)]
    return compare(Asked(paths, **asked))


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Three runs with slices, one of which was tested on other rows too."""
    slices = {"team": [f"team {number:02}" for number in range(12)]}
    made = [Made(share, rows=range(400 + 20 * place), slices=slices) for place, share in enumerate((0.9, 0.6, 0.92))]
    return compared(tmp_path_factory.mktemp("runs"), *made)


def test_the_verdict_comes_first_then_what_it_rests_on(everything: dict[str, Any]) -> None:
    said = lines(everything)
    assert said[0] == everything["verdict"]["sentence"] and said[1].startswith("  ")
    assert "compared on 400 rows that all of them were tested on" in said
    assert "  left out: 40 rows, because run-0 was not tested on them" in said


def test_scores_stand_beside_each_other_the_primary_one_with_its_interval(everything: dict[str, Any]) -> None:
    said = lines(everything)
    head = next(place for place, line in enumerate(said) if line.startswith("entry "))
    assert said[head].split() == ["entry", "accuracy", "macro", "F1", "log-loss"]
    assert said[head + 2].startswith("run-0 (reference)  0.9") and said[head + 2].count(" to ") == 1


def test_pairs_with_differences_corrections_and_outcomes(everything: dict[str, Any]) -> None:
    line = next(line for line in lines(everything) if line.startswith("run-1 against run-0"))
    assert line.endswith("worse")
    assert "points" in line and "p < 0.001" in line
    assert any(line.startswith("run-2 against run-0  log-loss") for line in lines(everything))


def test_slices_that_are_worst_or_harmed_are_named_some_of_them(everything: dict[str, Any]) -> None:
    said = lines(everything)
    assert any(line.startswith("run-1, worst of team: accuracy 0.") and " rows (team " in line for line in said)
    assert any(line.startswith("run-1 harms team team ") and "against run-0 on 3" in line for line in said)
    assert not any(line.startswith("run-2 harms") for line in said)


def test_cost_stands_beside_the_score(everything: dict[str, Any]) -> None:
    said = lines(everything)
    place = next(place for place, line in enumerate(said) if line.startswith("cost "))
    assert said[place].split("  ")[0] == "cost" and "time in total" in said[place]
    assert "10 s" in said[place + 2] and "5.00 kB" in said[place + 2] and "1.00 thousand" in said[place + 2]
    assert [line for line in said[place + 2 : place + 5] if line.endswith("nothing beats it")][0].startswith("run-2")


def test_findings_come_last(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(), Made(0.7, rows=range(50, 250), settings={"split_seed": 2}))
    assert lines(found)[-1].startswith("warning: the runs were not tested on the same rows")


def test_many_pairs_are_cut_and_the_page_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison_text, "MOST_PAIRS", 2)
    found = compared(tmp_path, *(Made(share) for share in (0.6, 0.7, 0.8)), pairs="all")
    said = lines(found)
    assert "… and 1 more pairs in comparison.html" in said
    assert "6 comparisons by other metrics are in comparison.html" in said


def test_the_next_command_is_about_the_best_run(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(0.8), Made(0.9), Made(0.7))
    assert Path(best_run(found)).name == "run-1"
    found = compared(tmp_path / "loss", Made(0.8), Made(0.9), Made(0.7), metrics=["log_loss"])
    assert Path(best_run(found)).name == "run-1"
